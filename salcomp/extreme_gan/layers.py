"""Layers of the networks: convolutions with their padding, and normalisations."""

from __future__ import annotations

import tensorflow as tf

_INSTANCE_EPSILON = 1e-6  # of TensorFlow 1's contrib.layers.instance_norm
_BATCH_EPSILON = 1e-3  # of TensorFlow 1's layers.batch_normalization


class Normalization(tf.keras.layers.Layer):
    """Zero mean and unit variance, then a learned scale and shift of each channel."""

    def __init__(self, channels: int, axes: tuple[int, ...], epsilon: float):
        """Makes the variables; mean and variance are taken over the axes.

        To the variance `epsilon` is added.
        """
        super().__init__()
        self._axes, self._epsilon = list(axes), epsilon
        self.scale = self.add_weight("scale", (channels,), initializer="ones")
        self.shift = self.add_weight("shift", (channels,), initializer="zeros")

    def call(self, x):
        mean, variance = tf.nn.moments(x, self._axes, keepdims=True)
        return tf.nn.batch_normalization(
            x, mean, variance, self.shift, self.scale, self._epsilon
        )


def instance_norm(channels: int) -> Normalization:
    """Over the positions of each image (Ulyanov et al. 2016)."""
    return Normalization(channels, (1, 2), _INSTANCE_EPSILON)


def batch_norm(channels: int, rank: int) -> Normalization:
    """Over all but the channels, and always of the batch at hand.

    The published code also compresses so, with a batch of one image.
    """
    return Normalization(channels, tuple(range(rank - 1)), _BATCH_EPSILON)


class Conv(tf.keras.layers.Layer):
    """A convolution, of reflected borders or zero-padded, or a transposed one."""

    def __init__(
        self, inputs, outputs, support, stride=1, reflect=False, transposed=False
    ):
        """Makes the variables.

        Args:
          inputs, outputs: channels.
          support: side of the kernel.
          stride: of the positions; of the outputs' if transposed.
          reflect: whether borders are reflected, at stride 1.
          transposed: whether to go up in resolution.
        """
        super().__init__()
        self._margin = support // 2 if reflect else 0
        kind = tf.keras.layers.Conv2DTranspose if transposed else tf.keras.layers.Conv2D
        padding = "valid" if reflect else "same"
        self.conv = kind(outputs, support, stride, padding)
        self.conv.build((None, None, None, inputs))

    def call(self, x):
        if self._margin:
            sides = [self._margin] * 2
            x = tf.pad(x, [[0, 0], sides, sides, [0, 0]], "REFLECT")
        return self.conv(x)
