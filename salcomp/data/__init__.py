"""From files of frames to batches, pure in (seed, step)."""
