"""The training loop that all models share, and what happens between its steps."""

from __future__ import annotations

import errno
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from salcomp import cli
from salcomp.config import weighting
from salcomp.config.config import STRIDE
from salcomp.data.frames import Frames
from salcomp.errors import DivergenceError
from salcomp.metrics import quality as metrics
from salcomp.model.base import Model
from salcomp.runs.checkpoints import Checkpoints
from salcomp.runs.metrics_file import MetricsFile

# What is logged of each validation of a codec.
VALIDATION_TERMS = ("loss", "bpp", "mse", "weighted_mse", "psnr", "ewpsnr")
_IMAGES_SHOWN = 2
_ETA_AFTER = 5  # steps, the first of which is slowed by tracing
_LOG_SECONDS = 30


class StepCounter(tf.keras.callbacks.Callback):
    """Base of the callbacks: knows the number of steps taken since the run began."""

    def __init__(self, start: int):
        super().__init__()
        self.step = start

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        try:
            self.after_step(logs)
        except tf.errors.OutOfRangeError as error:
            # Of a file that may not grow. Keras would take it for the end of the data.
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG)) from error

    def after_step(self, terms: dict[str, float]) -> None:
        """Called after step number `self.step`, counted from 1."""


class Recorder(StepCounter):
    """Writes each step's terms to metrics.csv and TensorBoard, and saves checkpoints.

    A loss that is not finite stops the run with what is needed to go on.
    """

    def __init__(
        self, start: int, workdir, writer, checkpoints: Checkpoints, seconds, terms
    ):
        """Opens metrics.csv.

        Args:
          seconds: between checkpoints.
          terms: names of what a step returns; "loss" is among them.
        """
        super().__init__(start)
        self._checkpoints = checkpoints
        self._seconds = seconds
        self._saved_at = time.monotonic()
        self._terms = terms

        @tf.function(autograph=False)  # one call for all: five eager ones take 2 ms
        def summarize(step, values):
            with writer.as_default(step):
                for i, name in enumerate(terms):
                    tf.summary.scalar(name, values[i])

        self._summarize = summarize
        columns = (*terms, "learning_rate")
        self._file = MetricsFile(Path(workdir) / "metrics.csv", columns, start)

    def after_step(self, terms):
        rate = self.model.config.learning_rate_of(self.step)
        if not math.isfinite(terms["loss"]):
            raise self._divergence("the loss is")
        self._file.append(self.step, {**terms, "learning_rate": rate})
        values = tf.constant([terms[name] for name in self._terms])
        self._summarize(tf.constant(self.step, tf.int64), values)
        if time.monotonic() - self._saved_at >= self._seconds:
            self.save()

    def save(self) -> None:
        """Saves a checkpoint of the current step, after the rows up to it."""
        self._file.flush()
        if not self._checkpoints.save(self.step):
            raise self._divergence("a weight is")
        self._saved_at = time.monotonic()

    def _divergence(self, what: str) -> DivergenceError:
        self._file.flush()
        rate = self.model.config.learning_rate_of(self.step)
        steps = self._checkpoints.steps()
        good = f"step {steps[-1]}" if steps else "none"
        return DivergenceError(
            f"{what} not finite at step {self.step} (learning rate {rate:g}); "
            f"last good checkpoint: {good}; start another run with a lower "
            "learning_rate"
        )

    def on_train_end(self, logs=None):
        self.save()
        self._file.close()


class Validation(StepCounter):
    """Evaluates whole frames every so many steps, and after the last."""

    def __init__(self, start: int, workdir, terms, every: int, measure, summary: str):
        """Opens validation.csv.

        Args:
          terms: names of what `measure` gives.
          every: steps between validations.
          measure: gives the terms after a step.
          summary: of the terms, a format for the log.
        """
        super().__init__(start)
        self._every = every
        self._measure = measure
        self._summary = summary
        self._file = MetricsFile(Path(workdir) / "validation.csv", terms, start)

    def after_step(self, terms):
        last = self.step == self.model.config.last_step
        if (self.step % self._every and not last) or not math.isfinite(terms["loss"]):
            return
        means = self._measure(self.step)
        self._file.append(self.step, means)
        self._file.flush()
        summary = self._summary.format(**means)
        logging.info("validation at step %d: %s", self.step, summary)

    def on_train_end(self, logs=None):
        self._file.close()


