"""A training step as a folder: the program, its signature, a start, and a self-check.

    step.hlo     the program, a serialised HLO module: XLA's own format, which XLA of
                 later years reads
    step.json    version of salcomp, configuration, parameters and results in order
    state.npz    the state to start from, as of `training_state`
    check.npz    inputs of three steps from that state, and what came of them
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp import __version__, training_state
from salcomp.config import Config
from salcomp.errors import InputError
from salcomp.images import write_file
from salcomp.training_state import TrainingState

_PROGRAM, _SIGNATURE, _STATE, _CHECK = "step.hlo", "step.json", "state.npz", "check.npz"
CHECKED_STEPS = 3


class Tensor(NamedTuple):
    """A parameter or result: its name, such as "first/synthesis/...", and kind."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class ExportedStep(NamedTuple):
    """A step that can be run elsewhere.

    Attributes:
      program: serialised HLO module.
      config: what the program was compiled for; lambda, the weighting, learning rate,
        schedule, steps and seed may differ when it is run.
      parameters: of the program, in order.
      results: likewise.
      start: state to start from.
      check: arrays by name: "inputs/STEP/NAME", "terms" [3, 5], "variables/NAME".
    """

    program: bytes
    config: Config
    parameters: list[Tensor]
    results: list[Tensor]
    start: TrainingState
    check: dict[str, np.ndarray]


def save(folder: str | os.PathLike, step: ExportedStep) -> None:
    """Writes an exported step; the signature last, without which there is none.

    Raises:
      InputError: the folder cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _SIGNATURE).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from error
    write_file(folder / _PROGRAM, step.program)
    training_state.save(folder / _STATE, step.start)
    check = io.BytesIO()
    np.savez(check, **step.check)
    write_file(folder / _CHECK, check.getvalue())
    signature = {
        "version": __version__,
        "config": dataclasses.asdict(step.config),
        "parameters": step.parameters,
        "results": step.results,
    }
    write_file(folder / _SIGNATURE, (json.dumps(signature) + "\n").encode())


def load(folder: str | os.PathLike) -> ExportedStep:
    """Reads an exported step.

    Raises:
      InputError: there is none, or one of another version of salcomp.
    """
    folder = Path(folder)
    try:
        signature = json.loads((folder / _SIGNATURE).read_text())
        version = signature["version"]
        if version != __version__:
            raise InputError(
                f"{folder} was exported by salcomp {version}, and this is "
                f"{__version__}; use the same version on both sides"
            )
        tensors = [
            [Tensor(name, dtype, tuple(shape)) for name, dtype, shape in signature[k]]
            for k in ("parameters", "results")
        ]
        with np.load(folder / _CHECK, allow_pickle=False) as file:
            check = dict(file)
        program = (folder / _PROGRAM).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} holds no exported step, or a damaged one; make one by python -m "
            "salcomp.export_step"
        ) from error
    config = Config.from_dict(signature["config"])
    start = training_state.load(folder / _STATE)
    return ExportedStep(program, config, *tensors, start, check)
