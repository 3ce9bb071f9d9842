"""Tests of salcomp.data.sampling."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.data import sampling

SIZES = np.array([[64, 64], [96, 128], [64, 200], [300, 65], [64, 65]])


def crops_of(steps, seed=0, batchsize=4, sizes=SIZES, patchsize=64):
    """The crops of many steps, one after the other."""
    drawn = [sampling.crops(seed, s, batchsize, sizes, patchsize) for s in steps]
    return sampling.Crops(*(np.concatenate(part) for part in zip(*drawn)))


def test_crops_are_the_same_whatever_was_drawn_before():
    first = sampling.crops(7, 12, 4, SIZES, 64)
    sampling.crops(7, 13, 4, SIZES, 64)
    sampling.crops(8, 0, 4, SIZES[:3], 64)
    again = sampling.crops(7, 12, 4, SIZES, 64)
    assert all((a == b).all() for a, b in zip(first, again))


def test_crops_lie_within_their_frames():
    frames, *corners = crops_of(range(200))
    corners = np.stack(corners, axis=1)
    assert (corners >= 0).all() and (corners + 64 <= SIZES[frames]).all()


def test_every_position_of_a_crop_occurs_about_equally_often():
    sizes = np.array([[20, 18]])
    _, tops, lefts = crops_of(range(500), batchsize=8, sizes=sizes, patchsize=16)
    counts = np.bincount(tops * 3 + lefts, minlength=15)
    # Chi-square, 14 degrees of freedom: exceeded once in a thousand.
    assert ((counts - 4000 / 15) ** 2 / (4000 / 15)).sum() < 36


def test_every_frame_is_used_once_per_epoch_in_changing_order():
    sizes = np.full((10, 2), 64)
    frames = crops_of(range(15), sizes=sizes).frames.reshape(6, 10)
    assert (np.sort(frames, axis=1) == np.arange(10)).all()
    assert len({tuple(epoch) for epoch in frames}) == 6


def test_batch_larger_than_the_set_uses_frames_again():
    assert set(sampling.crops(0, 0, 12, SIZES, 64).frames) == set(range(5))


@pytest.mark.parametrize("changed", [{"seed": 1}, {"steps": [1]}])
def test_crops_differ_between_seeds_and_steps(changed):
    sizes = np.full((100, 2), 500)
    base = {"steps": [0], "seed": 0, "batchsize": 8, "sizes": sizes}
    first, second = crops_of(**base), crops_of(**{**base, **changed})
    assert (first.frames != second.frames).any()
    assert (first.tops != second.tops).mean() > 0.9
    assert (first.lefts != second.lefts).mean() > 0.9


def test_rows_and_columns_of_crops_are_independent():
    sizes = np.full((10, 2), 500)
    _, tops, lefts = crops_of(range(300), batchsize=8, sizes=sizes)
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 0.07


def test_crops_of_a_step_far_into_a_long_run_are_found_at_once():
    late = sampling.crops(2**31 - 1, 10**9, 8, SIZES, 64)
    assert (late.tops + 64 <= SIZES[late.frames, 0]).all()


def test_noise_is_the_same_whatever_was_drawn_before():
    first = sampling.noise(3, 5, 0, (2, 4, 4, 8))
    sampling.noise(3, 6, 0, (2, 4, 4, 8))
    assert (sampling.noise(3, 5, 0, (2, 4, 4, 8)) == first).all()


def test_noise_is_uniform_between_minus_and_plus_one_half():
    noise = sampling.noise(0, 0, 0, (8, 16, 16, 64))
    assert noise.dtype == np.float32
    assert noise.min() >= -0.5 and noise.max() < 0.5
    assert abs(noise.mean()) < 4 * np.sqrt(1 / 12 / noise.size)
    assert noise.var() == pytest.approx(1 / 12, rel=0.01)
    counts = np.histogram(noise, 64, (-0.5, 0.5))[0]
    expected = noise.size / 64
    assert ((counts - expected) ** 2 / expected).sum() < 104  # once in a thousand


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_noise_of_neighbours_is_uncorrelated(axis):
    noise = np.moveaxis(sampling.noise(0, 1, 0, (8, 16, 16, 32)), axis, 0)
    pairs = np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())
    assert abs(pairs[0, 1]) < 4 / np.sqrt(noise.size)


@pytest.mark.parametrize("other", [(0, 1), (1, 0), (0, 2**32), (1, 1)])
def test_noise_of_other_seeds_and_steps_is_uncorrelated(other):
    shape = (2, 16, 16, 32)
    first, second = sampling.noise(0, 0, 0, shape), sampling.noise(*other, 0, shape)
    correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    assert abs(correlation) < 4 / np.sqrt(first.size)


def test_noise_of_another_step_is_no_reordering():
    first, second = (np.sort(sampling.noise(0, s, 0, (64,))) for s in (0, 1))
    assert (first != second).all()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_noise_of_a_replica_is_its_slice_of_the_whole(count):
    whole = sampling.noise(9, 4, 0, (8, 2, 3, 5))
    parts = [sampling.noise(9, 4, i, (count, 2, 3, 5)) for i in range(0, 8, count)]
    assert (np.concatenate(parts) == whole).all()


def test_bits_follow_the_published_hash():
    # lowbias32 of 1, by its definition in arbitrary-precision integers.
    def lowbias32(x):
        x = (x ^ (x >> 16)) * 0x7FEB352D & 0xFFFFFFFF
        x = (x ^ (x >> 15)) * 0x846CA68B & 0xFFFFFFFF
        return x ^ (x >> 16)

    values = [0, 1, 77, 2**32 - 1]
    found = sampling.mix(np.array(values, np.uint32)).tolist()
    assert found == list(map(lowbias32, values))


def test_half_of_the_crops_are_mirrored_independently_of_the_step():
    found = np.array([sampling.flips(3, step, 8) for step in range(500)])
    assert abs(found.mean() - 0.5) < 0.03
    assert abs(np.corrcoef(found[:-1].ravel(), found[1:].ravel())[0, 1]) < 0.06


def test_normal_numbers_have_the_moments_of_a_normal_distribution():
    values = sampling.normal(1, 2, (200, 500)).astype(np.float64)
    assert np.isfinite(values).all()
    moments = [np.mean(values**power) for power in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, 0, 3], atol=0.05)


def test_normal_numbers_of_other_seeds_and_steps_are_uncorrelated():
    first = sampling.normal(0, 0, (10000,))
    for other in (sampling.normal(1, 0, (10000,)), sampling.normal(0, 1, (10000,))):
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.05
