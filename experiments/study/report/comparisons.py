"""The arms against their twins and controls: BD-rates with intervals, and verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from experiments.study.plan import ARMS
from experiments.study.report.records import ImageTable
from salcomp.errors import InputError
from salcomp.metrics import bd_rate


class Score(NamedTuple):
    """What a comparison is made in: a metric on a set."""

    set_name: str
    metric: str
    title: str


FIXATIONS = Score("fixations", "ewpsnr", "EWPSNR, human fixations")
DRIVERS = Score("drivers", "ewpsnr", "EWPSNR, drivers' fixations")
SIGNS = Score("test", "boxes-psnr", "PSNR in sign boxes")
CIRCULAR = Score("test", "ewpsnr", "EWPSNR, predictor's map")
PSNR = Score("test", "psnr-rgb", "PSNR")
NON_ROI = Score("test", "non-roi-psnr-20", "PSNR outside its top 20 %")
ROI = Score("test", "roi-psnr-5", "PSNR, its top 5 %")
MS_SSIM = Score("test", "weighted-ms-ssim-db", "MS-SSIM weighted by it")
FIXATIONS_PSNR = Score("fixations", "psnr-rgb", "PSNR, photographs")
# Those that decide, by what they are called in a verdict, and all that are reported.
JUDGES = {"fixations": FIXATIONS, "drivers": DRIVERS, "signs": SIGNS}
SCORES = (
    *(*JUDGES.values(), CIRCULAR, ROI, MS_SSIM),
    *(PSNR, NON_ROI, FIXATIONS_PSNR),
)
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
    Pair("modulate-center", "baseline", None),
    _refined("baseline"),
    Pair("refine-uniform on baseline", "baseline", None),
    Pair("refine-saliency on baseline", "avif", None),
    Pair("refine-saliency on modulate", "avif", None),
    Pair("refine-shuffled on baseline", "refine-uniform on baseline", None),
    MILD,
    RIGHT_MAP,
    _refined("modulate"),
)

# Refinements under maps, which stand beside the classical codecs.
BEST = tuple(pair.series for pair in PAIRS if pair.twin == "avif")

# What tells a comparison from the others, in a CSV.
_KEYS = ("series", "anchor", "set", "metric")


def trained_arms() -> set[str]:
    """Those of `PAIRS` that are trained."""
    named = {name for pair in PAIRS for name in pair if name}
    return {name for name in named if name in ARMS and ARMS[name].trains}


# Of a comparison's curves: less describes too little of them.
MIN_OVERLAP = 0.5


class Comparisons:
    """BD-rates between the series of some records, each computed once.

    Attributes:
      judges: those of `JUDGES` that the study has the pictures of.
      scores: likewise of `SCORES`.
    """

    def __init__(
        self,
        records: ImageTable,
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
        sets = records.sets
        self.judges = {k: one for k, one in JUDGES.items() if one.set_name in sets}
        self.scores = tuple(score for score in SCORES if score.set_name in sets)
        self._resamples = resamples
        self._known = {
            tuple(row[key] for key in _KEYS): bd_rate.Comparison.from_cells(row)
            for row in known
        }
        self._found: dict[tuple[str, str, Score], bd_rate.Comparison | None] = {}

    def pairs(self) -> list[Pair]:
        """Those of `PAIRS` of which both series have been measured."""
        score = FIXATIONS if FIXATIONS in self.scores else PSNR
        return [pair for pair in PAIRS if self.of(*pair[:2], score)]

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
        test, base = (self._records.names(one) for one in (series, anchor))
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
