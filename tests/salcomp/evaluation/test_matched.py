"""Tests of evaluation.matched."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.codec.codec import Codec
from salcomp.evaluation import classical, matched
from salcomp.evaluation.subjects import Scene
from salcomp.metrics import quality
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.zoo import exported
from tests.fixtures import frame, parts, refusal, small_config


@pytest.fixture
def scene() -> Scene:
    rgb, saliency = parts(frame(3))
    return Scene(rgb, saliency, saliency[::-1], [], None)


def made(scene, *arguments) -> dict[str, matched.Result]:
    found = matched.results(matched.arms(*arguments), "p.png", scene)
    return {one.label: one for one in found}


@pytest.mark.parametrize("name", ["webp", "jpeg", "jpeg2000"])
def test_no_setting_of_a_codec_is_closer_to_the_rate(scene, name):
    (found,) = made(scene, [], [name], 1.1, 0).values()
    tried = classical.CODECS[name].settings[::32]
    sizes = [len(classical.encode(name, scene.rgb, setting)) for setting in tried]
    rates = 8 * np.array(sizes) / scene.saliency.size
    assert abs(np.log(found.bpp / 1.1)) <= np.abs(np.log(rates / 1.1)).min()


def test_file_is_that_of_the_setting_that_is_told(scene):
    (found,) = made(scene, [], ["webp"], 1.1, 0).values()
    file = classical.encode("webp", scene.rgb, int(found.how.removeprefix("quality ")))
    assert found.size == len(file) and (found.decoded == classical.decode(file)).all()


@pytest.mark.parametrize("bpp", [0.001, 30])
def test_rate_out_of_reach_is_told(scene, bpp):
    (found,) = made(scene, [], ["webp"], bpp, 0).values()
    assert found.how.endswith(f", as {bpp:g} bpp is out of reach")


def test_refined_arms_come_close_and_the_map_helps_where_it_scores(scene):
    scene = scene._replace(score_saliency=scene.saliency)
    uniform, by_map = made(scene, ["baseline-1"], [], 0.5, 20).values()
    for one in (uniform, by_map):
        assert one.bpp == pytest.approx(0.5, rel=0.02)
        assert one.bpp == 8 * one.size / scene.saliency.size
        assert one.psnr == quality.psnr(scene.rgb, one.decoded)
    assert by_map.ewpsnr > uniform.ewpsnr and by_map.psnr < uniform.psnr


def test_the_map_that_scores_is_not_the_encoders(scene):
    found = made(scene, ["saliency-1"], [], 0.5, 0)["salcomp"]
    encoded = Codec.load(found.how.split(",")[0]).encode(scene.rgb, scene.saliency)
    assert (found.decoded == encoded.reconstruction).all()
    expected = quality.ewpsnr(scene.rgb, found.decoded, scene.score_saliency)
    assert found.ewpsnr == expected


def test_a_folder_is_a_model_of_its_own(scene, tmp_path):
    exported.save(SaliencyCodec(small_config()), 1, tmp_path / "mine")
    found = made(scene, [str(tmp_path / "mine"), "baseline-1"], [], 0.5, 0)
    assert list(found) == ["salcomp mine", "salcomp baseline"]
    encoded = Codec.load(tmp_path / "mine").encode(scene.rgb, scene.saliency)
    assert found["salcomp mine"].size == len(encoded.data)
    assert found["salcomp mine"].how == "mine, as 0.5 bpp is out of reach"


def test_two_models_of_one_arm_are_refused():
    message = refusal(matched.arms, ["baseline-1", "baseline-2"], [], 0.5, 0)
    assert "2 arms are called salcomp baseline" in message


def test_pictures_are_made_smaller_with_their_maps(scene):
    small = matched.shrink(scene, 64)
    assert small.rgb.shape == (48, 64, 3)
    assert small.saliency.shape == small.score_saliency.shape == (48, 64)
    assert small.saliency[::-1] == pytest.approx(small.score_saliency, abs=1e-5)
    assert matched.shrink(scene, 128) is scene


def test_one_map_stays_one_when_it_is_made_smaller(scene):
    small = matched.shrink(scene._replace(score_saliency=scene.saliency), 64)
    assert small.score_saliency is small.saliency
