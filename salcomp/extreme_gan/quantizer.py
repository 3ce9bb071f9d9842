"""The quantizer: the nearest of five fixed centres, and the gradient it passes back."""

from __future__ import annotations

import tensorflow as tf

# As published, where they are not learned.
CENTERS = (-2, -1, 0, 1, 2)
GRADIENTS = ("blocked", "soft")
_TEMPERATURE = 1.0


def nearest(w: tf.Tensor) -> tf.Tensor:
    """The nearest centre of each value, of the same shape."""
    return tf.clip_by_value(tf.round(w), CENTERS[0], CENTERS[-1])


def soft(w: tf.Tensor) -> tf.Tensor:
    """The mean of the centres under softmax(-|w - c| / temperature), shaped as w."""
    centers = tf.constant(CENTERS, tf.float32)
    distances = tf.abs(w[..., None] - centers)
    return tf.linalg.matvec(tf.nn.softmax(-distances / _TEMPERATURE), centers)


def quantize(w: tf.Tensor, gradient: str) -> tf.Tensor:
    """The nearest centre, with a gradient: shaped as w, values in CENTERS.

    Args:
      gradient: "soft" for the gradient of the soft assignment; "blocked" for the
        published form, whose outer rounding has none: all that precedes the quantizer
        stays as it was initialised.
    """
    assigned = soft(w)
    straight_through = tf.stop_gradient(nearest(w) - assigned) + assigned
    # Rounding mends the last digit of the sum.
    if gradient == "blocked":
        return tf.round(straight_through)
    return straight_through + tf.stop_gradient(nearest(w) - straight_through)


def histogram(codes: tf.Tensor) -> tf.Tensor:
    """How often each channel takes each centre, float32 [C, L].

    The codes are [B, h, w, C], values in CENTERS.
    """
    symbols = tf.cast(codes, tf.int32) - CENTERS[0]
    return tf.reduce_sum(tf.one_hot(symbols, len(CENTERS)), axis=(0, 1, 2))


def entropy(counts: tf.Tensor) -> tf.Tensor:
    """Empirical entropy of a code position, summed over the channels, in bit.

    At most C log2 L, of counts [C, L] as `histogram` returns them.
    """
    shares = counts / tf.reduce_sum(counts, axis=1, keepdims=True)
    nats = -tf.reduce_sum(tf.math.xlogy(shares, shares))
    return nats / tf.math.log(2.0)
