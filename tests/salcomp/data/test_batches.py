"""Tests of salcomp.data.batches."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.config import weighting
from salcomp.data import batches, sampling
from salcomp.data.frames import Frames
from salcomp.errors import InputError
from tests.fixtures import frame, small_config

CONFIG = small_config(batchsize=4, last_step=6)
PICTURES = [frame(i, 48 + 16 * i, 64) for i in range(3)]


@pytest.fixture(scope="module")
def frames():
    return Frames("abc", PICTURES.__getitem__, 1e9)


def of_workers(frames, start=0, workers=1, replicas=1):
    """The batches of each worker's pipeline, as lists."""
    contexts = [
        tf.distribute.InputContext(workers, i, replicas) for i in range(workers)
    ]
    drawn = [batches.dataset(frames, CONFIG, start, context) for context in contexts]
    return [list(dataset.as_numpy_iterator()) for dataset in drawn]


def same(first, second):
    return all((first[name] == second[name]).all() for name in first)


def test_batch_holds_the_crops_that_its_step_draws(frames):
    batch = of_workers(frames)[0][2]
    crops = sampling.crops(CONFIG.seed, 2, 4, frames.sizes, 32)
    means = weighting.image_means(frames.level_counts, CONFIG)
    for i, (number, top, left) in enumerate(zip(*crops)):
        crop = PICTURES[number][top : top + 32, left : left + 32]
        assert (batch["rgba"][i] == crop).all()
        assert batch["image_mean"][i] == means[number]


def test_batch_holds_the_noise_of_its_step(frames):
    batch = of_workers(frames)[0][2]
    expected = sampling.noise(CONFIG.seed, 2, 0, (4, 2, 2, CONFIG.num_filters))
    assert (batch["noise"] == expected).all()


def test_run_has_a_batch_per_step(frames):
    assert len(of_workers(frames)[0]) == CONFIG.last_step


def test_resumed_run_draws_what_the_whole_run_would(frames):
    whole, resumed = of_workers(frames)[0], of_workers(frames, start=4)[0]
    assert len(resumed) == 2
    assert all(map(same, resumed, whole[4:]))


@pytest.mark.parametrize(("workers", "replicas"), [(1, 2), (2, 2), (2, 4), (1, 4)])
def test_replicas_share_the_batch_of_one(frames, workers, replicas):
    whole = of_workers(frames)[0]
    shares = of_workers(frames, workers=workers, replicas=replicas)
    local = replicas // workers
    for step, expected in enumerate(whole):
        drawn = [share for worker in shares for share in worker[step * local :][:local]]
        joined = {n: np.concatenate([d[n] for d in drawn]) for n in expected}
        assert same(joined, expected)


def test_batch_that_the_replicas_cannot_share_is_refused(frames):
    with pytest.raises(InputError, match="multiple of 3"):
        of_workers(frames, replicas=3)


def test_frames_that_are_not_in_memory_give_the_same_batches(frames):
    uncached = Frames("abc", PICTURES.__getitem__, 0)
    assert all(map(same, of_workers(uncached)[0], of_workers(frames)[0]))
