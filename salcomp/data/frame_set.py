"""Training frames as one array, for a device that holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from salcomp.data import frame_files
from salcomp.files import saliency_maps


class FrameSet(NamedTuple):
    """Frames of one or several sizes.

    Attributes:
      pixels: uint8 [F, H, W, 4], H and W those of the largest; an array of any library.
      sizes: int [F, 2], heights and widths.
      level_counts: int [F, 256], how many pixels of a frame have each level of the map.
      contents: a checksum of all pixels and maps, in order.
    """

    pixels: np.ndarray
    sizes: np.ndarray
    level_counts: np.ndarray
    contents: str


def read(paths: Sequence[str], minimum: tuple[int, int], needs_map: bool) -> FrameSet:
    """Reads frames, as `frame_files.read` does each.

    Raises InputError if a file cannot be read, is too small, or lacks a needed map.
    """
    frames = [frame_files.read(path, minimum, needs_map) for path in paths]
    sizes = np.array([frame.shape[:2] for frame in frames])
    pixels = np.zeros((len(frames), *sizes.max(axis=0), 4), np.uint8)
    counts, checksums = np.empty((len(frames), 256), int), []
    for i, (height, width) in enumerate(sizes):
        pixels[i, :height, :width] = frame = frames[i]
        counts[i] = saliency_maps.level_counts(frame[..., 3])
        checksums.append(frame_files.checksum(frame))
        frames[i] = None  # or all would be in memory twice
    return FrameSet(pixels, sizes, counts, frame_files.digest(checksums))
