"""The bilinear upsampling at the end of SAM.

Theano's `bilinear_upsampling`, which marcellacornia/sam, `models.py`, calls. It is half
an output pixel off what `tf.image.resize` computes.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

RATIO = 16


def interpolation_matrix(length: int, ratio: int = RATIO) -> np.ndarray:
    """The upsampling of one axis as a matrix.

    Output o interpolates linearly at (o - (ratio - 1) // 2) / ratio; beyond the ends
    the outermost values repeat.

    Args:
      length: samples in.
      ratio: samples out per sample in.

    Returns:
      float32 [length * ratio, length], rows sum to 1.
    """
    outputs = np.arange(length * ratio)
    at = np.clip((outputs - (ratio - 1) // 2) / ratio, 0, length - 1)
    distance = np.abs(at[:, None] - np.arange(length))
    return np.maximum(1 - distance, 0).astype(np.float32)


def upsample(x: tf.Tensor) -> tf.Tensor:
    """Makes 16 by 16 of each position: [B, H, W] to [B, 16 H, 16 W]."""
    rows, columns = (interpolation_matrix(length) for length in x.shape[1:3])
    return tf.matmul(tf.matmul(rows, x), columns, transpose_b=True)
