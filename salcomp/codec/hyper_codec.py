"""The codec with a hyperprior: two strings to a file, and one model for all rates.

y --> h_a --> z --> round --> range coder --> file
z --> h_s in integers --> mean, width --> how y is rounded and coded

Every density is computed from z in integers (`model.integer_synthesis`), so that any
machine parses a file alike.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from salcomp.codec import bitstream, escapes, range_coder, tiling
from salcomp.codec.base import Encoded
from salcomp.codec.codec import Codec
from salcomp.config.geometry import HYPER_STRIDE
from salcomp.errors import BitstreamError, InputError, SalcompError
from salcomp.model.hyperprior import HyperPrior
from salcomp.zoo.exported import Export

_FLOATS = tf.TensorSpec((1, None, None, None), tf.float32)
_DOUBLES = tf.TensorSpec((1, None, None, None), tf.float64)
_MIDDLE_QUALITY = 50.0
# Gains are multiples of this, so that the last digit of a machine's exponential, which
# is 2^36 times finer, does not tell in the pixels.
_GAIN_UNIT = 2.0**-16
# Rows of z around a strip that h_s sees.
_HALO = 3


class Latents(NamedTuple):
    """What a picture is coded as, float32.

    Attributes:
      y: [1, h, w, N], times the gain of the quality.
      z: [1, ceil(h / 4), ceil(w / 4), M].
    """

    y: np.ndarray
    z: np.ndarray


class _Numbers(NamedTuple):
    """What of them is coded: whole numbers, and the densities of those of y.

    Attributes:
      z: int32 [1, ceil(h / 4), ceil(w / 4), M].
      y: int32 [1, h, w, N], what is added to the means.
      mean: float64 [1, h, w, N], multiples of 2^-8.
      index: int32 [1, h, w, N].
    """

    z: np.ndarray
    y: np.ndarray
    mean: np.ndarray
    index: np.ndarray

    @property
    def latents(self) -> Latents:
        """The latents that the decoder has."""
        return Latents(np.float32(self.y + self.mean), np.float32(self.z))


class HyperCodec(Codec):
    """The transform codec of a model with a hyperprior, at one of its qualities.

    Where other codecs have arrays of latents it has `Latents`.

    Attributes:
      has_rates: whether the model has several rates.
      quality: 0..100, of what is encoded; a multiple of 1/512.
    """

    format_version = bitstream.HYPER_VERSION

    def __init__(self, loaded: Export):
        super().__init__(loaded)
        self.has_rates = self.model.gains is not None
        self.quality = _MIDDLE_QUALITY if self.has_rates else 0.0
        self._densities = _Densities(self.model.prior, self.tables.precisions)
        self._coder = escapes.NumberCoder(self.tables)

    @property
    def lmbda(self) -> float:
        """The trade-off of the quality."""
        return self.lambdas[0] * self.config.lambda_span ** (
            self.quality / bitstream.LARGEST_QUALITY
        )

    @property
    def lambdas(self) -> tuple[float, float]:
        return self.config.lmbda, self.config.lmbda * self.config.lambda_span

    def at(self, quality: float) -> HyperCodec:
        """The codec at another quality, rounded to 1/512.

        Raises InputError if it is not in 0..100, or the model has one rate only.
        """
        if not self.has_rates:
            raise InputError("this model has one rate only; leave out the quality")
        if not 0 <= quality <= bitstream.LARGEST_QUALITY:
            raise InputError(f"quality must be from 0 to 100, not {quality}")
        other = copy.copy(self)
        steps = bitstream.QUALITY_STEPS
        other.quality = round(quality * steps) / steps
        return other

    def at_lambda(self, lmbda: float) -> HyperCodec:
        """The codec at the quality whose lambda is closest to a lambda."""
        if not self.has_rates:
            return self
        place = math.log(lmbda / self.lambdas[0]) / math.log(self.config.lambda_span)
        return self.at(bitstream.LARGEST_QUALITY * min(max(place, 0.0), 1.0))

    @property
    def gain(self) -> np.ndarray:
        return self._gains()[1]

    def _gains(self) -> list[np.ndarray]:
        """The gains of the quality before and after the rounding, float32 [N]."""
        if not self.has_rates:
            return [np.ones(self.config.num_filters, np.float32)] * 2
        rates = self.config.rates - 1
        level = self.quality / bitstream.LARGEST_QUALITY * rates
        place = min(int(level), rates - 1)
        found = []
        for logs in (self.model.gains.log_before, self.model.gains.log_after):
            low, high = logs.numpy().astype(np.float64)[place : place + 2]
            gain = np.exp(low + (level - place) * (high - low))
            whole = np.maximum(np.round(gain / _GAIN_UNIT), 1)
            found.append((whole * _GAIN_UNIT).astype(np.float32))
        return found

    def transform(self, rgb: np.ndarray, saliency: np.ndarray) -> np.ndarray:
        """g_a of a picture and its map, before the gain; arguments as `encode`."""
        return super().analyze(rgb, saliency)

    def analyze(self, rgb: np.ndarray, saliency: np.ndarray) -> Latents:
        return self._latents(self.transform(rgb, saliency))

    def _latents(self, y: np.ndarray) -> Latents:
        y = y * self._gains()[0]
        return Latents(y, self._densities.side_latents(y).numpy())

    def encode_transformed(self, y: np.ndarray, size: tuple[int, int]) -> Encoded:
        """Compresses what `transform` gave of a picture of a size, at this quality."""
        return self.encode_latents(self._latents(y), size)

    def encode_latents(self, latents: Latents, size: tuple[int, int]) -> Encoded:
        """As of other codecs; raises SalcompError if the latents are not finite."""
        numbers, tables = self._numbers(latents), self.tables
        payload = bitstream.pack_strings(
            self.quality,
            range_coder.encode(self._side_symbols(numbers), tables.side_cdf).numpy(),
            self._coder.encode(numbers.y, numbers.index),
        )
        content = bitstream.Content(
            self.fingerprint, *size, payload, version=self.format_version
        )
        return Encoded(self, bitstream.pack(content), numbers.latents, size)

    def quantize(self, latents: Latents) -> Latents:
        return self._numbers(latents).latents

    def synthesize(self, latents: Latents, height: int, width: int) -> np.ndarray:
        return super().synthesize(latents.y / self.gain, height, width)

    def bits(self, latents: Latents) -> float:
        """The information content of quantised latents by the tables, in bits."""
        numbers, tables = self._numbers(latents), self.tables
        of_z = escapes.table_costs(
            tables.side_cdf,
            tables.side_table_length,
            np.arange(self.config.hyper_channels),
            self._side_symbols(numbers),
        )
        return of_z + self._coder.cost(numbers.y, numbers.index)

    def codec_of(self, content: bitstream.Content) -> HyperCodec:
        quality = bitstream.unpack_strings(content.payload)[0]
        if self.has_rates:
            return self.at(quality)
        if quality:
            raise BitstreamError("altered or damaged: the model has one quality only")
        return self

    def latents_of(self, content, iterations=None) -> Latents:
        del iterations
        _, first, second = bitstream.unpack_strings(content.payload)
        size = self.latent_shape(content.height, content.width)[1:3]
        side = [-(-length // HYPER_STRIDE) for length in size]
        tables, shape = self.tables, (*side, self.config.hyper_channels)
        symbols, sane = range_coder.decode(first, shape, tables.side_cdf)
        if not (first and sane):
            raise BitstreamError("altered or damaged: the payload does not decode")
        z = symbols.numpy()[None] + tables.side_first_symbol
        mean, index = self._densities.of(z, size)
        return _Numbers(z, self._coder.decode(second, index), mean, index).latents

    def relaxed(self, latents: Latents, draw: Callable):
        z = draw(latents.z, 0.0)
        normal = self.model.prior.densities(z, *latents.y.shape[1:3])
        y = draw(latents.y, tf.stop_gradient(normal.mean))
        return y, normal.bits(y) + self.model.prior.side.bits(z)

    def rated(self, latents: Latents):
        y, z = latents
        normal = self.model.prior.densities(z, *y.shape[1:3])
        return y, normal.coded_bits(y) + self.model.prior.side.bits(z)

    def _numbers(self, latents: Latents) -> _Numbers:
        if not all(np.isfinite(values).all() for values in latents):
            raise SalcompError(
                "the latents are not finite: the model's training has diverged; "
                "export an earlier checkpoint"
            )
        tables = self.tables
        first = tables.side_first_symbol
        z = np.round(latents.z).clip(first, first + tables.side_table_length - 1)
        mean, index = self._densities.of(z, latents.y.shape[1:3])
        y = self._coder.clip(np.round(latents.y - mean), index)
        return _Numbers(z.astype(np.int32), y, mean, index)

    def _side_symbols(self, numbers: _Numbers) -> np.ndarray:
        """Indices into each channel's table, int32."""
        return numbers.z - self.tables.side_first_symbol


