"""The setting of an encoder whose file has the rate that is asked for.

Nothing here needs TensorFlow, which takes seconds to import.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

_Setting = TypeVar("_Setting")

# Off the rate that is asked for, where `approach` ends; and its most tries.
_CLOSE, _TRIES = 0.01, 6
# log(rate) over log(setting) before two files are there to tell, and the least.
_SLOPE, _LEAST_SLOPE = 0.4, 0.1


class Rated(Protocol):
    """A file that tells its rate.

    Attributes:
      bpp: bit per pixel of the whole file.
    """

    bpp: float


_File = TypeVar("_File", bound=Rated)


def approach(
    encode: Callable[[float], _File],
    start: float,
    ends: tuple[float, float],
    bpp: float,
) -> tuple[float, _File, bool]:
    """Finds a setting whose file is within 1 % of a rate, if six files suffice.

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
    tried: dict[float, _File] = {}
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
    encode: Callable[[_Setting], _File], settings: Sequence[_Setting], bpp: float
) -> tuple[_Setting, _File, bool]:
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
    best = min(rates, key=lambda place: abs(math.log(rates[place] / bpp)))
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
        self.encoded: dict[int, _File] = {}

    def __len__(self) -> int:
        return len(self._settings)

    def __getitem__(self, place: int) -> float:
        self.encoded[place] = self._encode(self._settings[place])
        return self.encoded[place].bpp
