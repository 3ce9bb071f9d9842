"""Tests of salcomp.codec.refine."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.codec.refine import Refinement, Refiner
from salcomp.errors import InputError
from salcomp.model.distortion import distortion
from tests.fixtures import frame, parts, untrained_codec

pytestmark = pytest.mark.kernels

STEPS = 30


@pytest.fixture(scope="module")
def picture():
    """A frame whose sides are no multiples of 16."""
    return parts(frame(11, 40, 56))


@pytest.fixture(scope="module")
def refiner(codec):
    return Refiner(codec, STEPS, None, seed=0)


@pytest.fixture(scope="module")
def refined(refiner, picture):
    """Latents refined for uniform weights."""
    rgb, saliency = picture
    return refiner.refine(rgb, saliency, np.ones_like(saliency))


def cost(codec, latents, rgb, weight, lmbda):
    """R + lambda D by its formula, with the unrounded reconstruction."""
    height, width = rgb.shape[:2]
    x_hat = codec.model.decode(latents).numpy()[0, :height, :width]
    error = ((rgb - x_hat) ** 2).mean(axis=-1)
    rate = float(codec.bits(latents)) / (height * width)
    return rate + lmbda * (weight / weight.mean() * error).mean()


def test_refined_latents_cost_less_than_the_encoders(codec, picture, refined):
    rgb, saliency = picture
    ones = np.ones_like(saliency)
    start = codec.quantize(codec.analyze(rgb, saliency))
    lmbda = codec.config.lmbda
    before = cost(codec, start, rgb, ones, lmbda)
    assert cost(codec, refined, rgb, ones, lmbda) < before


@pytest.mark.parametrize("lmbda", [1e-5, 1.0, 100.0])
def test_refined_latents_are_never_worse_than_the_encoders(codec, picture, lmbda):
    rgb, saliency = picture
    start = codec.quantize(codec.analyze(rgb, saliency))
    latents = Refiner(codec, 3, lmbda, seed=1).refine(rgb, saliency, saliency)
    before = cost(codec, start, rgb, saliency, lmbda)
    assert cost(codec, latents, rgb, saliency, lmbda) <= before * (1 + 1e-5)


@pytest.mark.parametrize("name", ["l1", "mix"])
def test_refinement_lowers_the_distortion_that_the_model_was_trained_for(picture, name):
    codec = untrained_codec(distortion=name)
    rgb, saliency = picture
    weight = np.maximum(saliency, 0.1)
    costs = []
    for latents in (
        codec.quantize(codec.analyze(rgb, saliency)),
        Refiner(codec, STEPS, 1.0, seed=0).refine(rgb, saliency, weight),
    ):
        x_hat = codec.model.decode(latents)[:, : rgb.shape[0], : rgb.shape[1]]
        error = distortion(name)(
            rgb[None].astype(np.float32), x_hat, weight[None] / weight.mean()
        )
        costs.append(float(codec.bits(latents)) / saliency.size + float(error[0]))
    assert costs[1] < costs[0]


def test_image_too_small_for_the_distortion_of_the_model_is_refused(picture):
    codec = untrained_codec(distortion="ms_ssim", patchsize=176)
    rgb, saliency = picture
    with pytest.raises(InputError, match="at least 176x176 pixels, not 40x56"):
        Refiner(codec, 1, None, seed=0).refine(rgb, saliency, saliency)


def test_refined_latents_are_on_the_lattice_of_the_file(codec, refined):
    assert (codec.quantize(refined) == refined).all()


def test_refined_file_decodes_to_its_reconstruction_with_the_same_decoder(
    codec, picture, refined
):
    encoded = codec.encode_latents(refined, picture[0].shape[:2])
    assert (encoded.latents == refined).all()
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()


def test_refinement_is_the_same_each_time(refiner, picture, refined):
    rgb, saliency = picture
    other = parts(frame(3, 40, 56))
    refiner.refine(*other, other[1])  # leaves nothing behind
    again = refiner.refine(rgb, saliency, np.ones_like(saliency))
    assert (again == refined).all()


def test_scale_of_the_weights_does_not_matter(refiner, picture):
    rgb, saliency = picture
    weight = np.maximum(saliency, 0.1)
    first = refiner.refine(rgb, saliency, weight)
    assert (refiner.refine(rgb, saliency, 4 * weight) == first).all()


def test_weights_move_the_error_to_where_they_are_small(codec, refiner, picture):
    rgb, _ = picture
    left = np.full(rgb.shape[:2], 0.01, np.float32)
    left[:, :28] = 1
    errors = []
    for weight in (left, left[:, ::-1]):
        latents = refiner.refine(rgb, np.ones_like(weight), weight)
        decoded = codec.synthesize(latents, *rgb.shape[:2]).astype(float)
        error = (rgb - decoded) ** 2
        errors.append(error[:, :28].mean() / error[:, 28:].mean())
    assert errors[0] < errors[1]


def test_lambda_trades_bits_for_quality(codec, picture):
    rgb, saliency = picture
    ones = np.ones_like(saliency)
    results = []
    for lmbda in (1e-5, 0.1):
        latents = Refiner(codec, STEPS, lmbda, seed=0).refine(rgb, saliency, ones)
        decoded = codec.synthesize(latents, *rgb.shape[:2]).astype(float)
        results.append((float(codec.bits(latents)), ((rgb - decoded) ** 2).mean()))
    (few_bits, large_error), (many_bits, small_error) = results
    assert few_bits < many_bits and small_error < large_error


def test_lambda_of_one_call_is_that_of_no_other(codec, refiner, picture, refined):
    rgb, saliency = picture
    ones = np.ones_like(saliency)
    other = Refiner(codec, STEPS, 1e-5, seed=0).refine(rgb, saliency, ones)
    assert (refiner.refine(rgb, saliency, ones, lmbda=1e-5) == other).all()
    assert (refiner.refine(rgb, saliency, ones) == refined).all()
    assert (other != refined).any()


def test_progress_is_told_of_every_step(codec, picture):
    rgb, saliency = picture
    told = []
    Refiner(codec, 4, None, 0).refine(rgb, saliency, saliency, lambda: told.append(1))
    assert len(told) == 4


@pytest.mark.parametrize("lmbda", [0.0, -1.0, float("nan"), float("inf")])
def test_lambda_out_of_range_is_refused(codec, lmbda):
    with pytest.raises(InputError, match="--lambda"):
        Refiner(codec, 1, lmbda, 0)


def test_no_steps_are_refused(codec):
    with pytest.raises(InputError, match="--refine_steps"):
        Refiner(codec, 0, None, 0)


SALIENCY = np.array([[0, 0.5, 1]], np.float32)


@pytest.mark.parametrize(
    ("weighting", "floor", "follows", "expected"),
    [
        ("saliency", None, None, [[0.1, 0.5, 1]]),
        ("saliency", 0.7, None, [[0.7, 0.7, 1]]),
        ("saliency", 0.0, None, [[0, 0.5, 1]]),
        ("saliency", 0.2, "affine", [[0.2, 0.6, 1]]),
        ("uniform", 0.7, None, [[1, 1, 1]]),
    ],
)
def test_refinement_weighs_as_the_training_did(
    refiner, weighting, floor, follows, expected
):
    assert refiner.codec.config.saliency_floor == 0.1
    weight = Refinement(refiner, weighting, floor, follows).weight(SALIENCY)
    np.testing.assert_allclose(weight, expected, rtol=1e-6)


def test_refinement_of_an_image_without_any_weight_is_uniform(refiner):
    weight = Refinement(refiner, "saliency", 0.0).weight(np.zeros((1, 3), np.float32))
    assert (weight == 1).all()


def test_refinement_encodes_the_latents_refined_under_its_weight(refiner, picture):
    rgb, saliency = picture
    expected = refiner.refine(rgb, saliency, np.maximum(saliency, 0.1))
    encoded = Refinement(refiner, "saliency").encode(rgb, saliency)
    np.testing.assert_array_equal(encoded.latents, expected)