class _Densities:
    """h_a, and h_s in integers, compiled once for all rates of a model."""

    def __init__(self, prior: HyperPrior, precisions: np.ndarray):
        self._prior = prior
        self._synthesis = prior.integer_synthesis(precisions)

    @tf.function(autograph=False, input_signature=[_FLOATS])
    def side_latents(self, y):
        """z of latents."""
        return self._prior.side_latents(self._of_channels(y, self._prior.channels))

    def of(self, z: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Mean, float64, and index, int32, of latents [1, height, width, N].

        In strips, so that memory does not grow with height; whole numbers are the same
        in all of them.
        """
        height, width = size
        shape = 1, height, width, self._prior.channels
        mean, index = np.empty(shape), np.empty(shape, np.int32)
        _, rows, columns, _ = z.shape
        for strip, around, within in tiling.strips(rows, columns, _HALO, HYPER_STRIDE):
            found = self._strip(np.float64(z[:, around]))
            top, bottom = strip.start * HYPER_STRIDE, strip.stop * HYPER_STRIDE
            first = within.start * HYPER_STRIDE
            for whole, part in zip((mean, index), found):
                filled = whole[:, top:bottom]
                filled[:] = part[:, first : first + filled.shape[1], :width]
        return mean, index

    @tf.function(autograph=False, input_signature=[_DOUBLES])
    def _strip(self, z):
        z = self._of_channels(z, self._prior.side.channels)
        normal = self._prior.exact_normal(self._synthesis, z)
        return normal.mean, tf.cast(normal.index, tf.int32)

    def _of_channels(self, x, channels: int):
        return tf.ensure_shape(x, (1, None, None, channels))
