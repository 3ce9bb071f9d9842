"""Trains the runs of one exported step, by JAX and without TensorFlow.

Each run has a folder: config.json, metrics.csv, and state.npz, from which it goes on.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from salcomp.accelerator.exported_step import CHECKED_STEPS, ExportedStep
from salcomp.accelerator.sweep import Run
from salcomp.cli import duration
from salcomp.config import weighting
from salcomp.config.config import Config
from salcomp.data.frame_set import FrameSet
from salcomp.errors import DivergenceError, InputError, SalcompError
from salcomp.model.terms import TERMS
from salcomp.runs import folder as run_folder
from salcomp.runs import state as training_state
from salcomp.runs.metrics_file import MetricsFile
from salcomp.runs.state import TrainingState
from salcomp.training.warm_start import fitted

# Largest relative errors that the self-check passes: units that round factors to ten
# bits stay below them, a wrong program does not.
_TOLERANCES = {"terms": 0.02, "moments": 0.05, "updates": 0.3}
_LOG_SECONDS = 10
_STATE = "state.npz"
_LOWER_RATE = "give the run another name and a lower learning_rate"


class Trainer:
    """Trains the runs of one exported step on JAX's default device."""

    def __init__(self, exported: ExportedStep, steps_per_call: int | None):
        """Loads the step and repeats its self-check.

        Args:
          steps_per_call: steps that the device takes before it answers; None for what
            suits the device.

        Raises:
          InputError: there is no JAX, or it cannot read the step, or the step's results
            are wrong here.
        """
        try:
            import jax
        except ImportError as error:
            raise InputError(
                "there is no JAX here: pip install jax, or 'jax[cuda12]' for a GPU"
            ) from error
        from salcomp.accelerator.device import DeviceStep

        self._device = jax.devices()[0]
        logging.info("JAX %s on %s", jax.__version__, self._device.device_kind)
        self._step = DeviceStep(exported)
        default = 1 if self._device.platform == "cpu" else 50
        self._steps_per_call = steps_per_call or default
        errors = self._step.check(exported)
        found = ", ".join(f"{error:.1e} in {kind}" for kind, error in errors.items())
        print(f"self-check of {CHECKED_STEPS} steps, largest relative errors: {found}")
        for kind, tolerance in _TOLERANCES.items():
            if not errors[kind] <= tolerance:  # nor if it is NaN
                raise InputError(
                    f"the exported step gives other {kind} here than where it was "
                    "made; train elsewhere, or with another version of JAX"
                )

    def on_device(self, frames: FrameSet) -> FrameSet:
        """The frames with their pixels on the device."""
        import jax

        return frames._replace(pixels=jax.device_put(frames.pixels, self._device))

    def train(
        self,
        run: Run,
        folder: Path,
        start: TrainingState,
        frames: FrameSet,
        checkpoint_seconds: float,
        stopped: list,
    ) -> None:
        """Trains one run to its last step, or until `stopped` is not empty.

        Args:
          run: with the mean weight of the frames.
          frames: as `on_device` returns them.
          stopped: that a signal fills.

        Raises:
          DivergenceError: a loss or a weight is not finite.
        """
        from salcomp.accelerator.device import to_device

        config, step = run.config, start.step
        image_means = weighting.image_means(frames.level_counts, config)
        columns = (*TERMS, "learning_rate")
        with closing(MetricsFile(folder / "metrics.csv", columns, step)) as metrics:
            log = _Log(run, metrics, step)
            state, saved_at = to_device(start), time.monotonic()
            while step < config.last_step and not stopped:
                count = min(self._steps_per_call, config.last_step - step)
                state, terms = self._step.advance(
                    state, frames, image_means, config, step, count
                )
                # The device works on these while the last ones are written down.
                log.write_pending()
                log.pending = step, terms
                step += count
                if time.monotonic() - saved_at >= checkpoint_seconds:
                    log.write_pending()
                    _save(folder, config, step, state)
                    saved_at = time.monotonic()
            log.write_pending()
            _save(folder, config, step, state)


def _save(folder: Path, config: Config, step: int, tensors: dict) -> None:
    """Writes a checkpoint, unless a value of it is not finite."""
    state = TrainingState.of_tensors(config, step, tensors)
    if not state.is_finite():
        raise DivergenceError(
            f"a weight is not finite at step {step} (learning rate "
            f"{config.learning_rate_of(step):g}); {_LOWER_RATE}"
        )
    training_state.save(folder / _STATE, state)


