"""The factorised prior of the latents and the range-coder tables made from it.

Variables, initial values and tables are tensorflow-compression's
(`tfc.NoisyDeepFactorized`, Balle et al. 2018, appendix 6.1); only the rate is
computed here, in a form that evaluates the cumulative once where tfc does twice.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_compression as tfc

# 16 bits as in 2019 (tfc's default of 12 wastes bits on channels that are always 0).
RANGE_CODER_PRECISION = 16
# Values beyond the tails cost an Elias gamma code; at tfc's default of 2^-8 the
# escapes alone exceed 1 % of the rate.
TAIL_MASS = 2.0**-16
_BISECTIONS = 48
_BISECTION_RANGE = 2.0**14


class Tables(NamedTuple):
    """Integer tables of the range coder, and the offsets of the rounding.

    Attributes:
      cdf: int32 [*], the quantised cumulatives of all channels, as tfc packs them.
      cdf_offset: int32 [N], the symbol at which each channel's table starts.
      quantization_offset: float32 [N] in -0.5..0.5, o of round(y - o) + o.
    """

    cdf: np.ndarray
    cdf_offset: np.ndarray
    quantization_offset: np.ndarray


class Prior(tf.Module):
    """p(y~) of latents with additive uniform noise, one density per channel."""

    def __init__(self, channels: int, num_filters: tuple[int, ...]):
        """Makes the variables.

        Args:
          channels: N.
          num_filters: units of the hidden layers of each channel's cumulative:
            (3, 3, 3) in 2019, (3, 3) in tfc 2.14.
        """
        super().__init__(name="prior")
        self.noisy = tfc.NoisyDeepFactorized(
            batch_shape=(channels,), num_filters=num_filters, init_scale=10
        )
        self._channels = channels
        # tfc has no public names for the variables of a density.
        base = self.noisy.base
        self.matrices, self.biases = base._matrices, base._biases
        self.factors = base._factors

    def _logits(self, y: tf.Tensor) -> tf.Tensor:
        """Logits of the cumulative at y [N, 1, positions], same shape."""
        logits = y
        for i, (matrix, bias) in enumerate(zip(self.matrices, self.biases)):
            logits = tf.matmul(tf.nn.softplus(matrix), logits) + bias
            if i < len(self.factors):
                logits += tf.tanh(self.factors[i]) * tf.tanh(logits)
        return logits

    def bits(self, y: tf.Tensor) -> tf.Tensor:
        """-log2 p(y), summed over each example.

        p(y) = c(y + 1/2) - c(y - 1/2) with the cumulative c = sigmoid(logits). With
        u and l the two logits, p = sigmoid(u) sigmoid(-l) (1 - exp(l - u)), whose
        logarithm is accurate in both tails.

        Args:
          y: [B, h, w, N], noisy or rounded latents.

        Returns:
          [B], bits.
        """
        shape = tf.shape(y)
        columns = tf.reshape(tf.transpose(y, (3, 0, 1, 2)), (self._channels, 1, -1))
        logits = self._logits(tf.concat([columns + 0.5, columns - 0.5], axis=-1))
        upper, lower = tf.split(logits, 2, axis=-1)  # [N, 1, B h w] each
        nats = (
            tf.nn.softplus(-upper)
            + tf.nn.softplus(lower)
            - tf.math.log(-tf.math.expm1(lower - upper))
        )
        per_example = tf.reshape(nats, (self._channels, shape[0], -1))
        return tf.reduce_sum(per_example, axis=(0, 2)) / math.log(2)

    def quantization_offset(self) -> tf.Tensor:
        """o = median - round(median) of each channel, float32 [N] in -0.5..0.5."""
        low = tf.fill((self._channels, 1, 1), -_BISECTION_RANGE)
        high = -low

        def bisect(_, low, high):
            middle = (low + high) / 2
            below = self._logits(middle) < 0
            return _ + 1, tf.where(below, middle, low), tf.where(below, high, middle)

        _, low, high = tf.while_loop(
            lambda i, *_: i < _BISECTIONS, bisect, (0, low, high)
        )
        median = tf.reshape((low + high) / 2, (-1,))
        return tf.stop_gradient(median - tf.round(median))

    def tables(self) -> Tables:
        """Solves for the tails and quantises the densities."""

        # Traced, because tfc's search for the tails takes a minute when run eagerly.
        @tf.function(autograph=False)
        def build():
            offset = self.quantization_offset()
            model = tfc.ContinuousBatchedEntropyModel(
                self.noisy,
                coding_rank=3,
                compression=True,
                stateless=True,
                tail_mass=TAIL_MASS,
                range_coder_precision=RANGE_CODER_PRECISION,
                quantization_offset=offset,
            )
            return model.cdf, model.cdf_offset, offset

        return Tables(*(tensor.numpy() for tensor in build()))


def quantize(y: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """round(y - o) + o.

    Args:
      y: [..., N] latents.
      offset: [N].
    """
    return tf.round(y - offset) + offset


def range_coder(tables: Tables) -> tfc.ContinuousBatchedEntropyModel:
    """The range coder over stored tables; nothing in it is computed anew."""
    return tfc.ContinuousBatchedEntropyModel(
        prior_shape=tables.cdf_offset.shape,
        coding_rank=3,
        compression=True,
        stateless=True,
        cdf=tables.cdf,
        cdf_offset=tables.cdf_offset,
        quantization_offset=tables.quantization_offset,
    )
