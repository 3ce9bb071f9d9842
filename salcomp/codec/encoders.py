"""Ways to encode an image: as the model does, refined, or at a rate that is asked for.

What `compress` needs of each:

    encode(name, rgb, saliency) -> Encoded    with the image's name, for messages
    uses_map                                  whether the saliency map has any effect
    max_pixels                                of an image, unless told otherwise
    workers                                   how many images at a time
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from absl import logging
from tqdm import tqdm

from salcomp.codec.base import Encoded, RangeCodec
from salcomp.codec.codec import Codec
from salcomp.codec.files import WORKERS
from salcomp.codec.refine import Refinement

_Setting = TypeVar("_Setting")

# What a refinement's lambda may be, in units of the model's: 31 values, among which
# a binary search looks at five.
_LAMBDA_FACTORS = (8 ** np.linspace(-1, 1, 31)).tolist()


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
        with tqdm(total=refiner.steps, desc=name, leave=False, disable=None) as bar:
            return self._refinement.encode(rgb, saliency, lmbda, bar.update)


class AtRate:
    """With whichever of some models comes closest to a rate, image by image.

    A refinement then comes closer still, by its lambda: from an eighth of the model's
    to eight times it.
    """

    def __init__(
        self,
        codecs: Mapping[str, Codec],
        bpp: float,
        refinement_of: Callable[[Codec], Refinement] | None = None,
    ):
        """Makes an encoder.

        The codecs are by the models' names, by rising lambda; `bpp` is the rate of the
        whole file in bit per pixel; `refinement_of` makes the refinement with a codec.
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
        model, encoded, within = closest(
            lambda model: self._codecs[model].encode(rgb, saliency),
            list(self._codecs),
            self._bpp,
        )
        used = model
        if self._refined is not None:
            own = self._codecs[model].config.lmbda
            lmbda, encoded, within = closest(
                lambda lmbda: self._refined[model].encode(name, rgb, saliency, lmbda),
                [own * factor for factor in _LAMBDA_FACTORS],
                self._bpp,
            )
            used = f"{model} refined with lambda {lmbda:.3g}"
        tell(name, self._bpp, encoded, within, used)
        return encoded


def closest(
    encode: Callable[[_Setting], Encoded], settings: Sequence[_Setting], bpp: float
) -> tuple[_Setting, Encoded, bool]:
    """Finds the setting whose file comes closest to a rate, by binary search.

    Gives the setting, its file, and whether rates on both sides of `bpp` were found.

    Args:
      encode: an image with a setting.
      settings: by rising rate.
      bpp: the rate, more than 0; the closest has the least |log(rate / bpp)|.
    """
    tried = _Tried(encode, settings)
    bisect.bisect_left(tried, bpp)
    rates = {place: encoded.bpp for place, encoded in tried.encoded.items()}
    best = min(rates, key=lambda place: abs(np.log(rates[place] / bpp)))
    within = min(rates.values()) <= bpp <= max(rates.values())
    return settings[best], tried.encoded[best], within


def tell(name: str, bpp: float, encoded: Encoded, within: bool, used: str) -> None:
    """Logs how close to a rate an image has come, of what `closest` gives.

    `used` says by which setting.
    """
    asked = f"{name}: {bpp:g} bpp asked"
    found = f"{encoded.bpp:.4f} with {used}"
    if within:
        logging.info("%s, %s", asked, found)
    else:
        logging.warning("%s, which is out of reach; closest is %s", asked, found)


class _Tried(Sequence):
    """The rates of settings, each found when it is asked for.

    Attributes:
      encoded: what was found, by the setting's place.
    """

    def __init__(self, encode, settings):
        self._encode = encode
        self._settings = settings
        self.encoded: dict[int, Encoded] = {}

    def __len__(self) -> int:
        return len(self._settings)

    def __getitem__(self, place: int) -> float:
        self.encoded[place] = self._encode(self._settings[place])
        return self.encoded[place].bpp
