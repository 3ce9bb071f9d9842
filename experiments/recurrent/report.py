"""The page of the experiment, drawn from its records alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.recurrent import figures
from experiments.recurrent.arms import ARMS, JPEG
from experiments.recurrent.records import CodedImages
from experiments.study.plan import ARMS as STUDIED
from experiments.study.report import comparisons
from experiments.study.report.comparisons import Comparisons, Score
from experiments.study.report.markdown import pairs_table, sections
from experiments.study.report.numbers import number, with_interval
from salcomp.cli import duration
from salcomp.files.disk import write_file
from salcomp.files.results import write_csv
from salcomp.metrics.bd_rate import Comparison
from salcomp.recurrent.config import RECURRENT

RESAMPLES = 1000  # of the bootstrap over pictures
SCORES = comparisons.FIXATIONS, comparisons.FIXATIONS_PSNR, comparisons.PSNR
# What the codec of 2017 gains from a map: at encoding time, and in training.
REFINED = "refine-saliency on baseline", "refine-uniform on baseline"
CONCAT = "concat", "baseline"
_PAIRS = (
    *((label, arm.twin) for label, arm in ARMS.items() if arm.twin),
    ("trained-adaptive", "adaptive-map"),
    REFINED,
    ("refine-shuffled on baseline", REFINED[1]),
    CONCAT,
    ("modulate", "baseline"),
)
_BESIDE = (
    ("iterations", JPEG),
    ("adaptive-map", JPEG),
    ("baseline", JPEG),
    ("iterations", "baseline"),
    ("adaptive", REFINED[1]),
    ("adaptive-map", REFINED[0]),
    ("trained-adaptive", REFINED[0]),
)
_SECTIONS = "head answer results beside stops iterations training again".split()
_MOST_BPP = 0.25  # up to which JPEG should be beaten


def write(folder: Path, resamples: int = RESAMPLES) -> Path:
    """Writes the figures, bd_rate.csv and the page beside the records, and gives it.

    Args:
      folder: of the records.
      resamples: draws of the bootstrap over pictures.

    Raises:
      InputError: a record is missing or damaged, or a file cannot be written.
    """
    records = CodedImages(folder)
    page = Page(records, Comparisons(records, resamples))
    drawn = figures.draw(records, page.scores)
    text = page.text(drawn)
    if rows := page.compared.rows():
        write_csv(folder / "bd_rate.csv", rows)
    path = folder / "README.md"
    write_file(path, text.encode())
    return path


class Page:
    """The page. A section has a method that gives its values.

    Attributes:
      compared: the BD-rates.
      scores: those of `SCORES` that there are pictures for.
    """

    def __init__(self, records: CodedImages, compared: Comparisons):
        self._records = records
        self.compared = compared
        self.scores = [one for one in SCORES if one.set_name in records.sets]

    def text(self, drawn: list[str]) -> str:
        """Markdown; a section without records behind it is left out.

        `drawn` are the names of the figures beside the page.
        """
        self._drawn = drawn
        found = {name: getattr(self, f"_{name}")() for name in _SECTIONS}
        return sections(found, "sections", "experiments.recurrent")

    def _head(self) -> dict:
        config = self._records.made["models"]["model"]["config"]
        return {"bits": config["bits_per_block"], "iterations": config["iterations"]}

    def _answer(self) -> dict | None:
        score = comparisons.FIXATIONS
        if score not in self.scores:
            return None
        figure = "\n\n![Rate and distortion](curves.png)"
        return {
            "adaptivity": self._adaptivity(),
            "gains": self._gains(score),
            "price": self._price(),
            "trained": self._trained(score),
            "level": self._level(score),
            "figure": figure if "curves.png" in self._drawn else "",
        }

    def _adaptivity(self) -> str:
        bits = [
            f"{self._bits('adaptive', 'iterations', score)} by {words}"
            for score, words in (
                (comparisons.FIXATIONS, "human fixations"),
                (comparisons.FIXATIONS_PSNR, "PSNR"),
            )
        ]
        return (
            "Blocks that stop where the next iterations gain too little for their "
            "bits, without any map, change the bits at equal quality on photographs "
            f"by {' and '.join(bits)}: this is what adaptivity alone brings."
        )

    def _gains(self, score: Score) -> str:
        recurrent = self.compared.of("adaptive-map", "adaptive", score)
        shuffled = self._bits("adaptive-shuffled", "adaptive", score)
        words = (
            "By human fixations, the same with weights of the map changes them by "
            f"{_percent(recurrent)} against uniform weights; with the map of another "
            f"photograph by {shuffled}."
        )
        transform = self.compared.of(*REFINED, score)
        if not recurrent or not transform:
            return (
                f"{words} The codec of 2017 has not been measured on these pictures "
                "yet, so that which of the two gains more is open."
            )
        return (
            f"{words} The codec of 2017, whose latents are refined under the same "
            f"weights, changes its bits by {_percent(transform)} against refinement "
            f"under uniform ones. **{verdict(recurrent, transform)}**"
        )

    def _price(self) -> str:
        score = comparisons.FIXATIONS_PSNR
        words = self._bits("adaptive-map", "adaptive", score)
        text = f"The price, at equal PSNR of whole photographs: {words}"
        if self.compared.of(*REFINED, score):
            text += f", and {self._bits(*REFINED, score)} with the codec of 2017"
        return f"{text}."

    def _trained(self, score: Score) -> str:
        if "trained" not in self._records.labels:
            return ""
        words = (
            "\n\nTrained with the map, as fourth channel and weight of the loss, the "
            "recurrent codec changes its bits by human fixations by "
            f"{self._bits('trained', 'iterations', score)} against itself without a "
            "map, all blocks stopping together; with both, training and stopping, by "
            f"{self._bits('trained-adaptive', 'adaptive', score)} against blocks that "
            "stop by uniform weights."
        )
        if self.compared.of(*CONCAT, score):
            words += (
                " The codec of 2017 trained with the map as fourth channel and weight: "
                f"{self._bits(*CONCAT, score)}."
            )
        return words

    def _level(self, score: Score) -> str:
        pair = "adaptive-map", REFINED[0]
        if not self.compared.of(*pair, score):
            return ""
        return (
            "\n\nA gain says nothing of the level: under the same map the recurrent "
            f"codec changes the bits by {self._bits(*pair, score)} against the refined "
            "codec of 2017, by human fixations."
        )

    def _results(self) -> dict | None:
        return self._table(_PAIRS, "arm", "against its twin")

    def _beside(self) -> dict | None:
        found = self._table(_BESIDE, "codec", "against")
        return found and {**found, "jpeg": self._over_jpeg()}

    def _table(self, pairs, *header: str) -> dict | None:
        return pairs_table(self.compared, pairs, self.scores, header, _description)

    def _over_jpeg(self) -> str:
        """The PSNR over JPEG's curve at the low rates of uniform iterations."""
        score = comparisons.PSNR
        curves = []
        for label in ("iterations", JPEG):
            names = self._records.names(label)
            found = self._records.images(score.set_name, names)
            curves.append(
                [
                    self._records.table(score.set_name, names, found, metric).mean(1)
                    for metric in ("bpp", score.metric)
                ]
            )
        (rates, qualities), (theirs, jpeg) = curves
        inside = (rates <= _MOST_BPP) & (rates >= theirs.min())
        if not inside.any():
            return ""
        over = qualities - np.interp(np.log(rates), np.log(theirs), jpeg)
        points = ", ".join(
            f"{number(db, '+.2f')} dB at {number(bpp, '.3f')} bit/pixel"
            for bpp, db in zip(rates[inside], over[inside])
        )
        return (
            "\n\nPSNR on the street frames over JPEG with optimised tables, all blocks "
            f"stopping together: {points}."
        )

    def _stops(self) -> dict | None:
        return {} if "stops.png" in self._drawn else None

    def _iterations(self) -> dict | None:
        return {} if "iterations.png" in self._drawn else None

    def _training(self) -> dict | None:
        last = {row["model"]: row for row in self._records.rows("training.csv")}
        if not last:
            return None
        ends = [
            f"Held-out frames, all iterations, at step {row['step']} of `{model}`: "
            f"{number(float(row['bpp']), '.3f')} bit/pixel, "
            f"{number(float(row['psnr']), '.2f')} dB."
            for model, row in last.items()
        ]
        return {"ends": " ".join(ends)}

    def _again(self) -> dict:
        made = self._records.made
        commands = [training_command(m["config"]) for m in made["models"].values()]
        return {
            **{name: made[name] for name in ("command", "python", "date")},
            "commands": "\n".join(f"    {command}" for command in commands),
            "train": {1: "command trains", 2: "two train"}[len(commands)],
            "seconds": duration(self._records.seconds),
            "versions": ", ".join(f"{k} {v}" for k, v in made["versions"].items()),
        }

    def _bits(self, label: str, twin: str, score: Score) -> str:
        return _percent(self.compared.of(label, twin, score))


def verdict(recurrent: Comparison, transform: Comparison) -> str:
    """Which codec gains more from the map, if their intervals tell, in a sentence."""
    ours, theirs = recurrent.rate, transform.rate
    if ours.high < theirs.low:
        return "The recurrent codec does lend itself more to the map."
    if ours.low > theirs.high:
        return "The recurrent codec does not lend itself more to the map, but less."
    return "That the recurrent codec lends itself more to the map is not shown."


def training_command(config: dict) -> str:
    """The command that trains a model, by its configuration, save for the frames."""
    usual = {**RECURRENT.config.defaults(), **RECURRENT.values[config["preset"]]}
    command = f"python -m salcomp.recurrent.train --preset={config['preset']}"
    for name, value in config.items():
        if name in usual and name != "weight_mean" and value != usual[name]:
            if isinstance(value, bool):
                command += f" --{name}" if value else f" --no{name}"
            else:
                command += f" --{name}={value}"
    return f"{command} --train_glob='frames/train/*.png'"


def _description(label: str) -> str:
    known = {**STUDIED, **ARMS}
    return known[label.partition(" on ")[0]].description


def _percent(found: Comparison | None) -> str:
    return f"{with_interval(found.rate)} %" if found else "an unknown number"
