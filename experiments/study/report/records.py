"""The records of a study as arrays."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.study.plan import ARMS
from salcomp.errors import InputError


class FinishedRun(NamedTuple):
    """A run that is done.

    Attributes:
      name, arm, lmbda, floor, uniform_share, seed, start, steps: of the plan; floor and
        share are NaN without.
      series: the arm, or that which it extends; for refinement also whose model it is.
      final: of the training's end, by term; NaN without.
    """

    name: str
    arm: str
    series: str
    lmbda: float
    floor: float
    uniform_share: float
    seed: int
    start: str
    steps: int
    final: dict[str, float]

    @property
    def is_start(self) -> bool:
        """Whether it is a long training that others start from."""
        return self.arm == "baseline" and not self.start


class ImageTable:
    """Metrics of runs on the images of sets."""

    def __init__(self, rows: Iterable[dict[str, str]]):
        """Makes the table of rows: set, run and image first, and then numbers."""
        self._images: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
        for row in rows:
            values = {k: float(v) if v else np.nan for k, v in list(row.items())[3:]}
            self._images.setdefault((row["set"], row["run"]), {})[row["image"]] = values

    def names(self, label: str) -> list[str]:
        """The names of the runs that make a curve, by rising rate."""
        raise NotImplementedError

    @property
    def sets(self) -> tuple[str, ...]:
        """The names of the sets that were measured on."""
        return tuple(dict.fromkeys(name for name, _ in self._images))

    def images(self, set_name: str, names: list[str]) -> list[str]:
        """The images of a set that all of the runs have coded."""
        found = [set(self._images.get((set_name, name), {})) for name in names]
        return sorted(set.intersection(*found)) if found else []

    def table(
        self, set_name: str, names: list[str], images: list[str], metric: str
    ) -> np.ndarray:
        """A metric of runs on images: float64 [runs, images]; NaN where undefined."""
        rows = [self._images[set_name, name] for name in names]
        return np.array([[row[image][metric] for image in images] for row in rows])

    def mean(self, set_name: str, name: str, metric: str) -> float:
        """The mean of a metric of one run over the images that have it."""
        images = self.images(set_name, [name])
        return float(np.nanmean(self.table(set_name, [name], images, metric)))


class StudyRecords(ImageTable):
    """What the runs of a study measured.

    Attributes:
      folder: of the records.
      plan: rows of runs.csv, of all runs.
      runs: that are done, by name.
      made: of record.json: command, versions, data and date.
    """

    def __init__(self, folder: Path):
        """Reads the records.

        Raises:
          InputError: a file is missing or cannot be used.
        """
        self.folder = folder
        self.plan = self.rows("runs.csv")
        self.made = json.loads(self._text("record.json"))
        arms = {row["name"]: row["arm"] for row in self.plan}
        self.runs = {
            row["name"]: _run(row, arms) for row in self.plan if row["done"] == "1"
        }
        super().__init__(self.rows("per_image.csv"))

    @property
    def seconds(self) -> tuple[float, float]:
        """What training and measuring took, summed over the runs that are done."""
        return tuple(
            sum(float(row[f"{kind}_seconds"] or 0) for row in self.plan)
            for kind in ("train", "measure")
        )

    def rows(self, name: str) -> list[dict[str, str]]:
        """The rows of a CSV of the records."""
        return list(csv.DictReader(self._text(name).splitlines()))

    def series(self, label: str) -> list[FinishedRun]:
        """The runs of a series at seed 0, by rising lambda."""
        runs = [r for r in self.runs.values() if not r.is_start and not r.seed]
        return sorted((r for r in runs if r.series == label), key=lambda run: run.lmbda)

    def names(self, label: str) -> list[str]:
        """The names of a series' runs by rising lambda, or of a codec's settings."""
        return [run.name for run in self.series(label)] or self.classical(label)

    def classical(self, codec: str) -> list[str]:
        """The names of a classical codec's settings, by rising rate."""
        names = {n for _, n in self._images if n.rpartition("-")[0] == codec}
        return sorted(names, key=lambda name: float(name.rpartition("-")[2]))

    def _text(self, name: str) -> str:
        path = self.folder / name
        try:
            return path.read_text()
        except OSError as error:
            raise InputError(
                f"{path}: {error.strerror}; experiments.study makes the records"
            ) from error


def _run(row: dict[str, str], arms: dict[str, str]) -> FinishedRun:
    arm = ARMS[row["arm"]]
    series = arm.extends or row["arm"]
    if arm.refinement:
        series += f" on {arms[row['start']]}"
    lmbda, floor = float(row["lambda"]), float(row["floor"] or np.nan)
    share = float(row.get("uniform_share") or np.nan)  # a column that came later
    seed, steps = int(row["seed"]), int(row["steps"])
    ends = [key for key in row if key.startswith("final_")]
    final = {key.removeprefix("final_"): float(row[key] or np.nan) for key in ends}
    name, arm, start = row["name"], row["arm"], row["start"]
    return FinishedRun(
        name, arm, series, lmbda, floor, share, seed, start, steps, final
    )
