"""Whole numbers of any size to bytes and back, by tables that end.

The first and the last symbol of a number's table stand for all numbers there and
beyond. How far beyond follows as an Elias gamma code (Elias, IEEE Transactions on
Information Theory 21(2), 1975): after all symbols the counts of bits, then the bits.
Any bytes decode to numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from salcomp.codec import range_coder
from salcomp.errors import BitstreamError
from salcomp.model.hyperprior import Tables
from salcomp.model.prior import PRECISION

# Bits of the largest number beyond a table's end, less one.
_MOST_BITS = 15


class NumberCoder:
    """The coder of a model's tables."""

    def __init__(self, tables: Tables):
        """Adds tables, for counts of bits and for bits, which are all alike often."""
        self._last = -tables.first_symbol
        widths = len(self._last)
        self._counts, self._bits = widths, widths + 1
        uniform = [np.linspace(0, 2**PRECISION, n + 1) for n in (_MOST_BITS + 1, 2)]
        added = [np.concatenate([[PRECISION], cdf]) for cdf in uniform]
        self._cdf = np.concatenate([tables.cdf, *added]).astype(np.int32)
        self._costs, self._starts = _costs(tables.cdf, tables.table_length)

    def clip(self, numbers: np.ndarray, index: np.ndarray) -> np.ndarray:
        """The nearest numbers that can be coded, int32: up to 65534 beyond the end.

        Args:
          numbers: whole, of any type.
          index: int32 alike, of the table of each.
        """
        reach = self._last[index] + 2 ** (_MOST_BITS + 1) - 2
        return np.clip(numbers, -reach, reach).astype(np.int32)

    def encode(self, numbers: np.ndarray, index: np.ndarray) -> bytes:
        """Encodes numbers that `clip` gave."""
        parts = self._parts(numbers, index)
        encoder = range_coder.Encoder(self._cdf)
        encoder.put(parts.symbols, index)
        encoder.put(parts.counts, np.full_like(parts.counts, self._counts))
        encoder.put(parts.bits, np.full_like(parts.bits, self._bits))
        return encoder.finish()

    def decode(self, string: bytes, index: np.ndarray) -> np.ndarray:
        """Decodes numbers, int32 shaped as their indices.

        Raises BitstreamError if the string does not end with the last.
        """
        decoder, last = range_coder.Decoder(string, self._cdf), self._last[index]
        numbers = decoder.take(index) - last
        beyond = np.abs(numbers) == last
        counts = decoder.take(np.full(beyond.sum(), self._counts, np.int32))
        owner, place = _places(counts)
        bits = decoder.take(np.full(len(owner), self._bits, np.int32))
        if not decoder.finish():
            raise BitstreamError("altered or damaged: the payload does not decode")
        further = 1 << counts
        np.add.at(further, owner, bits << place)
        numbers[beyond] += np.sign(numbers[beyond]) * (further - 1)
        return numbers

    def cost(self, numbers: np.ndarray, index: np.ndarray) -> float:
        """The bits that `encode` spends, but for the end of the string."""
        parts = self._parts(numbers, index)
        bits = self._costs[self._starts[index] + parts.symbols].sum()
        escapes = len(parts.counts) * np.log2(_MOST_BITS + 1) + len(parts.bits)
        return float(bits + escapes)

    def _parts(self, numbers, index) -> _Parts:
        last = self._last[index]
        symbols = (np.clip(numbers, -last, last) + last).astype(np.int32)
        beyond = np.abs(numbers) >= last
        further = (np.abs(numbers) - last)[beyond] + 1  # at least 1
        counts = (np.frexp(further)[1] - 1).astype(np.int32)
        owner, place = _places(counts)
        bits = (further[owner] >> place & 1).astype(np.int32)
        return _Parts(symbols, counts, bits)


class _Parts(NamedTuple):
    """Numbers as they are coded, int32.

    Attributes:
      symbols: shaped as the numbers.
      counts: [E], for each escape how many bits follow the leading one.
      bits: [sum of these], from high to low.
    """

    symbols: np.ndarray
    counts: np.ndarray
    bits: np.ndarray


def _places(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each bit, whose it is and its power of two."""
    owner = np.repeat(np.arange(len(counts)), counts)
    starts = np.cumsum(counts) - counts
    return owner, counts[owner] - 1 - (np.arange(len(owner)) - starts[owner])


def table_costs(cdf: np.ndarray, lengths: np.ndarray, index, symbols) -> float:
    """Bits that symbols cost by the tables that their indices name."""
    costs, starts = _costs(cdf, lengths)
    return float(costs[starts[index] + symbols].sum())


def _costs(cdf: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bits of the symbols of all tables, and where each table begins in them."""
    ends = np.cumsum(lengths + 2)  # a table has its precision, and one edge more
    rows = [cdf[end - n - 1 : end] for end, n in zip(ends, lengths)]
    costs = [PRECISION - np.log2(np.diff(row)) for row in rows]
    return np.concatenate(costs), np.cumsum(lengths) - lengths
