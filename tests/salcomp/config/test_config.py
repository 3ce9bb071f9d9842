"""Tests of salcomp.config.config."""

from __future__ import annotations

import dataclasses
import json

import pytest

from salcomp import cli
from salcomp.config import config
from salcomp.errors import InputError
from salcomp.flags import Flags
from salcomp.training import flags as config_flags
from tests.fixtures import refusal

PRESETS = pytest.mark.parametrize("preset", config.PRESETS)


def parsed(*arguments):
    """The configuration of a command line."""
    values = Flags()
    config_flags.define_config_flags(values)
    cli.parse(values, ["train", *arguments], "")
    return config_flags.config_from_flags(values)


def from_json(changed):
    """The configuration in the JSON of another."""
    return config.Config.from_dict(json.loads(json.dumps(dataclasses.asdict(changed))))


@PRESETS
def test_preset_alone_gives_its_values(preset):
    values = dataclasses.asdict(parsed(f"--preset={preset}"))
    rest = {"distortion": "mse", "dilation_rates": (), "uniform_share": 0.0}
    rest |= {"clip_norm": 0.0, "prior": "factorized", "hyper_filters": 0}
    rest |= {"rates": 1, "lambda_span": 1.0}
    rest["weight_mean"] = 1.0
    assert values == {**config.PRESETS[preset], "preset": preset, **rest}


def test_default_is_the_run_of_the_2019_experiment():
    assert parsed() == config.Config(
        preset="blog",
        lmbda=0.01,
        condition_encoder=True,
        conditioning="concat",
        weight_distortion=True,
        saliency_weighting="clip",
        saliency_floor=0.1,
        saliency_gain=1.0,
        weight_normalization="none",
        num_filters=128,
        layers="2019",
        patchsize=256,
        batchsize=8,
        last_step=1_000_000,
        learning_rate=1e-4,
        learning_rate_schedule="constant",
        adam_epsilon=1e-8,
        seed=0,
    )


def test_flag_beside_a_preset_wins():
    preset = parsed("--preset=cpu")
    changed = parsed("--preset=cpu", "--lambda=0.2", "--num_filters=5")
    assert changed == dataclasses.replace(preset, lmbda=0.2, num_filters=5)


@PRESETS
@pytest.mark.parametrize("flag", ["--saliency", "--nosaliency"])
def test_saliency_sets_conditioning_and_weighting(preset, flag):
    both = parsed(f"--preset={preset}", flag)
    expected = flag == "--saliency"
    assert (both.condition_encoder, both.weight_distortion) == (expected, expected)


def test_flag_of_one_use_of_the_map_wins_over_saliency():
    one = parsed("--nosaliency", "--weight_distortion")
    assert (one.condition_encoder, one.weight_distortion) == (False, True)


@pytest.mark.parametrize("use", ["saliency", "weight_distortion", "condition_encoder"])
def test_all_but_the_baseline_need_the_map(use):
    assert parsed(f"--no{use}").uses_saliency == (use != "saliency")


@pytest.mark.parametrize(
    "arguments, expected",
    [("", "concat"), ("modulate", "modulate"), ("modulate --nosaliency", None)],
)
def test_encoder_conditioning_is_none_without_the_map(arguments, expected):
    given = f"--conditioning={arguments}".split() if arguments else []
    assert parsed(*given).encoder_conditioning == expected


BAD_VALUES = """
    saliency_floor=1.5 saliency_floor=-0.1 saliency_gain=-1 lambda=-0.01 lambda=0
    lambda=nan learning_rate=inf learning_rate=0 adam_epsilon=0 patchsize=100
    patchsize=0 batchsize=0 num_filters=0 last_step=0 seed=-1 seed=2147483648
    preset=gpu conditioning=film distortion=lpips saliency_weighting=square layers=2018
    weight_normalization=batch dilation_rates=0 dilation_rates=x dilation_rates=65
    dilation_rates=-2 learning_rate_schedule=linear
"""


@pytest.mark.parametrize("argument", BAD_VALUES.split())
def test_bad_value_is_refused_by_the_name_of_its_flag(argument):
    message = refusal(parsed, f"--{argument}")
    flag, value = argument.split("=")
    assert flag in message and value in message


@pytest.mark.parametrize("argument", ["--lambda=x", "--num_filters=1.5", "--lamda=1"])
def test_argument_that_does_not_parse_is_refused_in_one_line(argument):
    assert argument.split("=")[0].strip("-") in refusal(parsed, argument)


