"""h_s in integers: the same on every machine, whatever its kernels and threads.

A decoder must know a latent's density exactly, or it reads nonsense from there on.
Sums of float32 differ between machines in their last digits; sums of integers do not
(Balle, Johnston, Minnen, "Integer networks for data compression with latent-variable
models", ICLR 2019). Weights and features are rounded to so many bits after the point,
and all sums stay below 2^53, where float64 holds every integer: they are exact in
any order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from salcomp.errors import InputError
from salcomp.model import layers

# Bits after the point of weights and of features between the layers.
PRECISIONS = (16, 10)
# Of the means that come out.
MEAN_BITS = 8
# Magnitude of a feature, and of z: 2^12 with ten bits after the point.
_LARGEST_FEATURE = 2.0**22
_EXACT = 2.0**53


class IntegerSynthesis:
    """h_s with its weights rounded.

    Features are clipped at 0, which is the ReLU of the layers between, and at 2^12.
    """

    def __init__(
        self,
        weights: Sequence[tuple[np.ndarray, np.ndarray]],
        precisions: Sequence[int],
        strides: Sequence[int],
    ):
        """Rounds the weights.

        Args:
          weights: kernel [S, S, inputs, outputs] and bias [outputs] of each layer.
          precisions: bits after the point of weights and of features.
          strides: of the layers, each an `upsampling_conv`.

        Raises:
          InputError: the weights are so large that sums may not be exact.
        """
        self._weight_bits, self._feature_bits = map(int, precisions)
        self._strides = strides
        self._layers = []
        for i, (kernel, bias) in enumerate(weights):
            bits = self._feature_bits if i else 0  # z is whole
            kernel = np.round(np.float64(kernel) * 2.0**self._weight_bits)
            bias = np.round(np.float64(bias) * 2.0 ** (self._weight_bits + bits))
            largest = _LARGEST_FEATURE * np.abs(kernel).sum((0, 1, 2)) + np.abs(bias)
            if not largest.max() < _EXACT:
                raise InputError(
                    "the weights of this model's hyperprior are too large for exact "
                    "sums; train it with a lower learning_rate"
                )
            self._layers.append((kernel, bias))

    def __call__(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The outputs of h_s of whole latents, float64 [1, h, w, M].

        Gives them in units of 2^-8, and rounded to whole numbers, both float64 [1, 4 h,
        4 w, outputs].
        """
        limit = _LARGEST_FEATURE
        x = tf.clip_by_value(tf.cast(z, tf.float64), -limit, limit)
        for i, (kernel, bias) in enumerate(self._layers):
            sums = layers.upsampling_conv(x, tf.constant(kernel), self._strides[i])
            sums += bias
            bits = self._weight_bits + (self._feature_bits if i else 0)
            if i + 1 < len(self._layers):
                x = tf.clip_by_value(_round(sums, bits - self._feature_bits), 0, limit)
        return _round(sums, bits - MEAN_BITS), _round(sums, bits)


def _round(sums: tf.Tensor, bits: int) -> tf.Tensor:
    """Whole numbers nearest to sums in units of 2^-bits; halves go up."""
    return tf.floor(sums * 2.0**-bits + 0.5)
