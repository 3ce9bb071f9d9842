"""Tests of salcomp.data.scenes."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from salcomp.data import scenes
from tests.fixtures import run_python

COUNT = 12


@pytest.fixture(scope="module")
def drawn():
    return [scenes.draw(7, index) for index in range(COUNT)]


@pytest.fixture(scope="module")
def alphas(drawn):
    return [image[..., 3] / 255 for image, _ in drawn]


def pixels_of(kinds, seen):
    """True in the boxes of some kinds, [256, 512]."""
    mask = np.zeros((256, 512), bool)
    for kind, (left, top, right, bottom) in seen:
        if kind in kinds:
            mask[int(top) : int(bottom) + 1, int(left) : int(right) + 1] = True
    return mask


def test_a_scene_is_rgba_of_the_training_size(drawn):
    kinds = {(image.shape, image.dtype.name) for image, _ in drawn}
    assert kinds == {((256, 512, 4), "uint8")}


def test_the_same_scene_is_drawn_in_another_process(drawn):
    program = "import hashlib; from salcomp.data.scenes import scene; "
    program += "print(hashlib.sha256(scene(7, 3).tobytes()).hexdigest())"
    expected = hashlib.sha256(drawn[3][0].tobytes()).hexdigest()
    assert run_python("-c", program).stdout.strip() == expected


def test_a_scene_does_not_depend_on_global_random_state(drawn):
    np.random.seed(1)
    np.testing.assert_array_equal(scenes.scene(7, 0), drawn[0][0])


def test_no_two_indices_or_seeds_give_the_same_scene(drawn):
    images = [image for image, _ in drawn] + [scenes.scene(8, 0)]
    assert len({image.tobytes() for image in images}) == COUNT + 1


def test_the_saliency_map_reaches_its_maximum(alphas):
    assert [alpha.max() for alpha in alphas] == [1] * COUNT


def test_the_mean_saliency_is_that_of_fixation_maps(alphas):
    assert all(0.03 <= alpha.mean() <= 0.12 for alpha in alphas)


def test_saliency_is_high_on_plates_faces_and_text(drawn, alphas):
    for (_, seen), alpha in zip(drawn, alphas):
        mask = pixels_of(("plate", "face", "text"), seen)
        assert alpha[mask].mean() > 4 * alpha[~mask].mean()


def test_saliency_is_low_where_nothing_was_drawn(drawn, alphas):
    for (_, seen), alpha in zip(drawn, alphas):
        everything = pixels_of({kind for kind, _ in seen}, seen)
        assert alpha[~everything].mean() < alpha[everything].mean() / 3


def test_near_plates_are_large_enough_to_read(drawn):
    plates = [box for _, seen in drawn for kind, box in seen if kind == "plate"]
    sizes = [(right - left, low - top) for left, top, right, low in plates]
    assert any(width >= 40 and height >= 9 for width, height in sizes)


def test_jpeg_needs_about_the_rate_of_street_photographs(drawn):
    # 82 frames of the GTSDB at 512x256 and quality 50 take 0.97 bit per pixel.
    rates = []
    for image, _ in drawn:
        file = io.BytesIO()
        Image.fromarray(image[..., :3]).save(file, "JPEG", quality=50)
        rates.append(8 * len(file.getvalue()) / (256 * 512))
    assert 0.73 < np.mean(rates) < 1.21


def test_a_negative_index_is_refused():
    with pytest.raises(ValueError):
        scenes.scene(0, -1)
