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
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from salcomp.errors import InputError
from salcomp.model import layers

# Bits after the point of weights and of features between the layers.
PRECISIONS = (16, 10)
# What z, and features in their units, are clipped to.
_LARGEST = 2.0**22
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
        self._layers = []
        for i, (kernel, bias) in enumerate(weights):
            bits = self.bits if i else self._weight_bits
            kernel = np.round(np.float64(kernel) * 2.0**self._weight_bits)
            bias = np.round(np.float64(bias) * 2.0**bits)
            largest = _LARGEST * np.abs(kernel).sum((0, 1, 2)) + np.abs(bias)
            if not largest.max() < _EXACT:
                raise InputError(
                    "the weights of this model's hyperprior are too large for exact "
                    "sums; train it with a lower learning_rate"
                )
            self._layers.append(_Layer(kernel, bias, strides[i]))

    @property
    def bits(self) -> int:
        """The outputs' bits after the point."""
        return self._weight_bits + self._feature_bits

    def __call__(self, z: tf.Tensor) -> tf.Tensor:
        """The outputs of h_s of whole latents, float64 [1, h, w, M].

        They are whole, in units of 2^-`bits`: float64 [1, 4 h, 4 w, outputs].
        """
        x = tf.clip_by_value(tf.cast(z, tf.float64), -_LARGEST, _LARGEST)
        *before, last = self._layers
        for i, layer in enumerate(before):
            # z has no bits after the point.
            bits = self.bits if i else self._weight_bits
            x = round_to(layer(x), bits, self._feature_bits)
            x = tf.clip_by_value(x, 0, _LARGEST)
        return last(x)


class _Layer(NamedTuple):
    """A layer's rounded weights."""

    kernel: np.ndarray
    bias: np.ndarray
    stride: int

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        kernel = tf.constant(self.kernel)
        return layers.upsampling_conv(x, kernel, self.stride) + self.bias


def round_to(whole: tf.Tensor, bits: int, fewer: int) -> tf.Tensor:
    """Rounds numbers in units of 2^-bits to units of 2^-fewer; halves go up."""
    return tf.floor(whole * 2.0 ** (fewer - bits) + 0.5)
