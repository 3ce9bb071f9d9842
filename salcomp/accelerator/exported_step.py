"""A training step as a folder: the program, its signature, a start, and a self-check.

step.hlo     the program, a serialised HLO module: XLA's own format, which XLA of
             later years reads
step.json    version of salcomp, configuration, parameters and results in order
state.npz    the state to start from, as `runs.state` writes it
check.npz    inputs of three steps from that state, and what came of them
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from salcomp import __version__
from salcomp.config.config import Config
from salcomp.errors import InputError
from salcomp.files import npz
from salcomp.files.disk import write_file
from salcomp.runs import state as training_state
from salcomp.runs.state import TrainingState

_PROGRAM, _SIGNATURE, _STATE, _CHECK = "step.hlo", "step.json", "state.npz", "check.npz"
CHECKED_STEPS = 3

Array = Any


class Inputs(NamedTuple):
    """What a step takes beside the state; arrays or tensors of any library.

    Their order is that of the program's parameters.

    Attributes:
      rgba: uint8 [B, P, P, 4], crops; alpha is the map.
      divisor: float32 [B], what the raw weights of each crop are divided by.
      noise: float32 [B, P/16, P/16, C] in -1/2..1/2, C the `noise_channels`.
      learning_rate: float32 [].
      lmbda: float32 [], bit / pixel per squared 8-bit level.
      weighting: float32 [5], the `Coefficients` of the weight.
      weight_distortion: bool [], whether the distortion is weighted.
      step: int32 [], number of this step, from 1.
    """

    rgba: Array
    divisor: Array
    noise: Array
    learning_rate: Array
    lmbda: Array
    weighting: Array
    weight_distortion: Array
    step: Array


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
      check: arrays by name: "inputs/STEP/NAME", "terms" [3, 5], and the tensors of the
        state after the steps.
    """

    program: bytes
    config: Config
    parameters: list[Tensor]
    results: list[Tensor]
    start: TrainingState
    check: dict[str, np.ndarray]


def save(folder: str | os.PathLike, step: ExportedStep) -> None:
    """Writes an exported step; the signature last, without which there is none.

    The folder exists. Raises InputError if a file cannot be written.
    """
    folder = Path(folder)
    (folder / _SIGNATURE).unlink(missing_ok=True)
    write_file(folder / _PROGRAM, step.program)
    training_state.save(folder / _STATE, step.start)
    write_file(folder / _CHECK, npz.dumps(step.check))
    signature = {
        "version": __version__,
        "config": dataclasses.asdict(step.config),
        "parameters": step.parameters,
        "results": step.results,
    }
    write_file(folder / _SIGNATURE, (json.dumps(signature) + "\n").encode())


def load(folder: str | os.PathLike) -> ExportedStep:
    """Reads an exported step.

    Raises InputError if there is none, or one of another version of salcomp.
    """
    folder = Path(folder).expanduser()
    try:
        signature = json.loads((folder / _SIGNATURE).read_text())
        version, config = signature["version"], signature["config"]
        parameters, results = (
            [Tensor(name, dtype, tuple(shape)) for name, dtype, shape in signature[key]]
            for key in ("parameters", "results")
        )
        check_data = (folder / _CHECK).read_bytes()
        program = (folder / _PROGRAM).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} holds no exported step, or a damaged one; make one by python -m "
            "salcomp.export_step"
        ) from error
    if version != __version__:
        raise InputError(
            f"{folder} was exported by salcomp {version}, and this is {__version__}; "
            "use the same version on both sides"
        )
    start = training_state.load(folder / _STATE)
    check = npz.loads(check_data, str(folder / _CHECK))
    config = Config.from_dict(config)
    step = ExportedStep(program, config, parameters, results, start, check)
    _check_names(folder, step)
    return step


def _check_names(folder: Path, step: ExportedStep) -> None:
    """Makes sure that the parts of an exported step belong together."""
    tensors = step.start.tensors()
    inputs = {
        name: step.check.get(f"inputs/0/{name}", np.empty(0)) for name in Inputs._fields
    }
    shapes = {name: value.shape for name, value in {**tensors, **inputs}.items()}
    batch = (step.config.batchsize, *step.config.crop, 4)
    fits = (
        shapes == {tensor.name: tensor.shape for tensor in step.parameters}
        and shapes["rgba"] == batch
        and set(tensors) | {"terms"} == {tensor.name for tensor in step.results}
        and set(tensors) | {"terms"} <= set(step.check)
    )
    if not fits:
        raise InputError(
            f"the files in {folder} do not belong together; export the step again"
        )
