"""Trains the GAN baseline of 2019, as published or repaired.

    python -m salcomp.extreme_gan.train --train_glob='frames/*.png'
    python -m salcomp.extreme_gan.train --preset=repaired --train_glob='frames/*.png'
    python -m salcomp.extreme_gan.train --preset=repaired --width=0.125 --saliency

At width 1 it wants a GPU; --width=0.125 trains on a CPU. A command that is given again
goes on from the run's last checkpoint.
"""

from __future__ import annotations

import dataclasses
import os

import tensorflow as tf
from absl import flags, logging

from salcomp import cli, export
from salcomp.data import frames
from salcomp.extreme_gan import batches, evaluation
from salcomp.extreme_gan.config import GAN, GanConfig
from salcomp.extreme_gan.model import TERMS, ExtremeGan
from salcomp.extreme_gan.samples import Samples
from salcomp.runs import folder as run_folder
from salcomp.runs.checkpoints import Checkpoints
from salcomp.training import fitting, run_flags
from salcomp.training import flags as config_flags
from salcomp.training import loop as callbacks

FLAGS = flags.FlagValues()
config_flags.define_flags(FLAGS, GAN)
run_flags.define_flags(FLAGS)
flags.DEFINE_string(
    "workdir",
    None,
    "Folder of the run; by default runs/gan-PRESET.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "sample_every",
    1000,
    "Steps between samples of the generator, PNG files in samples/ of the workdir.",
    lower_bound=1,
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "sample_images",
    4,
    "Frames to sample: held-out ones if the run holds frames out, else training "
    "frames.",
    lower_bound=1,
    flag_values=FLAGS,
)


def build(settings: GanConfig) -> ExtremeGan:
    """A model with its optimizers, the same for every run of a seed."""
    tf.keras.utils.set_random_seed(settings.seed)
    model = ExtremeGan(settings)
    model.compile()
    return model


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    settings = config_flags.from_flags(FLAGS, presets=GAN)
    if FLAGS.deterministic:
        tf.config.experimental.enable_op_determinism()
    training, held_out = frames.training_and_validation(
        FLAGS, settings, settings.held_out
    )
    settings = dataclasses.replace(settings, weight_mean=training.weight_mean)
    workdir = os.path.expanduser(
        FLAGS.workdir or os.path.join("runs", f"gan-{settings.preset}")
    )
    model = build(settings)
    data = {
        **run_flags.describe(FLAGS, training.names, held_out.names if held_out else ()),
        "sample_every": FLAGS.sample_every,
        "sample_images": FLAGS.sample_images,
    }
    run_folder.start(workdir, settings, data)
    checkpoints = Checkpoints(workdir, model)
    start = checkpoints.restore()
    if start:
        logging.info("going on from step %d of %s", start, workdir)
    if start < settings.last_step:
        _fit(model, training, held_out, workdir, checkpoints, start)
    output = os.path.join(workdir, "model")
    # Of a run that holds frames out, evaluation has exported the best.
    if not (settings.held_out and os.path.exists(output)):
        export.export_run(workdir, kind=ExtremeGan)
    print(output)


def _fit(model, training, held_out, workdir, checkpoints, start):
    writer = tf.summary.create_file_writer(workdir)
    recorder = callbacks.Recorder(
        start, workdir, writer, checkpoints, FLAGS.checkpoint_seconds, TERMS
    )
    validator = callbacks.Validation(
        start,
        workdir,
        evaluation.TERMS,
        FLAGS.validate_every,
        evaluation.Evaluation(
            model, training, held_out, FLAGS.validation_images, workdir, writer
        ),
        "MSE {train_mse:.1f} on training frames, {held_out_mse:.1f} on held-out ones",
    )
    sampled = held_out if model.config.held_out else training
    samples = Samples(
        start, model, workdir, sampled, FLAGS.sample_images, FLAGS.sample_every
    )
    if not start:
        recorder.save()
    source = batches.dataset(training, model.config, start)
    # A checkpoint, once saved, implies the evaluation and the samples of its step.
    observers = [validator, samples, recorder]
    hint = ""
    if model.config.width == 1 and not tf.config.list_physical_devices("GPU"):
        hint = "; --width=0.125 makes networks that train on a CPU"
    fitting.fit(model, source, start, observers, TERMS, hint=hint)


if __name__ == "__main__":
    cli.run(main)
