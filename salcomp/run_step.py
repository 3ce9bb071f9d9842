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
import logging

from salcomp import cli
from salcomp.accelerator import exported_step, sweep
from salcomp.accelerator.trainer import Trainer, train_all
from salcomp.data import frame_files, frame_set
from salcomp.errors import InputError
from salcomp.files import disk


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
    add(
        "--runs",
        required=True,
        help="JSON file of the runs; see salcomp/accelerator/sweep.py.",
    )
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
    paths = frame_files.find(args.train_glob)
    if not args.validation_glob:
        paths, _ = frame_files.split(paths)
    needs_map = any(run.config.uses_saliency for run in runs)
    frames = frame_set.read(paths, exported.config.crop, needs_map)
    data = {
        "training frames": frame_files.names_digest(paths),
        "training contents": frames.contents,
    }
    with disk.locked(output), cli.stopped_between_steps() as stopped:
        disk.remove_temporaries(output)
        train_all(
            trainer,
            runs,
            output,
            exported,
            trainer.on_device(frames),
            data,
            args.checkpoint_seconds,
            stopped,
        )


if __name__ == "__main__":
    cli.run_process(main)
