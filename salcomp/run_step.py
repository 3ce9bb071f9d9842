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
from pathlib import Path

import numpy as np

from salcomp import (
    exported_step,
    frame_files,
    frame_set,
    process,
    run_folder,
    sweep,
    training_state,
)
from salcomp.durations import duration
from salcomp.errors import DivergenceError, InputError, SalcompError
from salcomp.exported_step import ExportedStep
from salcomp.metrics_file import TERMS, MetricsFile
from salcomp.sweep import Run
from salcomp.training_state import TrainingState
from salcomp.warm_start import fitted

# Largest relative error that the self-check passes: matrix units that round factors to
# ten bits stay well below it, a wrong program does not.
_TOLERANCE = 0.02
_LOG_SECONDS = 10
_STATE = "state.npz"


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
    return args


class Trainer:
    """Trains the runs of one exported step on JAX's default device."""

    def __init__(self, exported: ExportedStep, frames: frame_set.FrameSet, args):
        """Loads the step, checks it, and puts the frames on the device.

        Raises:
          InputError: JAX cannot read the step, or its results are wrong here.
        """
        import jax

        from salcomp.device_step import DeviceStep

        device = jax.devices()[0]
        logging.info("JAX %s on %s", jax.__version__, device.device_kind)
        self._exported = exported
        self._step = DeviceStep(exported)
        term_error, state_error = self._step.check(exported)
        print(
            f"self-check: largest relative error {term_error:.1e} of a term, "
            f"{state_error:.1e} of a tensor after {exported_step.CHECKED_STEPS} steps"
        )
        if not max(term_error, state_error) <= _TOLERANCE:
            raise InputError(
                "the exported step gives other results here than where it was made; "
                "train elsewhere, or with another version of JAX"
            )
        self._frames = frames._replace(pixels=jax.device_put(frames.pixels, device))
        default = 1 if device.platform == "cpu" else 50
        self._steps_per_call = args.steps_per_call or default
        self._checkpoint_seconds = args.checkpoint_seconds

    def train(self, run: Run, folder: Path, start: TrainingState, stopped: list):
        """Trains one run to its last step, or until `stopped` is not empty.

        Raises:
          DivergenceError: a loss is not finite.
        """
        from salcomp.device_step import from_device, to_device

        config, step = run.config, start.step
        state, saved_at = to_device(start), time.monotonic()
        progress = _Progress(run, step)
        metrics = MetricsFile(folder / "metrics.csv", (*TERMS, "learning_rate"), step)
        pending = None
        while step < config.last_step and not stopped:
            left = config.last_step - step
            count = self._steps_per_call if left >= self._steps_per_call else 1
            state, terms = self._step.advance(state, self._frames, config, step, count)
            # The device works on these steps while the last ones are written down.
            if pending is not None:
                _record(metrics, progress, config, *pending)
            pending = step, terms
            step += count
            if time.monotonic() - saved_at >= self._checkpoint_seconds:
                _record(metrics, progress, config, *pending)
                pending = None
                metrics.flush()
                training_state.save(folder / _STATE, from_device(config, step, state))
                saved_at = time.monotonic()
        if pending is not None:
            _record(metrics, progress, config, *pending)
        metrics.close()
        training_state.save(folder / _STATE, from_device(config, step, state))


class _Progress:
    """Log lines with the speed and the time that is left."""

    def __init__(self, run: Run, step: int):
        self._run = run
        self._first = step
        self._begun = self._logged = None

    def update(self, step: int, terms: dict[str, float]) -> None:
        """Called after each step that has been read back."""
        now, last = time.monotonic(), self._run.config.last_step
        if self._begun is None:  # the first call compiles
            self._begun, self._logged, self._first = now, now, step
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


def _record(metrics: MetricsFile, progress: _Progress, config, step: int, terms):
    """Writes the terms of the steps after `step`."""
    for i, row in enumerate(np.asarray(terms), step + 1):
        values = dict(zip(TERMS, map(float, row)))
        if not math.isfinite(values["loss"]):
            metrics.flush()
            raise DivergenceError(
                f"the loss is not finite at step {i} (learning rate "
                f"{config.learning_rate_of(i):g}); give the run another name and a "
                "lower learning_rate"
            )
        metrics.append(i, {**values, "learning_rate": config.learning_rate_of(i)})
        progress.update(i, values)


def _begin(run: Run, output: Path, exported: ExportedStep, data: dict) -> TrainingState:
    """The state that a run goes on from, or starts with."""
    folder = output / run.name
    run_folder.start(str(folder), run.config, {**data, "start": run.start}, _STATE)
    if (folder / _STATE).exists():
        return training_state.load(folder / _STATE)
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


def main(argv):
    args = parse(argv)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    logging.getLogger("jax").setLevel(logging.WARNING)
    exported = exported_step.load(args.step)
    runs = sweep.read(args.runs, exported.config)
    paths = frame_files.find(args.train_glob)
    if not args.validation_glob:
        paths, _ = frame_files.split(paths)
    needs_map = any(run.config.uses_saliency for run in runs)
    frames = frame_set.read(paths, exported.config.patchsize, needs_map)
    data = {"training frames": frame_files.digest(paths)}
    trainer = Trainer(exported, frames, args)
    failures = []
    with process.stopped_between_steps(lambda: None) as stopped:
        for number, run in enumerate(runs, 1):
            mean = frames.weight_mean(run.config)
            config = dataclasses.replace(run.config, weight_mean=mean)
            run = run._replace(config=config)
            logging.info("run %d of %d: %s", number, len(runs), run.name)
            try:
                output = Path(args.output)
                start = _begin(run, output, exported, data)
                trainer.train(run, output / run.name, start, stopped)
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
