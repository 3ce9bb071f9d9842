"""The plan of a study: its arms, its budgets, and a table of runs for each of these.

An arm is what a model trains with and what its encoder is told; a budget is how much is
computed. The tables are for people to read and change.

A run trains a model and measures it; or it measures what another run's model makes of
latents that are refined at encoding time, or of pictures at another of its rates.
Columns of the table:

    name            of the run and its folder
    arm             a key of `ARMS`
    lambda          bit per pixel per squared 8-bit level; the least of several
    floor           smallest weight, where the error is weighted
    weighting       clip, affine or additive, likewise
    normalization   of the weights: none, image or dataset
    seed            of batches and noise
    start           run whose weights this one starts from, or whose model codes
    steps           of training, or of refinement per image
    learning_rate   peak, of training
    uniform_share   of the weights, once normalised
    num_filters     of the model, where it is not the budget's

Refinement always divides its weights by their mean in the image. Runs are done in the
order of the table.
"""

from __future__ import annotations

import csv
import re
from importlib import resources
from typing import NamedTuple

from salcomp.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Arm(NamedTuple):
    """A way to train, or only to encode.

    Attributes:
      description: in a few words, for tables.
      flags: of salcomp.train; none where nothing is trained.
      maps: which map the encoder (and the loss) gets: "own", that of another frame
        ("shuffled"), the centre prior ("center"), or the very map that scores
        ("scorer").
      refinement: what the latents are refined under, "uniform" or "saliency" weights,
        by the model that the run starts from; None without refinement.
      extends: the arm that the run is another point of: its model, which the run starts
        from, codes at the run's lambda.
    """

    description: str
    flags: tuple[str, ...] = ()
    maps: str = "own"
    refinement: str | None = None
    extends: str | None = None

    @property
    def trains(self) -> bool:
        """Whether a run of it makes a model."""
        return self.refinement is None and self.extends is None

    @property
    def weighted(self) -> bool:
        """Whether the training weights the squared error."""
        return "--weight_distortion" in self.flags


_CONCAT = ("--condition_encoder", "--weight_distortion")
_MAP_IN = ("--condition_encoder", "--noweight_distortion")
_WEIGHTED = ("--nocondition_encoder", "--weight_distortion")
_MODULATE = (*_CONCAT, "--conditioning=modulate")
_HYPER = ("--prior=hyper", "--rates=8", "--lambda_span=320")

ARMS = {
    "baseline": Arm("no map, uniform error", ("--nosaliency",)),
    "map-in": Arm("map as fourth channel, uniform error", _MAP_IN),
    "weighted": Arm("no map in, weighted error", _WEIGHTED),
    "concat": Arm("map as fourth channel, weighted error", _CONCAT),
    "concat-0.1": Arm("map as fourth channel, weighted error", _CONCAT),
    "modulate": Arm("map scales and shifts features, weighted error", _MODULATE),
    "concat-shuffled": Arm("concat with maps of other frames", _CONCAT, "shuffled"),
    "modulate-shuffled": Arm(
        "modulate with maps of other frames", _MODULATE, "shuffled"
    ),
    "concat-0.1-shuffled": Arm(
        "concat-0.1 with maps of other frames", _CONCAT, "shuffled"
    ),
    "concat-center": Arm("concat with the centre prior", _CONCAT, "center"),
    "modulate-center": Arm("modulate with the centre prior", _MODULATE, "center"),
    "factorized": Arm("codec of 2017, no map", ("--nosaliency",)),
    "hyper": Arm("mean-scale hyperprior, no map", ("--nosaliency", *_HYPER)),
    "hyper-concat": Arm("hyper, map as fourth channel", (*_CONCAT, *_HYPER)),
    "hyper-modulate": Arm("hyper, map scales features", (*_MODULATE, *_HYPER)),
    "hyper-rates": Arm("hyper at another rate", extends="hyper"),
    "hyper-concat-rates": Arm("hyper-concat at another rate", extends="hyper-concat"),
    "hyper-modulate-rates": Arm(
        "hyper-modulate at another rate", extends="hyper-modulate"
    ),
    "refine-uniform": Arm("refined, uniform weights", refinement="uniform"),
    "refine-saliency": Arm("refined, weights of the map", refinement="saliency"),
    "refine-shuffled": Arm(
        "refined, weights of another frame's map", (), "shuffled", "saliency"
    ),
    "refine-mild": Arm("refined, floor 0.1", refinement="saliency"),
    "refine-fixations": Arm(
        "refined, weights of the map that scores", (), "scorer", "saliency"
    ),
    "blog-baseline": Arm("no map, uniform error, from scratch", ("--nosaliency",)),
    "blog-clip": Arm("max(s, floor), from scratch", _CONCAT),
    "blog-affine": Arm("floor + (1 - floor) s, from scratch", _CONCAT),
    "blog-additive": Arm("1 + s, from scratch", _CONCAT),
    "none-clip": Arm("concat, max(s, floor) as it is", _CONCAT),
    "none-affine": Arm("concat, floor + (1 - floor) s as it is", _CONCAT),
    "none-additive": Arm("concat, 1 + s as it is", _CONCAT),
}


