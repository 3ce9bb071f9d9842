"""The bits of a picture to strings and back, one string for each iteration.

A string begins with which blocks stop before its iteration, row by row: how likely one
is to stop is counted as the file goes on, by how many of its neighbours have stopped.
Then come the bits of the blocks that go on, in the order and with the probabilities
that `contexts` gives. Encoder and decoder take the same walk.
"""

from __future__ import annotations

import numpy as np

from salcomp.codec import range_coder
from salcomp.errors import BitstreamError
from salcomp.recurrent import contexts
from salcomp.recurrent.contexts import PRECISION, STEPS, Contexts, ContextTables

# Of a stop: up to 3 stopped blocks above, and whether one beside or below has.
_STOP_CONTEXTS = 8
# The longest length of a string: 2^35 bytes are more than any file holds.
_LENGTH_BYTES = 5


class PlaneCoder:
    """Codes planes, int8 [T, h, w, C]: -1 and 1, and 0 where a block has stopped.

    A block that has stopped has no bits in any later plane; every block has those of
    the first.
    """

    def __init__(self, tables: ContextTables):
        self._contexts = Contexts(tables)
        self._cdf = tables.cdf
        self._below = tables.cdf.reshape(-1, 4)[:, 2].astype(np.int64)
        self._iterations, self._bits = tables.out_bias.shape

    def encode(self, planes: np.ndarray) -> list[bytes]:
        """The strings of the iterations up to the last that sends any bit."""
        strings, walk = [], self._walk(planes.shape[1:3])
        for plane in planes[: self._sent(planes)]:
            coder = _Encoder(self._cdf)
            walk.iterate(coder, plane)
            strings.append(coder.finish())
        return strings

    def decode(self, strings: list[bytes], size: tuple[int, int]) -> np.ndarray:
        """The planes of strings, and planes of zeros for the iterations that lack.

        `size` is rows and columns of blocks. Raises BitstreamError if the strings are
        none, too many, or not what `encode` makes.
        """
        if not 1 <= len(strings) <= self._iterations:
            raise BitstreamError(
                f"altered or damaged: {len(strings)} iterations, of a model of "
                f"{self._iterations}"
            )
        planes = np.zeros((self._iterations, *size, self._bits), np.int8)
        walk = self._walk(size)
        for t, string in enumerate(strings):
            coder = _Decoder(string, self._cdf)
            planes[t] = walk.iterate(coder, planes[t])
            if not (coder.finish() and walk.active.any()):
                raise BitstreamError(
                    f"altered or damaged: iteration {t + 1} does not decode"
                )
        return planes

    def bits(self, planes: np.ndarray) -> np.ndarray:
        """The information content of the bits and stops of each block, [T, h, w]."""
        meter = _Meter(self._below, planes.shape[:3])
        walk = self._walk(planes.shape[1:3])
        for t, plane in enumerate(planes[: self._sent(planes)]):
            meter.begin(t)
            walk.iterate(meter, plane)
        return meter.bits

    @staticmethod
    def _sent(planes: np.ndarray) -> int:
        """How many iterations send any bit: the first ones."""
        return int(planes.any(axis=(1, 2, 3)).sum())

    def _walk(self, size: tuple[int, int]) -> _Walk:
        return _Walk(self._contexts, self._below, (*size, self._bits))


