"""Transforms of large images in strips, so that memory does not grow with height.

The receptive fields are finite: a strip computed with enough rows around it has the
values that the whole image would give. Encoder and decoder cut alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from salcomp.config.config import STRIDE

# Pixels of a strip. At N = 128 each feature map of one takes 67 MB.
STRIP_PIXELS = 2**21


def strips(
    rows: int, columns: int, halo: int, reduction: int = 1
) -> Iterator[tuple[slice, slice, slice]]:
    """Cuts latents into strips of rows, with rows around, as `geometry.halo` counts.

    Or latents of latents, each of `reduction` by `reduction` of these.

    Yields:
      Slices of rows of latents: of the strip, of the strip with its surroundings, and
      of the strip within the latter.
    """
    height = max(1, STRIP_PIXELS // (columns * (reduction * STRIDE) ** 2))
    for start in range(0, rows, height):
        stop = min(start + height, rows)
        first = max(start - halo, 0)
        last = min(stop + halo, rows)
        yield slice(start, stop), slice(first, last), slice(start - first, stop - first)


def analyze(
    transform: Callable, rgb: np.ndarray, saliency: np.ndarray, channels: int, halo: int
) -> np.ndarray:
    """Applies g_a strip by strip, to float32 [1, ceil(H / 16), ceil(W / 16), channels].

    Args:
      transform: from uint8 [1, H, W, 3] and float32 [1, H, W, 1] to latents.
      rgb: uint8 [H, W, 3], of any size: padded to multiples of 16 by its edges.
      saliency: float32 [H, W].
      channels: N.
      halo: as `strips` takes it.
    """
    height, width = rgb.shape[:2]
    rows, columns = -(-height // STRIDE), -(-width // STRIDE)
    latents = np.empty((1, rows, columns, channels), np.float32)
    right = columns * STRIDE - width
    for strip, surroundings, within in strips(rows, columns, halo):
        top, bottom = surroundings.start * STRIDE, surroundings.stop * STRIDE
        margin = ((0, max(bottom - height, 0)), (0, right))
        y = transform(
            np.pad(rgb[top:bottom], (*margin, (0, 0)), "edge")[None],
            np.pad(saliency[top:bottom], margin, "edge")[None, ..., None],
        )
        latents[:, strip] = y[:, within]
    return latents


def synthesize(
    transform: Callable, latents: np.ndarray, height: int, width: int, halo: int
) -> np.ndarray:
    """Applies g_s strip by strip, to uint8 [height, width, 3].

    Args:
      transform: from float32 [1, h, w, N] to uint8 [1, 16 h, 16 w, 3].
      latents: float32 [1, h, w, N], quantised.
      height, width: of the image, at most 16 h and 16 w.
      halo: as `strips` takes it.
    """
    _, rows, columns, _ = latents.shape
    rgb = np.empty((height, width, 3), np.uint8)
    for strip, surroundings, within in strips(rows, columns, halo):
        decoded = transform(latents[:, surroundings])
        bottom = min(strip.stop * STRIDE, height)
        top = strip.start * STRIDE
        first = within.start * STRIDE
        rgb[top:bottom] = decoded[0, first : first + bottom - top, :width]
    return rgb
