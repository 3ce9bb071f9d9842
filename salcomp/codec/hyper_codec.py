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

from salcomp.codec import bitstream, range_coder
from salcomp.codec.base import Encoded
from salcomp.codec.codec import Codec
from salcomp.config.geometry import HYPER_STRIDE, STRIDE
from salcomp.errors import BitstreamError, InputError
from salcomp.model.hyperprior import HyperPrior, Normal
from salcomp.zoo.exported import Export

_FLOATS = tf.TensorSpec((1, None, None, None), tf.float32)
_DOUBLES = tf.TensorSpec((1, None, None, None), tf.float64)
_SIZE = tf.TensorSpec((), tf.int32)
_MIDDLE_QUALITY = 50.0
# Gains are multiples of this, whatever the last digit of a machine's exponential.
_GAIN_UNIT = 2.0**-16


class Latents(NamedTuple):
    """What a picture is coded as, float32.

    Attributes:
      y: [1, h, w, N], times the gain of the quality.
      z: [1, ceil(h / 4), ceil(w / 4), M].
    """

    y: np.ndarray
    z: np.ndarray


class HyperCodec(Codec):
    """The transform codec of a model with a hyperprior, at one of its qualities.

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

    def quantize(self, latents: Latents) -> Latents:
        z = self._to_side_symbols(latents.z) + self.tables.side_first_symbol
        mean, index = self._densities_of(z, latents.y.shape[1:3])
        symbols = self._to_y_symbols(latents.y, mean, index)
        y = symbols + self.tables.first_symbol[index] + mean
        return Latents(y.astype(np.float32), z.astype(np.float32))

    def synthesize(self, latents: Latents, height: int, width: int) -> np.ndarray:
        return super().synthesize(latents.y / self.gain, height, width)

    def bits(self, latents: Latents) -> float:
        size = latents.y.shape[1:3]
        mean, index = self._densities_of(latents.z, size)
        normal = mean.astype(np.float32), index.astype(np.float32)
        return float(self._densities.bits(*latents, *normal))

    def payload(self, latents: Latents) -> bytes:
        mean, index = self._densities_of(latents.z, latents.y.shape[1:3])
        of_z = self._to_side_symbols(latents.z)
        of_y = self._to_y_symbols(latents.y, mean, index)
        return bitstream.pack_strings(
            self.quality,
            range_coder.encode(of_z, self.tables.side_cdf).numpy(),
            range_coder.encode_indexed(of_y, index, self.tables.cdf).numpy(),
        )

    def decode_content(self, content, max_pixels=None, iterations=None) -> np.ndarray:
        limit = self.max_pixels if max_pixels is None else max_pixels
        bitstream.check(content, self.fingerprint, limit, self.format_version)
        quality = bitstream.unpack_strings(content.payload)[0]
        codec = self.at(quality) if self.has_rates else self
        latents = codec.latents_of(content, iterations)
        return codec.synthesize(latents, content.height, content.width)

    def latents_of(self, content, iterations=None) -> Latents:
        if iterations is not None:
            raise InputError(
                "files of this model are not progressive; leave out --iterations"
            )
        _, first, second = bitstream.unpack_strings(content.payload)
        size = tuple(-(-side // STRIDE) for side in (content.height, content.width))
        side = [-(-length // HYPER_STRIDE) for length in size]
        tables = self.tables
        shape = (*side, self.config.hyper_channels)
        symbols, sane = range_coder.decode(first, shape, tables.side_cdf)
        z = symbols.numpy()[None] + tables.side_first_symbol
        mean, index = self._densities_of(z, size)
        symbols, sane_too = range_coder.decode_indexed(second, index, tables.cdf)
        if not (sane and sane_too):
            raise BitstreamError("altered or damaged: the payload does not decode")
        y = symbols.numpy() + tables.first_symbol[index] + mean
        return Latents(y.astype(np.float32), z.astype(np.float32))

    def relaxed(self, latents: Latents, draw: Callable):
        z = draw(latents.z, 0.0)
        _, height, width, _ = latents.y.shape
        normal = self.model.prior.densities(z, height, width)
        y = draw(latents.y, tf.stop_gradient(normal.mean))
        return y, normal.bits(y) + self.model.prior.side.bits(z)

    def rated(self, latents: Latents):
        y, z = latents
        normal = self.model.prior.densities(z, *y.shape[1:3])
        return y, normal.bits(y) + self.model.prior.side.bits(z)

    def _densities_of(self, z, size) -> tuple[np.ndarray, np.ndarray]:
        """Mean, in multiples of 2^-8, and index of each y of whole z."""
        mean, index = self._densities.of(np.float64(z), *size)
        return mean.numpy(), index.numpy()

    def _to_side_symbols(self, z: np.ndarray) -> np.ndarray:
        """Indices into each channel's table, int32."""
        return _to_symbols(
            z, self.tables.side_first_symbol, self.tables.side_table_length
        )

    def _to_y_symbols(self, y, mean, index) -> np.ndarray:
        """Indices into each latent's table, int32."""
        first, length = self.tables.first_symbol, self.tables.table_length
        return _to_symbols(y - mean, first[index], length[index])


def _to_symbols(values, first, length) -> np.ndarray:
    symbols = np.round(values).astype(np.float64) - first
    return np.clip(symbols, 0, length - 1).astype(np.int32)


class _Densities:
    """h_a, and h_s in integers, compiled once for all rates of a model."""

    def __init__(self, prior: HyperPrior, precisions: np.ndarray):
        self._prior = prior
        self._synthesis = prior.integer_synthesis(precisions)

    @tf.function(input_signature=[_FLOATS])
    def side_latents(self, y):
        """z of latents."""
        return self._prior.side_latents(self._of_channels(y, self._prior.channels))

    @tf.function(input_signature=[_DOUBLES, _SIZE, _SIZE])
    def of(self, z, height, width):
        """Mean, float64, and index, int32, of latents [1, height, width, N]."""
        z = self._of_channels(z, self._prior.side.channels)
        mean, index = self._prior.exact_normal(self._synthesis, z)
        cut = [slice(None), slice(height), slice(width)]
        return mean[cut], tf.cast(index[cut], tf.int32)

    @tf.function(input_signature=[_FLOATS] * 4)
    def bits(self, y, z, mean, index):
        """The information content of quantised latents, in bits."""
        z = self._of_channels(z, self._prior.side.channels)
        return (Normal(mean, index).bits(y) + self._prior.side.bits(z))[0]

    def _of_channels(self, x, channels: int):
        return tf.ensure_shape(x, (1, None, None, channels))
