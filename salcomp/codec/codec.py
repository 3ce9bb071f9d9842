"""The codec: an image and its saliency map to a compressed file, and back.

RGB, map --> g_a --> round --> range coder --> file
file --> range decoder --> g_s --> RGB
"""

from __future__ import annotations

from collections.abc import Callable

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

_RGB = tf.TensorSpec((1, None, None, 3), tf.uint8)
_MAP = tf.TensorSpec((1, None, None, 1), tf.float32)
_LATENTS = tf.TensorSpec((1, None, None, None), tf.float32)


class Codec(RangeCodec):
    """The saliency-conditioned transform codec with its range coder.

    Attributes:
      halo: rows of latents around a strip that its values depend on.
    """

    model_class = SaliencyCodec

    def __init__(self, loaded: Export):
        super().__init__(loaded)
        self.halo = receptive_field.halo(self.config.dilation_rates)
        self._graphs = _Graphs(self.model)

    @property
    def lmbda(self) -> float:
        """The model's trade-off, in bit per pixel per squared 8-bit level."""
        return self.config.lmbda

    @property
    def lambdas(self) -> tuple[float, float]:
        """The least and the largest lambda that the model has rates for."""
        return self.config.lmbda, self.config.lmbda

    def at_lambda(self, lmbda: float) -> Codec:
        """The codec at the rate that is closest to a lambda: the only one here."""
        del lmbda
        return self

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
        analyze = self._graphs.analyze
        return tiling.analyze(analyze, rgb, saliency, channels, self.halo)

    def synthesize(self, latents: np.ndarray, height: int, width: int) -> np.ndarray:
        synthesize = self._graphs.synthesize
        return tiling.synthesize(synthesize, latents, height, width, self.halo)

    def bits(self, latents: np.ndarray) -> float:
        return float(self._graphs.bits(latents))

    @property
    def gain(self) -> np.ndarray:
        """What latents are divided by before they are decoded, float32 [N]."""
        return np.ones(self.config.num_filters, np.float32)

    def relaxed(self, latents, draw: Callable) -> tuple[tf.Tensor, tf.Tensor]:
        """Latents for refinement to descend on, and their bits, [1].

        `draw` puts tensors between the points of a lattice around them: the whole
        numbers, moved by an offset.
        """
        return self.rated(draw(latents, self.tables.quantization_offset))

    def rated(self, latents) -> tuple[tf.Tensor, tf.Tensor]:
        """What of quantised latents is decoded, and their bits, [1]."""
        return latents, self.model.prior.bits(latents)


class _Graphs:
    """What a codec computes in TensorFlow, compiled once for all rates of a model."""

    def __init__(self, model: SaliencyCodec):
        self._model = model

    @tf.function(autograph=False, input_signature=[_LATENTS])
    def bits(self, latents):
        latents = tf.ensure_shape(latents, self._shape)
        return self._model.prior.bits(latents)[0]

    @property
    def _shape(self) -> tuple:
        return 1, None, None, self._model.config.num_filters

    @tf.function(autograph=False, input_signature=[_RGB, _MAP])
    def analyze(self, rgb, saliency):
        return self._model.encode(tf.cast(rgb, tf.float32), saliency)

    @tf.function(autograph=False, input_signature=[_LATENTS])
    def synthesize(self, latents):
        latents = tf.ensure_shape(latents, self._shape)
        # In float32 kernels of other processors round otherwise, and here and there a
        # sample becomes another level.
        if self._model.config.layers == "2019":
            latents = tf.cast(latents, tf.float64)
        return to_uint8(self._model.decode(latents))
