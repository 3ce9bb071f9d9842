"""The input pipeline: batches as a pure function of (seed, step)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from salcomp import sampling
from salcomp.config import STRIDE, Config
from salcomp.errors import InputError
from salcomp.frames import Frames

_PREFETCHED = 4
_PARALLEL_CALLS = 2


def examples(frames: Frames, config: Config, step: int, first: int, count: int):
    """Examples `first` to `first + count` of the global batch of a step.

    Returns:
      rgba uint8 [count, P, P, 4]; image_mean float32 [count], mean of the raw weight
      over each crop's whole frame; noise float32 [count, P/16, P/16, N].
    """
    side = config.patchsize
    crops = sampling.crops(config.seed, step, config.batchsize, frames.sizes, side)
    rgba = np.empty((count, side, side, 4), np.uint8)
    chosen = slice(first, first + count)
    for i, (frame, top, left) in enumerate(
        zip(crops.frames[chosen], crops.tops[chosen], crops.lefts[chosen])
    ):
        rgba[i] = frames[frame][top : top + side, left : left + side]
    latents = (count, side // STRIDE, side // STRIDE, config.num_filters)
    noise = sampling.noise(config.seed, step, first, latents)
    return rgba, frames.image_means[crops.frames[chosen]], noise


def dataset(frames: Frames, config: Config, start: int, context) -> tf.data.Dataset:
    """Batches of the steps from `start` on, for the replicas of one worker.

    Args:
      frames: to crop from.
      config: of the run.
      start: first step.
      context: a `tf.distribute.InputContext`.

    Returns:
      A dataset of dicts as `SaliencyCodec.train_step` takes them, one per replica
      and step.

    Raises:
      InputError: the batch cannot be shared equally among the replicas.
    """
    replicas = context.num_replicas_in_sync
    if config.batchsize % replicas:
        raise InputError(
            f"--batchsize={config.batchsize} cannot be shared by {replicas} replicas; "
            f"make it a multiple of {replicas}"
        )
    count = config.batchsize // replicas
    local = replicas // context.num_input_pipelines
    first_replica = context.input_pipeline_id * local
    side = config.patchsize
    latents = (count, side // STRIDE, side // STRIDE, config.num_filters)

    def load(index):  # index counts this worker's replicas, step by step
        step, replica = divmod(int(index), local)
        return examples(frames, config, step, (first_replica + replica) * count, count)

    def batch(index):
        rgba, image_mean, noise = tf.numpy_function(
            load, [index], (tf.uint8, tf.float32, tf.float32), stateful=False
        )
        return {
            "rgba": tf.ensure_shape(rgba, (count, side, side, 4)),
            "image_mean": tf.ensure_shape(image_mean, (count,)),
            "noise": tf.ensure_shape(noise, latents),
        }

    indices = tf.data.Dataset.range(start * local, config.last_step * local)
    return indices.map(batch, _PARALLEL_CALLS, deterministic=True).prefetch(_PREFETCHED)
