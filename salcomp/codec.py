"""The codec: an image and its saliency map to a compressed file, and back.

    RGB, map --> g_a --> round --> range coder --> file
    file --> range decoder --> g_s --> RGB
"""

from __future__ import annotations

import functools
import os

import numpy as np
import tensorflow as tf
import tensorflow_compression as tfc

from salcomp import bitstream, export, receptive_field, tiling
from salcomp.config import STRIDE
from salcomp.errors import BitstreamError
from salcomp.images import MAX_PIXELS
from salcomp.model import to_uint8
from salcomp.weighting import normalized_weight, raw_weight


class Encoded:
    """An image as the encoder left it.

    Attributes:
      data: the compressed file.
      latents: float32 [1, h, w, N], quantised, as the decoder will have them.
    """

    def __init__(self, codec: Codec, data: bytes, latents: np.ndarray, size):
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


class Codec:
    """A trained model with its range coder.

    Attributes:
      model: with its weights.
      config: of the training.
      fingerprint: 8 bytes in the header of every file of this model.
    """

    def __init__(self, exported: export.Export):
        self.model = exported.model
        self._tables = exported.tables
        self.config = exported.model.config
        self._halo = receptive_field.halo(self.config.dilation_rates)
        self.fingerprint = exported.fingerprint[: bitstream.FINGERPRINT_BYTES]

    @classmethod
    def load(cls, path: str | os.PathLike) -> Codec:
        """Loads a run's workdir, an exported model, or one of the zoo by its name.

        Raises:
          InputError: there is no model, or it is damaged.
        """
        return cls(export.load(path))

    def training_weight(self, saliency: np.ndarray) -> np.ndarray:
        """The raw weight of the training at a map, float32, shaped as the map."""
        return raw_weight(saliency, self.config)

    def loss_weight(self, saliency: np.ndarray) -> np.ndarray:
        """The weight that the training loss gave each pixel, float32 [H, W].

        Args:
          saliency: float32 [H, W], 0..1, of a whole image.
        """
        if not self.config.weight_distortion:
            return np.ones_like(saliency)
        mean = self.training_weight(saliency).mean()
        return normalized_weight(saliency, self.config, mean)

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int, int]:
        """[1, ceil(height / 16), ceil(width / 16), N]."""
        return 1, -(-height // STRIDE), -(-width // STRIDE), self.config.num_filters

    def analyze(self, rgb: np.ndarray, saliency: np.ndarray) -> np.ndarray:
        """Latents before quantisation.

        Args:
          rgb: uint8 [H, W, 3].
          saliency: float32 [H, W], 0..1.

        Returns:
          float32 [1, ceil(H / 16), ceil(W / 16), N].
        """
        return tiling.analyze(
            self._analyze, rgb, saliency, self.config.num_filters, self._halo
        )

    def quantize(self, latents: np.ndarray) -> np.ndarray:
        """round(y - o) + o, clipped to what the range coder's tables hold."""
        return self._to_latents(self._to_symbols(latents))

    def encode(self, rgb: np.ndarray, saliency: np.ndarray) -> Encoded:
        """Compresses an image.

        Args:
          rgb: uint8 [H, W, 3].
          saliency: float32 [H, W], 0..1; without effect if the model was trained
            with an unconditioned encoder.

        Raises:
          InputError: a side is over 65535.
        """
        return self.encode_latents(self.analyze(rgb, saliency), rgb.shape[:2])

    def encode_latents(self, latents: np.ndarray, size: tuple[int, int]) -> Encoded:
        """Compresses latents, quantising them.

        Args:
          latents: float32 [1, h, w, N].
          size: height and width of the image.
        """
        symbols = self._to_symbols(latents)
        payload = _range_encode(symbols, self._tables.cdf).numpy()
        content = bitstream.Content(self.fingerprint, *size, payload)
        return Encoded(self, bitstream.pack(content), self._to_latents(symbols), size)

    def decode(self, data: bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
        """Decompresses a file.

        Args:
          data: the file.
          max_pixels: most pixels to accept.

        Returns:
          uint8 [H, W, 3].

        Raises:
          BitstreamError: the file cannot be decoded, and why.
        """
        content = bitstream.unpack(data, self.fingerprint, max_pixels)
        shape = self.latent_shape(content.height, content.width)
        symbols, sane = _range_decode(content.payload, shape[1:], self._tables.cdf)
        if not sane:
            raise BitstreamError("altered or damaged: the payload does not decode")
        latents = self._to_latents(symbols.numpy()[None])
        return self.synthesize(latents, content.height, content.width)

    def synthesize(self, latents: np.ndarray, height: int, width: int) -> np.ndarray:
        """uint8 [height, width, 3] from quantised latents."""
        return tiling.synthesize(
            self._synthesize, latents, height, width, self._halo
        )

    @tf.function(input_signature=[tf.TensorSpec((1, None, None, None), tf.float32)])
    def bits(self, latents):
        """The information content of quantised latents under the prior, in bits."""
        latents = tf.ensure_shape(latents, (1, None, None, self.config.num_filters))
        return self.model.prior.bits(latents)[0]

    @tf.function(
        input_signature=[
            tf.TensorSpec((1, None, None, 3), tf.uint8),
            tf.TensorSpec((1, None, None, 1), tf.float32),
        ]
    )
    def _analyze(self, rgb, saliency):
        return self.model.encode(tf.cast(rgb, tf.float32), saliency)

    @tf.function(input_signature=[tf.TensorSpec((1, None, None, None), tf.float32)])
    def _synthesize(self, latents):
        latents = tf.ensure_shape(latents, (1, None, None, self.config.num_filters))
        # In float32 kernels of other processors round otherwise, and here and there a
        # sample becomes another level.
        if self.config.layers == "2019":
            latents = tf.cast(latents, tf.float64)
        return to_uint8(self.model.decode(latents))

    def _to_symbols(self, latents: np.ndarray) -> np.ndarray:
        """Indices into each channel's table, int32."""
        tables = self._tables
        rounded = np.round(latents - tables.quantization_offset) - tables.first_symbol
        return np.clip(rounded, 0, tables.table_length - 1).astype(np.int32)

    def _to_latents(self, symbols: np.ndarray) -> np.ndarray:
        integers = (symbols + self._tables.first_symbol).astype(np.float32)
        return integers + self._tables.quantization_offset


@tf.function(
    input_signature=[
        tf.TensorSpec((1, None, None, None), tf.int32),
        tf.TensorSpec([None], tf.int32),
    ]
)
def _range_encode(symbols, cdf):
    handle = tfc.create_range_encoder([1], cdf)
    handle = tfc.entropy_encode_channel(handle, symbols)
    return tfc.entropy_encode_finalize(handle)[0]


@tf.function(
    input_signature=[
        tf.TensorSpec([], tf.string),
        tf.TensorSpec([3], tf.int32),
        tf.TensorSpec([None], tf.int32),
    ]
)
def _range_decode(payload, shape, cdf):
    """Symbols of a shape [h, w, N], and whether the payload ended where it should."""
    handle = tfc.create_range_decoder(payload[None], cdf)
    handle, symbols = tfc.entropy_decode_channel(handle, shape, tf.int32)
    return symbols[0], tfc.entropy_decode_finalize(handle)[0]
