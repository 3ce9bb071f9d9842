"""Trains the saliency-conditioned codec, or its baseline.

    python -m salcomp.train --saliency_floor=0.1          the 2019 run
    python -m salcomp.train --nosaliency                  its baseline
    python -m salcomp.train --preset=cpu --train_glob='frames/*.png'

A command that is given again goes on from the run's last checkpoint.
"""

from __future__ import annotations

import dataclasses
import os

import tensorflow as tf
from absl import logging

from salcomp import cli
from salcomp.config import geometry
from salcomp.config.base import flag_name
from salcomp.config.config import Config
from salcomp.errors import InputError
from salcomp.flags import Flags
from salcomp.runs import state
from salcomp.training import flags, run
from salcomp.zoo import exported

STRATEGIES = ("one", "mirrored", "multi_worker")

FLAGS = Flags()
flags.define_config_flags(FLAGS)
flags.define_run_flags(FLAGS)
FLAGS.string(
    "workdir",
    None,
    "Folder of the run; by default runs/PRESET-saliency or runs/PRESET-baseline, by "
    "what is trained.",
)
FLAGS.string(
    "init_from",
    None,
    "Workdir, exported model, or name of a model that comes with salcomp, to take the "
    "initial weights from. A model without the map may start one with it: the map's "
    "kernels start at zero.",
)
FLAGS.string(
    "import_state",
    None,
    "File state.npz of a run that salcomp.run_step trained, to go on from and export. "
    "Its configuration takes the preset's place; a larger --last_step trains on.",
)
FLAGS.enum(
    "strategy",
    "one",
    STRATEGIES,
    "Devices to train on: one, all GPUs of this machine (mirrored), or several "
    "machines named by TF_CONFIG (multi_worker), which share the workdir.",
)


def _strategy(name: str) -> tf.distribute.Strategy:
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    if name == "multi_worker":
        if "TF_CONFIG" not in os.environ:
            raise InputError("--strategy=multi_worker needs TF_CONFIG to be set")
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (ValueError, KeyError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"TF_CONFIG names no cluster: {reason}") from error
    return tf.distribute.get_strategy()


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    start = run.Start(FLAGS.init_from)
    if FLAGS.init_from:
        exported.ready(FLAGS.init_from)
    if FLAGS.import_state:
        start = _imported_state()
    config = flags.config_from_flags(FLAGS, start.state and start.state.config)
    # Before anything else touches the runtime: it cannot join a cluster later.
    strategy = _strategy(FLAGS.strategy)
    training = validation = None
    if start.state is None or _trains_on(start.state, config):
        training, validation = flags.training_and_validation(FLAGS, config)
    side = geometry.of_latent(config.dilation_rates)
    logging.info("a latent sees %dx%d pixels", side, side)
    workdir = FLAGS.workdir or default_workdir(config)
    schedule = flags.schedule(FLAGS)
    print(
        run.train(
            config,
            training,
            validation,
            os.path.expanduser(workdir),
            start,
            schedule,
            strategy,
        )
    )


def default_workdir(config: Config) -> str:
    """Where a run goes that is told no folder."""
    arm = "saliency" if config.uses_saliency else "baseline"
    return os.path.join("runs", f"{config.preset}-{arm}")


def _imported_state() -> run.Start:
    # Any other flag would make the exported model's configuration untrue.
    own = {"preset", "saliency", "init_from"}
    own |= {flag_name(field.name) for field in dataclasses.fields(Config)}
    for name in sorted(own - {"last_step"}):
        if name in FLAGS and FLAGS[name].present:
            raise InputError(
                f"--{name} and --import_state exclude each other; the state has its "
                "own configuration and weights"
            )
    path = FLAGS.import_state
    return run.Start(state=state.load(os.path.expanduser(path)), origin=path)


def _trains_on(imported: state.TrainingState, config: Config) -> bool:
    """Whether there are steps left after those of an imported state."""
    if config.last_step < imported.step:
        raise InputError(
            f"--last_step={config.last_step} is before step {imported.step}, to which "
            "the state has come"
        )
    if config.last_step == imported.step:
        return False
    if not (FLAGS.train_glob or FLAGS.tfds_name):
        raise InputError(
            f"the state has come to step {imported.step} of {config.last_step}: give "
            f"--train_glob to train on, or --last_step={imported.step} to stop there"
        )
    return True


if __name__ == "__main__":
    cli.run(main)
