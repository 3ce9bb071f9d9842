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


def raw_weight(saliency, weighting: str, floor: float, gain: float):
    """w(s) before any normalisation.

    Args:
      saliency: array or tensor of any shape, 0..1.
      weighting: one of `WEIGHTINGS`.
      floor: the smallest weight of clip and affine, 0..1.
      gain: the slope of additive, at least 0.

    Returns:
      The weights, shaped as `saliency`.
    """
    if weighting == "clip":
        maximum = np.maximum if isinstance(saliency, np.ndarray) else tf.maximum
        return maximum(saliency, floor)
    if weighting == "affine":
        return floor + (1 - floor) * saliency
    if weighting == "additive":
        return 1 + gain * saliency
    raise ValueError(f"unknown weighting {weighting!r}")
