"""The input pipeline of the GAN: batches as a pure function of (seed, step)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from salcomp.config import weighting
from salcomp.data import batches, sampling
from salcomp.data.frames import Frames
from salcomp.extreme_gan.config import GanConfig
from salcomp.extreme_gan.networks import NOISE_SIZE


class Batch(NamedTuple):
    """What a step takes: B crops for the generator, then B for the discriminators.

    Attributes:
      rgba: uint8 [2 B, P, Q, 4].
      image_mean: float32 [2 B], mean of the raw weight over each crop's whole frame.
      noise: float32 [2 B, 128], standard normal.
    """

    rgba: np.ndarray
    image_mean: np.ndarray
    noise: np.ndarray


def examples(
    frames: Frames, image_means: np.ndarray, config: GanConfig, step: int
) -> Batch:
    """The batch of a step, counted from 0.

    `image_means`, float32 [F], are the means of the raw weight over the frames.
    """
    count = 2 * config.batchsize
    rgba, indices = batches.crops(frames, config, step, count, slice(None))
    if config.augment:
        mirrored = sampling.flips(config.seed, step, count)
        rgba[mirrored] = rgba[mirrored, :, ::-1]
    noise = sampling.normal(config.seed, step, (count, NOISE_SIZE))
    return Batch(rgba, image_means[indices], noise)


def dataset(frames: Frames, config: GanConfig, start: int) -> tf.data.Dataset:
    """Batches of the steps from `start` on, as `ExtremeGan.train_step` takes them."""
    image_means = weighting.image_means(frames.level_counts, config)

    def load(step: int) -> Batch:
        return examples(frames, image_means, config, step)

    return batches.pipeline(load, start, config.last_step)
