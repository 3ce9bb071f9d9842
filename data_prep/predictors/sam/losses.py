"""The three terms of the loss that SAM is trained on; their sum is the loss.

Paper, section III-D; marcellacornia/sam, `models.py`. The weights 10, -2 and -1 are in
the terms. Maps are [B, H, W] and at least 0; predictions of any scale. Each term is
[B], one value per image, of which the mean is minimised. Where the original divides 0
by 0, for a map that is 0 everywhere or without fixations, these are finite, and so are
the gradients.
"""

from __future__ import annotations

import tensorflow as tf

_EPSILON = 1e-7
_TINY = 1e-30
_AXES = (1, 2)


def kl_divergence(density: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """10 sum t log(t / (q + eps) + eps), t and q being the maps scaled to sum 1.

    Args:
      density: of fixations, [B, H, W].
      predicted: [B, H, W].
    """
    t, q = _to_sum_1(density), _to_sum_1(_to_maximum_1(predicted))
    return 10 * tf.reduce_sum(t * tf.math.log(t / (q + _EPSILON) + _EPSILON), _AXES)


def correlation(density: tf.Tensor, predicted: tf.Tensor) -> tf.Tensor:
    """-2 times Pearson's correlation coefficient.

    Args:
      density: of fixations, [B, H, W].
      predicted: [B, H, W].
    """
    t, q = _to_sum_1(density), _to_sum_1(_to_maximum_1(predicted))

    def covariance(a, b):
        positions = tf.cast(tf.size(a[0]), a.dtype)
        product = tf.reduce_sum(a, _AXES) * tf.reduce_sum(b, _AXES)
        return tf.reduce_sum(a * b, _AXES) - product / positions

    return -2 * covariance(t, q) / _root(covariance(t, t) * covariance(q, q))


def normalized_scanpath_saliency(
    fixations: tf.Tensor, predicted: tf.Tensor
) -> tf.Tensor:
    """-1 times the mean, over the fixations, of the map as standard scores.

    Args:
      fixations: [B, H, W], 1 where someone looked, else 0.
      predicted: [B, H, W].
    """
    p = _to_maximum_1(predicted)
    centred = p - tf.reduce_mean(p, _AXES, keepdims=True)
    deviation = _root(tf.reduce_mean(centred**2, _AXES, keepdims=True))
    scores = centred / (deviation + _EPSILON)
    return -tf.math.divide_no_nan(
        tf.reduce_sum(fixations * scores, _AXES), tf.reduce_sum(fixations, _AXES)
    )


def _to_maximum_1(x):
    return tf.math.divide_no_nan(x, tf.reduce_max(x, _AXES, keepdims=True))


def _to_sum_1(x):
    return x / (tf.reduce_sum(x, _AXES, keepdims=True) + _EPSILON)


def _root(x):
    """The square root, with a finite gradient at 0."""
    return tf.sqrt(tf.maximum(x, _TINY))
