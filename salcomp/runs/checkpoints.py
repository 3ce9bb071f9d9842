"""The checkpoints of a run: weights, optimizer state and step."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from salcomp.errors import InputError, OutputError
from salcomp.files import disk
from salcomp.model.base import Model, named_variables

# Name of their folder within the run's.
FOLDER = "checkpoints"
_KEPT_CHECKPOINTS = 3


class Checkpoints:
    """The checkpoints of a run: variables by name, optimizer state, and step."""

    def __init__(self, workdir: str, model: Model):
        """Finds the checkpoints that there are.

        The model is compiled, if the state of its optimizers is to be kept too.
        """
        self._folder = str(Path(workdir) / FOLDER)
        self._variables = named_variables(model)
        # A dict keeps the layout of checkpoints independent of the classes' layout.
        # "/" separates levels in checkpoints, so that a name may not hold one.
        keyed = {name.replace("/", "."): v for name, v in self._variables.items()}
        tracked = {"variables": keyed}
        for name, (optimizer, trained) in model.optimizers().items():
            optimizer.build(trained)
            tracked[name] = optimizer
        self._checkpoint = tf.train.Checkpoint(**tracked)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, self._folder, _KEPT_CHECKPOINTS, checkpoint_name="step"
        )

    def steps(self) -> list[int]:
        """The steps that there are checkpoints of, in rising order."""
        return [step_of(path) for path in self._manager.checkpoints]

    def restore(self, step: int | None = None) -> int:
        """Restores the newest checkpoint, or that of a step; passes over damaged ones.

        Returns:
          The step restored; 0, and nothing is changed, if there is no checkpoint.

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
        """Saves a checkpoint, and says so, unless a variable is not finite."""
        if step in self.steps():  # written over, it could be torn by a kill
            return True
        finite = all(np.isfinite(v.numpy()).all() for v in self._variables.values())
        if finite:
            try:
                self._manager.save(checkpoint_number=step)
            except tf.errors.OpError:  # what is half written takes room
                disk.remove(Path(self._folder).glob(f"step-{step}[._]*"))
                raise
        return finite


@contextlib.contextmanager
def faults_told(workdir: str | os.PathLike) -> Iterator[None]:
    """Tells of what cannot be written into a run's folder, and what is kept there.

    Raises OutputError for such a file, and names the last whole checkpoint.
    """
    try:
        yield
    except BrokenPipeError:  # of the standard output
        raise
    except (OSError, OutputError, tf.errors.OpError) as error:
        reason = str(error)
        if isinstance(error, tf.errors.OpError):
            if str(workdir) not in reason:  # of a computation
                raise
            # TensorFlow's messages say PATH; REASON, in the first of their lines.
            reason = reason.splitlines()[0].split("; ")[-1].partition(" [Op:")[0]
        if not isinstance(error, OutputError):
            reason = getattr(error, "strerror", None) or reason
            reason = f"{workdir}: cannot be written ({reason})"
        newest = tf.train.latest_checkpoint(str(Path(workdir) / FOLDER))
        kept = (
            f"the checkpoint of step {step_of(newest)}" if newest else "no checkpoint"
        )
        raise OutputError(
            f"{reason.partition('; make room')[0]}; {kept} is kept: make room, and the "
            "same command goes on"
        ) from error


def step_of(path: str) -> int:
    """The step that a checkpoint's path names."""
    return int(os.path.basename(path).split("-")[-1])
