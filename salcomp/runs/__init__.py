"""What a training leaves on disk, and goes on from."""
