"""How much of a reconstruction's error is a pattern of the decoder's own grid.

Upsampling by strides leaves patterns that repeat with the stride (Odena, Dumoulin,
Olah, "Deconvolution and checkerboard artifacts", Distill 2016). What repeats every 16
pixels has all its power at the multiples of 1/16 cycle per pixel, the harmonics of
the grid, which those of the strides 8 and 4 are among. The measure is the power there
over that right beside: about 1 for errors that know nothing of the grid.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from salcomp.config import STRIDE
from salcomp.errors import InputError

# Neighbours of a harmonic are at most this many frequencies away, along each axis.
_REACH = 2
# The smallest side at which the neighbours of two harmonics are not the same.
MIN_SIDE = STRIDE * (2 * _REACH + 1)


def check_size(height: int, width: int) -> None:
    """Makes sure that a picture of a size can be measured.

    Raises:
      InputError: it cannot.
    """
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"a picture of {width}x{height} pixels is too small to tell the grid's "
            f"frequencies from others; at least {MIN_SIDE}x{MIN_SIDE} are needed"
        )


def power_spectrum(error: np.ndarray) -> np.ndarray:
    """The power of an error at each frequency, mean over channels.

    Args:
      error: [H, W, C], the difference of two pictures; cropped at the right and bottom
        to multiples of 16, so that the harmonics are among the frequencies.

    Returns:
      float64 [h, w], with frequency 0 first; its mean is the mean squared error.

    Raises:
      InputError: the picture is too small.
    """
    check_size(*error.shape[:2])
    height, width = (side // STRIDE * STRIDE for side in error.shape[:2])
    amplitudes = np.fft.fft2(error[:height, :width], axes=(0, 1))
    return (np.abs(amplitudes) ** 2).mean(axis=2) / (height * width)


def grid_ratio(spectra: Iterable[np.ndarray]) -> float:
    """The power at the harmonics of the grid over that of their neighbours.

    Args:
      spectra: as of `power_spectrum`, of one or more pictures; what they have at the
        harmonics is added up, and likewise at the neighbours.

    Returns:
      About 1 for errors without a grid, more with one, infinite for a grid alone; NaN
      without errors.
    """
    on, beside = 0.0, 0.0
    for spectrum in spectra:
        height, width = spectrum.shape
        rows = np.arange(0, height, height // STRIDE)
        columns = np.arange(0, width, width // STRIDE)
        rows, columns = (axis.ravel()[1:] for axis in np.meshgrid(rows, columns))
        on += spectrum[rows, columns].sum()
        offsets = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1].reshape(2, -1).T
        around = [
            spectrum[(rows + down) % height, (columns + right) % width].sum()
            for down, right in offsets
            if down or right
        ]
        beside += np.mean(around)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(on, beside))
