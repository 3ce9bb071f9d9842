"""A list of training runs of one exported step, as a JSON file.

    [{"name": "baseline", "weight_distortion": false, "lambda": 0.003},
     {"name": "saliency", "start": "baseline", "lambda": 0.003, "saliency_floor": 0.01}]

What a run does not say is as when the step was exported. `start` is the name of an
earlier run, or the path of a state, whose weights the run begins with.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from salcomp.config.base import flag_name
from salcomp.config.config import Config
from salcomp.errors import InputError

# What may differ between runs of one program.
FIELDS = (
    "lmbda",
    "weight_distortion",
    "saliency_weighting",
    "saliency_floor",
    "saliency_gain",
    "weight_normalization",
    "uniform_share",
    "learning_rate",
    "learning_rate_schedule",
    "last_step",
    "seed",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Run(NamedTuple):
    """One training.

    Attributes:
      name: of its folder.
      start: name of an earlier run, or path of a state; None for the exported one.
      config: of the run; the mean weight of its frames is not known yet.
    """

    name: str
    start: str | None
    config: Config


def read(path: str | os.PathLike, exported: Config) -> list[Run]:
    """Reads and checks a list of runs, as changes of the configuration of the step.

    Raises InputError if the file cannot be read, or a run in it cannot be, which is
    named.
    """
    try:
        entries = json.loads(Path(path).expanduser().read_text())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{path} must be a list of runs")
    runs: list[Run] = []
    names = [entry.get("name") for entry in entries if isinstance(entry, dict)]
    for number, entry in enumerate(entries, 1):
        try:
            run = _run(entry, exported)
            earlier = {one.name for one in runs}
            if run.name in earlier:
                raise InputError("there is an earlier run of that name")
            if run.start in names and run.start not in earlier:
                raise InputError(f"start {run.start} is not an earlier run")
        except InputError as error:
            name = entry.get("name", number) if isinstance(entry, dict) else number
            raise InputError(f"{path}, run {name}: {error}") from error
        runs.append(run)
    return runs


def _run(entry, exported: Config) -> Run:
    if not isinstance(entry, dict):
        raise InputError("must be an object with a name")
    entry = dict(entry)
    name, start = entry.pop("name", None), entry.pop("start", None)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError("needs a name of letters, digits, '.', '_' and '-'")
    if not (start is None or isinstance(start, str)):
        raise InputError("start must be the name of an earlier run, or a file")
    fields = {flag_name(field): field for field in FIELDS}
    for key in entry:
        if key not in fields:
            raise InputError(
                f"{key!r} is not among what runs of one exported step may differ in: "
                f"{', '.join(fields)}; export another step"
            )
    changes = {fields[key]: value for key, value in entry.items()}
    return Run(name, start, dataclasses.replace(exported, **changes))
