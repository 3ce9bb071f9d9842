"""The codec: an image and its saliency map to a compressed file, and back.

RGB, map --> g_a --> round --> range coder --> file
file --> range decoder --> g_s --> RGB
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from salcomp.codec import tiling
from salcomp.codec.base import RangeCodec
from salcomp.config import geometry as receptive_field
from salcomp.config.config import STRIDE
from salcomp.config.weighting import normalized_weight, raw_weight
from salcomp.model.base import to_uint8
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.zoo.exported import Export


class Codec(RangeCodec):
    """The saliency-conditioned transform codec with its range coder.

    Attributes:
      halo: rows of latents around a strip that its values depend on.
    """

    model_class = SaliencyCodec

    def __init__(self, loaded: Export):
        super().__init__(loaded)
        self.halo = receptive_field.halo(self.config.dilation_rates)

    def training_weight(self, saliency: np.ndarray) -> np.ndarray:
        """The raw weight of the training at a map, float32, shaped as the map."""
        return raw_weight(saliency, self.config)

    def loss_weight(self, saliency: np.ndarray) -> np.ndarray:
        """The weight that the training loss gave each pixel, float32 [H, W].

        The map, float32 [H, W] in 0..1, is that of a whole image.
        """
        if not self.config.weight_distortion:
            return np.ones_like(saliency)
        mean = self.training_weight(saliency).mean()
        return normalized_weight(saliency, self.config, mean)

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int, int]:
        """[1, ceil(height / 16), ceil(width / 16), N]."""
        return 1, -(-height // STRIDE), -(-width // STRIDE), self.config.num_filters

    def analyze(self, rgb: np.ndarray, saliency: np.ndarray) -> np.ndarray:
        channels = self.config.num_filters
        return tiling.analyze(self._analyze, rgb, saliency, channels, self.halo)

    def synthesize(self, latents: np.ndarray, height: int, width: int) -> np.ndarray:
        return tiling.synthesize(self._synthesize, latents, height, width, self.halo)

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
