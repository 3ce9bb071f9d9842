"""The factorised prior of the latents and the range-coder tables made from it.

Variables and initial values are tensorflow-compression's (`tfc.NoisyDeepFactorized`,
Balle et al. 2018, appendix 6.1). The rate is computed here, in a form that evaluates
the cumulative half as often.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_compression as tfc

# As in 2019. At tfc's default of 12 bits, channels that are always 0 cost too much.
PRECISION = 16
# Also of 2019: what is less likely than this in all is clipped to the table's ends.
# tfc 2.14 codes it by an escape instead, and its decoder never returns from an escape
# that a damaged file ends in.
TAIL_MASS = 1e-9
_BISECTIONS = 48
_BISECTION_RANGE = 2.0**14


class Tables(NamedTuple):
    """What the coder knows of the prior: integers, and the offsets of the rounding.

    Attributes:
      cdf: int32 [*], for each channel the precision and the cumulatives in units of
        2^-precision, as `tfc.create_range_encoder` takes them.
      first_symbol: int32 [N], the integer that each channel's table starts at.
      table_length: int32 [N], the number of symbols in each channel's table.
      quantization_offset: float32 [N] in -0.5..0.5, o of round(y - o) + o.
    """

    cdf: np.ndarray
    first_symbol: np.ndarray
    table_length: np.ndarray
    quantization_offset: np.ndarray


class Prior(tf.Module):
    """p(y~) of latents with additive uniform noise, one density per channel.

    Attributes:
      channels: N.
    """

    tables_class = Tables

    def __init__(self, channels: int, num_filters: tuple[int, ...]):
        """Makes the variables of N channels.

        `num_filters` are the units of the hidden layers of each channel's cumulative:
        (3, 3, 3) in 2019, (3, 3) in tfc 2.14.
        """
        super().__init__(name="prior")
        noisy = tfc.NoisyDeepFactorized(
            batch_shape=(channels,), num_filters=num_filters, init_scale=10
        )
        self.channels = channels
        # tfc has no public names for the variables of a density.
        self.matrices = noisy.base._matrices
        self.biases = noisy.base._biases
        self.factors = noisy.base._factors

    def _logits(self, y: tf.Tensor) -> tf.Tensor:
        """Logits of the cumulative at y [N, 1, positions], same shape."""
        logits = y
        for i, (matrix, bias) in enumerate(zip(self.matrices, self.biases)):
            logits = tf.matmul(tf.nn.softplus(matrix), logits) + bias
            if i < len(self.factors):
                logits += tf.tanh(self.factors[i]) * tf.tanh(logits)
        return logits

    def _nats(self, y: tf.Tensor) -> tf.Tensor:
        """-ln p(y) at y [N, 1, positions], same shape.

        p(y) = c(y + 1/2) - c(y - 1/2) with the cumulative c = sigmoid(logits). With
        u and l the two logits, p = sigmoid(u) sigmoid(-l) (1 - exp(l - u)), whose
        logarithm is accurate in both tails.
        """
        logits = self._logits(tf.concat([y + 0.5, y - 0.5], axis=-1))
        upper, lower = tf.split(logits, 2, axis=-1)
        return (
            tf.nn.softplus(-upper)
            + tf.nn.softplus(lower)
            - tf.math.log(-tf.math.expm1(lower - upper))
        )

    def bits(self, y: tf.Tensor) -> tf.Tensor:
        """-log2 p(y) of noisy or rounded latents [B, h, w, N], per example: [B]."""
        columns = tf.reshape(tf.transpose(y, (3, 0, 1, 2)), (self.channels, 1, -1))
        nats = tf.reshape(self._nats(columns), (self.channels, tf.shape(y)[0], -1))
        # Two sums of few terms each: one of all of them loses digits of float32.
        per_channel = tf.reduce_sum(nats, axis=2)  # [N, B]
        return tf.reduce_sum(per_channel, axis=0) / math.log(2)

    def _quantile(self, logit: float) -> tf.Tensor:
        """Where each channel's cumulative has a logit, [N]."""
        low = tf.fill((self.channels, 1, 1), -_BISECTION_RANGE)

        def bisect(i, low, high):
            middle = (low + high) / 2
            below = self._logits(middle) < logit
            return i + 1, tf.where(below, middle, low), tf.where(below, high, middle)

        _, low, high = tf.while_loop(
            lambda i, *_: i < _BISECTIONS, bisect, (0, low, -low)
        )
        return tf.stop_gradient(tf.reshape((low + high) / 2, (-1,)))

    def quantization_offset(self) -> tf.Tensor:
        """o = median - round(median) of each channel, float32 [N] in -0.5..0.5."""
        median = self._quantile(0.0)
        return median - tf.round(median)

    def noisy(self, y: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """y~ = y + noise, and the bits per example, [B]."""
        y = y + noise
        return y, self.bits(y)

    def rounded(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """y^ = round(y - o) + o, and the bits per example, [B]."""
        y = quantize(y, self.quantization_offset())
        return y, self.bits(y)

    def tables(self, offset: tf.Tensor | None = None) -> Tables:
        """Solves for the tails and quantises the densities.

        `offset`, [N], is o of the rounding; by the medians if None.
        """
        tail = math.log(TAIL_MASS / 2)
        offset = self.quantization_offset() if offset is None else offset
        first = tf.floor(self._quantile(tail) - offset)
        last = tf.math.ceil(self._quantile(-tail) - offset)
        length = tf.cast(last - first, tf.int32).numpy() + 1
        symbols = first[:, None] + tf.range(float(length.max()))  # [N, longest]
        nats = self._nats((symbols + offset[:, None])[:, None, :])[:, 0, :]
        cdf = []
        for channel, count in enumerate(length):
            probabilities = tf.exp(-nats[channel, :count])
            quantized = tfc.pmf_to_quantized_cdf(
                probabilities / tf.reduce_sum(probabilities), precision=PRECISION
            )
            cdf += [[PRECISION], quantized.numpy()]
        return Tables(
            np.concatenate(cdf).astype(np.int32),
            first.numpy().astype(np.int32),
            length,
            offset.numpy(),
        )


def quantize(y: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """round(y - o) + o of latents [..., N] and offsets [N]."""
    return tf.round(y - offset) + offset