class _Log:
    """What is told of the steps: rows of metrics.csv, and lines with the time left.

    Attributes:
      pending: steps taken before a call, and its terms, which are on the device still.
    """

    def __init__(self, run: Run, metrics: MetricsFile, step: int):
        self.pending = None
        self._run, self._metrics = run, metrics
        self._first, self._begun, self._logged = step, None, 0.0

    def write_pending(self) -> None:
        """Reads the pending terms back, and writes them down."""
        if self.pending is None:
            return
        (step, terms), self.pending = self.pending, None
        config = self._run.config
        for i, row in enumerate(np.asarray(terms), step + 1):
            values = dict(zip(TERMS, map(float, row)))
            rate = config.learning_rate_of(i)
            if not math.isfinite(values["loss"]):
                raise DivergenceError(
                    f"the loss is not finite at step {i} (learning rate {rate:g}); "
                    f"{_LOWER_RATE}"
                )
            self._metrics.append(i, {**values, "learning_rate": rate})
        self._metrics.flush()
        self._tell(i, values)

    def _tell(self, step: int, terms: dict[str, float]) -> None:
        now, last = time.monotonic(), self._run.config.last_step
        if self._begun is None:  # the first call compiles
            self._first, self._begun, self._logged = step, now, now
            return
        if now - self._logged < _LOG_SECONDS and step < last:
            return
        self._logged = now
        rate = max(step - self._first, 1) / max(now - self._begun, 1e-9)
        found = "loss {loss:.4f}, bpp {bpp:.4f}, mse {mse:.2f}".format(**terms)
        logging.info(
            f"{self._run.name}: step {step} of {last}: {found}; {rate:.2f} steps/s, "
            f"{duration((last - step) / rate)} left"
        )


def _begin(run: Run, output: Path, exported: ExportedStep, data: dict) -> TrainingState:
    """The state that a run goes on from, or starts with."""
    folder = output / run.name
    run_folder.start(str(folder), run.config, {**data, "start": run.start}, _STATE)
    if (folder / _STATE).exists():
        state = training_state.load(folder / _STATE)
        if state.config != run.config:
            raise InputError(f"{folder / _STATE} is of another run; move it away")
        return state
    variables = exported.start.variables
    if run.start is not None:
        earlier = output / run.start / _STATE
        own = earlier.exists()
        state = training_state.load(earlier if own else Path(run.start).expanduser())
        if own and state.step < state.config.last_step:
            raise InputError(
                f"start {run.start} has come to step {state.step} of "
                f"{state.config.last_step}; finish it first"
            )
        variables = fitted(state.variables, variables)
    return TrainingState.initial(run.config, variables)


def train_all(
    trainer: Trainer,
    runs: list[Run],
    output: Path,
    exported: ExportedStep,
    frames: FrameSet,
    data: dict,
    checkpoint_seconds: float,
    stopped: list,
) -> None:
    """Trains runs, one after another, each from where it was left.

    Args:
      output: folder of the runs' folders.
      exported: the step, with the weights that runs begin with.
      frames: to train on, as `Trainer.on_device` returns them.
      data: what tells the frames from others, as JSON values.
      stopped: that a signal fills.

    Raises:
      KeyboardInterrupt: a signal came; the last step is saved.
      SalcompError: at least one run failed; the reasons have been logged.
    """
    failures = []
    for number, run in enumerate(runs, 1):
        mean = weighting.dataset_mean(frames.level_counts, run.config)
        run = run._replace(config=dataclasses.replace(run.config, weight_mean=mean))
        logging.info("run %d of %d: %s", number, len(runs), run.name)
        try:
            start = _begin(run, output, exported, data)
            if start.step < run.config.last_step:
                folder = output / run.name
                trainer.train(run, folder, start, frames, checkpoint_seconds, stopped)
        except SalcompError as error:
            failures.append(f"{run.name}: {error}")
            logging.error("%s", failures[-1])
        if stopped:
            logging.info("stopped; the same command goes on")
            raise KeyboardInterrupt
    if failures:
        raise SalcompError(
            f"{len(failures)} of {len(runs)} runs failed: {'; '.join(failures)}"
        )
