"""Tests of which steps and places of a GAN's samples the forger's game shows."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from experiments.forger_game.rounds import Place, Samples, choose_places, choose_steps
from salcomp.errors import InputError
from tests.fixtures import save_gan_run


@pytest.fixture
def run(tmp_path):
    save_gan_run(tmp_path)
    return tmp_path


def places_of(run, crop=32, seed=0) -> list[Place]:
    return choose_places(Samples(run), crop, np.random.default_rng(seed))


def test_steps_are_at_equal_ratios_from_the_first_to_the_last():
    assert choose_steps(list(range(1000, 65000, 1000)), 4) == [1000, 4000, 16000, 64000]


def test_all_steps_are_chosen_where_there_are_no_more_than_asked_for():
    assert choose_steps([1, 2, 1000], 6) == [1, 2, 1000]


def test_no_step_is_chosen_twice():
    chosen = choose_steps([1, 5000, 5001, 5002, 5003], 4)
    assert len(set(chosen)) == 4 and chosen == sorted(chosen)


def test_step_0_and_steps_that_lack_a_frame_are_left_out(run):
    shutil.copytree(run / "samples/step_00000010", run / "samples/step_00000000")
    (run / "samples/step_00000040/frame03.png").unlink()
    assert Samples(run).steps == [10, 90]


def test_pair_is_one_place_of_the_original_and_of_the_steps_frame(run):
    original, generated = Samples(run).pair(40, Place("frame01.png", 32, 64), 32)
    for piece, folder in ((original, "originals"), (generated, "step_00000040")):
        frame = np.asarray(Image.open(run / "samples" / folder / "frame01.png"))
        np.testing.assert_array_equal(piece, frame[32:64, 64:96])


def test_frames_of_a_step_with_another_size_than_the_originals_are_refused(run):
    Image.new("RGB", (64, 64)).save(run / "samples/step_00000040/frame01.png")
    with pytest.raises(InputError, match="has 64x64 pixels, and its original 128x96"):
        Samples(run).pair(40, Place("frame01.png", 0, 0), 32)


def test_places_are_in_the_frames_and_do_not_overlap(run):
    places = places_of(run, 30)
    cover = {name: np.zeros((96, 128), int) for name in Samples(run).names}
    for name, top, left in places:
        cover[name][top : top + 30, left : left + 30] += 1
    assert max(map(np.max, cover.values())) == 1
    assert sum(map(np.sum, cover.values())) == 900 * len(places)


def test_flat_places_are_left_out(run):
    path = run / "samples/originals/frame02.png"
    frame = np.array(Image.open(path))
    frame[:, :96] = 200
    Image.fromarray(frame).save(path)
    places = places_of(run)
    assert {place.left for place in places if place.name == path.name} <= {96}
    assert len(places) >= 30


def test_all_places_of_flat_frames_are_left_out(run):
    for path in (run / "samples/originals").iterdir():
        Image.new("RGB", (128, 96), "grey").save(path)
    assert places_of(run) == []


def test_places_that_follow_each_other_are_of_different_frames(run):
    places = places_of(run)
    for turn in range(6):
        assert len({place.name for place in places[6 * turn : 6 * turn + 6]}) == 6


def test_order_of_the_places_depends_on_the_seed_alone(run):
    assert places_of(run, seed=1) == places_of(run, seed=1) != places_of(run, seed=2)


def test_frames_smaller_than_the_crop_are_refused(run):
    with pytest.raises(InputError, match="128x96 pixels are fewer than --crop=100"):
        places_of(run, 100)


def test_run_without_samples_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no samples/originals"):
        Samples(tmp_path)


def test_run_without_frames_is_refused(tmp_path):
    (tmp_path / "samples/originals").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no PNG"):
        Samples(tmp_path)


def test_run_with_one_step_is_refused(tmp_path):
    save_gan_run(tmp_path, steps=[7])
    with pytest.raises(InputError, match="of 1 step.*needs at least 2"):
        Samples(tmp_path)