class Budget(NamedTuple):
    """The settings of a study beside its table of runs.

    Attributes:
      flags: of salcomp.train, for all runs.
      scored: that many images of each set at most, at equal distances through it.
      refined: likewise for runs that refine each image, which takes seconds.
    """

    flags: tuple[str, ...]
    scored: int
    refined: int


BUDGETS = {
    # Minutes on built-in scenes: shows that the chain works, and nothing else.
    "smoke": Budget(("--preset=smoke",), 6, 2),
    # Hours on two cores, with maps that turned out to be wrong.
    "street": Budget(("--preset=cpu",), 100, 40),
    # Hours on two cores.
    "true-maps": Budget(("--preset=cpu", "--clip_norm=1"), 100, 40),
    # Likewise, of the codec of today beside that of 2017.
    "today": Budget(("--preset=cpu", "--clip_norm=1"), 100, 40),
    # The size of 2019, for a machine with an accelerator.
    "full": Budget(("--preset=cpu", "--num_filters=128", "--patchsize=256"), 100, 100),
}


class PlannedRun(NamedTuple):
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
    uniform_share: float | None
    num_filters: int | None

    @property
    def of_arm(self) -> Arm:
        """What its arm does."""
        return ARMS[self.arm]

    @property
    def cells(self) -> dict[str, str]:
        """The row as it stands in the table, by column."""
        cells = ("" if value is None else f"{value}" for value in self)
        return dict(zip(COLUMNS, cells))


COLUMNS = tuple("lambda" if f == "lmbda" else f for f in PlannedRun._fields)
_TYPES = dict(
    zip(
        COLUMNS,
        (str, str, float, float, str, str, int, str, int, float, float, int),
    )
)
_NEEDED = ("name", "arm", "lambda", "seed", "steps")


def read(budget: str) -> list[PlannedRun]:
    """The runs of a budget, from `BUDGET.csv` beside this module.

    Raises:
      InputError: a row is unusable, which names the row and the fault.
    """
    path = resources.files("experiments.study") / f"{budget}.csv"
    return parse(path.read_text(), f"{budget}.csv")


def parse(text: str, name: str) -> list[PlannedRun]:
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
    runs: dict[str, PlannedRun] = {}
    for row in rows:
        try:
            run = _run(row, runs)
        except InputError as error:
            raise InputError(f"{name}, run {row['name'] or '?'}: {error}") from error
        runs[run.name] = run
    return list(runs.values())


def _run(row: dict[str, str], earlier: dict[str, PlannedRun]) -> PlannedRun:
    values = []
    for column in COLUMNS:
        cell = row[column] or ""
        if not cell and column in _NEEDED:
            raise InputError(f"{column} is missing")
        try:
            values.append(_TYPES[column](cell) if cell else None)
        except ValueError as error:
            raise InputError(f"{column} cannot be {cell!r}") from error
    run = PlannedRun(*values)
    if not _NAME.fullmatch(run.name) or run.name in earlier:
        raise InputError("a name is of letters, digits, '.', '_' and '-', given once")
    if run.arm not in ARMS:
        raise InputError(f"arm {run.arm!r} is none of {', '.join(ARMS)}")
    if run.start and run.start not in earlier:
        raise InputError(f"start {run.start!r} is no earlier run")
    if not run.of_arm.trains and not (run.start and earlier[run.start].of_arm.trains):
        raise InputError("start must be a run that trains a model, to code with")
    if run.of_arm.trains and run.learning_rate is None:
        raise InputError("learning_rate is missing")
    return run
