"""A run's folder: its configuration, checkpoints and metrics, and how it goes on.

    workdir/config.json    what the run computes, and from which frames
    workdir/checkpoints/   weights, optimizer state and step
    workdir/metrics.csv    a row per step
    workdir/validation.csv a row per validation
    workdir/events.*       the same for TensorBoard, with images
    workdir/model/         the export that compresses and decompresses
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from salcomp.config import Config, flag_name
from salcomp.errors import InputError
from salcomp.images import write_file
from salcomp.model import SaliencyCodec, named_variables

_KEPT_CHECKPOINTS = 3


def start(workdir: str, config: Config, data: dict[str, object]) -> None:
    """Begins a run, or makes sure that an existing one is the same run.

    Args:
      workdir: of the run; made if need be.
      config: of the run.
      data: what the frames are, as JSON values.

    Raises:
      InputError: the folder holds another run; the message says what differs.
    """
    path = Path(workdir) / "config.json"
    wanted = {"config": dataclasses.asdict(config), "data": data}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # What is hidden is what a killed process left.
        others = [p for p in path.parent.iterdir() if not p.name.startswith(".")]
    except OSError as error:
        raise InputError(f"--workdir={workdir}: {error.strerror}") from error
    if not path.exists() and others:
        raise InputError(
            f"{workdir} is not empty and holds no run; choose another --workdir"
        )
    if not (path.parent / "checkpoints").is_dir():  # no step of it was ever saved
        write_file(path, (json.dumps(wanted, indent=2) + "\n").encode())
        return
    found = _read(path)
    differences = [
        f"{flag_name(name)} was {found[part].get(name)!r} and is now {value!r}"
        for part in ("config", "data")
        for name, value in wanted[part].items()
        if found[part].get(name) != value
    ]
    if differences:
        raise InputError(
            f"{workdir} holds another run: {'; '.join(differences)}; "
            "choose another --workdir"
        )


def read_config(workdir: str) -> Config:
    """The configuration of the run in a folder.

    Raises:
      InputError: the folder holds no run, or one of another version of salcomp.
    """
    path = Path(workdir) / "config.json"
    if not path.exists():
        raise InputError(f"{workdir} holds no run (no config.json)")
    return Config.from_dict(_read(path)["config"])


def _read(path: Path) -> dict:
    try:
        run = json.loads(path.read_text())
        if not (isinstance(run["config"], dict) and isinstance(run["data"], dict)):
            raise TypeError
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the config.json of a run") from error
    return run


class Checkpoints:
    """The checkpoints of a run: variables by name, optimizer state, and step."""

    def __init__(self, workdir: str, model: SaliencyCodec):
        """Finds the checkpoints that there are.

        Args:
          workdir: of the run.
          model: compiled, if its optimizer's state is to be kept too.
        """
        self._folder = str(Path(workdir) / "checkpoints")
        self._variables = named_variables(model)
        optimizer = getattr(model, "optimizer", None)
        if optimizer is not None:
            optimizer.build(model.trainable_variables)
        # A dict keeps the layout of checkpoints independent of the classes' layout.
        tracked = {"variables": _keyed(self._variables)}
        if optimizer is not None:
            tracked["optimizer"] = optimizer
        self._checkpoint = tf.train.Checkpoint(**tracked)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint,
            self._folder,
            max_to_keep=_KEPT_CHECKPOINTS,
            checkpoint_name="step",
        )

    def steps(self) -> list[int]:
        """The steps that there are checkpoints of, in rising order."""
        return [step_of(path) for path in self._manager.checkpoints]

    def restore(self, step: int | None = None) -> int:
        """Restores the newest checkpoint, or that of a step.

        Returns:
          The step restored; 0, and nothing is changed, if there is no checkpoint.

        Damaged checkpoints are passed over.

        Raises:
          InputError: there is none of that step; the message lists those there are. Or
            none can be read.
        """
        if step is not None and step not in self.steps():
            raise InputError(
                f"{self._folder} has no checkpoint of step {step}; it has "
                f"{', '.join(map(str, self.steps())) or 'none'}"
            )
        if not self._manager.checkpoints:
            return 0
        paths = reversed(self._manager.checkpoints)
        if step is not None:
            paths = [str(Path(self._folder) / f"step-{step}")]
        for path in paths:
            try:
                status = self._checkpoint.restore(path)
                status.assert_existing_objects_matched().expect_partial()
                return step_of(path)
            except (tf.errors.OpError, IndexError, ValueError):
                logging.warning("%s is damaged and is passed over", path)
        raise InputError(f"{self._folder} has no checkpoint that can be read")

    def save(self, step: int) -> bool:
        """Saves a checkpoint, unless a variable is not finite.

        Returns:
          Whether there is one of this step now.
        """
        if step in self.steps():  # written over, it could be torn by a kill
            return True
        finite = all(
            np.isfinite(variable.numpy()).all() for variable in self._variables.values()
        )
        if finite:
            self._manager.save(checkpoint_number=step)
        return finite


def _keyed(variables):
    # "/" separates levels in checkpoints, so that a name may not hold one.
    return {name.replace("/", "."): variable for name, variable in variables.items()}


def step_of(path: str) -> int:
    """The step that a checkpoint's path names."""
    return int(os.path.basename(path).split("-")[-1])


class MetricsFile:
    """A CSV with a row per step that can be cut back to a step and appended to."""

    def __init__(self, path: str | os.PathLike, columns: tuple[str, ...], step: int):
        """Opens the file, dropping the rows after `step`.

        Args:
          path: of the file; made if need be.
          columns: names after the first, which is "step".
          step: last step whose row is kept.
        """
        header = ",".join(("step", *columns)) + "\n"
        rows = []
        if os.path.exists(path):
            with open(path) as file:
                # A killed run may leave half a line, always of a dropped step.
                lines = [line for line in file if line.endswith("\n")][1:]
            rows = [line for line in lines if int(line.split(",", 1)[0]) <= step]
        write_file(path, (header + "".join(rows)).encode())
        self._columns = columns
        self._file = open(path, "a")  # noqa: SIM115 - closed by close()

    def append(self, step: int, values: dict[str, float]) -> None:
        """Adds a row; numbers are written so that float32 survives."""
        cells = [str(step), *(f"{values[name]:.9g}" for name in self._columns)]
        self._file.write(",".join(cells) + "\n")

    def flush(self) -> None:
        """Hands all rows to the operating system."""
        self._file.flush()

    def close(self) -> None:
        """Flushes and closes the file."""
        self._file.close()
