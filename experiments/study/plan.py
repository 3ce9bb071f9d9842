"""The plan of a study: a table of runs that people read and change.

A run trains a model and measures it, or measures what another run's model makes of
latents that are refined at encoding time. Columns of the table:

    name            of the run and its folder
    arm             a key of `arms.ARMS`
    lambda          bit per pixel per squared 8-bit level
    floor           smallest weight, where the error is weighted
    weighting       clip, affine or additive, likewise
    normalization   of the weights: none, image or dataset
    seed            of batches and noise
    start           run whose weights this one starts from, or whose model refines
    steps           of training, or of refinement per image
    learning_rate   peak, of training

Refinement always divides its weights by their mean in the image. Runs are done in the
order of the table.
"""

from __future__ import annotations

import csv
import re
from importlib import resources
from typing import NamedTuple

from experiments.study.arms import ARMS, Arm
from salcomp.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Run(NamedTuple):
    """A row of the table; cells that do not apply are None."""

    name: str
    arm: str
    lmbda: float
    floor: float | None
    weighting: str | None
    normalization: str | None
    seed: int
    start: str | None
    steps: int
    learning_rate: float | None

    @property
    def of_arm(self) -> Arm:
        """What its arm does."""
        return ARMS[self.arm]

    @property
    def cells(self) -> dict[str, str]:
        """The row as it stands in the table, by column."""
        values = self._asdict().values()
        return {
            column: "" if value is None else f"{value}"
            for column, value in zip(COLUMNS, values)
        }


COLUMNS = tuple("lambda" if f == "lmbda" else f for f in Run._fields)
_TYPES = dict(zip(COLUMNS, (str, str, float, float, str, str, int, str, int, float)))
_NEEDED = ("name", "arm", "lambda", "seed", "steps")


def read(budget: str) -> list[Run]:
    """The runs of a budget, from `BUDGET.csv` beside this module.

    Raises:
      InputError: a row is unusable, which names the row and the fault.
    """
    path = resources.files("experiments.study") / f"{budget}.csv"
    return parse(path.read_text(), f"{budget}.csv")


def parse(text: str, name: str) -> list[Run]:
    """The runs of a table.

    Args:
      text: CSV with the columns `COLUMNS`.
      name: of the table, for messages.

    Raises:
      InputError: as `read`.
    """
    rows = csv.DictReader(text.splitlines())
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise InputError(f"{name}: the columns must be {','.join(COLUMNS)}")
    runs: dict[str, Run] = {}
    for row in rows:
        try:
            run = _run(row, runs)
        except InputError as error:
            raise InputError(f"{name}, run {row['name'] or '?'}: {error}") from error
        runs[run.name] = run
    return list(runs.values())


def _run(row: dict[str, str], earlier: dict[str, Run]) -> Run:
    values = []
    for column in COLUMNS:
        cell = row[column] or ""
        if not cell and column in _NEEDED:
            raise InputError(f"{column} is missing")
        try:
            values.append(_TYPES[column](cell) if cell else None)
        except ValueError as error:
            raise InputError(f"{column} cannot be {cell!r}") from error
    run = Run(*values)
    if not _NAME.fullmatch(run.name) or run.name in earlier:
        raise InputError(
            "a name is of letters, digits, '.', '_' and '-', and given once"
        )
    if run.arm not in ARMS:
        raise InputError(f"arm {run.arm!r} is none of {', '.join(ARMS)}")
    if run.start and run.start not in earlier:
        raise InputError(f"start {run.start!r} is no earlier run")
    if not run.of_arm.trains and not (run.start and earlier[run.start].of_arm.trains):
        raise InputError("start must be a run that trains a model, to refine with")
    if run.of_arm.trains and run.learning_rate is None:
        raise InputError("learning_rate is missing")
    return run
