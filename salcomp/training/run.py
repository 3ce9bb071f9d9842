"""A training run, from its configuration to its export, in a folder it goes on in."""

from __future__ import annotations

import dataclasses
import functools
import os
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
from absl import logging

from salcomp.config import weighting
from salcomp.config.base import BaseConfig
from salcomp.data import batches, frame_files
from salcomp.data.frames import Frames
from salcomp.model.base import Model, named_variables
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.runs import folder as run_folder
from salcomp.runs.checkpoints import Checkpoints, faults_told
from salcomp.runs.state import TrainingState
from salcomp.training import loop
from salcomp.training.warm_start import fitted
from salcomp.zoo import exported


class Schedule(NamedTuple):
    """What a run saves and validates, and when, and by which kernels it computes.

    Attributes:
      checkpoint_seconds: between checkpoints; 0 saves at every step.
      validate_every: steps between validations.
      validation_images: held-out frames to validate on, the first ones.
      deterministic: whether only kernels are used that give the same bits in every run
        on a machine.
    """

    checkpoint_seconds: float = 60
    validate_every: int = 1000
    validation_images: int = 16
    deterministic: bool = False

    def apply(self) -> None:
        """Makes TensorFlow compute as `deterministic` says."""
        if self.deterministic:
            tf.config.experimental.enable_op_determinism()


DEFAULT_SCHEDULE = Schedule()
# Presets that want a GPU.
_FULL_SIZE = ("blog", "as_published")


class Start(NamedTuple):
    """What a run begins with, where that is not random weights.

    Attributes:
      model: workdir, exported model, or name of a model that comes with salcomp, whose
        weights are taken as `warm_start.fitted` makes them fit.
      state: of a run that was trained elsewhere, to go on from.
      origin: of the state, for the run's record.
    """

    model: str | None = None
    state: TrainingState | None = None
    origin: str | None = None


FRESH = Start()


def train(
    config: BaseConfig,
    training: Frames | None,
    validation: Frames | None,
    workdir: str | os.PathLike,
    start: Start = FRESH,
    schedule: Schedule = DEFAULT_SCHEDULE,
    strategy: tf.distribute.Strategy | None = None,
    kind: type[Model] = SaliencyCodec,
) -> Path:
    """Trains a codec to the last step of its configuration, and exports it.

    Gives the folder of the exported model. A run that is started again goes on from its
    last checkpoint.

    Args:
      config: of the run; the mean weight of the frames is put in.
      training: frames to train on; None if `start.state` is already at the last step.
      validation: held-out frames; None as before.
      start: what the run begins with.
      strategy: devices to train on; one if None.
      kind: the class of the model, whose configuration `config` is.

    Raises:
      InputError: the folder holds another run, or one that another process is at; or
        the start does not fit.
      OutputError: the disk is full; the last checkpoint is kept.
      DivergenceError: a loss or a weight is not finite.
      KeyboardInterrupt: a signal came; the step in hand was finished and saved.
    """
    strategy = strategy or tf.distribute.get_strategy()
    chief = _is_chief(strategy)
    if training is None:
        data = {}
    else:
        config = with_weight_mean(config, training)
        data = {**describe(training, validation, schedule), "init_from": start.model}
    data["import_state"] = start.origin
    # The other machines of a cluster share the chief's folder.
    held = run_folder.held(workdir) if chief else nullcontext()
    with held, faults_told(workdir):
        schedule.apply()
        with strategy.scope():
            model = compiled(config, start, kind)
        if chief:
            run_folder.start(workdir, config, data)
        with strategy.scope():
            checkpoints = Checkpoints(workdir, model)
            step = checkpoints.restore()
        if start.state and not step:
            step = start.state.step
            checkpoints.save(step)
        if step:
            logging.info("going on from step %d of %s", step, workdir)
        if step < config.last_step:
            observers = []
            if chief:
                observers = _observers(
                    model, validation, workdir, checkpoints, step, schedule
                )
            source = strategy.distribute_datasets_from_function(
                lambda context: batches.dataset(training, config, step, context)
            )
            terms, hint = kind.step_terms, _hint(config)
            loop.fit(model, source, step, observers, terms, chief, hint)
        return exported.export_run(workdir, kind=kind) if chief else Path(workdir)


