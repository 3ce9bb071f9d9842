"""A training run of a GAN, in a folder that it goes on in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
from absl import logging

from salcomp.data.frames import Frames
from salcomp.extreme_gan import batches, evaluation
from salcomp.extreme_gan.config import GanConfig
from salcomp.extreme_gan.model import TERMS, ExtremeGan
from salcomp.extreme_gan.samples import Samples
from salcomp.runs import folder as run_folder
from salcomp.runs.checkpoints import Checkpoints, faults_told
from salcomp.training import loop
from salcomp.training.run import DEFAULT_SCHEDULE, Schedule, describe, with_weight_mean
from salcomp.zoo import exported


class Sampling(NamedTuple):
    """What the generator makes while it learns.

    Attributes:
      every: steps between samples, PNG files in samples/ of the run's folder.
      images: frames to sample: held-out ones if the run holds frames out, else
        training frames.
    """

    every: int = 1000
    images: int = 4


DEFAULT_SAMPLING = Sampling()


def initial_model(config: GanConfig) -> ExtremeGan:
    """A model with its optimizers, the same for every run of a seed."""
    tf.keras.utils.set_random_seed(config.seed)
    model = ExtremeGan(config)
    model.compile()
    return model


def train(
    config: GanConfig,
    training: Frames,
    held_out: Frames | None,
    workdir: str | os.PathLike,
    schedule: Schedule = DEFAULT_SCHEDULE,
    sampling: Sampling = DEFAULT_SAMPLING,
) -> Path:
    """Trains a GAN to the last step of its configuration, and exports it.

    Gives the folder of the exported model. A run that is started again goes on from its
    last checkpoint.

    Args:
      config: of the run; the mean weight of the frames is put in.
      held_out: frames to measure on, and to find the best model on if the
        configuration says so; None for none.

    Raises:
      InputError: the folder holds another run, or one that another process is at.
      OutputError: the disk is full; the last checkpoint is kept.
      DivergenceError: a loss or a weight is not finite.
      KeyboardInterrupt: a signal came; the step in hand was finished and saved.
    """
    config = with_weight_mean(config, training)
    data = {
        **describe(training, held_out, schedule),
        "sample_every": sampling.every,
        "sample_images": sampling.images,
    }
    with run_folder.held(workdir), faults_told(workdir):
        schedule.apply()
        model = initial_model(config)
        run_folder.start(workdir, config, data)
        saved = Checkpoints(workdir, model)
        step = saved.restore()
        if step:
            logging.info("going on from step %d of %s", step, workdir)
        if step < config.last_step:
            observers = _observers(
                model, training, held_out, workdir, saved, step, schedule, sampling
            )
            source = batches.dataset(training, config, step)
            loop.fit(model, source, step, observers, TERMS, hint=_hint(config))
        output = Path(workdir) / "model"
        # Of a run that holds frames out, evaluation has exported the best.
        if not (config.held_out and output.exists()):
            exported.export_run(workdir, kind=ExtremeGan)
        return output


def _hint(config: GanConfig) -> str:
    if config.width == 1 and not tf.config.list_physical_devices("GPU"):
        return "; a width of 0.125 makes networks that train on a CPU"
    return ""


def _observers(
    model, training, held_out, workdir, checkpoints, step, schedule, sampling
) -> list[loop.StepCounter]:
    writer = tf.summary.create_file_writer(str(workdir))
    recorder = loop.Recorder(
        step, workdir, writer, checkpoints, schedule.checkpoint_seconds, TERMS
    )
    measure = evaluation.Evaluation(
        model, training, held_out, schedule.validation_images, workdir, writer
    )
    validator = loop.Validation(
        step,
        workdir,
        evaluation.TERMS,
        schedule.validate_every,
        measure,
        "MSE {train_mse:.1f} on training frames, {held_out_mse:.1f} on held-out ones",
    )
    sampled = held_out if model.config.held_out else training
    samples = Samples(step, model, workdir, sampled, sampling.images, sampling.every)
    if not step:
        recorder.save()
    # A checkpoint, once saved, implies the evaluation and the samples of its step.
    return [validator, samples, recorder]
