"""The state of a training run as one file, without TensorFlow or JAX.

An `.npz` of the variables, Adam's two moments of each, the step, the configuration and
the version of salcomp: what a run goes on from, on whatever machine.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import zipfile
from typing import NamedTuple

import numpy as np

from salcomp import __version__
from salcomp.config import Config
from salcomp.errors import InputError
from salcomp.images import write_file

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
    def initial(cls, config: Config, variables: dict[str, np.ndarray]):
        """The state before the first step."""
        zeros = {name: np.zeros_like(value) for name, value in variables.items()}
        return cls(config, 0, variables, zeros, zeros)


def save(path: str | os.PathLike, state: TrainingState) -> None:
    """Writes a state, whole or not at all.

    Raises:
      InputError: the file cannot be written.
    """
    about = {
        "version": __version__,
        "step": state.step,
        "config": dataclasses.asdict(state.config),
    }
    arrays = {
        f"{group}/{name}": value
        for group in _GROUPS
        for name, value in getattr(state, group).items()
    }
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, about=text, **arrays)
    write_file(path, buffer.getvalue())


def load(path: str | os.PathLike) -> TrainingState:
    """Reads a state.

    Raises:
      InputError: there is no such file, it is no state, or one of another version of
        salcomp.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        about = json.loads(arrays.pop("about").tobytes())
        version, step, config = (about[k] for k in ("version", "step", "config"))
        groups = {group: {} for group in _GROUPS}
        for key, value in arrays.items():
            group, name = key.split("/", 1)
            groups[group][name] = value
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no state of a training run, or is damaged"
        ) from error
    if version != __version__:
        raise InputError(
            f"{path} was written by salcomp {version}, and this is {__version__}; use "
            "the same version on both sides"
        )
    return TrainingState(Config.from_dict(config), step, **groups)
