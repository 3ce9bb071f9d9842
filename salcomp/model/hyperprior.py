"""The hyperprior: a few latents more, which tell how the others are distributed.

    y --> h_a --> z --> round, code --> z^ --> h_s --> mean and width of each y

Balle, Minnen, Singh, Hwang, Johnston, "Variational image compression with a scale
hyperprior" (ICLR 2018), whose normal densities have mean 0; Minnen, Balle, Toderici,
"Joint autoregressive and hierarchical priors" (NeurIPS 2018), without the
autoregressive part, where they have means. The layers are those of `bmshj2018.py` of
tensorflow/compression, with twice the outputs for the means.

A width is an index, a real number in 0..63, into a geometric series of standard
deviations.
"""

from __future__ import annotations

import math
import statistics
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_compression as tfc
from absl import logging

from salcomp.config.geometry import HYPER_STRIDE
from salcomp.model import layers
from salcomp.model.integer_synthesis import (
    PRECISIONS,
    IntegerSynthesis,
    round_to,
)
from salcomp.model.prior import PRECISION, Prior

# Of bmshj2018.py: standard deviations from .11 to 256.
WIDTHS = 64
LEAST_WIDTH, LARGEST_WIDTH = 0.11, 256.0
_FACTOR = math.log(LARGEST_WIDTH / LEAST_WIDTH) / (WIDTHS - 1)
_ANALYSIS_STRIDES, _SYNTHESIS_STRIDES = (1, 2, 2), (2, 2, 1)
# Rows and columns of z that are drawn to see what the integers cost.
_DRAWN = 8
# What h_s says before it is trained: a standard deviation of 4.4.
_FIRST_INDEX = 30.0
# What is less likely to either side is an escape, and what is nearer than this is none.
_ESCAPED, _LEAST_REACH = 2.0**-17, 2
# Bits after the point of the means that the coder has.
_MEAN_BITS = 8
# What a latent costs where it is coded, whatever its density: about that of an escape.
_LEAST_CHANCE = 2.0**-20


class Tables(NamedTuple):
    """What the coder knows of the prior; integers.

    Attributes:
      cdf: int32 [*], for each width the precision and the cumulatives, as
        `prior.Tables` has them for each channel. The ends stand for all beyond, too.
      first_symbol: int32 [64], the integer that each width's table starts at.
      table_length: int32 [64], the number of symbols in each.
      side_cdf, side_first_symbol, side_table_length: the same of the channels of z.
      precisions: int32 [2], the bits after the point of the weights and of the
        features of `IntegerSynthesis`.
    """

    cdf: np.ndarray
    first_symbol: np.ndarray
    table_length: np.ndarray
    side_cdf: np.ndarray
    side_first_symbol: np.ndarray
    side_table_length: np.ndarray
    precisions: np.ndarray


class Normal(NamedTuple):
    """Densities of latents, before the uniform noise.

    Attributes:
      mean: [B, h, w, N].
      index: [B, h, w, N] in 0..63, of the width.
    """

    mean: tf.Tensor
    index: tf.Tensor

    def bits(self, y: tf.Tensor) -> tf.Tensor:
        """-log2 p(y) of noisy or rounded latents [B, h, w, N], per example: [B]."""
        noisy = tfc.NoisyNormal(loc=0.0, scale=widths(self.index))
        nats = -noisy.log_prob(y - self.mean)
        return _sums(nats)

    def coded_bits(self, y: tf.Tensor) -> tf.Tensor:
        """The same of rounded latents, each at most what an escape takes."""
        noisy = tfc.NoisyNormal(loc=0.0, scale=widths(self.index))
        return _sums(-tf.math.log(noisy.prob(y - self.mean) + _LEAST_CHANCE))


def _sums(nats: tf.Tensor) -> tf.Tensor:
    """In bits, per example: [B]."""
    # Two sums of few terms each: one of all of them loses digits of float32.
    return tf.reduce_sum(tf.reduce_sum(nats, (1, 2)), -1) / math.log(2)


def widths(index):
    """The standard deviations of some indices."""
    return LEAST_WIDTH * tf.exp(_FACTOR * index)


