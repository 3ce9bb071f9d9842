"""Ways to encode an image: as the model does, refined, or at a rate that is asked for.

What `compress` needs of each:

    encode(name, rgb, saliency) -> Encoded    with the image's name, for messages
    uses_map                                  whether the saliency map has any effect
    max_pixels                                of an image, unless told otherwise
    workers                                   how many images at a time
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from absl import logging

from salcomp.codec import bitstream
from salcomp.codec.base import Encoded, RangeCodec
from salcomp.codec.files import WORKERS
from salcomp.codec.rate_search import approach, closest
from salcomp.codec.refine import Refinement
from salcomp.progress import Progress

# How far a refinement's lambda may be from the model's, as a factor.
_LAMBDA_RANGE = 8


class Plain:
    """As the model's own encoder does."""

    workers = WORKERS

    def __init__(self, codec: RangeCodec):
        self._codec = codec
        self.max_pixels = codec.max_pixels
        self.uses_map = codec.config.condition_encoder

    def encode(self, name: str, rgb: np.ndarray, saliency: np.ndarray) -> Encoded:
        """Encodes uint8 [H, W, 3] under a map, float32 [H, W], 0..1."""
        del name
        return self._codec.encode(rgb, saliency)


class Refined:
    """With the latents refined, one image at a time, with a progress bar."""

    workers = 1

    def __init__(self, refinement: Refinement):
        self._refinement = refinement
        codec = refinement.refiner.codec
        self.max_pixels = codec.max_pixels
        weighted = refinement.weight_of is not None
        self.uses_map = weighted or codec.config.condition_encoder

    def encode(self, name: str, rgb, saliency, lmbda: float | None = None) -> Encoded:
        """As `Plain.encode`; with a lambda in the place of the refinement's."""
        refiner = self._refinement.refiner
        with Progress(total=refiner.steps, desc=name, leave=False) as bar:
            return self._refinement.encode(rgb, saliency, lmbda, bar.update)


class Found(NamedTuple):
    """What a search for a rate ends with.

    Attributes:
      encoded: the file.
      how: by which model, and if refined with which lambda.
      within: whether the rate is within reach; else this is the closest.
    """

    encoded: Encoded
    how: str
    within: bool


class AtRate:
    """At a rate, image by image: with whichever of some models comes closest.

    One model of several rates comes within about 1 %, by its quality; so does a
    refinement, by its lambda: from an eighth of the model's least to eight times its
    largest, and where that is not enough with the next model.
    """

    def __init__(
        self,
        codecs: Mapping[str, RangeCodec],
        bpp: float,
        refinement_of: Callable[[RangeCodec], Refinement] | None = None,
    ):
        """Makes an encoder.

        The codecs are by the models' names, by rising lambda, or one of several rates;
        `bpp` is the rate of the whole file in bit per pixel; `refinement_of` makes the
        refinement with a codec.
        """
        self._codecs = codecs
        self._bpp = bpp
        self.max_pixels = min(codec.max_pixels for codec in codecs.values())
        self._refined = None
        if refinement_of is not None:
            self._refined = {n: Refined(refinement_of(c)) for n, c in codecs.items()}
        self.workers = Plain.workers if self._refined is None else Refined.workers
        encoders = self._refined or {n: Plain(c) for n, c in codecs.items()}
        self.uses_map = any(encoder.uses_map for encoder in encoders.values())

    def encode(self, name: str, rgb: np.ndarray, saliency: np.ndarray) -> Encoded:
        """As `Plain.encode`; logs what was reached, by which model."""
        encoded, how, within = self.find(name, rgb, saliency)
        tell(name, self._bpp, encoded, within, how)
        return encoded

    def find(self, name: str, rgb: np.ndarray, saliency: np.ndarray) -> Found:
        """Encodes an image; arguments as `Plain.encode`.

        Where the rate is beyond what refinement with one model reaches, the next model
        is tried.
        """
        model, codec, found = self._plain(rgb, saliency)
        if self._refined is None:
            return found
        found = self._refine(name, rgb, saliency, model, codec)
        models = list(self._codecs)
        place = models.index(model)
        low = found.encoded.bpp < self._bpp
        for model in models[place + 1 :] if low else models[:place][::-1]:
            if found.within:
                break
            other = self._refine(name, rgb, saliency, model, self._codecs[model])
            found = min(found, other, key=self._distance)
        return found

    def _distance(self, found: Found) -> float:
        return abs(math.log(found.encoded.bpp / self._bpp))

    def _refine(self, name: str, rgb, saliency, model: str, codec: RangeCodec) -> Found:
        """Refines with a model; `codec` is its codec at the lambda to try first."""
        least, largest = codec.lambdas
        lmbda, encoded, within = approach(
            lambda lmbda: self._refined[model].encode(name, rgb, saliency, lmbda),
            codec.lmbda,
            (least / _LAMBDA_RANGE, largest * _LAMBDA_RANGE),
            self._bpp,
        )
        return Found(encoded, f"{model} refined with lambda {lmbda:.3g}", within)

    def _plain(self, rgb, saliency) -> tuple[str, RangeCodec, Found]:
        """The closest without refinement: by which model, and its codec at the rate."""
        model, codec = next(iter(self._codecs.items()))
        if not codec.has_rates:
            model, encoded, within = closest(
                lambda model: self._codecs[model].encode(rgb, saliency),
                list(self._codecs),
                self._bpp,
            )
            return model, self._codecs[model], Found(encoded, model, within)
        y = codec.transform(rgb, saliency)
        lmbda, encoded, within = approach(
            lambda lmbda: codec.at_lambda(lmbda).encode_transformed(y, rgb.shape[:2]),
            math.sqrt(math.prod(codec.lambdas)),
            codec.lambdas,
            self._bpp,
        )
        codec = codec.at_lambda(lmbda)
        how = f"{model} at quality {codec.quality:.4g}"
        return model, codec, Found(encoded, how, within)

    def decode(self, data: bytes) -> np.ndarray:
        """Decodes a file that it made, with the model that made it."""
        content = bitstream.unpack(data)
        codecs = {codec.fingerprint: codec for codec in self._codecs.values()}
        return codecs[content.fingerprint].decode_content(content)


def tell(name: str, bpp: float, encoded: Encoded, within: bool, how: str) -> None:
    """Logs how close to a rate an image has come, of what a search gives.

    `how` says by which setting.
    """
    asked = f"{name}: {bpp:g} bpp asked"
    found = f"{encoded.bpp:.4f} with {how}"
    if within:
        logging.info("%s, %s", asked, found)
    else:
        logging.warning("%s, which is out of reach; closest is %s", asked, found)
