"""The state of a training run as one file, without TensorFlow or JAX.

An `.npz` of the variables, Adam's two moments of each, the step, the configuration and
the version of salcomp: what a run goes on from, on whatever machine.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp import __version__
from salcomp.config.config import Config
from salcomp.errors import InputError
from salcomp.files import npz
from salcomp.files.disk import write_file

_GROUPS = ("variables", "first", "second")


class TrainingState(NamedTuple):
    """A run between two steps.

    Attributes:
      config: of the run.
      step: steps taken.
      variables: float32 arrays by name.
      first: Adam's means of the gradients, likewise.
      second: Adam's means of their squares, likewise.
    """

    config: Config
    step: int
    variables: dict[str, np.ndarray]
    first: dict[str, np.ndarray]
    second: dict[str, np.ndarray]

    @classmethod
    def initial(cls, config: Config, variables: dict[str, np.ndarray]) -> TrainingState:
        """The state before the first step."""
        zeros = {name: np.zeros_like(value) for name, value in variables.items()}
        return cls(config, 0, variables, zeros, zeros)

    def tensors(self) -> dict[str, np.ndarray]:
        """All arrays, by "variables/NAME", "first/NAME" and "second/NAME"."""
        return {
            f"{group}/{name}": value
            for group in _GROUPS
            for name, value in getattr(self, group).items()
        }

    @classmethod
    def of_tensors(cls, config: Config, step: int, tensors: dict) -> TrainingState:
        """The state of arrays of any library, named as `tensors` names them.

        Raises KeyError for another name.
        """
        groups: dict[str, dict] = {group: {} for group in _GROUPS}
        for key, value in tensors.items():
            group, name = key.split("/", 1)
            groups[group][name] = np.asarray(value)
        return cls(config, step, **groups)

    def is_finite(self) -> bool:
        """Whether no value is infinite or NaN."""
        return all(np.isfinite(value).all() for value in self.tensors().values())


def save(path: str | os.PathLike, state: TrainingState) -> None:
    """Writes a state, whole or not at all; raises InputError where it cannot."""
    about = {
        "version": __version__,
        "step": state.step,
        "config": dataclasses.asdict(state.config),
    }
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    write_file(path, npz.dumps({"about": text, **state.tensors()}))


def load(path: str | os.PathLike) -> TrainingState:
    """Reads a state.

    Raises InputError if there is no such file, it is no state, or one of another
    version of salcomp.
    """
    try:
        arrays = npz.loads(Path(path).read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        about = json.loads(arrays.pop("about").tobytes())
        version, step, config = (about[k] for k in ("version", "step", "config"))
        shapes = [
            {n: value.shape for n, value in group.items()}
            for group in TrainingState.of_tensors(None, 0, arrays)[2:]
        ]
        if not shapes[0] or shapes[0] != shapes[1] or shapes[0] != shapes[2]:
            raise ValueError
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no state of a training run") from error
    if version != __version__:
        raise InputError(
            f"{path} was written by salcomp {version}, and this is {__version__}; use "
            "the same version on both sides"
        )
    state = TrainingState.of_tensors(Config.from_dict(config), step, arrays)
    if not state.is_finite():
        raise InputError(f"{path} has values that are not finite; train again")
    return state
