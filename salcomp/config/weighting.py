"""The weight w(s) of the distortion: where the saliency map says how much it counts.

    clip      w = max(s, floor)           the 2019 experiment
    affine    w = floor + (1 - floor) s
    additive  w = 1 + gain s

Dividing w by its mean over the image or the training set keeps the meaning of
lambda; without that the effective lambda is lambda * E[w e] / E[e]. Of what is left, a
share may be uniform, whatever the map says:

    share + (1 - share) w / mean(w)

Refinement at encoding time takes the map for a density of looks: `mixed_weight`, the
same with w = s.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

WEIGHTINGS = ("clip", "affine", "additive")
NORMALIZATIONS = ("none", "image", "dataset")
# Of the weight under a calibrated map.
UNIFORM_SHARE = 0.2


class Coefficients(NamedTuple):
    """w(s) = maximum * max(s, floor) + slope * s + constant, for all weightings.

    Of w, once it is normalised, `uniform_share` is uniform. A weighting is five
    numbers, so that a compiled training step can take any.
    """

    maximum: float
    floor: float
    slope: float
    constant: float
    uniform_share: float


def coefficients(config) -> Coefficients:
    """The weighting of a configuration, a `Config`."""
    floor, share = config.saliency_floor, config.uniform_share
    if config.saliency_weighting == "clip":
        return Coefficients(1.0, floor, 0.0, 0.0, share)
    if config.saliency_weighting == "affine":
        return Coefficients(0.0, 0.0, 1 - floor, floor, share)
    if config.saliency_weighting == "additive":
        return Coefficients(0.0, 0.0, config.saliency_gain, 1.0, share)
    raise ValueError(f"unknown weighting {config.saliency_weighting!r}")


def raw_weight(saliency, config):
    """w(s) of a `Config` before normalisation, for a map in 0..1; shaped as the map."""
    return _raw(coefficients(config), saliency, np.maximum)


def _raw(weighting: Coefficients, saliency, maximum):
    clipped = maximum(saliency, weighting.floor)
    return weighting.maximum * clipped + weighting.slope * saliency + weighting.constant


def normalized(weighting: Coefficients, saliency, divisor, maximum=np.maximum):
    """The weight of the loss, share + (1 - share) w(s) / divisor; shaped as the map.

    Args:
      weighting: numbers or scalar tensors.
      saliency: array or tensor of any shape, 0..1.
      divisor: of the raw weight; broadcasts to the map.
      maximum: of two arrays, of the library that `saliency` belongs to.
    """
    share = weighting.uniform_share
    return share + (1 - share) * (_raw(weighting, saliency, maximum) / divisor)


def image_means(level_counts: np.ndarray, config) -> np.ndarray:
    """The mean raw weight of each frame under a `Config`, float32 [F].

    `level_counts`, int [F, 256], is how many pixels of a frame have each level of the
    map.
    """
    sums, pixels = _sums(level_counts, config), level_counts.sum(axis=1)
    # A map that is 0 everywhere has no weight to divide by.
    return np.where(sums > 0, sums / pixels, 1).astype(np.float32)


def dataset_mean(level_counts: np.ndarray, config) -> float:
    """The mean raw weight over all pixels of all frames; arguments as `image_means`."""
    return float(_sums(level_counts, config).sum() / level_counts.sum())


def _sums(level_counts, config):
    levels = np.arange(256, dtype=np.float32) / 255
    return level_counts @ raw_weight(levels, config).astype(np.float64)  # [F]


def divisor(config, image_mean):
    """What a `Config` divides the raw weight by.

    That is, as its normalisation says, the mean of the raw weight over a whole image,
    which is given as number, array or tensor, the mean over the training set, or 1.
    """
    if config.weight_normalization == "image":
        return image_mean
    return config.weight_mean if config.weight_normalization == "dataset" else 1.0


def normalized_weight(saliency, config, image_mean):
    """w(s) as the loss of a `Config` has it, for a map in 0..1; shaped as the map.

    `image_mean`, the mean of the raw weight over each whole image, broadcasts to the
    map.
    """
    return normalized(coefficients(config), saliency, divisor(config, image_mean))


def mixed_weight(saliency: np.ndarray, uniform_share: float) -> np.ndarray:
    """Mixes the weight of a map, taken for a density, with that of no map.

    (1 - share) s / mean(s) + share: what an error is worth to somebody who looks where
    the map says, but for a share of the looks that go anywhere.

    Args:
      saliency: float32 [H, W], not negative; zero everywhere counts as uniform.
      uniform_share: 0..1; 1 for uniform weights.

    Returns:
      float32 [H, W], with a mean of 1.
    """
    mean = saliency.mean()
    if not mean:
        return np.ones_like(saliency)
    return (1 - uniform_share) * (saliency / mean) + np.float32(uniform_share)
