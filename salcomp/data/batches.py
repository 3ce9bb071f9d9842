"""The input pipeline: batches as a pure function of (seed, step)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from salcomp.config import weighting
from salcomp.config.base import BaseConfig
from salcomp.config.config import STRIDE
from salcomp.data import sampling
from salcomp.data.frames import Frames
from salcomp.errors import InputError

_PREFETCHED = 4
_PARALLEL_CALLS = 2


class Batch(NamedTuple):
    """A share of a step's batch.

    Attributes:
      rgba: uint8 [b, P, P, 4].
      image_mean: float32 [b], mean of the raw weight over each crop's whole frame.
      noise: float32 [b, P/16, P/16, N] in -1/2..1/2, N the configuration's
        `noise_channels`.
    """

    rgba: np.ndarray
    image_mean: np.ndarray
    noise: np.ndarray


def crops(
    frames: Frames, config: BaseConfig, step: int, batchsize: int, chosen: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Crops of the global batch of a step, counted from 0: those that `chosen` says.

    They are uint8 [b, P, Q, 4]; also gives the numbers of their frames, int [b].
    """
    height, width = config.crop
    drawn = sampling.crops(config.seed, step, batchsize, frames.sizes, config.crop)
    indices = drawn.frames[chosen]
    rgba = np.empty((len(indices), height, width, 4), np.uint8)
    for i, (frame, top, left) in enumerate(
        zip(indices, drawn.tops[chosen], drawn.lefts[chosen])
    ):
        rgba[i] = frames[frame][top : top + height, left : left + width]
    return rgba, indices


def examples(
    frames: Frames,
    image_means: np.ndarray,
    config: BaseConfig,
    step: int,
    first: int,
    count: int,
) -> Batch:
    """Examples `first` to `first + count` of the global batch of a step.

    Steps count from 0. `image_means`, float32 [F], are the means of the raw weight over
    the frames.
    """
    chosen = slice(first, first + count)
    rgba, indices = crops(frames, config, step, config.batchsize, chosen)
    rows, columns = (size // STRIDE for size in config.crop)
    drawn = (count, rows, columns, config.noise_channels)
    noise = sampling.noise(config.seed, step, first, drawn)
    return Batch(rgba, image_means[indices], noise)


def dataset(frames: Frames, config: BaseConfig, start: int, context) -> tf.data.Dataset:
    """Batches of the steps from `start` on, for the replicas of one worker.

    They are dicts of a `Batch`, as a model's `train_step` takes them, one per replica
    and step. `context` is a `tf.distribute.InputContext`. Raises InputError if the
    batch cannot be shared equally among the replicas.
    """
    replicas = context.num_replicas_in_sync
    if config.batchsize % replicas:
        raise InputError(
            f"batchsize={config.batchsize} cannot be shared by {replicas} replicas; "
            f"make it a multiple of {replicas}"
        )
    count = config.batchsize // replicas
    local = replicas // context.num_input_pipelines
    first_replica = context.input_pipeline_id * local
    image_means = weighting.image_means(frames.level_counts, config)

    def load(index: int) -> Batch:  # counts this worker's replicas, step by step
        step, replica = divmod(index, local)
        first = (first_replica + replica) * count
        return examples(frames, image_means, config, step, first, count)

    return pipeline(load, start * local, config.last_step * local)


def pipeline(load: Callable[[int], tuple], start: int, stop: int) -> tf.data.Dataset:
    """Loads batches `start` to `stop - 1` in the background, in order.

    `load` gives batch i, a NamedTuple of arrays whose shapes are those of every other;
    the data set has a dict of it, by the tuple's names.
    """
    specs = {
        name: tf.TensorSpec(value.shape, value.dtype)
        for name, value in load(start)._asdict().items()
    }
    types = [spec.dtype for spec in specs.values()]

    def batch(index):
        values = tf.numpy_function(
            lambda i: tuple(load(int(i))), [index], types, stateful=False
        )
        return {
            name: tf.ensure_shape(value, spec.shape)
            for (name, spec), value in zip(specs.items(), values)
        }

    indices = tf.data.Dataset.range(start, stop)
    return indices.map(batch, _PARALLEL_CALLS, deterministic=True).prefetch(_PREFETCHED)
