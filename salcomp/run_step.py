"""Runs an exported training step on an accelerator, by JAX and without TensorFlow.

    python -m salcomp.run_step --step=STEP --train_glob='frames/*.png' \\
        --runs=runs.json --output=runs

First repeats the step's self-check; then trains the runs, one after another, each in a
folder of --output: config.json, metrics.csv, and state.npz, which
`python -m salcomp.train --import_state` takes home. The same command goes on where a
stopped one was. Needs jax, numpy and pillow.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import math
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from salcomp import process
from salcomp.accelerator import exported_step, sweep
from salcomp.accelerator.exported_step import CHECKED_STEPS, ExportedStep
from salcomp.accelerator.sweep import Run
from salcomp.config.config import Config
from salcomp.data import frame_files, frame_set
from salcomp.durations import duration
from salcomp.errors import DivergenceError, InputError, SalcompError
from salcomp.files import disk
from salcomp.runs import folder as run_folder
from salcomp.runs import state as training_state
from salcomp.runs.metrics_file import TERMS, MetricsFile
from salcomp.runs.state import TrainingState
from salcomp.runs.warm_start import fitted

# Largest relative errors that the self-check passes: units that round factors to ten
# bits stay below them, a wrong program does not.
_TOLERANCES = {"terms": 0.02, "moments": 0.05, "updates": 0.3}
_LOG_SECONDS = 10
_STATE = "state.npz"
_LOWER_RATE = "give the run another name and a lower learning_rate"


class _Parser(argparse.ArgumentParser):
    """argparse, with mistakes as errors of one line."""

    def error(self, message):
        raise InputError(f"{message} (--help lists the flags)")


def parse(argv: list[str]) -> argparse.Namespace:
    """The flags of a command line, `argv[0]` being the program."""
    parser = _Parser(
        argv[0],
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    add = parser.add_argument_group("Flags").add_argument
    add("--help", action="help", help="Print this help and exit.")
    add("--step", required=True, help="Folder of python -m salcomp.export_step.")
    add(
        "--train_glob",
        required=True,
        help="Pattern of the training frames, RGBA PNGs. As for salcomp.train, a tenth "
        "is held out unless --validation_glob is given.",
    )
    add(
        "--validation_glob",
        help="Pattern of held-out frames, which are not read: with it all frames of "
        "--train_glob are trained on.",
    )
    add("--runs", required=True, help="JSON file of the runs; see salcomp/sweep.py.")
    add("--output", required=True, help="Folder of the runs' folders.")
    add(
        "--checkpoint_seconds",
        type=float,
        default=60.0,
        help="Seconds between checkpoints; a killed run loses no more.",
    )
    add(
        "--steps_per_call",
        type=int,
        help="Steps that the device takes before it answers; by default 1 on a CPU and "
        "50 elsewhere.",
    )
    args = parser.parse_args(argv[1:])
    if args.steps_per_call is not None and args.steps_per_call < 1:
        raise InputError("--steps_per_call must be at least 1")
    if not args.checkpoint_seconds >= 0:
        raise InputError("--checkpoint_seconds must be at least 0")
    return args


class Trainer:
    """Trains the runs of one exported step on JAX's default device."""

    def __init__(self, exported: ExportedStep, steps_per_call: int | None):
        """Loads the step and repeats its self-check.

        Args:
          exported: the step.
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

    def on_device(self, frames: frame_set.FrameSet) -> frame_set.FrameSet:
        """The frames with their pixels on the device."""
        import jax

        return frames._replace(pixels=jax.device_put(frames.pixels, self._device))

    def train(
        self,
        run: Run,
        folder: Path,
        start: TrainingState,
        frames: frame_set.FrameSet,
        checkpoint_seconds: float,
        stopped: list,
    ) -> None:
        """Trains one run to its last step, or until `stopped` is not empty.

        Args:
          run: with the mean weight of the frames.
          folder: of the run.
          start: state to go on from.
          frames: as of `on_device`.
          checkpoint_seconds: between checkpoints.
          stopped: that a signal fills.

        Raises:
          DivergenceError: a loss or a weight is not finite.
        """
        from salcomp.accelerator.device import to_device

        config, step = run.config, start.step
        image_means = frames.image_means(config)
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
        logging.info(
            "%s: step %d of %d: loss %.4f, bpp %.4f, mse %.2f; %.2f steps/s, %s left",
            self._run.name,
            step,
            last,
            terms["loss"],
            terms["bpp"],
            terms["mse"],
            rate,
            duration((last - step) / rate),
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


def _read_frames(args, exported: ExportedStep, runs: list[Run]):
    """The training frames, and what tells them from others."""
    paths = frame_files.find(args.train_glob)
    if not args.validation_glob:
        paths, _ = frame_files.split(paths)
    needs_map = any(run.config.uses_saliency for run in runs)
    frames = frame_set.read(paths, exported.config.crop, needs_map)
    return frames, {"training frames": frame_files.digest(paths)}


def main(argv):
    args = parse(argv)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    logging.getLogger("jax").setLevel(logging.WARNING)
    exported = exported_step.load(args.step)
    runs = sweep.read(args.runs, exported.config)
    output = disk.make_folder("output", args.output)
    trainer = Trainer(exported, args.steps_per_call)
    frames, data = _read_frames(args, exported, runs)
    frames = trainer.on_device(frames)
    failures = []
    with disk.locked(output), process.stopped_between_steps() as stopped:
        disk.remove_temporaries(output)
        for number, run in enumerate(runs, 1):
            mean = frames.weight_mean(run.config)
            run = run._replace(config=dataclasses.replace(run.config, weight_mean=mean))
            logging.info("run %d of %d: %s", number, len(runs), run.name)
            try:
                start = _begin(run, output, exported, data)
                if start.step < run.config.last_step:
                    trainer.train(
                        run,
                        output / run.name,
                        start,
                        frames,
                        args.checkpoint_seconds,
                        stopped,
                    )
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


if __name__ == "__main__":
    process.run(main)
