"""Training frames as one array, for a device that holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from salcomp.config.weighting import raw_weight
from salcomp.data import frame_files

_LEVELS = np.arange(256, dtype=np.float32) / 255


class FrameSet(NamedTuple):
    """Frames of one or several sizes.

    Attributes:
      pixels: uint8 [F, H, W, 4], H and W those of the largest; an array of any library.
      sizes: int [F, 2], heights and widths.
      level_counts: int [F, 256], how many pixels of a frame have each level of the map.
    """

    pixels: np.ndarray
    sizes: np.ndarray
    level_counts: np.ndarray

    def weight_sums(self, config) -> np.ndarray:
        """Sums of a configuration's raw weight over each frame, float64 [F]."""
        return self.level_counts @ raw_weight(_LEVELS, config).astype(np.float64)

    def image_means(self, config) -> np.ndarray:
        """Means of a configuration's raw weight over each frame, float32 [F]."""
        areas = self.sizes.prod(axis=1)
        return (self.weight_sums(config) / areas).astype(np.float32)

    def weight_mean(self, config) -> float:
        """The mean of a configuration's raw weight over all pixels."""
        return float(self.weight_sums(config).sum() / self.sizes.prod(axis=1).sum())


def read(paths: Sequence[str], minimum: tuple[int, int], needs_map: bool) -> FrameSet:
    """Reads frames.

    Args:
      paths: of the files.
      minimum: smallest height and smallest width in pixels.
      needs_map: whether a file without a map is refused.

    Raises:
      InputError: a file cannot be read, is too small, or lacks a needed map.
    """
    frames = [frame_files.read(path, minimum, needs_map) for path in paths]
    sizes = np.array([frame.shape[:2] for frame in frames])
    pixels = np.zeros((len(frames), *sizes.max(axis=0), 4), np.uint8)
    counts = np.empty((len(frames), 256), int)
    for i, (height, width) in enumerate(sizes):
        pixels[i, :height, :width] = frame = frames[i]
        counts[i] = np.bincount(frame[..., 3].ravel(), minlength=256)
        frames[i] = None  # or all would be in memory twice
    return FrameSet(pixels, sizes, counts)