def test_refusal_of_a_preset_lists_the_presets():
    message = refusal(parsed, "--preset=gpu")
    assert all(preset in message for preset in config.PRESETS)


@pytest.mark.parametrize(
    ("text", "rates"), [("", ()), ("2", (2,)), ("2,4", (2, 4)), ("2, 4", (2, 4))]
)
def test_dilation_rates_are_a_list_that_survives_json(text, rates):
    original = parsed(f"--dilation_rates={text}")
    assert original.dilation_rates == rates
    assert from_json(original) == original


def test_dilated_layers_are_none_of_tfcs():
    message = refusal(parsed, "--preset=stock_v2", "--dilation_rates=2")
    assert "dilation_rates" in message and "layers=2019" in message


@PRESETS
def test_json_round_trip_gives_the_same_configuration(preset):
    original = dataclasses.replace(parsed(f"--preset={preset}"), weight_mean=0.123)
    assert from_json(original) == original


def test_configuration_without_what_was_added_later_has_its_defaults():
    values = dataclasses.asdict(parsed())
    del values["distortion"], values["dilation_rates"]
    assert config.Config.from_dict(values) == parsed()


@pytest.mark.parametrize("patchsize", [16, 160])
def test_ms_ssim_of_small_crops_is_refused_with_the_smallest_that_will_do(patchsize):
    message = refusal(parsed, "--distortion=ms_ssim", f"--patchsize={patchsize}")
    assert "patchsize" in message and "176" in message and str(patchsize) in message


@pytest.mark.parametrize(
    "distortion, patchsize", [("mse", 16), ("l1", 16), ("mix", 16), ("ms_ssim", 176)]
)
def test_ms_ssim_takes_crops_of_176_and_others_any(distortion, patchsize):
    found = parsed(f"--distortion={distortion}", f"--patchsize={patchsize}")
    assert found.patchsize == patchsize


def test_missing_field_is_refused_by_name():
    values = dataclasses.asdict(parsed())
    del values["lmbda"]
    with pytest.raises(InputError, match="lmbda"):
        config.Config.from_dict(values)


@pytest.mark.parametrize(
    "name, value",
    [("dropout", 0.5), ("saliency_floor", 2.0), ("lmbda", "x"), ("num_filters", None)],
    ids=["unknown field", "out of range", "no number", "null"],
)
def test_what_is_wrong_in_json_is_refused_by_name(name, value):
    values = {**dataclasses.asdict(parsed()), name: value}
    with pytest.raises(InputError, match=name.replace("lmbda", "lambda")):
        config.Config.from_dict(values)


@pytest.mark.parametrize(("layers", "filters"), [("2019", (3, 3, 3)), ("tfc2", (3, 3))])
def test_prior_is_as_deep_as_in_the_year_of_the_layers(layers, filters):
    assert parsed(f"--layers={layers}").prior_filters == filters


def test_help_of_every_flag_is_a_sentence():
    values = Flags()
    config_flags.define_config_flags(values)
    for name in values:
        text = values[name].help
        assert text[0].isupper() and text.rstrip("'\"").endswith("."), name


def rates_of(schedule: str, last_step: int) -> list[float]:
    flags = f"--learning_rate_schedule={schedule}", f"--last_step={last_step}"
    run = parsed("--learning_rate=2", *flags)
    return [run.learning_rate_of(step) for step in range(1, last_step + 1)]


def test_constant_learning_rate():
    assert rates_of("constant", 50) == [2] * 50


def test_stepped_learning_rate_falls_after_60_and_85_percent_of_the_steps():
    rates = rates_of("stepped", 200)
    changes = [i for i in range(1, 200) if rates[i] != rates[i - 1]]
    assert changes == [121, 171]
    assert [rates[0], rates[150], rates[-1]] == pytest.approx([2, 0.6, 0.2])


def test_cosine_learning_rate_rises_over_200_steps_and_falls_to_0():
    rates = rates_of("cosine", 2200)
    assert rates[:200] == pytest.approx([2 * i / 200 for i in range(1, 201)])
    assert rates[200] == 2
    assert rates[1200] == pytest.approx(1)
    assert sorted(rates[200:], reverse=True) == rates[200:]
    assert 0 < rates[-1] < 1e-5


@pytest.mark.parametrize("steps", [1, 2, 10, 30])
def test_short_cosine_runs_have_a_shorter_warm_up(steps):
    rates = rates_of("cosine", steps)
    assert rates.index(2) == max(0, steps // 10 - 1)
    assert min(rates) > 0
