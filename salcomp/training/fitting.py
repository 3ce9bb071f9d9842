"""The training loop that all models share: observed, and stopped between steps."""

from __future__ import annotations

import sys

import tensorflow as tf
from absl import logging

from salcomp import process
from salcomp.training import loop as callbacks


def fit(
    model: tf.keras.Model,
    batches,
    start: int,
    observers: list[callbacks.StepCounter],
    terms: tuple[str, ...],
    chief: bool = True,
    hint: str = "",
) -> None:
    """Takes the steps from `start` to the last of the model's configuration.

    Args:
      model: compiled; has a `config`.
      batches: a data set of the remaining steps' batches.
      start: steps already taken.
      observers: callbacks, in the order of their calls.
      terms: names of what a step returns, for the progress bar.
      chief: whether this process shows the progress.
      hint: added to the first estimate of the time.

    Raises:
      KeyboardInterrupt: a signal came; the step in hand was finished.
    """
    last = model.config.last_step
    bar = sys.stdout.isatty() and chief
    progress = callbacks.Progress(start, last, bar, hint)
    observers = [progress, *observers]
    if bar:
        # As stateful metrics, the bar shows each step's terms, not their mean so far.
        observers.append(
            tf.keras.callbacks.ProgbarLogger("steps", stateful_metrics=terms)
        )

    def stop():
        model.stop_training = True

    with process.stopped_between_steps(stop) as stopped:
        model.fit(
            batches,
            steps_per_epoch=last - start,
            verbose=int(bar),
            callbacks=observers,
        )
    if stopped:
        logging.info("stopped at step %d; the same command goes on", progress.step)
        raise KeyboardInterrupt
