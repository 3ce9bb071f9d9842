"""The page of the report: the words of `sections/`, and the numbers in them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np

from experiments.study.plan import ARMS
from experiments.study.report import (
    classical,
    comparisons,
    effective_lambda,
    floor_bound,
    spread,
)
from experiments.study.report.comparisons import Comparisons, Pair, Score
from experiments.study.report.judgement import Judgement
from experiments.study.report.markdown import bd_rate, fill, sections, table
from experiments.study.report.numbers import number, percent, with_interval
from experiments.study.report.records import FinishedRun, StudyRecords
from salcomp.cli import duration

_SECTIONS = (
    "head answer rule results explained pictures anchor single_pair floor spread seeds "
    "not_shown again"
).split()
# How judges are called in a sentence.
_BY = {
    "fixations": "human fixations",
    "drivers": "drivers' fixations",
    "signs": "signs",
}
# Where results that are not of the study lie beside the page.
_OTHERS = "\n\nSpeed, storage of masks, demonstration, earlier trials: [{0}]({0})."
_OTHER_PAGE = "measurements.md"


class Page:
    """The page of one study. A section has a method that gives its values."""

    def __init__(
        self,
        records: StudyRecords,
        compared: Comparisons,
        drawn: list[str],
        folder: Path,
    ):
        """Makes the page.

        Args:
          records: of the study.
          compared: its comparisons.
          drawn: names of the figures in the records' folder.
          folder: that the page will be in, for its links.
        """
        self._records = records
        self._compared = compared
        self._drawn = drawn
        self._folder = folder
        self._link = self._relative(records.folder)
        self._judgement = Judgement(records, compared)

    def text(self) -> str:
        """Markdown; a section without records behind it is left out."""
        found = {name: getattr(self, f"_{name}")() for name in _SECTIONS}
        return sections(found, "sections")

    def _head(self) -> dict:
        return {
            "frames": self._records.rows("maps.csv")[0]["frames"],
            "done": len(self._records.runs),
            "planned": len(self._records.plan),
            "link": self._link,
        }

    def _answer(self) -> dict | None:
        judged = self._judgement.pairs()
        if not judged:
            return None
        verdicts = {p.series: self._judgement.verdict(p) for p in judged}
        arms = [one for one in ("concat", comparisons.BLOG_ARM) if one in verdicts]
        blog = [f"`{series}` {verdicts[series]}" for series in arms]
        question = "The question of 2019 proper, the map as a fourth channel: "
        return {
            "lines": "\n".join(map(self._line, judged)),
            "blog": f"{question}{'; '.join(blog)}." if blog else "",
            "figure": self._figure("answer.png", "Rate-distortion in four scores"),
        }

    def _line(self, pair: Pair) -> str:
        def bits(score: Score) -> str:
            found = self._compared.of(pair.series, pair.twin, score)
            return f"{with_interval(found and found.rate)} %" if found else "unknown"

        judged = ", ".join(
            f"{bits(score)} by {_BY[name]}"
            for name, score in self._compared.judges.items()
        )
        return (
            f"- **`{pair.series}`** ({self._described(pair.series)}) against "
            f"`{pair.twin}`: **{self._judgement.verdict(pair)}**. Bits at equal "
            f"quality: {judged}; circular, by the predictor's map, "
            f"{bits(comparisons.CIRCULAR)}; the price, in plain PSNR, "
            f"{bits(comparisons.PSNR)}."
        )

    def _described(self, series: str) -> str:
        return description(self._records.series(series)[0])

    def _rule(self) -> dict:
        """The words that depend on who judges."""
        judges = self._compared.judges
        drivers = "drivers" in judges
        return {
            "drivers": fill("sections/drivers", {}).rstrip() if drivers else "",
            "some": "some of the scores" if drivers else "one of the two scores",
            "names": " or ".join(f'"for {name}"' for name in judges),
        }

    def _results(self) -> dict | None:
        pairs = self._compared.pairs()
        if not pairs:
            return None
        scores = self._compared.scores
        header = [score.title for score in scores]
        few = (*self._compared.judges.values(), comparisons.CIRCULAR)
        arms = {run.arm: description(run) for run in self._records.runs.values()}
        rows = [[*self._row(p.series, p.twin, scores), self._images(p)] for p in pairs]
        judged = self._judgement.pairs()
        controls = [self._row(p.series, p.control, few) for p in judged]
        return {
            "table": table(["arm", "against", *header, "images"], rows),
            "controls": table(["arm", "control", *header[: len(few)]], controls),
            "arms": "; ".join(f"`{name}`, {words}" for name, words in arms.items()),
            "figure": self._figure("bd_rate.png", "BD-rates with their intervals"),
        }

    def _row(self, series: str, anchor: str, scores) -> list[str]:
        found = [self._compared.of(series, anchor, score) for score in scores]
        return [f"`{series}`", f"`{anchor}`", *(bd_rate(one) for one in found)]

    def _images(self, pair: Pair) -> str:
        scores = (*self._compared.judges.values(), comparisons.PSNR)
        found = [self._compared.of(pair.series, pair.twin, score) for score in scores]
        return " / ".join(str(one.images) if one else "–" for one in found)

    def _explained(self) -> dict | None:
        right = self._compared.of(*comparisons.RIGHT_MAP[:2], comparisons.FIXATIONS)
        mild = self._compared.of(*comparisons.MILD[:2], comparisons.FIXATIONS)
        mild_own = self._compared.of(*comparisons.MILD[:2], comparisons.CIRCULAR)
        lines = []
        if right:
            lines.append(
                "Refinement under the very fixations that score, a map that no encoder "
                f"has, takes {with_interval(right.rate)} % of bits at equal EWPSNR "
                "by these fixations."
            )
        if mild and mild_own:
            lines.append(
                "With the floor raised from 0.01 to 0.1 (`refine-mild`), refinement "
                f"under the predictor's map takes {with_interval(mild.rate)} % by "
                f"fixations and {with_interval(mild_own.rate)} % by its own map."
            )
        return {"lines": " ".join(lines)} if lines else None

    def _pictures(self) -> dict | None:
        figure = self._figure("reconstructions.png", "Windows on signs, by three arms")
        if not figure:
            return None
        kinds = {row["kind"] for row in self._records.rows("reconstructions.csv")}
        # Those at one size only are on the front page.
        return {"figure": figure} if "own" in kinds else None

    def _anchor(self) -> dict | None:
        margins = {one.codec: one for one in classical.margins(self._records)}
        if not margins:
            return None
        rates = next(iter(margins.values())).at
        rows = [
            [number(rate, ".3f"), *(_db(margin.db[i]) for margin in margins.values())]
            for i, rate in enumerate(rates)
        ]
        demands = dict.fromkeys(("jpeg", "jpeg-optimized"), classical.ABOVE_JPEG)
        demands["webp"] = -classical.BELOW_WEBP
        held = [margins[k].held(least) for k, least in demands.items() if k in margins]
        return {
            "above": classical.ABOVE_JPEG,
            "below": classical.BELOW_WEBP,
            "outcome": f"It holds at {', '.join(held)}.",
            "table": table(["bit/pixel", *margins], rows),
            "kodak": self._kodak(),
            "figure": self._figure("classical.png", "Baseline and classical codecs"),
        }

    def _kodak(self) -> str:
        gaps = classical.kodak_gaps(self._records)
        if not gaps.size:
            return ""
        least, most = (number(-gap, ".2f") for gap in (gaps.max(), gaps.min()))
        return (
            "On Kodak, which these models were not trained for, they are between "
            f"{least} and {most} dB under the points published for the models of "
            "Ballé et al., at rates that both have."
        )

    def _single_pair(self) -> dict | None:
        found = effective_lambda.predictions(self._records)
        if not found:
            return None
        rows = [
            [
                f"`{one.run.name}`",
                number(one.run.lmbda, "g"),
                number(one.effective_lambda, ".3g"),
                number(one.predicted, ".4f"),
                number(one.measured, ".4f"),
                percent(100 * one.error) + ("" if one.within else " *"),
            ]
            for one in found
        ]
        inside = [one.error for one in found if one.within] or [np.nan]
        errors = 100 * np.abs(inside)
        header = ["run", "λ", "λ'", "predicted (bit/pixel)", "measured", "error"]
        return {
            "example": self._example(),
            "elasticity": number(effective_lambda.elasticity(self._records), ".2f"),
            "median": number(np.median(errors), ".1f"),
            "largest": number(errors.max(), ".1f"),
            "table": table(header, rows),
            "figure": self._figure("effective_lambda.png", "Predicted and measured"),
            "curves_note": self._scratch(),
            "curves": self._figure("bpp_curves.png", "Training rate over steps"),
        }

    def _example(self) -> str:
        pair = effective_lambda.example_pair(self._records)
        if pair is None:
            return ""
        bpp, psnr, ewpsnr = (
            [self._records.mean("test", name, metric) for name in pair]
            for metric in ("bpp", "psnr-rgb", "ewpsnr")
        )
        return (
            f"`{pair[1]}` takes {percent(100 * (bpp[1] / bpp[0] - 1))} bits against "
            f"`{pair[0]}`, for {_db(ewpsnr[1] - ewpsnr[0])} of EWPSNR and "
            f"{_db(psnr[1] - psnr[0])} of PSNR: rate and quality both move. "
        )

    def _scratch(self) -> str:
        runs = [run for run in self._records.runs.values() if not run.start]
        names = [run.name for run in runs if not run.is_start]
        found = []
        for name in names:
            bpp = number(self._records.mean("test", name, "bpp"), ".3f")
            psnr = number(self._records.mean("test", name, "psnr-rgb"), ".2f")
            found.append(f"`{name}` {bpp} bit/pixel, {psnr} dB")
        return f"{'; '.join(found)} on the test frames" if found else "not done yet"

    def _floor(self) -> dict:
        rows = self._records.rows("maps.csv")
        specs = {"floor": "g", "bound_db": ".2f"}
        cells = [[number(float(row[k]), specs[k]) for k in specs] for row in rows]
        gains = []
        for arm in floor_bound.ARMS:
            gain = floor_bound.gain(arm, self._records, self._compared)
            if gain is not None:
                interval = with_interval(gain[1], "+.2f", " dB")
                gains.append(f"`{arm}` (floor {number(gain[0], 'g')}) {interval}")
        how = "Measured, in PSNR by the weights of its own training, at equal rate: "
        return {
            "mean": number(float(rows[0]["mean_saliency"]), ".3f"),
            "table": table(["floor", "bound (dB)"], cells),
            "measured": f"{how}{'; '.join(gains)}." if gains else "",
            "figure": self._figure("bound.png", "Bound and gain over the floor"),
        }

    def _spread(self) -> dict | None:
        found = spread.gains(self._records, comparisons.BLOG_ARM)
        boxes = found.boxes[np.isfinite(found.boxes)] if found else np.empty(0)
        if boxes.size < 2:
            return None
        figure = self._figure("spread.png", "Gains, a point per frame")
        values = {"run": found.run, "images": len(found.images), "figure": figure}
        for name, gain in (("own", found.own), ("boxes", boxes)):
            values |= {
                f"{name}_mean": number(gain.mean(), "+.2f"),
                f"{name}_deviation": number(gain.std(ddof=1), ".2f"),
                f"{name}_lowest": number(gain.min(), "+.2f"),
                f"{name}_highest": number(gain.max(), "+.2f"),
                f"{name}_wrong": number(100 * spread.wrong_sign(gain), ".0f"),
            }
        return values

    def _seeds(self) -> dict | None:
        spreads, deviations = self._judgement.spreads, self._judgement.deviations
        if not all(spreads.values()):
            return None
        rows = [
            [
                f"`{one.series}`",
                score.title,
                str(len(one.offsets)),
                str(one.points),
                ", ".join(number(offset, "+.2f") for offset in one.offsets),
                number(one.deviation, ".2f"),
            ]
            for score, found in spreads.items()
            for one in found
        ]
        header = ["arm", "score", "seeds", "rates", "offsets (%)", "deviation (%)"]
        percents = [
            f"{number(deviation, '.2f')} % ({score.title})"
            for score, deviation in deviations.items()
        ]
        return {"table": table(header, rows), "percent": ", ".join(percents)}

    def _not_shown(self) -> dict:
        missing = [row["arm"] for row in self._records.plan if row["done"] != "1"]
        arms = ", ".join(f"{n} of `{arm}`" for arm, n in Counter(missing).items())
        text = fill("sections/missing", {"arms": arms}).rstrip() if missing else ""
        return {"missing": f"\n\n{text}" if text else ""}

    def _again(self) -> dict:
        made = self._records.made
        train, measure = self._records.seconds
        done = [row for row in self._records.plan if row["done"] == "1"]
        trained = [row for row in done if ARMS[row["arm"]].trains]
        elsewhere = [f"`{row['name']}`" for row in trained if not row["train_seconds"]]
        others = (self._folder / _OTHER_PAGE).exists()
        return {
            **{name: made[name] for name in ("command", "python", "date")},
            "records": self._records.folder.as_posix(),
            "train": duration(train)
            + (f", without {', '.join(elsewhere)}" if elsewhere else ""),
            "measure": duration(measure),
            "versions": ", ".join(f"{k} {v}" for k, v in made["versions"].items()),
            "study": self._relative(Path("experiments/study")),
            "others": _OTHERS.format(_OTHER_PAGE) if others else "",
        }

    def _figure(self, name: str, alternative: str) -> str:
        if name not in self._drawn:
            return ""
        return f"\n\n![{alternative}]({self._link}/{name})"

    def _relative(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._folder)).as_posix()


def description(run: FinishedRun) -> str:
    """What the arm of a run does, and what its weights are."""
    words = [ARMS[run.arm].description]
    if not np.isnan(run.uniform_share):
        words.append(f"{number(run.uniform_share, 'g')} of the weight uniform")
    elif not np.isnan(run.floor):
        words.append(f"floor {number(run.floor, 'g')}")
    return ", ".join(words)


def _db(value: float) -> str:
    return "–" if np.isnan(value) else f"{number(value, '+.2f')} dB"
