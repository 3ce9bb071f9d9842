"""Tests of salcomp.data.frames."""

from __future__ import annotations

import dataclasses
import functools
import types
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from salcomp.config import weighting
from salcomp.data import frame_files, frames
from salcomp.training.flags import training_and_validation
from tests.fixtures import frame, refusal, save_frames, small_config

SALIENCY = small_config()
BASELINE = small_config(condition_encoder=False, weight_distortion=False)


def flags(**changes):
    """The flags of salcomp.train that name frames."""
    none = dict.fromkeys(("train_glob", "validation_glob", "tfds_name"))
    rest = {"num_scenes": 3, "cache_mib": 8, "tfds_validation_split": "validation"}
    return types.SimpleNamespace(**{**none, **rest, **changes})


def save(folder, name, array):
    Image.fromarray(array).save(folder / name)
    return str(folder / name)


def from_file(path, config=SALIENCY):
    return frames.from_files([path], config.uses_saliency, (32, 32))


def test_frame_is_the_file_with_its_alpha_untouched(tmp_path):
    rgba = frame(0)
    rgba[:40, :, 3] = 0  # where a program that premultiplies would lose the colours
    found = from_file(save(tmp_path, "a.png", rgba))
    assert (found[0] == rgba).all()


@pytest.mark.parametrize("alpha", [0, 128, 255])
def test_constant_alpha_is_no_saliency_map(tmp_path, alpha):
    rgba = frame(0)
    rgba[..., 3] = alpha
    path = save(tmp_path, "a.png", rgba)
    assert path in refusal(from_file, path)


@pytest.mark.parametrize("use", ["condition_encoder", "weight_distortion"])
def test_map_is_needed_by_either_use_of_it(tmp_path, use):
    config = dataclasses.replace(BASELINE, **{use: True})
    path = save(tmp_path, "a.png", frame(0)[..., :3])
    message = refusal(from_file, path, config)
    assert path in message and "--nosaliency" in message


def test_rgb_file_serves_the_baseline(tmp_path):
    rgba = frame(0)
    found = from_file(save(tmp_path, "a.png", rgba[..., :3]), BASELINE)
    assert (found[0][..., :3] == rgba[..., :3]).all()


def test_frame_smaller_than_the_crop_is_refused_with_its_size(tmp_path):
    path = save(tmp_path, "a.png", frame(0, 31, 64))
    message = refusal(from_file, path)
    assert path in message and "64x31" in message and "patchsize" in message


def test_frame_as_small_as_the_crop_is_used(tmp_path):
    found = from_file(save(tmp_path, "a.png", frame(0, 32, 32)))
    assert found.sizes.tolist() == [[32, 32]]


@pytest.mark.parametrize("damage", [lambda data: b"no image", lambda data: data[:3000]])
def test_unreadable_file_is_refused_by_name(tmp_path, damage):
    save(tmp_path, "a.png", frame(0))
    path = tmp_path / "a.png"
    path.write_bytes(damage(path.read_bytes()))
    assert str(path) in refusal(from_file, str(path))


def test_pattern_without_a_match_is_refused(tmp_path):
    pattern = str(tmp_path / "*.png")
    assert pattern in refusal(frame_files.find, pattern)


def test_pattern_finds_files_in_folders_below(tmp_path):
    (tmp_path / "a [1]" / "b").mkdir(parents=True)
    path = save(tmp_path / "a [1]" / "b", "x.png", frame(0))
    assert frame_files.find(str(tmp_path / "**" / "*.png")) == [path]
    assert frame_files.find(str(tmp_path / "a [1]" / "**" / "*.png")) == [path]


def test_frame_in_both_patterns_is_refused_by_name(tmp_path):
    pattern = save_frames(tmp_path, 3)
    both = flags(train_glob=pattern, validation_glob=str(tmp_path / "*01.png"))
    assert "frame01.png" in refusal(training_and_validation, both, SALIENCY)


def test_validation_pattern_names_the_held_out_frames(tmp_path):
    train = save_frames(tmp_path / "train", 2)
    held_out = save_frames(tmp_path / "held_out", 1)
    given = flags(train_glob=train, validation_glob=held_out)
    training, validation = training_and_validation(given, SALIENCY)
    assert (len(training), len(validation)) == (2, 1)
    assert "held_out" in validation.names[0]


NAMES = [f"{folder}/street_{i:04}.png" for folder in "ab" for i in range(200)]


def test_split_shares_the_files_without_loss():
    training, validation = frame_files.split(NAMES)
    assert sorted(training + validation) == sorted(NAMES)


def test_split_holds_out_about_a_tenth():
    assert 20 <= len(frame_files.split(NAMES)[1]) <= 60


def test_split_stays_when_files_are_added():
    training, validation = map(set, frame_files.split(NAMES[:150]))
    more_training, more_validation = map(set, frame_files.split(NAMES))
    assert training <= more_training and validation <= more_validation


def test_split_stays_when_the_folder_moves():
    moved = ["elsewhere/" + name for name in NAMES]
    validation = frame_files.split(NAMES)[1]
    assert frame_files.split(moved)[1] == ["elsewhere/" + name for name in validation]


@pytest.mark.parametrize("count", [2, 3, 5])
def test_split_of_few_files_leaves_some_on_either_side(count):
    for start in range(50):
        training, validation = frame_files.split(NAMES[start : start + count])
        assert training and validation


