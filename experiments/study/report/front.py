"""The front page of the results: both studies and what a map is worth, in short."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from experiments.map_worth import Point
from experiments.study.plan import ARMS
from experiments.study.report import comparisons
from experiments.study.report.comparisons import Pair, Score
from experiments.study.report.judgement import Judgement
from experiments.study.report.markdown import bd_rate, sections, table
from experiments.study.report.numbers import number, with_interval
from experiments.study.report.records import StudyRecords
from salcomp.cli import duration

_SECTIONS = (
    "head answer worth curves pictures price verdicts rule not_shown again".split()
)
_OTHERS = "measurements.md"
_RECURRENT = "recurrent/README.md"
_REFINED = "refine-saliency on baseline"
_JUDGES = {
    "fixations": "human fixations on photographs",
    "drivers": "drivers' fixations on traffic scenes",
    "signs": "the signs of street frames",
}


class Study(NamedTuple):
    """A study, judged.

    Attributes:
      records: of it.
      judgement: of its arms.
    """

    records: StudyRecords
    judgement: Judgement

    def pair(self, series: str) -> Pair | None:
        """The judged comparison of a series, if it was measured."""
        found = (pair for pair in self.judgement.pairs() if pair.series == series)
        return next(found, None)

    def rate(self, pair: Pair, score: Score):
        """The comparison of a pair in a score, or None."""
        return self.judgement.compared.of(pair.series, pair.twin, score)


class Front:
    """The page. A section has a method that gives its values."""

    def __init__(
        self,
        true: Study,
        wrong: Study,
        worth: list[Point],
        photographs: int,
        page: Path,
    ):
        """Makes the page.

        Args:
          true: the study with true maps.
          wrong: that with wrong ones.
          worth: what maps are worth.
          photographs: behind that.
          page: file that the page will be, for its links.
        """
        self._true = true
        self._wrong = wrong
        self._worth_points = worth
        self._photographs = photographs
        self._page = page

    def text(self) -> str:
        """Markdown; a section without records behind it is left out."""
        found = {name: getattr(self, f"_{name}")() for name in _SECTIONS}
        return sections(found, "front")

    def _head(self) -> dict:
        return {}

    def _answer(self) -> dict:
        return {
            "refined": self._refined(),
            "trained": self._trained(),
            "wrong": self._of_wrong(),
        }

    def _refined(self) -> str:
        pair = self._true.pair(_REFINED)
        if pair:
            bits = self._bits(self._true, pair)
        else:
            best = self._unisal()
            bits = f"{with_interval(best.bd_rate)} % by {_JUDGES['fixations']}"
        return (
            "A codec that is told where people really look saves bits there: latents "
            "refined under a true map when the picture is encoded, for a decoder that "
            f"never sees a map, change the bits at equal quality by {bits}."
        )

    def _bits(self, study: Study, pair: Pair) -> str:
        """The BD-rates by all judges of a study, in words."""
        judges = study.judgement.compared.judges.items()
        found = [(name, study.rate(pair, score)) for name, score in judges]
        return ", ".join(
            f"{with_interval(one and one.rate)} % by {_JUDGES[name]}"
            for name, one in found
        )

    def _trained(self) -> str:
        pairs = [self._true.pair(name) for name in ("concat", "modulate")]
        verdicts = [
            f"`{pair.series}` ({ARMS[pair.series].description}) "
            f"**{self._true.judgement.verdict(pair)}**: {self._bits(self._true, pair)}"
            for pair in pairs
            if pair
        ]
        if not verdicts:
            plan = self._true.records.plan
            done = len(self._true.records.runs)
            return (
                "Whether training with the map helps, if it is true, is not known yet: "
                f"{done} of {len(plan)} runs are done."
            )
        return f"Trained with the map: {'; '.join(verdicts)}."

    def _of_wrong(self) -> str:
        pairs = [self._wrong.pair(name) for name in ("concat", _REFINED)]
        bits = [
            f"{with_interval(self._wrong.rate(pair, comparisons.FIXATIONS).rate)} % "
            f"with `{pair.series}`"
            for pair in pairs
            if pair
        ]
        return (
            "With the raw map of a small network, which tells less of where people "
            "look than the centre of the picture does, the same methods gave "
            f"{' and '.join(bits)} by human fixations: what failed was the map."
        )

    def _unisal(self) -> Point:
        return next(point for point in self._worth_points if point.label == "unisal")

    def _worth(self) -> dict:
        halves = [p for p in self._worth_points if p.label.startswith("half")]
        half = ""
        if halves:
            half = (
                "The point of one half of the observers is scored by the other half. "
            )
        unisal = self._unisal()
        figure = Path("refinement/map_worth.png")
        alternative = "Bits saved over the information of the map"
        return {
            "pictures": self._photographs,
            "figure": self._figure(self._page.parent / figure, alternative),
            "kept": number(100 * unisal.bd_rate.value / unisal.expected, ".0f"),
            "half": half,
            "others": _OTHERS,
        }

    def _curves(self) -> dict | None:
        series = comparisons.BEST
        found = [
            (one, self._true.judgement.compared.of(one, "avif", comparisons.FIXATIONS))
            for one in series
        ]
        bits = [
            f"`{one}` changes AVIF's bits at equal quality by human fixations by "
            f"{with_interval(value.rate)} %"
            for one, value in found
            if value
        ]
        if not bits:
            return None
        figure = self._true.records.folder / "answer.png"
        alternative = "Rate-distortion in the scores that decide, and in PSNR"
        return {
            "avif": f"{'; '.join(bits)} (Pillow's AVIF at its default speed).",
            "figure": self._figure(figure, alternative),
        }

    def _pictures(self) -> dict | None:
        figure = self._true.records.folder / "reconstructions.png"
        if not figure.exists():
            return None
        return {"figure": self._figure(figure, "Windows of pictures, at one size")}

    def _price(self) -> dict | None:
        pair = self._true.pair(_REFINED)
        if pair is None:
            return None
        names = {
            "price_fixations": comparisons.FIXATIONS_PSNR,
            "price": comparisons.PSNR,
            "price_outside": comparisons.NON_ROI,
        }
        found = {key: self._true.rate(pair, score) for key, score in names.items()}
        return {key: with_interval(one and one.rate) for key, one in found.items()}

    def _verdicts(self) -> dict | None:
        judges = self._true.judgement.compared.judges
        scores = [*judges.values(), comparisons.FIXATIONS_PSNR]
        rows = []
        for pair in comparisons.PAIRS:
            if not pair.control:
                continue
            for kind, study in (("wrong", self._wrong), ("true", self._true)):
                if study.pair(pair.series):
                    verdict = study.judgement.verdict(pair)
                    cells = [bd_rate(study.rate(pair, score)) for score in scores]
                    rows.append([f"`{pair.series}`", kind, verdict, *cells])
        header = ["arm", "maps", "verdict", *(score.title for score in scores)]
        note = "† marks curves that share less than half of their joint range."
        return {"table": table(header, rows), "note": note} if rows else None

    def _rule(self) -> dict:
        return {
            "link": self._relative(self._true.records.folder),
            "old": self._relative(self._wrong.records.folder),
        }

    def _not_shown(self) -> dict:
        missing = [row for row in self._true.records.plan if row["done"] != "1"]
        words = f"{len(missing)} runs of the plan are not done." if missing else ""
        return {"missing": words}

    def _again(self) -> dict:
        records = self._true.records
        train, measure = records.seconds
        versions = records.made["versions"].items()
        recurrent = f"\n\nA recurrent codec: [{_RECURRENT}]({_RECURRENT})."
        has_recurrent = (self._page.parent / _RECURRENT).exists()
        return {
            **{name: records.made[name] for name in ("command", "python", "date")},
            "train": duration(train),
            "measure": duration(measure),
            "versions": ", ".join(f"{k} {v}" for k, v in versions),
            "study": self._relative(Path("experiments/study")),
            "others": _OTHERS,
            "recurrent": recurrent if has_recurrent else "",
        }

    def _figure(self, path: Path, alternative: str) -> str:
        if not path.exists():
            return ""
        return f"\n\n![{alternative}]({self._relative(path)})"

    def _relative(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._page.parent)).as_posix()
