"""Tests of salcomp.codec.refine."""

from __future__ import annotations

import functools
import math
from unittest import mock

import numpy as np
import pytest

from salcomp.codec.refine import Refinement, Refiner
from salcomp.errors import InputError
from salcomp.model.distortion import distortion
from tests.fixtures import frame, parts, untrained_codec

pytestmark = pytest.mark.kernels

STEPS = 30
PICTURE = RGB, MAP = parts(frame(11, 40, 56))  # sides that are no multiples of 16
ONES = np.ones_like(MAP)


@pytest.fixture(scope="module")
def refiner(codec):
    return Refiner(codec, STEPS, None, seed=0)


@pytest.fixture(scope="module")
def refined(refiner):
    """Latents refined for uniform weights."""
    return refiner.refine(*PICTURE, ONES)


@pytest.fixture(scope="module")
def start(codec):
    """The latents of the encoder."""
    return codec.quantize(codec.analyze(*PICTURE))


def cost(codec, latents, weight, lmbda):
    """R + lambda D by its formula, with the unrounded reconstruction."""
    x_hat = codec.model.decode(latents).numpy()[0, :40, :56]
    error = ((RGB - x_hat) ** 2).mean(axis=-1)
    rate = float(codec.bits(latents)) / MAP.size
    return rate + lmbda * (weight / weight.mean() * error).mean()


def test_refined_latents_cost_less_than_the_encoders(codec, start, refined):
    given = ONES, codec.config.lmbda
    assert cost(codec, refined, *given) < cost(codec, start, *given)


@pytest.mark.parametrize("lmbda", [1e-5, 1.0, 100.0])
def test_refined_latents_are_never_worse_than_the_encoders(codec, start, lmbda):
    latents = Refiner(codec, 3, lmbda, seed=1).refine(*PICTURE, MAP)
    before = cost(codec, start, MAP, lmbda)
    assert cost(codec, latents, MAP, lmbda) <= before * (1 + 1e-5)


@pytest.mark.parametrize("name", ["l1", "mix"])
def test_refinement_lowers_the_distortion_that_the_model_was_trained_for(name):
    codec = untrained_codec(distortion=name)
    weight = np.maximum(MAP, 0.1)

    def cost(latents):
        x_hat = codec.model.decode(latents)[:, :40, :56]
        given = RGB[None].astype(np.float32), x_hat, weight[None] / weight.mean()
        return codec.bits(latents) / MAP.size + distortion(name)(*given)[0]

    before = codec.quantize(codec.analyze(*PICTURE))
    after = Refiner(codec, STEPS, 1.0, seed=0).refine(*PICTURE, weight)
    assert cost(after) < cost(before)


def test_image_too_small_for_the_distortion_of_the_model_is_refused():
    codec = untrained_codec(distortion="ms_ssim", patchsize=176)
    with pytest.raises(InputError, match="at least 176x176 pixels, not 40x56"):
        Refiner(codec, 1, None, seed=0).refine(*PICTURE, MAP)


def test_refined_latents_are_on_the_lattice_of_the_file(codec, refined):
    assert (codec.quantize(refined) == refined).all()


def test_refined_file_decodes_to_its_reconstruction(codec, refined):
    encoded = codec.encode_latents(refined, MAP.shape)
    assert (encoded.latents == refined).all()
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()


def test_refinement_is_the_same_each_time(refiner, refined):
    other = parts(frame(3, 40, 56))
    refiner.refine(*other, other[1])  # leaves nothing behind
    assert (refiner.refine(*PICTURE, ONES) == refined).all()


def test_scale_of_the_weights_does_not_matter(refiner):
    weight = np.maximum(MAP, 0.1)
    first, second = (refiner.refine(*PICTURE, scale * weight) for scale in (1, 4))
    assert (first == second).all()


def test_weights_move_the_error_to_where_they_are_small(codec, refiner):
    left = np.full_like(MAP, 0.01)
    left[:, :28] = 1
    errors = []
    for weight in (left, left[:, ::-1]):
        latents = refiner.refine(RGB, ONES, weight)
        decoded = codec.synthesize(latents, *MAP.shape).astype(float)
        error = (RGB - decoded) ** 2
        errors.append(error[:, :28].mean() / error[:, 28:].mean())
    assert errors[0] < errors[1]


def test_lambda_trades_bits_for_quality(codec):
    results = []
    for lmbda in (1e-5, 0.1):
        latents = Refiner(codec, STEPS, lmbda, seed=0).refine(*PICTURE, ONES)
        decoded = codec.synthesize(latents, *MAP.shape).astype(float)
        error = ((RGB - decoded) ** 2).mean()
        results.append((float(codec.bits(latents)), error))
    (few_bits, large_error), (many_bits, small_error) = results
    assert few_bits < many_bits and small_error < large_error


def test_lambda_of_one_call_is_of_no_other(codec, refiner, refined):
    other = Refiner(codec, STEPS, 1e-5, seed=0).refine(*PICTURE, ONES)
    assert (refiner.refine(*PICTURE, ONES, lmbda=1e-5) == other).all()
    assert (refiner.refine(*PICTURE, ONES) == refined).all()
    assert (other != refined).any()


def test_progress_is_told_of_every_step(codec):
    told = mock.Mock()
    Refiner(codec, 4, None, 0).refine(*PICTURE, MAP, told)
    assert told.call_count == 4


@pytest.mark.parametrize(
    "steps, lmbda, told",
    [
        *[(1, lmbda, "lambda must be") for lmbda in (0.0, -1.0, math.nan, math.inf)],
        (0, None, "at least 1 step"),
    ],
)
def test_lambda_out_of_range_and_no_steps_are_refused(codec, steps, lmbda, told):
    with pytest.raises(InputError, match=told):
        Refiner(codec, steps, lmbda, 0)


def test_refinement_encodes_the_latents_refined_under_its_weight(refiner):
    expected = refiner.refine(*PICTURE, np.maximum(MAP, 0.1))
    weight = functools.partial(np.maximum, 0.1)
    encoded = Refinement(refiner, weight).encode(*PICTURE)
    np.testing.assert_array_equal(encoded.latents, expected)
