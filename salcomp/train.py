"""Trains the saliency-conditioned codec, or its baseline.

    python -m salcomp.train --saliency_floor=0.1          the 2019 run
    python -m salcomp.train --nosaliency                  its baseline
    python -m salcomp.train --preset=cpu --train_glob='frames/*.png'

A command that is given again goes on from the run's last checkpoint.
"""

from __future__ import annotations

import dataclasses
import functools
import os

import tensorflow as tf
from absl import flags, logging

from salcomp import cli, export
from salcomp.config import geometry as receptive_field
from salcomp.config.config import Config
from salcomp.data import batches, frames
from salcomp.errors import InputError
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.runs import folder as run_folder
from salcomp.runs import state as training_state
from salcomp.runs.checkpoints import Checkpoints
from salcomp.runs.metrics_file import TERMS
from salcomp.training import fitting, imported_state, run_flags
from salcomp.training import flags as config_flags
from salcomp.training import loop as callbacks

STRATEGIES = ("one", "mirrored", "multi_worker")

FLAGS = flags.FlagValues()
config_flags.define_flags(FLAGS)
run_flags.define_flags(FLAGS)
flags.DEFINE_string(
    "workdir",
    None,
    "Folder of the run; by default runs/PRESET-saliency or runs/PRESET-baseline, by "
    "what is trained.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "init_from",
    None,
    "Workdir, exported model, or name of a model that comes with salcomp, to take the "
    "initial weights from. A model without the map may start one with it: the map's "
    "kernels start at zero.",
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "import_state",
    None,
    "File state.npz of a run that salcomp.run_step trained, to go on from and export. "
    "Its configuration takes the preset's place; a larger --last_step trains on.",
    flag_values=FLAGS,
)
flags.DEFINE_enum(
    "strategy",
    "one",
    STRATEGIES,
    "Devices to train on: one, all GPUs of this machine (mirrored), or several "
    "machines named by TF_CONFIG (multi_worker), which share the workdir.",
    flag_values=FLAGS,
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


def _is_chief(strategy) -> bool:
    resolver = strategy.cluster_resolver
    return (
        resolver is None
        or resolver.task_type in (None, "chief")
        or (
            resolver.task_type == "worker"
            and resolver.task_id == 0
            and "chief" not in resolver.cluster_spec().jobs
        )
    )


def _default_workdir(settings: Config) -> str:
    arm = "saliency" if settings.uses_saliency else "baseline"
    return os.path.join("runs", f"{settings.preset}-{arm}")


class _LearningRate(tf.keras.optimizers.schedules.LearningRateSchedule):
    """The configuration's learning rate of each step, from a table."""

    def __init__(self, settings: Config):
        steps = range(1, settings.last_step + 1)
        self._rates = tf.constant([settings.learning_rate_of(step) for step in steps])

    def __call__(self, step):
        return self._rates[step]


def _learning_rate(settings: Config) -> float | _LearningRate:
    if settings.learning_rate_schedule == "constant":
        return settings.learning_rate
    return _LearningRate(settings)


def _build(settings: Config, init_from: str | None = None) -> SaliencyCodec:
    """A model with its optimizer, the same for every run of a seed."""
    model = export.initial_model(settings, init_from)
    optimizer = tf.keras.optimizers.Adam(
        _learning_rate(settings), epsilon=settings.adam_epsilon
    )
    model.compile(optimizer=optimizer)
    return model


def _describe(training: frames.Frames, validation: frames.Frames) -> dict[str, object]:
    """What else tells a run from another."""
    return {
        **run_flags.describe(FLAGS, training.names, validation.names),
        "init_from": FLAGS.init_from,
        "import_state": FLAGS.import_state,
    }


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    imported = _imported_state() if FLAGS.import_state else None
    settings = config_flags.from_flags(FLAGS, imported and imported.config)
    if imported:
        _check_import(imported, settings)
    if FLAGS.deterministic:
        tf.config.experimental.enable_op_determinism()
    # Before anything else touches the runtime: it cannot join a cluster later.
    strategy = _strategy(FLAGS.strategy)
    chief = _is_chief(strategy)
    if imported and imported.step >= settings.last_step:
        data = {"import_state": FLAGS.import_state}
    else:
        training, validation = frames.training_and_validation(FLAGS, settings)
        settings = dataclasses.replace(settings, weight_mean=training.weight_mean)
        data = _describe(training, validation)
    workdir = os.path.expanduser(FLAGS.workdir or _default_workdir(settings))
    with strategy.scope():
        model = _build(settings, FLAGS.init_from)
        if imported:
            imported_state.assign(model, imported)
    if chief:
        run_folder.start(workdir, settings, data)
        side = receptive_field.of_latent(settings.dilation_rates)
        logging.info("a latent sees %dx%d pixels", side, side)
    with strategy.scope():
        checkpoints = Checkpoints(workdir, model)
        start = checkpoints.restore()
    if imported and not start:
        start = imported.step
        checkpoints.save(start)
    if start:
        logging.info("going on from step %d of %s", start, workdir)
    if start < settings.last_step:
        _fit(model, strategy, training, validation, workdir, checkpoints, start, chief)
    if chief:
        print(export.export_run(workdir))


def _imported_state() -> training_state.TrainingState:
    # Any other flag would make the exported model's configuration untrue.
    own = {"preset", "saliency", "init_from"}
    own |= {config_flags.flag_name(f.name) for f in dataclasses.fields(Config)}
    for name in sorted(own - {"last_step"}):
        if name in FLAGS and FLAGS[name].present:
            raise InputError(
                f"--{name} and --import_state exclude each other; the state has its "
                "own configuration and weights"
            )
    return training_state.load(os.path.expanduser(FLAGS.import_state))


def _check_import(state: training_state.TrainingState, settings: Config) -> None:
    if settings.last_step < state.step:
        raise InputError(
            f"--last_step={settings.last_step} is before step {state.step}, to which "
            "the state has come"
        )
    if settings.last_step > state.step and not (FLAGS.train_glob or FLAGS.tfds_name):
        raise InputError(
            f"the state has come to step {state.step} of {settings.last_step}: give "
            f"--train_glob to train on, or --last_step={state.step} to stop there"
        )


def _fit(model, strategy, training, validation, workdir, checkpoints, start, chief):
    settings = model.config
    hint = ""
    if settings.preset == "blog" and not tf.config.list_physical_devices("GPU"):
        hint = "; --preset=cpu trains a useful model in tens of minutes on two cores"
    observers = []
    if chief:
        writer = tf.summary.create_file_writer(workdir)
        recorder = callbacks.Recorder(
            start, workdir, writer, checkpoints, FLAGS.checkpoint_seconds, TERMS
        )
        count = min(FLAGS.validation_images, len(validation))
        validator = callbacks.Validation(
            start,
            workdir,
            callbacks.VALIDATION_TERMS,
            FLAGS.validate_every,
            functools.partial(callbacks.validate, model, validation, count, writer),
            "bpp {bpp:.4f}, PSNR {psnr:.2f} dB, EWPSNR {ewpsnr:.2f} dB",
        )
        # A checkpoint, once saved, implies the validation of its step.
        observers += [validator, recorder]
        if not start:
            recorder.save()
    batch_source = strategy.distribute_datasets_from_function(
        lambda context: batches.dataset(training, settings, start, context)
    )
    fitting.fit(model, batch_source, start, observers, TERMS, chief, hint)


if __name__ == "__main__":
    cli.run(main)