def validate(
    model: Model, frames: Frames, count: int, writer, step: int
) -> dict[str, float]:
    """Mean terms, PSNR and EWPSNR [dB] over the first frames; writes them and images.

    The frames are held out, cropped at the right and bottom to multiples of 16; the
    model's `validate` does with them as its codec does.
    """
    rows = []
    image_means = weighting.image_means(frames.level_counts[:count], model.config)
    with writer.as_default(step):
        for i in range(count):
            frame = frames[i]
            height, width = (size // STRIDE * STRIDE for size in frame.shape[:2])
            frame = frame[:height, :width]
            terms = model.validate(frame[None], image_means[i : i + 1])
            decoded = terms.pop("reconstruction")[0].numpy()
            saliency = frame[..., 3].astype(np.float32) / 255
            row = {name: float(value) for name, value in terms.items()}
            row["psnr"] = metrics.psnr(frame[..., :3], decoded)
            row["ewpsnr"] = metrics.ewpsnr(frame[..., :3], decoded, saliency)
            rows.append(row)
            if i < _IMAGES_SHOWN:
                tf.summary.image(f"original/{i}", frame[None, ..., :3])
                tf.summary.image(f"reconstruction/{i}", decoded[None])
                tf.summary.image(f"saliency/{i}", frame[None, ..., 3:])
        means = {name: float(np.mean([r[name] for r in rows])) for name in rows[0]}
        for name in VALIDATION_TERMS:
            tf.summary.scalar(f"validation/{name}", means[name])
    return means


class Progress(StepCounter):
    """Log lines where there is no terminal for a bar; how long the run will take."""

    def __init__(self, start: int, last: int, bar: bool, hint: str):
        """Starts counting.

        Args:
          last: step at which the run ends.
          bar: whether Keras shows its progress bar.
          hint: added to the first estimate of the time.
        """
        super().__init__(start)
        self._first, self._last = start, last
        self._bar, self._hint = bar, hint
        self._measured_from = self._logged_at = 0.0

    def after_step(self, terms):
        taken = self.step - self._first
        now = time.monotonic()
        if taken == 1:
            self._measured_from = self._logged_at = now
        if taken == 1 or (self._bar and taken != _ETA_AFTER):
            return
        if taken != _ETA_AFTER and now - self._logged_at < _LOG_SECONDS:
            return
        self._logged_at = now
        seconds = (now - self._measured_from) / (taken - 1)
        found = "loss {loss:.4f}, bpp {bpp:.4f}, mse {mse:.2f}".format(**terms)
        left = cli.duration(seconds * (self._last - self.step))
        hint = self._hint if taken == _ETA_AFTER else ""
        logging.info(
            f"step {self.step} of {self._last}: {found}; {1 / seconds:.2f} steps/s, "
            f"{left} left{hint}"
        )


def fit(
    model: tf.keras.Model,
    batches,
    start: int,
    observers: list[StepCounter],
    terms: tuple[str, ...],
    chief: bool = True,
    hint: str = "",
) -> None:
    """Takes the steps from `start` to the last of the model's configuration.

    Args:
      model: compiled; has a `config`.
      batches: a data set of the remaining steps' batches.
      observers: callbacks, in the order of their calls.
      terms: names of what a step returns, for the progress bar.
      chief: whether this process shows the progress.
      hint: added to the first estimate of the time.

    Raises:
      KeyboardInterrupt: a signal came; the step in hand was finished.
    """
    last = model.config.last_step
    bar = sys.stdout.isatty() and chief
    progress = Progress(start, last, bar, hint)
    observers = [progress, *observers]
    if bar:
        # As stateful metrics, the bar shows each step's terms, not their mean so far.
        observers.append(
            tf.keras.callbacks.ProgbarLogger("steps", stateful_metrics=terms)
        )

    def stop():
        model.stop_training = True

    with cli.stopped_between_steps(stop) as stopped:
        model.fit(
            batches, steps_per_epoch=last - start, verbose=int(bar), callbacks=observers
        )
    if stopped:
        logging.info("stopped at step %d; the same command goes on", progress.step)
        raise KeyboardInterrupt
