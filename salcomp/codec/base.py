"""Latents to a compressed file and back, for any model with tables.

latents --> symbols --> range coder --> file
file --> range decoder --> symbols --> latents

Here a symbol's table is that of its channel; other kinds of models have payloads of
their own.
"""

from __future__ import annotations

import abc
import functools
import os

import numpy as np

from salcomp.codec import bitstream, range_coder
from salcomp.errors import BitstreamError, InputError
from salcomp.files.images import MAX_PIXELS
from salcomp.model.base import Model
from salcomp.zoo import exported, kinds, shipped


class Encoded:
    """An image as the encoder left it.

    Attributes:
      data: the compressed file.
      latents: float32 [1, h, w, N], quantised, as the decoder will have them.
    """

    def __init__(self, codec: RangeCodec, data: bytes, latents: np.ndarray, size):
        self.data = data
        self.latents = latents
        self._codec = codec
        self._size = size

    @property
    def bpp(self) -> float:
        """Bit per pixel of the whole file."""
        height, width = self._size
        return 8 * len(self.data) / (height * width)

    @functools.cached_property
    def information_bits(self) -> float:
        """The information content of the latents under the prior, in bits."""
        return float(self._codec.bits(self.latents))

    @functools.cached_property
    def reconstruction(self) -> np.ndarray:
        """uint8 [H, W, 3], what decoding the file gives."""
        return self._codec.synthesize(self.latents, *self._size)


class RangeCodec(abc.ABC):
    """A trained model with its range coder.

    Attributes:
      model: with its weights.
      config: of the training.
      fingerprint: 8 bytes in the header of every file of this model.
      step: of training that the weights are of.
      tables: of the range coder.
      model_class: of the models of this kind.
      has_rates: whether the model has several rates, by a quality.
      is_progressive: whether files have iterations, after which they may be cut.
      max_pixels: most pixels of an image that is coded unless told otherwise.
      format_version: of its files.
    """

    model_class: type[Model]
    has_rates = False
    is_progressive = False
    max_pixels = MAX_PIXELS
    format_version = bitstream.VERSION

    def __init__(self, loaded: exported.Export):
        self.model = loaded.model
        self.step = loaded.step
        self.tables = loaded.tables
        self.config = loaded.model.config
        self.fingerprint = loaded.fingerprint[: bitstream.FINGERPRINT_BYTES]

    @classmethod
    def load(cls, model: str | os.PathLike):
        """Loads a model folder, the export of a run's workdir, or a model by its name.

        Raises InputError if there is no model of this kind, or it is damaged.
        """
        folder = shipped.folder_of(model)
        if kinds.of(folder).codec is not cls:
            raise InputError(f"{folder} holds another kind of model")
        return cls(exported.load(model, cls.model_class))

    @abc.abstractmethod
    def latent_shape(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The shape [1, h, w, N] of the latents of an image."""

    @abc.abstractmethod
    def analyze(self, rgb: np.ndarray, saliency: np.ndarray) -> np.ndarray:
        """Latents before quantisation, float32, shaped as `latent_shape` says.

        The picture is uint8 [H, W, 3], the map float32 [H, W] in 0..1.
        """

    @abc.abstractmethod
    def synthesize(self, latents: np.ndarray, height: int, width: int) -> np.ndarray:
        """uint8 [height, width, 3] from quantised latents."""

    @abc.abstractmethod
    def bits(self, latents: np.ndarray) -> float:
        """The information content of quantised latents, in bits."""

    def quantize(self, latents: np.ndarray) -> np.ndarray:
        """round(y - o) + o, clipped to what the range coder's tables hold."""
        return self._to_latents(self._to_symbols(latents))

    def encode(self, rgb: np.ndarray, saliency: np.ndarray) -> Encoded:
        """Compresses uint8 [H, W, 3] under a map, float32 [H, W] in 0..1.

        The map is without effect if the model was trained with an unconditioned
        encoder. Raises InputError if a side is over 65535.
        """
        return self.encode_latents(self.analyze(rgb, saliency), rgb.shape[:2])

    def encode_latents(self, latents: np.ndarray, size: tuple[int, int]) -> Encoded:
        """Quantises and compresses latents, float32 [1, h, w, N].

        `size` is the height and width of the image.
        """
        latents = self.quantize(latents)
        content = bitstream.Content(
            self.fingerprint, *size, self.payload(latents), version=self.format_version
        )
        return Encoded(self, bitstream.pack(content), latents, size)

    def payload(self, latents: np.ndarray) -> bytes:
        """What stands for quantised latents in a file, after the header."""
        symbols = self._to_symbols(latents)
        return range_coder.encode(symbols, self.tables.cdf).numpy()

    def latents_of(
        self, content: bitstream.Content, iterations: int | None = None
    ) -> np.ndarray:
        """The latents of a file, which is known to be this model's.

        Args:
          content: whole, unless `iterations` says how much of it is needed.
          iterations: of a progressive file, how many to decode; all if None.

        Raises BitstreamError if the payload does not decode.
        """
        shape = self.latent_shape(content.height, content.width)
        symbols, sane = range_coder.decode(content.payload, shape[1:], self.tables.cdf)
        if not sane:
            raise BitstreamError("altered or damaged: the payload does not decode")
        return self._to_latents(symbols.numpy()[None])

    def decode(self, data: bytes, max_pixels: int | None = None) -> np.ndarray:
        """Decompresses the bytes of a file to uint8 [H, W, 3].

        It may have `max_pixels`; as many as the codec says if None. Raises
        BitstreamError if it cannot be decoded, and says why.
        """
        return self.decode_content(bitstream.unpack(data), max_pixels)

    def decode_content(
        self,
        content: bitstream.Content,
        max_pixels: int | None = None,
        iterations: int | None = None,
    ) -> np.ndarray:
        """Decompresses a file that has been read; else as `decode` and `latents_of`.

        Raises InputError for `iterations` if files of this model have none.
        """
        if iterations is not None and not self.is_progressive:
            raise InputError(
                "files of this model are not progressive; leave out --iterations"
            )
        limit = self.max_pixels if max_pixels is None else max_pixels
        bitstream.check(content, self.fingerprint, limit, self.format_version)
        codec = self.codec_of(content)
        latents = codec.latents_of(content, iterations)
        return codec.synthesize(latents, content.height, content.width)

    def codec_of(self, content: bitstream.Content) -> RangeCodec:
        """The codec at the quality of a file that is known to be this model's."""
        del content
        return self

    def _to_symbols(self, latents: np.ndarray) -> np.ndarray:
        """Indices into each channel's table, int32."""
        tables = self.tables
        rounded = np.round(latents - tables.quantization_offset) - tables.first_symbol
        return np.clip(rounded, 0, tables.table_length - 1).astype(np.int32)

    def _to_latents(self, symbols: np.ndarray) -> np.ndarray:
        integers = (symbols + self.tables.first_symbol).astype(np.float32)
        return integers + self.tables.quantization_offset


def load(model: str | os.PathLike) -> RangeCodec:
    """Loads the codec of a model of any kind, as `RangeCodec.load` takes it.

    Raises InputError if there is no model, or it is damaged.
    """
    return kinds.of(shipped.folder_of(model)).codec.load(model)
