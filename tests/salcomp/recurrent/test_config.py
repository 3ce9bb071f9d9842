"""Tests of salcomp.recurrent.config."""

from __future__ import annotations

import dataclasses

import pytest

from salcomp.recurrent.config import RECURRENT, RecurrentConfig
from tests.fixtures import refusal


@pytest.mark.parametrize("preset", RECURRENT.values)
def test_presets_are_valid_and_come_back_from_their_dict(preset):
    config = RECURRENT.make(preset)
    assert RecurrentConfig.from_dict(dataclasses.asdict(config)) == config


def test_published_preset_sends_an_eighth_bit_per_pixel_and_iteration():
    config = RECURRENT.make("as_published")
    assert (config.iterations, config.bits_per_block / 16**2) == (16, 0.125)
    assert (config.width, config.patchsize, config.batchsize) == (1, 32, 32)


def test_configuration_of_before_clipping_and_sharing_does_neither():
    values = dataclasses.asdict(RECURRENT.make("cpu"))
    assert values.pop("clip_norm") == 1 and values.pop("uniform_share") == 0
    old = RecurrentConfig.from_dict(values)
    assert (old.clip_norm, old.uniform_share) == (0, 0)
    assert RECURRENT.make("as_published").clip_norm == 0


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("bits_per_block", 6, "multiple of 4"),
        ("cell", "rnn", "gru, lstm"),
        ("reconstruction", "scaled", "one_shot, additive"),
        ("iterations", 0, "at least 1"),
        ("priming", -1, "at least 0"),
        ("patchsize", 40, "multiple of 16"),
        ("clip_norm", -1.0, "at least 0"),
    ],
)
def test_values_out_of_range_are_refused_with_what_there_is(field, value, message):
    found = refusal(RECURRENT.make, "smoke", **{field: value})
    assert field in found and message in found


def test_cosine_schedule_ends_near_zero():
    config = RECURRENT.make("cpu")
    rates = [config.learning_rate_of(step) for step in (1, 200, config.last_step)]
    assert rates[0] < rates[1] == config.learning_rate and rates[2] < 1e-6