class _Walk:
    """The blocks of a picture, iteration by iteration.

    Attributes:
      active: bool [h, w], the blocks that have not stopped.
    """

    def __init__(self, network: Contexts, below: np.ndarray, shape):
        """Begins; `below` is P(-1) of each table, in units of 2^-PRECISION."""
        self._contexts, self._below = network, below
        self._t = 0
        self._last = np.zeros(shape)
        self._stops = np.zeros((_STOP_CONTEXTS, 2), np.int64)
        self.active = np.ones(shape[:2], bool)

    def iterate(self, coder, plane: np.ndarray) -> np.ndarray:
        """Codes an iteration, and gives its plane, [h, w, C].

        `plane` is what is sent; of no effect where the coder decodes.
        """
        if self._t:
            self._stop(coder, ~plane.any(axis=-1))
        rows, columns, bits = plane.shape
        colours = np.add.outer(np.arange(rows), np.arange(columns)) % 2
        before = self._contexts.seen_before(self._last)
        known = np.zeros(plane.shape)
        for step in range(STEPS):
            where = self.active & (colours == contexts.colour(step))
            if where.any():
                group = contexts.group(step, bits)
                index = self._contexts.indices(before, known, where, self._t, step)
                symbols = coder.code(where, index, plane[where][:, group] > 0)
                # known[where, group] would not be a view of both.
                coded = known[where]
                coded[:, group] = 2 * symbols - 1
                known[where] = coded
        self._last[self.active] = known[self.active]
        self._t += 1
        return known

    def _stop(self, coder, stops: np.ndarray) -> None:
        """Codes which of the active blocks stop, and takes them out."""
        stopped = np.pad(~self.active, 1, constant_values=False)
        beside = stopped[1:-1, :-2] | stopped[1:-1, 2:] | stopped[2:, 1:-1]
        for row, active in enumerate(self.active):
            if not active.any():
                continue
            above = sum(stopped[row, i : i + len(active)].astype(int) for i in range(3))
            context = (above + 4 * beside[row])[active]
            where = np.zeros_like(self.active)
            where[row] = active
            index = self._stop_tables()[context][:, None]
            symbols = coder.code(where, index, stops[row][active][:, None])[:, 0]
            np.add.at(self._stops, (context, symbols), 1)
            stopped[row + 1, 1:-1][active] = symbols > 0
        self.active = ~stopped[1:-1, 1:-1]

    def _stop_tables(self) -> np.ndarray:
        """Of each context, the table nearest to the counts so far, int32.

        Half a count is added to each (Krichevsky and Trofimov 1981).
        """
        doubled = 2 * self._stops + 1
        wanted = 2**PRECISION * doubled[:, 0] // doubled.sum(axis=1)
        distances = np.abs(self._below - wanted[:, None])
        return distances.argmin(axis=1).astype(np.int32)


class _Encoder(range_coder.Encoder):
    def code(self, where, index: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        """Codes symbols [n, k] with the tables [n, k] of the n blocks `where`."""
        del where
        symbols = symbols.astype(np.int32)
        self.put(symbols, index)
        return symbols


class _Decoder(range_coder.Decoder):
    def code(self, where, index: np.ndarray, symbols) -> np.ndarray:
        """Decodes the symbols; arguments as those of `_Encoder.code`."""
        del where, symbols
        return self.take(index)


class _Meter:
    """Adds up what an encoder would spend, for each block.

    Attributes:
      bits: float64 [T, h, w].
    """

    def __init__(self, below: np.ndarray, shape):
        shares = np.stack([below, 2**PRECISION - below], axis=1) / 2**PRECISION
        self._costs = -np.log2(shares)
        self.bits = np.zeros(shape)

    def begin(self, t: int) -> None:
        self._plane = self.bits[t]

    def code(self, where, index: np.ndarray, symbols: np.ndarray) -> np.ndarray:
        symbols = symbols.astype(np.int32)
        self._plane[where] += self._costs[index, symbols].sum(axis=1)
        return symbols


def pack(strings: list[bytes]) -> bytes:
    """The payload of strings: each after its length, 7 bits a byte, low ones first."""
    packed = b""
    for string in strings:
        length = len(string)
        while length > 127:
            packed += bytes([length & 127 | 128])
            length >>= 7
        packed += bytes([length]) + string
    return packed


def unpack(payload: bytes) -> tuple[list[bytes], bool]:
    """The strings that a payload holds whole, and whether it ends with the last."""
    strings, place = [], 0
    while place < len(payload):
        length, start = _length(payload, place)
        if not start or length > len(payload) - start:
            return strings, False
        place = start + length
        strings.append(payload[start:place])
    return strings, True


def _length(payload: bytes, place: int) -> tuple[int, int]:
    """The length that is written at a place, and where it ends; 0 if there is none."""
    length = 0
    for i, byte in enumerate(payload[place : place + _LENGTH_BYTES]):
        length |= (byte & 127) << 7 * i
        if byte < 128:
            return length, place + i + 1
    return 0, 0
