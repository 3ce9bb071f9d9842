"""What a training step draws, as a pure function of (seed, step).

Frames, crops and noise come from a counter-based hash and not from a generator with
a state: a resumed run is the same run, whatever draws are made by whichever worker.
The hash uses only wrapping 32-bit integer arithmetic, so any array library gives the
same bits.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

_STREAM_ORDER, _STREAM_TOP, _STREAM_LEFT, _STREAM_NOISE = range(4)
_STREAM_FLIP, _STREAM_NORMAL = range(4, 6)


class Crops(NamedTuple):
    """The crops of a batch.

    Attributes:
      frames: int [B], indices of training frames.
      tops: int [B], first rows.
      lefts: int [B], first columns.
    """

    frames: np.ndarray
    tops: np.ndarray
    lefts: np.ndarray


def mix(x):
    """A bijection of uint32 in which each input bit reaches every output bit.

    The constants are those of `lowbias32` (Chris Wellons, "Prospecting for hash
    functions", 2018).
    """
    x = (x ^ (x >> 16)) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * np.uint32(0x846CA68B)
    return x ^ (x >> 16)


def _keys(seed: int, stream: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Two uint32 keys that differ between all (seed, stream, step)."""
    words = np.array([seed, stream, step & 0xFFFFFFFF, step >> 32], np.uint32)
    first = second = np.zeros(1, np.uint32)
    for word in words:
        first = mix(first + np.uint32(0x9E3779B9) ^ word)
        second = mix(second + np.uint32(0x85EBCA6B) ^ first)
    return first, second


def random_bits(seed: int, stream: int, step: int, counters):
    """Independent uniform uint32 numbers, one per counter, shaped as the counters.

    Args:
      seed: of the run, 0..2**31 - 1.
      stream: what the numbers are for.
      step: which draw of the stream, at least 0.
      counters: uint32 array of any shape.
    """
    return _hash(*_keys(seed, stream, step), counters)


def _hash(first, second, counters):
    return mix(mix(counters ^ first) + second)


def crops(
    seed: int, step: int, batchsize: int, sizes: np.ndarray, crop: tuple[int, int]
) -> Crops:
    """The crops of one global batch.

    Frames come in a new random order each time all have been used, as
    `shuffle(all).repeat()` gives them; positions are uniform.

    Args:
      step: from 0.
      batchsize: B, over all replicas.
      sizes: int [F, 2], heights and widths of the frames, none under `crop`.
      crop: height and width in pixels.
    """
    positions = step * batchsize + np.arange(batchsize)
    frames = np.array(
        [_order(seed, p // len(sizes), len(sizes))[p % len(sizes)] for p in positions]
    )
    counters = np.arange(batchsize, dtype=np.uint32)
    room = (sizes[frames] - np.array(crop) + 1).astype(np.uint64)  # [B, 2]
    firsts = []
    for stream, places in zip((_STREAM_TOP, _STREAM_LEFT), room.T):
        draws = random_bits(seed, stream, step, counters).astype(np.uint64)
        firsts.append((draws * places >> np.uint64(32)).astype(int))
    return Crops(frames, *firsts)


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    bits = random_bits(seed, _STREAM_ORDER, epoch, np.arange(count, dtype=np.uint32))
    return np.argsort(bits, kind="stable")


def noise(seed: int, step: int, first: int, shape: tuple[int, ...]) -> np.ndarray:
    """The additive noise of some examples of a batch, U(-1/2, 1/2), float32.

    It has the shape of their latents, [b, h, w, N]; `first` is the index of the first
    within the global batch of the step, counted from 0.
    """
    size = int(np.prod(shape))
    start = first * size // shape[0]
    counters = np.arange(start, start + size, dtype=np.uint32)
    return noise_of(noise_keys(seed, step), counters).reshape(shape)


def noise_keys(seed: int, step: int) -> np.ndarray:
    """The two keys of a step's noise, uint32 [2]."""
    return np.concatenate(_keys(seed, _STREAM_NOISE, step))


def noise_of(keys, counters):
    """Uniform noise in -1/2..1/2, one float32 per counter; in any array library.

    Args:
      keys: uint32 [2], of `noise_keys`.
      counters: uint32 array of any shape, the index of each value in the batch's noise.
    """
    bits = _hash(keys[0], keys[1], counters) >> 8
    return bits.astype(np.float32) * np.float32(2.0**-24) - np.float32(0.5)


def flips(seed: int, step: int, batchsize: int) -> np.ndarray:
    """Whether each crop of a global batch is mirrored, bool [B]; half of them are."""
    counters = np.arange(batchsize, dtype=np.uint32)
    return random_bits(seed, _STREAM_FLIP, step, counters) >> 31 == 1


def normal(seed: int, step: int, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal numbers (Box and Muller, 1958), float32, of draw `step`."""
    counters = np.arange(2 * np.prod(shape, dtype=int), dtype=np.uint32)
    bits = random_bits(seed, _STREAM_NORMAL, step, counters)
    first, second = np.split((bits + 0.5) / 2.0**32, 2)  # in 0..1, never 0
    values = np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)
    return values.reshape(shape).astype(np.float32)
