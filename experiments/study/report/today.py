"""The page of the codec of today beside that of 2017, from its records alone."""

from __future__ import annotations

import numpy as np

from experiments.study.plan import ARMS
from experiments.study.report import comparisons, rd_curves
from experiments.study.report.comparisons import Comparisons, Score
from experiments.study.report.markdown import pairs_table, sections
from experiments.study.report.numbers import number, with_interval
from experiments.study.report.records import StudyRecords
from salcomp.cli import duration
from salcomp.files import figures

KODAK = Score("kodak", "psnr-rgb", "PSNR, Kodak")
SCORES = (
    *(comparisons.PSNR, KODAK, comparisons.FIXATIONS_PSNR),
    *(comparisons.FIXATIONS, comparisons.DRIVERS, comparisons.SIGNS),
)
_TWINS = (
    ("hyper", "factorized"),
    ("refine-uniform on hyper", "hyper"),
    ("refine-saliency on hyper", "refine-uniform on hyper"),
    ("hyper-concat", "hyper"),
    ("hyper-modulate", "hyper"),
    ("refine-saliency on hyper-modulate", "refine-uniform on hyper-modulate"),
)
_TOLD = "refine-saliency on hyper", "refine-saliency on hyper-modulate"
_BESIDE = tuple(
    (label, codec)
    for codec in ("avif", "webp", "jpeg2000")
    for label in ("hyper", "hyper-modulate", *_TOLD)
)
_SECTIONS = "head answer results beside training again".split()
# Models told of a map have solid lines.
_STYLES = {
    "avif": {"color": "0.3", "linestyle": ":"},
    "webp": {"color": "0.5", "linestyle": ":"},
    "jpeg2000": {"color": "0.7", "linestyle": ":"},
    "factorized": {"color": "tab:orange", "linestyle": "--"},
    "hyper": {"color": "tab:blue", "linestyle": "--"},
    "refine-uniform on hyper": {"color": "tab:red", "linestyle": "--"},
    "refine-saliency on hyper": {"color": "tab:red"},
    "hyper-concat": {"color": "tab:cyan"},
    "hyper-modulate": {"color": "tab:green"},
    "refine-saliency on hyper-modulate": {"color": "tab:purple"},
}


def draw(records: StudyRecords) -> list[str]:
    """Draws the figures of the page; returns their names in the records' folder."""
    drawn = []
    for name, function in (("curves", _curves), ("training", _training)):
        figure = figures.new(10, 4.5)
        function(figure, records)
        figures.write(records.folder / f"{name}.png", figure)
        drawn.append(f"{name}.png")
    return drawn


def _scores(records: StudyRecords) -> list[Score]:
    """Those of `SCORES` that there are pictures for."""
    return [score for score in SCORES if score.set_name in records.sets]


def _curves(figure, records: StudyRecords) -> None:
    """Rate-distortion curves in all scores."""
    rd_curves.draw(figure, records, _scores(records), _STYLES)


def _training(figure, records: StudyRecords) -> None:
    """Rate and distortion of the training batches over the steps."""
    rows = records.rows("curves.csv")
    rate, distortion = figure.subplots(1, 2)
    for label, style in _STYLES.items():
        for run in (r.name for r in records.series(label) if r.arm == label):
            own = [row for row in rows if row["run"] == run]
            steps, bpp, mse = (
                np.array([row[column] for row in own], float)
                for column in ("step", "bpp", "mse")
            )
            psnr = 20 * np.log10(255) - 10 * np.log10(mse)
            for axes, values in ((rate, bpp), (distortion, psnr)):
                axes.plot(steps, values, label=run, linewidth=0.8, **style)
    rd_curves.finish(rate, "Step", "Rate of the batches (bit/pixel)", 7)
    rd_curves.finish(distortion, "Step", "PSNR of their mean error (dB)", 7)


class Page:
    """The page. A section has a method that gives its values."""

    def __init__(self, records: StudyRecords, compared: Comparisons):
        self._records = records
        self._compared = compared
        self._scores = _scores(records)

    def text(self) -> str:
        """Markdown; a section without records behind it is left out."""
        found = {name: getattr(self, f"_{name}")() for name in _SECTIONS}
        return sections(found, "today")

    def _head(self) -> dict:
        hyper = self._records.series("hyper")[0]
        twins = self._records.series("factorized")
        beside = ""
        if twins:
            steps = number(twins[0].steps, ",.0f")
            beside = f", its {len(twins)} twins of the codec of 2017 {steps} each"
        return {
            "steps": number(hyper.steps, ",.0f"),
            "twins": beside,
            "start": number(self._records.runs[hyper.start].steps, ",.0f"),
        }

    def _answer(self) -> dict:
        saved = [
            f"{self._bits('hyper', 'factorized', score)} by {score.title}"
            for score in (comparisons.PSNR, KODAK, comparisons.FIXATIONS_PSNR)
            if self._compared.of("hyper", "factorized", score)
        ]
        prior = "What the prior that adapts saves has not been measured yet."
        if saved:
            prior = (
                "The prior that adapts changes the bits at equal quality by "
                f"{', '.join(saved)}."
            )
        avif = "; ".join(
            f"`{label}` {self._bits(label, 'avif', comparisons.FIXATIONS)} by human "
            f"fixations on photographs, and as the price "
            f"{self._bits(label, 'avif', comparisons.FIXATIONS_PSNR)} at equal PSNR"
            for label in _TOLD
            if self._records.names(label)
        )
        rates = [
            self._records.mean("test", run, "bpp")
            for run in self._records.names("hyper")
        ]
        return {
            "prior": prior,
            "avif": f"Against AVIF: {avif}." if avif else "",
            "low": number(min(rates), ".2f"),
            "high": number(max(rates), ".2f"),
        }

    def _results(self) -> dict | None:
        return self._table(_TWINS, "arm", "against its twin")

    def _beside(self) -> dict | None:
        return self._table(_BESIDE, "codec", "against")

    def _table(self, pairs, *header: str) -> dict | None:
        return pairs_table(self._compared, pairs, self._scores, header, _description)

    def _training(self) -> dict:
        return {}

    def _again(self) -> dict:
        made = self._records.made
        train, measure = self._records.seconds
        return {
            **{name: made[name] for name in ("command", "python", "date")},
            "train": duration(train),
            "measure": duration(measure),
            "versions": ", ".join(f"{k} {v}" for k, v in made["versions"].items()),
        }

    def _bits(self, label: str, anchor: str, score: Score) -> str:
        found = self._compared.of(label, anchor, score)
        return f"{with_interval(found.rate)} %" if found else "an unknown number"


def _description(label: str) -> str:
    return ARMS[label.partition(" on ")[0]].description
