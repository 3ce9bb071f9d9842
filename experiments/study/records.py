"""What the study keeps of its runs, and the report is made from.

In the working folder, a pair of files per run, once it is done:

    measured/NAME.csv   a row per image
    measured/NAME.json  the run's row of the plan, and seconds
    measured/study.json what all runs are measured on

In the folder of results, all of them together, written anew after every run:

    runs.csv        a row per run: the plan's, whether it is done, seconds, and the
                    training's terms at its end, with the effective lambda
    per_image.csv   a row per run, set and image
    curves.csv      the training's terms over its steps, averaged in blocks
    record.json     command, versions, data and date
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from experiments.study.plan import PlannedRun
from salcomp.errors import InputError
from salcomp.files.disk import write_file
from salcomp.files.results import write_csv

_TERMS = ("bpp", "mse", "weighted_mse", "effective_lambda")
_BLOCKS = 150  # of a curve
_SETTINGS = "study"
_LAST = 0.2  # of the steps, for what a training ends with


class Records:
    """The records of one study."""

    def __init__(self, workdir: Path, output_dir: Path):
        """Makes the records.

        Args:
          workdir: of the study; the runs' own folders lie in it.
          output_dir: of the results.
        """
        self._workdir = workdir
        self._measured = workdir / "measured"
        self._output_dir = output_dir

    def check(self, settings: dict) -> None:
        """Makes sure that all runs are measured on the same sets in the same way.

        Args:
          settings: of the study, as JSON values.

        Raises:
          InputError: the working folder is of a study with other settings.
        """
        path = self._path(_SETTINGS, "json")
        # What lies in the working folder moves with it.
        text = json.dumps(settings).replace(f"{self._workdir}/", "")
        wanted = json.loads(text)
        if not path.exists():
            write_file(path, (json.dumps(wanted, indent=2) + "\n").encode())
        found = json.loads(path.read_text())
        differing = [key for key in wanted if found.get(key) != wanted[key]]
        if differing:
            raise InputError(
                f"{self._workdir} is of a study with other {', '.join(differing)}; "
                "choose another --workdir, or give that study's flags"
            )

    def seconds(self, run: PlannedRun) -> dict[str, float | None] | None:
        """What a run took, by "train" and "measure"; None if it is not done.

        "train" is None where the model was there already.

        Raises:
          InputError: it was done with other settings than the plan now has.
        """
        path = self._path(run.name, "json")
        if not path.exists():
            return None
        found = json.loads(path.read_text())
        if found["run"] != run.cells:
            differing = [c for c, v in run.cells.items() if found["run"].get(c) != v]
            raise InputError(
                f"{path}: the run was done with another {', '.join(differing)} than "
                "the plan has now; give the changed run another name"
            )
        return found["seconds"]

    def keep(self, run: PlannedRun, rows: list[dict], **seconds: float | None) -> None:
        """Keeps a run that is done: the rows first, then the file that says so."""
        write_csv(self._path(run.name, "csv"), rows)
        text = json.dumps({"run": run.cells, "seconds": seconds}, indent=2) + "\n"
        write_file(self._path(run.name, "json"), text.encode())

    def has(self, name: str) -> bool:
        """Whether rows were kept under a name that is no run's."""
        return self._path(name, "csv").exists()

    def keep_rows(self, name: str, rows: list[dict]) -> None:
        """Keeps rows that are no run's, such as those of the classical codecs."""
        write_csv(self._path(name, "csv"), rows)

    def collect(self, runs: list[PlannedRun]) -> None:
        """Writes the results of all that is done."""
        done = {run.name: self.seconds(run) for run in runs}
        summaries = [self._summary(run, done[run.name]) for run in runs]
        write_csv(self._output_dir / "runs.csv", summaries)
        self.collect_rows(["classical", *(name for name in done if done[name])])
        curves = [
            {"run": run.name, **row}
            for run in runs
            if done[run.name] and run.of_arm.trains
            for row in _blocks(self._metrics(run))
        ]
        if curves:
            write_csv(self._output_dir / "curves.csv", curves)

    def collect_rows(self, names: Iterable[str], others: Iterable[dict] = ()) -> None:
        """Writes per_image.csv: the rows kept under names, and others after them."""
        kept = [self._path(name, "csv") for name in names if self.has(name)]
        if rows := [*(row for path in kept for row in _read(path)), *others]:
            write_csv(self._output_dir / "per_image.csv", rows)

    def rows(self) -> list[dict[str, str]]:
        """What is in per_image.csv."""
        return _read(self._output_dir / "per_image.csv")

    def _path(self, name: str, suffix: str) -> Path:
        self._measured.mkdir(parents=True, exist_ok=True)
        return self._measured / f"{name}.{suffix}"

    def _metrics(self, run: PlannedRun) -> dict[str, np.ndarray]:
        rows = _read(self._workdir / run.name / "metrics.csv")
        columns = ("step", *_TERMS)
        return {name: np.array([row[name] for row in rows], float) for name in columns}

    def _summary(self, run: PlannedRun, seconds: dict[str, float] | None) -> dict:
        ends = dict.fromkeys((f"final_{term}" for term in _TERMS), "")
        if seconds and run.of_arm.trains:
            metrics = self._metrics(run)
            last = slice(-max(1, round(_LAST * run.steps)), None)
            bpp, mse, weighted, _ = (metrics[term][last].mean() for term in _TERMS)
            # The ratio of means: what the loss weighed on average, E[w e] / E[e].
            ratio = weighted / mse if run.of_arm.weighted else 1
            values = (bpp, mse, weighted, run.lmbda * ratio)
            ends = {f"final_{t}": float(v) for t, v in zip(_TERMS, values)}
        return {
            **run.cells,
            "done": int(bool(seconds)),
            "train_seconds": (seconds and seconds["train"]) or "",
            "measure_seconds": (seconds and seconds["measure"]) or "",
            **ends,
        }


def _blocks(metrics: dict[str, np.ndarray]) -> list[dict[str, float]]:
    """Means over blocks of steps; a block's step is its last."""
    steps = metrics["step"].size
    edges = np.linspace(0, steps, min(_BLOCKS, steps) + 1).round().astype(int)
    rows = []
    for start, end in zip(edges[:-1], edges[1:]):
        means = {term: metrics[term][start:end].mean() for term in _TERMS}
        means = {term: float(f"{mean:.6g}") for term, mean in means.items()}
        rows.append({"step": int(metrics["step"][end - 1]), **means})
    return rows


def _read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))