def with_weight_mean(config: BaseConfig, training: Frames) -> BaseConfig:
    """The configuration with the mean of its weight over the training frames."""
    mean = weighting.dataset_mean(training.level_counts, config)
    return dataclasses.replace(config, weight_mean=mean)


def describe(
    training: Frames, validation: Frames | None, schedule: Schedule
) -> dict[str, object]:
    """What else than the configuration tells a run from another, as JSON values."""
    return {
        "training frames": frame_files.names_digest(training.names),
        "training contents": training.contents,
        "validation frames": frame_files.names_digest(
            validation.names if validation else ()
        ),
        "validation contents": validation.contents if validation else None,
        "validate_every": schedule.validate_every,
        "validation_images": schedule.validation_images,
        "deterministic": schedule.deterministic,
    }


def initial_model(
    config: BaseConfig,
    init_from: str | None = None,
    kind: type[Model] = SaliencyCodec,
) -> Model:
    """The model that a run begins with, the same for every run of a seed.

    Its weights are those of a model, `init_from` as `exported.load` takes it, or fresh
    ones. Raises InputError if there is no such model, or its weights do not fit.
    """
    tf.keras.utils.set_random_seed(config.seed)
    model = kind(config)
    if init_from:
        other = named_variables(exported.load(init_from, kind).model)
        weights, current = (
            {name: variable.numpy() for name, variable in variables.items()}
            for variables in (other, named_variables(model))
        )
        exported.assign(model, fitted(weights, current))
    return model


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


class _LearningRate(tf.keras.optimizers.schedules.LearningRateSchedule):
    """The configuration's learning rate of each step, from a table."""

    def __init__(self, config: BaseConfig):
        steps = range(1, config.last_step + 1)
        self._rates = tf.constant([config.learning_rate_of(step) for step in steps])

    def __call__(self, step):
        return self._rates[step]


def compiled(
    config: BaseConfig, start: Start = FRESH, kind: type[Model] = SaliencyCodec
) -> Model:
    """The model that a run begins with, with its optimizer."""
    model = initial_model(config, start.model, kind)
    model.compile(optimizer(config))
    if start.state:
        _assign_state(model, start.state)
    return model


def optimizer(config: BaseConfig) -> tf.keras.optimizers.Optimizer:
    """Adam, with the learning rates and the clipping of a configuration."""
    rate = config.learning_rate
    if config.learning_rate_schedule != "constant":
        rate = _LearningRate(config)
    clip = config.clip_norm or None
    return tf.keras.optimizers.Adam(
        rate, epsilon=config.adam_epsilon, global_clipnorm=clip
    )


def _assign_state(model: Model, state: TrainingState) -> None:
    """Makes a compiled model go on where a run elsewhere has stopped.

    Raises InputError, and names the tensor, if one is missing, left over, or of another
    shape.
    """
    exported.assign(model, state.variables)
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(state.step)
    names = {v.ref(): name for name, v in named_variables(model).items()}
    # Keras keeps the moments in the order of the variables, under no public names.
    for variable, first, second in zip(
        model.trainable_variables, optimizer._momentums, optimizer._velocities
    ):
        first.assign(state.first[names[variable.ref()]])
        second.assign(state.second[names[variable.ref()]])


def _hint(config: BaseConfig) -> str:
    if config.preset in _FULL_SIZE and not tf.config.list_physical_devices("GPU"):
        return "; the preset cpu trains a useful model in tens of minutes on two cores"
    return ""


def _observers(
    model, validation, workdir, checkpoints, step, schedule: Schedule
) -> list[loop.StepCounter]:
    writer = tf.summary.create_file_writer(str(workdir))
    seconds, terms = schedule.checkpoint_seconds, model.step_terms
    recorder = loop.Recorder(step, workdir, writer, checkpoints, seconds, terms)
    count = min(schedule.validation_images, len(validation))
    validator = loop.Validation(
        step,
        workdir,
        loop.VALIDATION_TERMS,
        schedule.validate_every,
        functools.partial(loop.validate, model, validation, count, writer),
        "bpp {bpp:.4f}, PSNR {psnr:.2f} dB, EWPSNR {ewpsnr:.2f} dB",
    )
    if not step:
        recorder.save()
    # A checkpoint, once saved, implies the validation of its step.
    return [validator, recorder]
