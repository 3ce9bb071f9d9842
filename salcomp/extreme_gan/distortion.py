"""The distortions that the generator's loss may have."""

from __future__ import annotations

import tensorflow as tf

DISTORTIONS = ("mse", "l1")
_ERRORS = {"mse": tf.square, "l1": tf.abs}


def distortion(
    kind: str, x: tf.Tensor, x_hat: tf.Tensor, weight: tf.Tensor
) -> tf.Tensor:
    """The weighted distortion of each image.

    Args:
      kind: one of DISTORTIONS.
      x, x_hat: [B, H, W, 3] in -1..1.
      weight: [B, H, W], of each pixel.

    Returns:
      [B], the mean over pixels of the weight times the mean error over RGB.
    """
    error = tf.reduce_mean(_ERRORS[kind](x - x_hat), axis=-1)  # [B, H, W]
    return tf.reduce_mean(weight * error, axis=(1, 2))
