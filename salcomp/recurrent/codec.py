"""The codec of a trained recurrent model: iterations to a `.salc` file, and back.

Its latents are the bits: -1 and 1, [1, h, w, T C], those of an iteration together; 0 in
the iterations that a block has no part in. What a file says is parsed in integers
alone, the same on every machine; pictures are computed in float32, whose rounding may
differ by a level here and there between processors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from salcomp.codec import bitstream
from salcomp.codec.base import RangeCodec
from salcomp.config.geometry import STRIDE
from salcomp.errors import BitstreamError
from salcomp.model.base import to_uint8
from salcomp.recurrent import planes
from salcomp.recurrent.model import Memory, RecurrentCoder, from_unit, to_unit
from salcomp.recurrent.networks import signs
from salcomp.zoo.exported import Export


class Course(NamedTuple):
    """How the coding of a picture went.

    Attributes:
      latents: float32 [1, h, w, T C].
      errors: float64 [T, h, w], the weighted squared error of each block after each
        iteration: over its pixels, the sum of the weight times the mean over RGB, in
        8-bit levels².
    """

    latents: np.ndarray
    errors: np.ndarray


class RecurrentCodec(RangeCodec):
    """A recurrent model with its range coder."""

    model_class = RecurrentCoder
    is_progressive = True
    # 4 megapixels: the states want the image in one piece. Those of the decoder's last
    # cell, with its gates, take about 1 KB a pixel at the published width.
    max_pixels = 2**22

    def __init__(self, loaded: Export):
        super().__init__(loaded)
        self._planes = planes.PlaneCoder(self.tables)
        memory = self.model.start(1, 1, 1)
        active, saliency = tf.ones((1, 1, 1, 1), tf.bool), memory.picture[..., :1]
        seen = memory.picture, saliency, memory.encoder, memory.picture, active
        self._encoding = _compiled(self._encode_step, *seen)
        bits = tf.ones((1, 1, 1, self.config.bits_per_block))
        known = bits, memory.decoder, memory.picture, active
        self._decoding = _compiled(self._decode_step, *known)

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int, int]:
        """[1, ceil(height / 16), ceil(width / 16), T C]."""
        channels = self.config.iterations * self.config.bits_per_block
        return 1, -(-height // STRIDE), -(-width // STRIDE), channels

    def quantize(self, latents: np.ndarray) -> np.ndarray:
        """The latents: they are bits already."""
        return latents

    def analyze(self, rgb: np.ndarray, saliency: np.ndarray) -> np.ndarray:
        """The bits of all iterations, of all blocks."""
        rows, columns = self.latent_shape(*rgb.shape[:2])[1:3]
        everywhere = np.full((rows, columns), self.config.iterations)
        return self.run(rgb, saliency, everywhere, np.ones_like(saliency)).latents

    def run(
        self,
        rgb: np.ndarray,
        saliency: np.ndarray,
        stops: np.ndarray,
        weight: np.ndarray,
    ) -> Course:
        """Codes a picture, and decodes along, as the decoder will.

        Args:
          rgb: uint8 [H, W, 3].
          saliency: float32 [H, W] in 0..1.
          stops: int [h, w], how many iterations each block has: 1 to T.
          weight: float32 [H, W], of the errors.
        """
        height, width = rgb.shape[:2]
        margin = [(0, -height % STRIDE), (0, -width % STRIDE)]
        rgba = np.dstack([rgb, np.round(255 * saliency).astype(np.uint8)])
        x, seen = to_unit(np.pad(rgba, (*margin, (0, 0)), "edge")[None])
        weight = np.pad(weight, margin)  # what is cut off has none
        rows, columns = stops.shape
        bits = self.config.bits_per_block
        latents = np.zeros(self.latent_shape(height, width), np.float32)
        errors = np.zeros((self.config.iterations, rows, columns))
        memory = self.model.start(1, rows, columns)
        for t in range(stops.max()):
            active = (stops > t)[None, ..., None]  # [1, h, w, 1]
            found, encoder = self._encoding[t == 0](
                x, seen, memory.encoder, memory.picture, active
            )
            plane = np.where(active, found, 0).astype(np.float32)
            latents[..., t * bits : (t + 1) * bits] = plane
            memory = self._decode(plane, memory._replace(encoder=encoder), t, active)
            decoded = from_unit(memory.picture)[0].numpy().clip(0, 255)
            squared = np.square(decoded - from_unit(x)[0].numpy()).mean(axis=-1)
            blocks = (weight * squared).reshape(rows, STRIDE, columns, STRIDE)
            errors[t] = blocks.sum(axis=(1, 3), dtype=np.float64)
        return Course(latents, errors)

    def synthesize(self, latents: np.ndarray, height: int, width: int) -> np.ndarray:
        rows, columns = latents.shape[1:3]
        memory = self.model.start(1, rows, columns)
        for t, plane in enumerate(self.planes_of(latents)):
            if plane.any():
                active = plane.any(axis=-1)[None, ..., None]
                memory = self._decode(plane[None], memory, t, active)
        picture = to_uint8(from_unit(memory.picture))
        return picture[0, :height, :width].numpy()

    def bits(self, latents: np.ndarray) -> float:
        """The information content of bits, and of where they end, in bits."""
        return float(self.block_bits(latents).sum())

    def block_bits(self, latents: np.ndarray) -> np.ndarray:
        """The information content of each block by iteration, float64 [T, h, w]."""
        return self._planes.bits(self.planes_of(latents))

    def payload(self, latents: np.ndarray) -> bytes:
        return planes.pack(self._planes.encode(self.planes_of(latents)))

    def latents_of(
        self, content: bitstream.Content, iterations: int | None = None
    ) -> np.ndarray:
        """The latents of a file; else as `RangeCodec.latents_of`.

        A file that is cut needs to hold the iterations that are asked for.
        """
        strings, complete = planes.unpack(content.payload)
        if not content.whole and len(strings) < (iterations or np.inf):
            raise BitstreamError(
                f"truncated after iteration {len(strings)}; no more than those can be "
                "decoded, with --iterations"
            )
        if content.whole and not complete:
            raise BitstreamError("altered or damaged: the payload does not decode")
        _, rows, columns, channels = self.latent_shape(content.height, content.width)
        found = self._planes.decode(strings[:iterations], (rows, columns))
        latents = found.transpose(1, 2, 0, 3).reshape(1, rows, columns, channels)
        return latents.astype(np.float32)

    def planes_of(self, latents: np.ndarray) -> np.ndarray:
        """The bits of each iteration, [T, h, w, C], of latents."""
        rows, columns = latents.shape[1:3]
        shape = rows, columns, self.config.iterations, self.config.bits_per_block
        return latents.reshape(shape).transpose(2, 0, 1, 3)

    def _decode(self, plane, memory: Memory, t: int, active) -> Memory:
        """The memory after an iteration, from 0; that of the encoder is kept."""
        picture, decoder = self._decoding[t == 0](
            plane, memory.decoder, memory.picture, active
        )
        return Memory(memory.encoder, decoder, picture)

    def _encode_step(self, x, saliency, encoder, picture, active, first: bool):
        memory = Memory(encoder, [], picture)
        values, states = self.model.encode(x, saliency, memory, first, active)
        return signs(values), states

    def _decode_step(self, bits, decoder, picture, active, first: bool):
        memory = Memory([], decoder, picture)
        return self.model.decode(bits, memory, first, active)


def _compiled(step: Callable, *inputs) -> dict[bool, Callable]:
    """A step of the first iteration, under True, and of the others.

    Compiled once for images of all sizes: other kernels might round otherwise.
    """

    def of_any_size(tensor: tf.Tensor) -> tf.TensorSpec:
        return tf.TensorSpec((1, None, None, tensor.shape[-1]), tensor.dtype)

    signature = tf.nest.map_structure(of_any_size, inputs)
    return {
        first: tf.function(
            functools.partial(step, first=first),
            input_signature=signature,
            autograph=False,
        )
        for first in (True, False)
    }
