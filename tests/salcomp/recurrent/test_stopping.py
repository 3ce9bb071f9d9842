"""Tests of where blocks stop."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.recurrent import stopping
from tests.fixtures import frame, parts
from tests.salcomp.recurrent.small import untrained_codec


@pytest.fixture(scope="module")
def codec():
    return untrained_codec()


# Of two blocks: one gains all along, one nothing after the first iteration.
ERRORS = np.array([[[2560.0, 2560.0]], [[1280.0, 2560.0]], [[512.0, 2500.0]]])
BITS = np.full((3, 1, 2), 10.0)


def test_block_stops_when_its_gain_is_not_worth_its_bits():
    assert stopping.by_gain(0.1)(ERRORS, BITS).tolist() == [[3, 1]]
    assert stopping.by_gain(0.01)(ERRORS, BITS).tolist() == [[2, 1]]
    assert stopping.by_gain(0.001)(ERRORS, BITS).tolist() == [[1, 1]]


def test_block_goes_on_past_an_iteration_without_gain_if_a_later_one_has_it():
    errors = np.array([1000.0, 1000.0, 0.0]).reshape(3, 1, 1)
    assert stopping.by_gain(0.1)(errors, BITS[..., :1]).tolist() == [[3]]


def test_block_stops_when_its_error_is_low_enough():
    for most, stops in ((10, [[1, 1]]), (5, [[2, 3]]), (2, [[3, 3]]), (0, [[3, 3]])):
        assert stopping.by_error(most)(ERRORS, BITS).tolist() == [stops[0]]


def iterations(codec, encoded):
    """How many iterations each block has, [h, w]."""
    return codec.planes_of(encoded.latents).any(axis=-1).sum(axis=0)


def test_blocks_without_weight_stop_first_whatever_the_model_was_trained_for(codec):
    rgb, _ = parts(frame(0))
    saliency = np.zeros(rgb.shape[:2], np.float32)
    saliency[:48] = 1
    encoder = stopping.Adaptive(codec, stopping.by_error(0), lambda s: s)
    found = iterations(codec, encoder.encode("", rgb, saliency))
    assert (found[:3] == codec.config.iterations).all() and (found[3:] == 1).all()


def test_uniform_weight_does_not_see_the_map(codec):
    rgb, saliency = parts(frame(0))
    encoder = stopping.Adaptive(codec, stopping.by_gain(1e-3))
    data = [encoder.encode("", rgb, s).data for s in (saliency, 1 - saliency)]
    assert data[0] == data[1] and not encoder.uses_map


def test_decoder_has_the_picture_that_the_encoder_saw(codec):
    rgb, saliency = parts(frame(1, 33, 47))
    stops = np.array([[1, 2, 3], [3, 1, 2], [2, 3, 1]])
    weight = np.ones_like(saliency)
    course = codec.run(rgb, saliency, stops, weight)
    decoded = codec.decode(codec.encode_latents(course.latents, (33, 47)).data)
    error = np.square(decoded.astype(float) - rgb).mean(axis=-1)
    # Rounding to 8 bits is all that the encoder has not seen.
    last = course.errors[stops - 1, np.arange(3)[:, None], np.arange(3)]
    assert last.sum() == pytest.approx(error.sum(), rel=0.01)


def test_most_iterations_bound_those_of_all_blocks(codec):
    rgb, saliency = parts(frame(0))
    for rule in (None, stopping.by_error(0)):
        encoder = stopping.Adaptive(codec, rule, iterations=2)
        assert (iterations(codec, encoder.encode("", rgb, saliency)) == 2).all()


def test_first_iterations_of_a_file_are_those_of_a_shorter_one(codec):
    rgb, saliency = parts(frame(0))
    short, whole = (
        stopping.Adaptive(codec, None, iterations=t).encode("", rgb, saliency)
        for t in (1, 3)
    )
    bits = codec.config.bits_per_block
    assert (short.latents[..., :bits] == whole.latents[..., :bits]).all()


def test_rate_that_is_asked_for_is_met_between_one_iteration_and_all(recurrent):
    rgb, saliency = parts(frame(0))
    least, most = (
        stopping.Adaptive(recurrent, None, iterations=t).encode("", rgb, saliency).bpp
        for t in (1, recurrent.config.iterations)
    )
    asked = (least + most) / 2
    found = stopping.AtRate(recurrent, asked).encode("", rgb, saliency)
    assert abs(found.bpp - asked) < 0.25 * (most - least)


def test_larger_lambda_has_more_iterations(recurrent):
    rgb, saliency = parts(frame(0))
    spent = [
        iterations(
            recurrent,
            stopping.Adaptive(recurrent, stopping.by_gain(lmbda)).encode(
                "", rgb, saliency
            ),
        ).sum()
        for lmbda in (1e-6, 0.03, 1000.0)
    ]
    assert spent == sorted(spent) and spent[0] < spent[2]
