"""The codec of a trained GAN: its codes, by a range coder, in a `.salc` file."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from salcomp.codec.base import RangeCodec
from salcomp.config.config import STRIDE
from salcomp.extreme_gan.model import ExtremeGan, from_unit, to_unit
from salcomp.extreme_gan.networks import code_size, decoding_noise
from salcomp.extreme_gan.quantizer import CENTERS

_RGBA = tf.TensorSpec((1, None, None, 4), tf.uint8)
_LATENTS = tf.TensorSpec((1, None, None, None), tf.float32)


class GanCodec(RangeCodec):
    """A GAN with its range coder."""

    model_class = ExtremeGan
    # 4 megapixels. Instance normalisation wants the image in one piece, of which each
    # layer at its resolution takes 240 bytes a pixel at the published width.
    max_pixels = 2**22

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int, int]:
        """[1, ceil(height / 16), ceil(width / 16), C], of sides of at least 2."""
        return 1, *code_size(height, width), self.config.code_channels

    def analyze(self, rgb: np.ndarray, saliency: np.ndarray) -> np.ndarray:
        rgba = np.dstack([rgb, np.round(255 * saliency).astype(np.uint8)])
        height, width = rgb.shape[:2]
        rows, columns = code_size(height, width)
        below, right = STRIDE * rows - height, STRIDE * columns - width
        padded = np.pad(rgba, ((0, below), (0, right), (0, 0)), "edge")
        return self._analyze(padded[None]).numpy()

    def synthesize(self, latents: np.ndarray, height: int, width: int) -> np.ndarray:
        return self._synthesize(latents)[0, :height, :width].numpy()

    def bits(self, latents: np.ndarray) -> float:
        """The information content of codes under the tables, in bits."""
        rows = np.reshape(self.tables.cdf, (self.config.code_channels, -1))
        # A row is the precision, then the cumulatives from 0 to 2^precision.
        nats = rows[:, :1] * np.log(2) - np.log(np.diff(rows[:, 1:]))  # [C, L]
        symbols = latents[0].astype(int) - CENTERS[0]
        channels = np.arange(self.config.code_channels)
        return float(nats[channels, symbols].sum() / np.log(2))

    @tf.function(autograph=False, input_signature=[_RGBA])
    def _analyze(self, rgba):
        return self.model.encode(*to_unit(rgba))

    @tf.function(autograph=False, input_signature=[_LATENTS])
    def _synthesize(self, codes):
        shape = (1, None, None, self.config.code_channels)
        codes = tf.ensure_shape(codes, shape)
        return from_unit(self.model.decode(codes, decoding_noise()))
