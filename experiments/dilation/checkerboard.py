"""How much of a reconstruction's error is a pattern of the decoder's own grid.

Upsampling by strides leaves patterns that repeat with the stride (Odena, Dumoulin,
Olah, "Deconvolution and checkerboard artifacts", Distill 2016). What repeats every 16
pixels has all its power at the multiples of 1/16 cycle per pixel, the harmonics of
the grid, which those of the strides 8 and 4 are among. The measure is the power there
over that beside: about 1 for errors that know nothing of the grid. A Hann window keeps
the borders of the picture, where its error breaks off, out of the spectrum.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from salcomp.config.config import STRIDE
from salcomp.errors import InputError

# How many frequencies the neighbours of a harmonic are away, along the axis where they
# are farther; the window spreads a harmonic over those one away.
_NEAREST, _FARTHEST = 3, 4
# The smallest side at which no neighbour is nearer to another harmonic.
MIN_SIDE = STRIDE * (_NEAREST + _FARTHEST)


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
      float64 [h, w], with frequency 0 first; its mean is the mean squared error, each
      pixel weighted by the squared window.

    Raises:
      InputError: the picture is too small.
    """
    check_size(*error.shape[:2])
    height, width = (side // STRIDE * STRIDE for side in error.shape[:2])
    window = np.outer(_hann(height), _hann(width))
    windowed = error[:height, :width] * window[..., None]
    power = np.abs(np.fft.fft2(windowed, axes=(0, 1))) ** 2
    return power.mean(axis=2) / np.square(window).sum()


def grid_ratio(spectra: Iterable[np.ndarray], between: bool = False) -> float:
    """The power at the harmonics of the grid over that of their neighbours.

    Args:
      spectra: as of `power_spectrum`, of one or more pictures; what they have at the
        harmonics is added up, and likewise at the neighbours.
      between: whether to measure half-way between the harmonics instead, where no grid
        has power: the control.

    Returns:
      About 1 for errors without a grid, more with one, infinite for a grid alone; NaN
      without errors.
    """
    reach = np.mgrid[-_FARTHEST : _FARTHEST + 1, -_FARTHEST : _FARTHEST + 1]
    offsets = reach.reshape(2, -1).T
    offsets = offsets[np.abs(offsets).max(axis=1) >= _NEAREST]
    on, beside = 0.0, 0.0
    for spectrum in spectra:
        height, width = spectrum.shape
        rows, columns = (
            np.arange(0, side, side // STRIDE) + between * (side // STRIDE // 2)
            for side in spectrum.shape
        )
        first = 0 if between else 1  # without frequency 0
        rows, columns = (axis.ravel()[first:] for axis in np.meshgrid(rows, columns))
        on += spectrum[rows, columns].sum()
        around = [
            spectrum[(rows + down) % height, (columns + right) % width].sum()
            for down, right in offsets
        ]
        beside += np.mean(around)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(on, beside))


def _hann(side: int) -> np.ndarray:
    return np.hanning(side + 1)[:-1]  # of that period
