"""Arithmetic on saliency maps: the centre prior, sizes, levels, and what they bound."""

from __future__ import annotations

import numpy as np
from PIL import Image as pil

# Of the Gaussian to which fixations of ten data sets were fitted; lengths are in half
# widths of the image, and the vertical variance is that fraction of the horizontal
# one: Clarke and Tatler, "Deriving an appropriate baseline for describing fixation
# behaviour", Vision Research 102, 2014.
FIXATION_VARIANCE = 0.23
FIXATION_ANISOTROPY = 0.45


def center_prior(height: int, width: int, aspect: float | None = None) -> np.ndarray:
    """Where people look in a picture of which nothing is known: near its centre.

    float32 [height, width] in 0..1: an anisotropic Gaussian, with standard deviations
    of .24 widths across and .16 widths down (Clarke and Tatler 2014), and a maximum of
    1. `aspect` is the picture's height over its width, where the map's is another.
    """
    aspect = height / width if aspect is None else aspect
    across = _gaussian(width, 1.0, FIXATION_VARIANCE)
    down = _gaussian(height, aspect, FIXATION_VARIANCE * FIXATION_ANISOTROPY)
    return np.outer(down, across).astype(np.float32)


def _gaussian(cells: int, extent: float, variance: float) -> np.ndarray:
    """A Gaussian over cells that span an extent, in widths of the picture."""
    half_widths = (np.arange(cells) - (cells - 1) / 2) * (2 * extent / cells)
    values = np.exp(-(half_widths**2) / (2 * variance))
    return values / values.max()


def resize(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes a float32 map [H, W]: bilinear, averaged where it shrinks."""
    resized = pil.fromarray(mask).resize((width, height), pil.Resampling.BILINEAR)
    return np.clip(np.asarray(resized), 0, 1)


def level_counts(saliency: np.ndarray) -> np.ndarray:
    """Counts the pixels of a map, uint8 [H, W], at each level: int64 [256]."""
    return np.bincount(saliency.ravel(), minlength=256)


def weighting_bound(counts: np.ndarray, floor: float) -> float:
    """Computes 10 log10(AM/GM) of the weights max(s, floor), in dB.

    At high rate, what knowing the weights is worth in weighted PSNR (from Shannon's
    lower bound; Martinian, Wornell, Zamir, "Source coding with distortion side
    information", IEEE Transactions on Information Theory, 2008).

    Args:
      counts: of pixels [256], by level of saliency.
      floor: smallest weight, over 0.
    """
    weights, share = np.maximum(np.arange(256) / 255, floor), counts / counts.sum()
    return float(10 * (np.log10(share @ weights) - share @ np.log10(weights)))


def blur(saliency: np.ndarray, sigma: float) -> np.ndarray:
    """Blurs a float32 map [H, W] by a Gaussian; it keeps its maximum.

    `sigma` is the standard deviation in its pixels; 0 leaves it as it is.
    """
    if not sigma or not saliency.any():
        return saliency
    from scipy import ndimage  # slow to import, and missing where `run_step` runs

    blurred = ndimage.gaussian_filter(saliency, sigma, mode="nearest")
    return blurred * (saliency.max() / blurred.max())


def heaviest(weight: np.ndarray, height: int, width: int) -> tuple[int, int]:
    """Top and left of the window with the largest sum of a map.

    Args:
      weight: [H, W], at least as large as the window.
      height, width: of the window.
    """
    sums = np.pad(weight.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    windows = (
        sums[height:, width:]
        - sums[:-height, width:]
        - sums[height:, :-width]
        + sums[:-height, :-width]
    )
    return np.unravel_index(windows.argmax(), windows.shape)
