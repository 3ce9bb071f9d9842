"""Tests of salcomp.extreme_gan.batches."""

from __future__ import annotations

from salcomp.config import weighting
from salcomp.data import frame_files, frames
from salcomp.extreme_gan import batches
from tests.fixtures import save_frames
from tests.salcomp.extreme_gan.small import gan_config


def examples_of(frames_glob, steps, **changes):
    config = gan_config(batchsize=2, **changes)
    found = frames.from_files(frame_files.find(frames_glob), False, config.crop)
    means = weighting.image_means(found.level_counts, config)
    return found, [batches.examples(found, means, config, step) for step in steps]


def test_step_has_crops_for_generator_and_discriminators(frames_glob):
    _, (batch,) = examples_of(frames_glob, [3])
    assert batch.rgba.shape == (4, 32, 64, 4)
    assert batch.noise.shape == (4, 128) and batch.image_mean.shape == (4,)


def test_batch_is_the_same_whatever_was_drawn_before(frames_glob):
    _, several = examples_of(frames_glob, [0, 1, 2], augment=True)
    _, (alone,) = examples_of(frames_glob, [2], augment=True)
    for one, other in zip(several[2], alone):
        assert (one == other).all()


def test_augmentation_mirrors_half_of_the_crops_and_changes_no_other(frames_glob):
    _, plain = examples_of(frames_glob, range(20))
    _, augmented = examples_of(frames_glob, range(20), augment=True)
    mirrored = 0
    for one, other in zip(plain, augmented):
        for crop, flipped in zip(one.rgba, other.rgba):
            if (crop != flipped).any():
                assert (crop[:, ::-1] == flipped).all()
                mirrored += 1
    assert 25 <= mirrored <= 55  # of 80


def test_crops_of_the_size_of_the_frames_are_the_frames(tmp_path):
    pattern = save_frames(tmp_path, 3, height=64, width=128)
    found, (batch,) = examples_of(pattern, [0], patchsize=64)
    whole = {found[i].tobytes() for i in range(3)}
    assert {crop.tobytes() for crop in batch.rgba} <= whole
