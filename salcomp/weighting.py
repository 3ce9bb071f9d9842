"""The weight w(s) of the distortion: where the saliency map says how much it counts.

    clip      w = max(s, floor)           the 2019 experiment
    affine    w = floor + (1 - floor) s
    additive  w = 1 + gain s

Dividing w by its mean over the image or the training set keeps the meaning of
lambda; without that the effective lambda is lambda * E[w e] / E[e].
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

WEIGHTINGS = ("clip", "affine", "additive")
NORMALIZATIONS = ("none", "image", "dataset")


def raw_weight(saliency, config):
    """w(s) before any normalisation.

    Args:
      saliency: array or tensor of any shape, 0..1.
      config: a `Config`: which weighting, with which floor or gain.

    Returns:
      The weights, shaped as `saliency`.
    """
    floor = config.saliency_floor
    if config.saliency_weighting == "clip":
        maximum = np.maximum if isinstance(saliency, np.ndarray) else tf.maximum
        return maximum(saliency, floor)
    if config.saliency_weighting == "affine":
        return floor + (1 - floor) * saliency
    if config.saliency_weighting == "additive":
        return 1 + config.saliency_gain * saliency
    raise ValueError(f"unknown weighting {config.saliency_weighting!r}")


def normalized_weight(saliency, config, image_mean):
    """w(s) as the loss of a configuration has it.

    Args:
      saliency: array or tensor, 0..1.
      config: a `Config`.
      image_mean: mean of the raw weight over each whole image, of a shape that
        broadcasts to that of `saliency`.

    Returns:
      The weights, shaped as `saliency`.
    """
    weight = raw_weight(saliency, config)
    if config.weight_normalization == "image":
        return weight / image_mean
    if config.weight_normalization == "dataset":
        return weight / config.weight_mean
    return weight
