"""Gains that make one model serve all rates.

Cui et al., "Asymmetric gained deep image compression with continuous rate adaptation"
(CVPR 2021): each channel of the latents is multiplied by a gain before it is rounded,
and divided by another afterwards, a pair for each of some rates, whose lambdas are in
geometric series. Between two rates the gains are interpolated geometrically.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Pair(NamedTuple):
    """The gains of the examples of a batch, each [B, 1, 1, N]: before and after."""

    before: tf.Tensor
    after: tf.Tensor


class Gains(tf.Module):
    """A pair of gains per rate and channel."""

    def __init__(self, rates: int, channels: int, span: float):
        """Makes the variables.

        At first a rounding error is the smaller by the root of lambda, as it is at
        high rates (D in proportion to 1 / lambda).

        Args:
          rates: Q, at least 2.
          channels: N.
          span: the largest lambda over the least.
        """
        super().__init__(name="gains")
        self._rates = rates
        half = tf.math.log(float(span)) / 4
        start = tf.linspace(-half, half, rates)[:, None] * tf.ones(channels)  # [Q, N]
        self.log_before = tf.Variable(start, name="log_before")
        self.log_after = tf.Variable(start, name="log_after")

    def __call__(self, levels: tf.Tensor) -> Pair:
        """The gains of levels [B], real numbers in 0..Q - 1."""
        places = tf.range(float(self._rates))
        hats = tf.nn.relu(1.0 - tf.abs(levels[:, None] - places))  # [B, Q]
        found = (tf.exp(tf.matmul(hats, g)) for g in (self.log_before, self.log_after))
        return Pair(*(gain[:, None, None] for gain in found))
