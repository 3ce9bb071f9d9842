"""The contexts of the bits: what is known when a bit is coded, and its probability.

The bits of an iteration are coded in steps, those of a step at once: first the blocks
of one colour of a checkerboard, then those of the other (He et al., CVPR 2021), and of
each block one group of its bits after the other. Around the block the network sees the
bits of the iteration before, and those of this one that earlier steps have coded; what
is not known is 0.

    hidden = relu(before * bits before + known * bits known + start)
    logit  = out hidden + out_bias

All of it is integers, computed in float64, where they are exact in any order as long as
sums stay below 2^53 (Balle, Johnston, Minnen, ICLR 2019): every machine finds the same
probabilities.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Steps per colour of the checkerboard.
GROUPS = 4
STEPS = 2 * GROUPS
HIDDEN = 64
SUPPORT = 3
# Weights and hidden values are in units of 1 / SCALE.
SCALE = 2**8
# Logits are rounded to the table's: LOGITS_PER_UNIT to each unit, up to MAX_LOGIT.
LOGITS_PER_UNIT, MAX_LOGIT = 8, 8
PRECISION = 16


class ContextTables(NamedTuple):
    """The network in integers, and the range coder's tables; C bits, H hidden units.

    Attributes:
      cdf: int32 [4 L], for each of L logits PRECISION, and the cumulatives 0, P(-1)
        and 1 in units of 2^-PRECISION.
      before, known: int32 [3, 3, C, H].
      start: int32 [T, STEPS, H].
      out: int32 [H, C].
      out_bias: int32 [T, C], in units of 1 / SCALE^2.
    """

    cdf: np.ndarray
    before: np.ndarray
    known: np.ndarray
    start: np.ndarray
    out: np.ndarray
    out_bias: np.ndarray


def colour(step: int) -> int:
    """The colour of the blocks of a step, 0 or 1: their row plus column, modulo 2."""
    return step // GROUPS


def group(step: int, bits: int) -> slice:
    """Which bits of those blocks a step codes."""
    size = bits // GROUPS
    first = step % GROUPS * size
    return slice(first, first + size)


class Contexts:
    """The network of some tables, applied to the bits of one picture."""

    def __init__(self, tables: ContextTables):
        hidden = tables.start.shape[-1]
        self._before, self._known = (
            kernel.astype(np.float64).reshape(-1, hidden)
            for kernel in (tables.before, tables.known)
        )
        self._start, self._out, self._out_bias = (
            array.astype(np.float64)
            for array in (tables.start, tables.out, tables.out_bias)
        )

    def seen_before(self, plane: np.ndarray) -> np.ndarray:
        """What the bits of the iteration before tell: from [h, w, C] to [h, w, H]."""
        return _neighbourhoods(plane) @ self._before

    def indices(
        self,
        before: np.ndarray,
        known: np.ndarray,
        where: np.ndarray,
        t: int,
        step: int,
    ) -> np.ndarray:
        """Of the bits of a step, their tables, int32 [n, C / GROUPS].

        Args:
          before: as `seen_before` gives it.
          known: float64 [h, w, C], the bits known of this iteration, -1, 0 or 1.
          where: bool [h, w], the n blocks that are coded.
          t: iteration, from 0.
        """
        hidden = before[where] + _neighbourhoods(known)[where] @ self._known
        hidden = np.maximum(hidden + self._start[t, step], 0)
        bits = group(step, known.shape[-1])
        logits = hidden @ self._out[:, bits] + self._out_bias[t, bits]
        unit = SCALE**2 // LOGITS_PER_UNIT
        most = MAX_LOGIT * LOGITS_PER_UNIT
        rounded = np.floor((logits + unit // 2) / unit)  # exact: by a power of two
        return (np.clip(rounded, -most, most) + most).astype(np.int32)


def _neighbourhoods(plane: np.ndarray) -> np.ndarray:
    """[h, w, C] with its surroundings, zero beyond the borders: [h, w, 9 C]."""
    rows, columns, _ = plane.shape
    padded = np.pad(plane, ((1, 1), (1, 1), (0, 0)))
    shifted = [
        padded[i : i + rows, j : j + columns]
        for i in range(SUPPORT)
        for j in range(SUPPORT)
    ]
    return np.concatenate(shifted, axis=-1)


def probabilities_table() -> np.ndarray:
    """The `cdf` of `ContextTables`: that of a bit of each logit that there is."""
    most = MAX_LOGIT * LOGITS_PER_UNIT
    logits = np.arange(-most, most + 1) / LOGITS_PER_UNIT
    below = np.round(2**PRECISION / (1 + np.exp(logits)))  # P(-1)
    rows = [np.full_like(below, PRECISION), np.zeros_like(below), below]
    rows.append(np.full_like(below, 2**PRECISION))
    return np.stack(rows, axis=1).astype(np.int32).ravel()