class HyperPrior(tf.Module):
    """p(y~ | z~) p(z~), h_a and h_s.

    Attributes:
      channels: N, of the latents.
      side: the prior of z.
    """

    tables_class = Tables

    def __init__(
        self,
        channels: int,
        hyper_channels: int,
        side_filters: tuple[int, ...],
        has_means: bool,
    ):
        """Makes the variables.

        Args:
          channels: N, of the latents.
          hyper_channels: M, of z and of the layers between.
          side_filters: of the prior of z, as `Prior` takes them.
          has_means: whether the densities of the latents have means; if not, h_a gets
            the latents' magnitudes.
        """
        super().__init__(name="prior")
        self.channels, self._has_means = channels, has_means
        middle = hyper_channels
        outputs = 2 * channels if has_means else channels
        self.analysis = [
            _Conv(3, channels, middle),
            _Conv(5, middle, middle),
            _Conv(5, middle, middle, use_bias=False),
        ]
        self.synthesis = [
            _Conv(5, middle, middle),
            _Conv(5, middle, middle),
            _Conv(3, middle, outputs),
        ]
        start = np.zeros(outputs, np.float32)
        start[-channels:] = _FIRST_INDEX
        self.synthesis[-1].bias.assign(start)
        self.side = Prior(middle, side_filters)

    def side_latents(self, y: tf.Tensor) -> tf.Tensor:
        """z = h_a(y): [B, ceil(h/4), ceil(w/4), M] of latents [B, h, w, N].

        Where h or w is no multiple of 4 the last row or column is repeated.
        """
        x = y if self._has_means else tf.abs(y)
        for axis in (1, 2):
            size = tf.shape(y)[axis]
            padded = -(-size // HYPER_STRIDE) * HYPER_STRIDE
            x = tf.gather(x, tf.minimum(tf.range(padded), size - 1), axis=axis)
        for i, (conv, stride) in enumerate(zip(self.analysis, _ANALYSIS_STRIDES)):
            x = tf.nn.relu(x) if i else x
            x = conv.down(x, stride)
        return x

    def densities(self, z: tf.Tensor, height: int, width: int) -> Normal:
        """h_s: the densities of latents [B, height, width, N], of z."""
        x = z
        for i, (conv, stride) in enumerate(zip(self.synthesis, _SYNTHESIS_STRIDES)):
            x = tf.nn.relu(x) if i else x
            x = conv.up(x, stride)
        return self.normal(x[:, :height, :width])

    def normal(self, outputs: tf.Tensor) -> Normal:
        """What outputs of h_s, [B, h, w, N or 2 N], say."""
        index = outputs[..., -self.channels :]
        index = tfc.upper_bound(tfc.lower_bound(index, 0.0), WIDTHS - 1.0)
        if not self._has_means:
            return Normal(tf.zeros_like(index), index)
        return Normal(outputs[..., : self.channels], index)

    def noisy(self, y: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """y~, with noise in the place of the rounding, and the bits per example, [B].

        Args:
          y: [B, h, w, N], h and w multiples of 4.
          noise: [B, h, w, N + ceil(M / 16) or more] in -1/2..1/2, that of y first.
        """
        z = self.side_latents(y)
        blocks = -(-z.shape[-1] // HYPER_STRIDE**2)
        of_z = noise[..., self.channels : self.channels + blocks]
        of_z = tf.nn.space_to_depth(of_z, HYPER_STRIDE)[..., : z.shape[-1]]
        z, y_noisy = z + of_z, y + noise[..., : self.channels]
        normal = self.densities(z, tf.shape(y)[1], tf.shape(y)[2])
        return y_noisy, normal.bits(y_noisy) + self.side.bits(z)

    def rounded(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """y^ = round(y - mean) + mean with z^ = round(z), and the bits, [B]."""
        z = tf.round(self.side_latents(y))
        normal = self.densities(z, tf.shape(y)[1], tf.shape(y)[2])
        y_hat = tf.round(y - normal.mean) + normal.mean
        return y_hat, normal.bits(y_hat) + self.side.bits(z)

    def tables(self) -> Tables:
        """Quantises the densities, and fixes the arithmetic of h_s.

        Logs what that costs. Raises InputError if the weights are too large for it.
        """
        side = self.side.tables(offset=tf.zeros(self.side.channels))
        cdf, first, length = [], [], []
        for width in widths(np.arange(WIDTHS)).numpy():
            density = statistics.NormalDist(sigma=float(width))
            reach = max(_LEAST_REACH, math.ceil(-density.inv_cdf(_ESCAPED)))
            edges = np.arange(-reach + 1, reach + 1) - 0.5  # the ends have the tails
            probabilities = np.diff([0, *map(density.cdf, edges), 1])
            quantized = tfc.pmf_to_quantized_cdf(
                tf.constant(probabilities / probabilities.sum(), tf.float32),
                precision=PRECISION,
            )
            cdf += [[PRECISION], quantized.numpy()]
            first.append(-reach)
            length.append(2 * reach + 1)
        tables = Tables(
            np.concatenate(cdf).astype(np.int32),
            np.array(first, np.int32),
            np.array(length, np.int32),
            side.cdf,
            side.first_symbol,
            side.table_length,
            np.array(PRECISIONS, np.int32),
        )
        cost = 100 * self.integer_cost(tables)
        line = (
            "integers in the place of the hyperprior cost %.3f %% of the latents' bits"
        )
        logging.info(line, cost)
        return tables

    def integer_cost(self, tables: Tables, seed: int = 0) -> float:
        """By how much h_s in integers raises the bits of latents, relatively.

        Measured on latents drawn from the model's own densities.
        """
        rng, place, columns = np.random.default_rng(seed), 0, []
        for first, length in zip(tables.side_first_symbol, tables.side_table_length):
            cdf = tables.side_cdf[place + 1 : place + length + 2]
            place += length + 2
            chances = np.diff(cdf) / cdf[-1]
            columns.append(first + rng.choice(length, (_DRAWN, _DRAWN), p=chances))
        z = np.stack(columns, -1)[None].astype(np.float32)  # [1, 8, 8, M]
        size = HYPER_STRIDE * _DRAWN
        normal = self.densities(z, size, size)
        noise = rng.normal(size=normal.mean.shape).astype(np.float32)
        steps = tf.round(widths(normal.index) * noise)
        exact = self.exact_normal(self.integer_synthesis(tables.precisions), z)
        whole = Normal(*(tf.cast(x, tf.float32) for x in exact))
        bits = whole.bits(whole.mean + steps) / normal.bits(normal.mean + steps)
        return float(bits[0] - 1)

    def exact_normal(self, synthesis: IntegerSynthesis, z: tf.Tensor) -> Normal:
        """The densities that `integer_synthesis` gives of whole z, float64.

        Means are multiples of 2^-8, and indices whole.
        """
        outputs = synthesis(tf.cast(z, tf.float64))
        index = round_to(outputs[..., -self.channels :], synthesis.bits, 0)
        index = tf.clip_by_value(index, 0, WIDTHS - 1)
        if not self._has_means:
            return Normal(tf.zeros_like(index), index)
        mean = round_to(outputs[..., : self.channels], synthesis.bits, _MEAN_BITS)
        return Normal(mean * 2.0**-_MEAN_BITS, index)

    def integer_synthesis(self, precisions: np.ndarray) -> IntegerSynthesis:
        """h_s in integers, by the precisions of `Tables`.

        Raises InputError if the weights are too large for it.
        """
        weights = [(conv.kernel.numpy(), conv.bias.numpy()) for conv in self.synthesis]
        return IntegerSynthesis(weights, precisions, _SYNTHESIS_STRIDES)


class _Conv(tf.Module):
    """A convolution with a plain kernel, as it is easily quantised."""

    def __init__(self, support: int, inputs: int, outputs: int, use_bias: bool = True):
        super().__init__()
        shape = (support, support, inputs, outputs)
        kernel = tf.keras.initializers.VarianceScaling()(shape)
        self.kernel = tf.Variable(kernel, name="kernel")
        self.bias = tf.Variable(tf.zeros(outputs), name="bias") if use_bias else None

    def down(self, x: tf.Tensor, stride: int) -> tf.Tensor:
        """As `layers.downsampling_conv`, with the bias."""
        return self._biased(layers.downsampling_conv(x, self.kernel, stride))

    def up(self, x: tf.Tensor, stride: int) -> tf.Tensor:
        """As `layers.upsampling_conv`, with the bias."""
        return self._biased(layers.upsampling_conv(x, self.kernel, stride))

    def _biased(self, y):
        return y if self.bias is None else tf.nn.bias_add(y, self.bias)
