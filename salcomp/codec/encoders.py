"""Ways to encode an image: as the model does, refined, or at a rate that is asked for.

What `compress` needs of each:

    encode(name, rgb, saliency) -> Encoded    with the image's name, for messages
    uses_map                                  whether the saliency map has any effect
    max_pixels                                of an image, unless told otherwise
    workers                                   how many images at a time
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from absl import logging
from tqdm import tqdm

from salcomp.codec import bitstream
from salcomp.codec.base import Encoded, RangeCodec
from salcomp.codec.files import WORKERS
from salcomp.codec.refine import Refinement

_Setting = TypeVar("_Setting")

# How far a refinement's lambda may be from the model's, as a factor.
_LAMBDA_RANGE = 8.0
# Off the rate that is asked for, where a search ends; and its most tries.
_CLOSE, _TRIES = 0.01, 6
# log(rate) over log(setting) before two files are there to tell, and the least.
_SLOPE, _LEAST_SLOPE = 0.4, 0.1


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
    """With whichever of some models comes closest to a rate, image by image.

    A refinement then comes within 1 %, by its lambda: from an eighth of the model's to
    eight times it.
    """

    def __init__(
        self,
        codecs: Mapping[str, RangeCodec],
        bpp: float,
        refinement_of: Callable[[RangeCodec], Refinement] | None = None,
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
        encoded, how, within = self.find(name, rgb, saliency)
        asked = f"{name}: {self._bpp:g} bpp asked"
        found = f"{encoded.bpp:.4f} with {how}"
        if within:
            logging.info("%s, %s", asked, found)
        else:
            logging.warning("%s, which is out of reach; closest is %s", asked, found)
        return encoded

    def find(self, name: str, rgb: np.ndarray, saliency: np.ndarray) -> Found:
        """Encodes an image; arguments as `Plain.encode`."""
        model, encoded, within = closest(
            lambda model: self._codecs[model].encode(rgb, saliency),
            list(self._codecs),
            self._bpp,
        )
        if self._refined is None:
            return Found(encoded, model, within)
        own = self._codecs[model].config.lmbda
        lmbda, encoded, within = approach(
            lambda lmbda: self._refined[model].encode(name, rgb, saliency, lmbda),
            own,
            (own / _LAMBDA_RANGE, own * _LAMBDA_RANGE),
            self._bpp,
        )
        return Found(encoded, f"{model} refined with lambda {lmbda:.3g}", within)

    def decode(self, data: bytes) -> np.ndarray:
        """Decodes a file that it made, with the model that made it."""
        content = bitstream.unpack(data)
        codecs = {codec.fingerprint: codec for codec in self._codecs.values()}
        return codecs[content.fingerprint].decode_content(content)


def approach(
    encode: Callable[[float], Encoded],
    start: float,
    ends: tuple[float, float],
    bpp: float,
) -> tuple[float, Encoded, bool]:
    """Finds a setting whose file is within 1 % of a rate, by few files.

    Gives the setting, its file, and whether the rate is within reach. log(rate) is
    nearly a line over log(setting): each try is where the line through two earlier ones
    meets the rate, those on both sides of it once there are such. After six tries the
    closest is taken.

    Args:
      encode: an image with a setting, more than 0; the rate rises with it.
      start: the first setting to try.
      ends: the least and the largest setting.
      bpp: the rate, more than 0.
    """
    tried: dict[float, Encoded] = {}
    excess: dict[float, float] = {}  # log(rate / bpp)
    setting = start
    while setting not in tried and len(tried) < _TRIES:
        tried[setting] = encode(setting)
        excess[setting] = math.log(tried[setting].bpp / bpp)
        if abs(excess[setting]) <= math.log1p(_CLOSE):
            break
        setting = min(max(_crossing(excess), ends[0]), ends[1])
    best = min(excess, key=lambda setting: abs(excess[setting]))
    close = abs(excess[best]) <= math.log1p(_CLOSE)
    within = close or min(excess.values()) < 0 < max(excess.values())
    return best, tried[best], within


def _crossing(excess: dict[float, float]) -> float:
    """Where the line through two of the settings, in their logarithms, is zero."""
    first, *others = sorted(excess, key=lambda setting: abs(excess[setting]))
    beyond = [other for other in others if excess[other] * excess[first] < 0]
    slope = _SLOPE
    for second in (beyond or others)[:1]:
        slope = (excess[second] - excess[first]) / math.log(second / first)
    return first * math.exp(-excess[first] / max(slope, _LEAST_SLOPE))


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
