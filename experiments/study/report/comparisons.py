"""The arms against their twins and controls: BD-rates with intervals, and verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from experiments.study.plan import ARMS
from experiments.study.report.records import StudyRecords
from salcomp.errors import InputError
from salcomp.metrics import bd_rate


class Score(NamedTuple):
    """What a comparison is made in: a metric on a set."""

    set_name: str
    metric: str
    title: str


FIXATIONS = Score("fixations", "ewpsnr", "EWPSNR, human fixations")
SIGNS = Score("test", "boxes-psnr", "PSNR in sign boxes")
CIRCULAR = Score("test", "ewpsnr", "EWPSNR, predictor's map")
PSNR = Score("test", "psnr-rgb", "PSNR")
NON_ROI = Score("test", "non-roi-psnr-20", "PSNR outside its top 20 %")
ROI = Score("test", "roi-psnr-5", "PSNR, its top 5 %")
MS_SSIM = Score("test", "weighted-ms-ssim-db", "MS-SSIM weighted by it")
FIXATIONS_PSNR = Score("fixations", "psnr-rgb", "PSNR, photographs")
# Those that decide, and all that are reported.
DECIDING = (FIXATIONS, SIGNS)
SCORES = (FIXATIONS, SIGNS, CIRCULAR, ROI, MS_SSIM, PSNR, NON_ROI, FIXATIONS_PSNR)
# The arm of 2019 with the floor that its flag has by default.
BLOG_ARM = "concat-0.1"


class Pair(NamedTuple):
    """A comparison that the page shows: a series, its uniform twin, its control."""

    series: str
    twin: str
    control: str | None


def _refined(on: str) -> Pair:
    kinds = ("saliency", "uniform", "shuffled")
    return Pair(*(f"refine-{kind} on {on}" for kind in kinds))


# Refinements that were added to explain the others, and their twin.
MILD = Pair("refine-mild on baseline", "refine-uniform on baseline", None)
RIGHT_MAP = Pair("refine-fixations on baseline", "refine-uniform on baseline", None)
PAIRS = (
    Pair("concat", "baseline", "concat-shuffled"),
    Pair(BLOG_ARM, "baseline", "concat-0.1-shuffled"),
    Pair("modulate", "baseline", "modulate-shuffled"),
    Pair("weighted", "baseline", None),
    Pair("map-in", "baseline", None),
    Pair("concat", "weighted", None),
    Pair("modulate", "weighted", None),
    Pair("concat-shuffled", "baseline", None),
    Pair("modulate-shuffled", "baseline", None),
    Pair("concat-center", "baseline", None),
    _refined("baseline"),
    Pair("refine-uniform on baseline", "baseline", None),
    Pair("refine-shuffled on baseline", "refine-uniform on baseline", None),
    MILD,
    RIGHT_MAP,
    _refined("modulate"),
)

# What tells a comparison from the others, in a CSV.
_KEYS = ("series", "anchor", "set", "metric")


def trained_arms() -> set[str]:
    """Those of `PAIRS` that are trained."""
    named = {name for pair in PAIRS for name in pair if name}
    return {name for name in named if name in ARMS and ARMS[name].trains}


# Of a comparison's curves: less describes too little of them.
MIN_OVERLAP = 0.5


class Comparisons:
    """BD-rates between the series of a study, each computed once."""

    def __init__(
        self,
        records: StudyRecords,
        resamples: int,
        known: Iterable[dict[str, str]] = (),
    ):
        """Makes the comparisons.

        Args:
          records: of the study.
          resamples: draws of the bootstrap over images.
          known: rows that `rows` gave before, which are not computed again.
        """
        self._records = records
        self._resamples = resamples
        self._known = {
            tuple(row[key] for key in _KEYS): bd_rate.Comparison.from_cells(row)
            for row in known
        }
        self._found: dict[tuple[str, str, Score], bd_rate.Comparison | None] = {}

    def pairs(self) -> list[Pair]:
        """Those of `PAIRS` of which both series have been measured."""
        scores = (PSNR, FIXATIONS_PSNR)
        return [p for p in PAIRS if any(self.of(*p[:2], score) for score in scores)]

    def of(self, series: str, anchor: str, score: Score) -> bd_rate.Comparison | None:
        """One series against another; None where they cannot be compared."""
        key = series, anchor, score
        if key not in self._found:
            known = self._known.get((series, anchor, *score[:2]))
            self._found[key] = known or self._compare(*key)
        return self._found[key]

    def rows(self) -> list[dict]:
        """A row per comparison made so far, for a CSV."""
        return [
            {**dict(zip(_KEYS, (series, anchor, *score[:2]))), **found.cells()}
            for (series, anchor, score), found in self._found.items()
            if found is not None
        ]

    def _compare(self, series, anchor, score) -> bd_rate.Comparison | None:
        test = [run.name for run in self._records.series(series)]
        base = [run.name for run in self._records.series(anchor)]
        images = self._records.images(score.set_name, test + base)
        if min(len(test), len(base)) < bd_rate.MIN_POINTS or not images:
            return None
        arrays = [
            self._records.table(score.set_name, names, images, metric)
            for names in (base, test)
            for metric in ("bpp", score.metric)
        ]
        try:
            return bd_rate.compare(*arrays, resamples=self._resamples)
        except InputError:
            return None


def lies_below_zero(found: bd_rate.Comparison | None) -> bool | None:
    """Whether a BD-rate's interval does; None where that cannot be said."""
    if found is None or np.isnan(found.rate.high) or found.overlap < MIN_OVERLAP:
        return None
    return found.rate.high < 0


def verdict(
    pair: Pair, compared: Comparisons, seed_percent: dict[Score, float | None]
) -> str:
    """The rule applied to an arm, in words.

    Args:
      pair: with a control.
      compared: of the study.
      seed_percent: standard deviation of a BD-rate that seeds alone give, by the
        scores that decide; None where it was not measured.
    """
    helps, open_ = [], False
    for score, name in zip(DECIDING, ("fixations", "signs")):
        found = compared.of(pair.series, pair.twin, score)
        saves = lies_below_zero(found)
        if saves:
            control = compared.of(pair.series, pair.control, score)
            deviation = seed_percent[score]
            clauses = (
                lies_below_zero(control),
                None if deviation is None else -found.rate.value > 2 * deviation,
            )
            saves = False if False in clauses else None if None in clauses else True
        if saves:
            helps.append(name)
        open_ |= saves is None
    if open_:
        return "not decided"
    if len(helps) == len(DECIDING):
        return "helps"
    return f"helps for {helps[0]} only" if helps else "does not help"