def test_files_of_one_name_are_split_by_their_folders():
    training, validation = frame_files.split([f"set/{i}/image.png" for i in range(40)])
    assert training and validation


def test_single_file_is_refused_for_want_of_a_validation_frame():
    assert "--validation_glob" in refusal(frame_files.split, ["only.png"])


def test_means_of_the_weight_are_over_whole_frames(tmp_path):
    config = dataclasses.replace(SALIENCY, saliency_floor=0.3)
    pictures = [frame(0, 32, 48), frame(1, 64, 80)]
    paths = [save(tmp_path, f"{i}.png", p) for i, p in enumerate(pictures)]
    found = frames.from_files(paths, config.uses_saliency, (32, 32))
    weights = [np.maximum(p[..., 3] / 255, 0.3) for p in pictures]
    means = weighting.image_means(found.level_counts, config)
    np.testing.assert_allclose(means, [w.mean() for w in weights], rtol=1e-5)
    mean = weighting.dataset_mean(found.level_counts, config)
    whole = np.concatenate([w.ravel() for w in weights]).mean()
    assert mean == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("cached", [0, 1, 2.5, 100])
def test_frames_beyond_the_memory_budget_are_the_same_frames(tmp_path, cached):
    pictures = [frame(i, 32, 32) for i in range(4)]
    paths = [save(tmp_path, f"{i}.png", p) for i, p in enumerate(pictures)]
    found = frames.from_files(paths, True, (32, 32), cached * pictures[0].nbytes)
    assert all((found[i] == picture).all() for i, picture in enumerate(pictures))


def test_frames_within_the_memory_budget_are_read_once(tmp_path):
    read = mock.Mock(side_effect=lambda i: frame(i, 32, 32))
    found = frames.Frames("abcd", read, 2 * 32 * 32 * 4)
    for i in (0, 1, 2, 3, 0, 1):
        found[i]
    reads = [call.args[0] for call in read.call_args_list]
    assert [reads.count(i) for i in range(4)] == [1, 1, 2, 2]


def test_built_in_scenes_are_the_same_each_time_and_have_maps():
    first, second = (frames.from_scenes(20, 2) for _ in range(2))
    assert (first[1] == second[1]).all()
    assert np.ptp(first[0][..., 3]) > 0


def test_built_in_validation_scenes_are_no_training_scenes():
    training, validation = training_and_validation(flags(), SALIENCY)
    assert not set(training.names) & set(validation.names)
    assert all((training[0] != validation[i]).any() for i in range(len(validation)))


@pytest.fixture(scope="module")
def tfds_folder(tmp_path_factory):
    """A prepared tensorflow-datasets set, "pictures", whose fourth image is small."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    def pictures():
        for i in range(4):
            yield {"image": frame(i, 16 if i == 3 else 48, 64)[..., :3].copy()}

    signature = {"image": tf.TensorSpec((None, None, 3), tf.uint8)}
    source = tf.data.Dataset.from_generator(pictures, output_signature=signature)
    folder = tmp_path_factory.mktemp("tensorflow_datasets")
    features = tfds.features.FeaturesDict({"image": tfds.features.Image()})
    splits = {"split_datasets": {"train": source, "validation": source}}
    version = tfds.core.Version("1.0.0")
    store = tfds.dataset_builders.store_as_tfds_dataset
    store("pictures", version, features=features, data_dir=folder, **splits)
    return folder


@pytest.fixture
def tfds_pictures(tfds_folder, monkeypatch):
    """Lets tensorflow-datasets look for sets in that folder, and not in the network."""
    import tensorflow_datasets as tfds

    local = functools.partial(tfds.load, data_dir=tfds_folder, try_gcs=False)
    monkeypatch.setattr(tfds, "load", local)


def test_tfds_set_gives_its_images_that_are_large_enough(tfds_pictures):
    given = flags(tfds_name="pictures")
    training, validation = training_and_validation(given, BASELINE)
    assert (len(training), len(validation)) == (3, 3)
    found = {training[i][..., :3].tobytes() for i in range(3)}
    assert found == {frame(i, 48, 64)[..., :3].tobytes() for i in range(3)}


def test_tfds_images_stop_at_the_memory_budget(tfds_pictures):
    found = frames.from_tfds("pictures", "train", BASELINE.crop, 2 * 48 * 64 * 4)
    assert len(found) == 2


def test_tfds_images_all_too_small_are_refused(tfds_pictures):
    given = "pictures", "train", (512, 512), 1e9
    assert "patchsize" in refusal(frames.from_tfds, *given)


@pytest.mark.parametrize(("name", "split"), [("picture", "train"), ("pictures", "x")])
def test_unknown_tfds_set_or_split_is_refused_by_name(tfds_pictures, name, split):
    message = refusal(frames.from_tfds, name, split, (32, 32), 1e9)
    assert name in message and split in message


@pytest.mark.parametrize(
    "names, config, told",
    [
        ({"tfds_name": "pictures"}, SALIENCY, "--nosaliency"),
        ({"tfds_name": "pictures", "train_glob": "*.png"}, BASELINE, "--train_glob"),
        ({"validation_glob": "*.png"}, SALIENCY, "--train_glob"),
    ],
)
def test_names_that_do_not_go_together_are_refused(names, config, told):
    assert told in refusal(training_and_validation, flags(**names), config)
