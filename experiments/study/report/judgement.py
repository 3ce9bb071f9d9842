"""The rule applied to the arms of a study."""

from __future__ import annotations

import numpy as np

from experiments.study.report import seeds
from experiments.study.report.comparisons import (
    MIN_OVERLAP,
    Comparisons,
    Pair,
    Score,
)
from experiments.study.report.records import StudyRecords
from salcomp.metrics import bd_rate


class Judgement:
    """The verdicts of one study.

    Attributes:
      compared: its comparisons.
      spreads: what seeds alone change, by the scores that decide.
      deviations: standard deviation of a BD-rate that they give, in percent, likewise;
        None where it was not measured.
    """

    def __init__(self, records: StudyRecords, compared: Comparisons):
        """Makes the judgement of a study by its comparisons."""
        self.compared = compared
        judges = compared.judges.values()
        self.spreads = {score: seeds.spreads(records, score) for score in judges}
        self.deviations: dict[Score, float | None] = {
            score: seeds.largest(found) for score, found in self.spreads.items()
        }

    def pairs(self) -> list[Pair]:
        """The comparisons that are judged: those that have a control."""
        return [pair for pair in self.compared.pairs() if pair.control]

    def verdict(self, pair: Pair) -> str:
        """What the rule says of an arm with a control, in words."""
        judged = {
            name: self._helps(pair, score)
            for name, score in self.compared.judges.items()
        }
        if None in judged.values():
            return "not decided"
        helps = [name for name, saves in judged.items() if saves]
        if len(helps) == len(judged):
            return "helps"
        return f"helps for {' and '.join(helps)} only" if helps else "does not help"

    def _helps(self, pair: Pair, score: Score) -> bool | None:
        """Whether all clauses of the rule hold; None where that cannot be said."""
        found = self.compared.of(pair.series, pair.twin, score)
        saves = lies_below_zero(found)
        if not saves:
            return saves
        deviation = self.deviations[score]
        clauses = (
            lies_below_zero(self.compared.of(pair.series, pair.control, score)),
            None if deviation is None else -found.rate.value > 2 * deviation,
        )
        return False if False in clauses else None if None in clauses else True


def lies_below_zero(found: bd_rate.Comparison | None) -> bool | None:
    """Whether a BD-rate's interval does; None where that cannot be said."""
    if found is None or np.isnan(found.rate.high) or found.overlap < MIN_OVERLAP:
        return None
    return found.rate.high < 0
