"""The distortions that the generator's loss may have, in the units of its weight."""

from __future__ import annotations

import tensorflow as tf

from salcomp.model import distortion as measures

# What is 1 here, in the unit of each measure: errors of images in -1..1, and what does
# not depend on the range of an image.
_UNITS = {"mse": 127.5**2, "l1": 127.5, "ms_ssim": 1.0, "mix": 1.0}
DISTORTIONS = tuple(_UNITS)


def distortion(
    kind: str, x: tf.Tensor, x_hat: tf.Tensor, weight: tf.Tensor
) -> tf.Tensor:
    """The weighted distortion of each image.

    Args:
      kind: one of DISTORTIONS.
      x, x_hat: [B, H, W, 3] in -1..1.
      weight: [B, H, W], of each pixel.

    Returns:
      [B].
    """
    measure = measures.distortion(kind)
    found = measure(127.5 * (x + 1), 127.5 * (x_hat + 1), weight)
    return found / (measures.SCALES[kind] * _UNITS[kind])
