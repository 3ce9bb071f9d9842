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


def parsed(*arguments):
    """The configuration of a command line."""
    values = Flags()
    config_flags.define_config_flags(values)
    cli.parse(values, ["train", *arguments], "")
    return config_flags.config_from_flags(values)


def error_of(*arguments):
    """The message of a command line that is refused."""
    with pytest.raises(InputError) as caught:
        parsed(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("preset", config.PRESETS)
def test_preset_alone_gives_its_values(preset):
    values = dataclasses.asdict(parsed(f"--preset={preset}"))
    rest = {"distortion": "mse", "dilation_rates": (), "weight_mean": 1.0}
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
    changed = parsed("--preset=cpu", "--lambda=0.2", "--num_filters=5")
    assert changed == dataclasses.replace(
        parsed("--preset=cpu"), lmbda=0.2, num_filters=5
    )


@pytest.mark.parametrize("preset", config.PRESETS)
@pytest.mark.parametrize("flag", ["--saliency", "--nosaliency"])
def test_saliency_sets_conditioning_and_weighting(preset, flag):
    both = parsed(f"--preset={preset}", flag)
    expected = flag == "--saliency"
    assert (both.condition_encoder, both.weight_distortion) == (expected, expected)


def test_flag_of_one_use_of_the_map_wins_over_saliency():
    one = parsed("--nosaliency", "--weight_distortion")
    assert (one.condition_encoder, one.weight_distortion) == (False, True)


def test_baseline_uses_no_map():
    assert not parsed("--nosaliency").uses_saliency


@pytest.mark.parametrize("flag", ["--noweight_distortion", "--nocondition_encoder"])
def test_run_with_one_use_of_the_map_needs_it(flag):
    assert parsed(flag).uses_saliency


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "concat"),
        (["--conditioning=modulate"], "modulate"),
        (["--conditioning=modulate", "--nosaliency"], None),
    ],
)
def test_encoder_conditioning_is_none_without_the_map(arguments, expected):
    assert parsed(*arguments).encoder_conditioning == expected


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("--saliency_floor=1.5", "--saliency_floor"),
        ("--saliency_floor=-0.1", "--saliency_floor"),
        ("--saliency_gain=-1", "--saliency_gain"),
        ("--lambda=-0.01", "--lambda"),
        ("--lambda=0", "--lambda"),
        ("--lambda=nan", "--lambda"),
        ("--learning_rate=inf", "--learning_rate"),
        ("--learning_rate=0", "--learning_rate"),
        ("--adam_epsilon=0", "--adam_epsilon"),
        ("--patchsize=100", "--patchsize"),
        ("--patchsize=0", "--patchsize"),
        ("--batchsize=0", "--batchsize"),
        ("--num_filters=0", "--num_filters"),
        ("--last_step=0", "--last_step"),
        ("--seed=-1", "--seed"),
        ("--seed=2147483648", "--seed"),
        ("--preset=gpu", "--preset"),
        ("--conditioning=film", "--conditioning"),
        ("--distortion=lpips", "--distortion"),
        ("--saliency_weighting=square", "--saliency_weighting"),
        ("--weight_normalization=batch", "--weight_normalization"),
        ("--layers=2018", "--layers"),
        ("--dilation_rates=0", "--dilation_rates"),
        ("--dilation_rates=x", "--dilation_rates"),
        ("--dilation_rates=65", "--dilation_rates"),
        ("--dilation_rates=-2", "--dilation_rates"),
        ("--learning_rate_schedule=linear", "--learning_rate_schedule"),
    ],
)
def test_bad_value_is_refused_by_the_name_of_its_flag(argument, named):
    message = error_of(argument)
    assert named.strip("-") in message
    assert argument.split("=")[1] in message


@pytest.mark.parametrize("argument", ["--lambda=x", "--num_filters=1.5", "--lamda=1"])
def test_argument_that_does_not_parse_is_refused_in_one_line(argument):
    assert argument.split("=")[0].strip("-") in error_of(argument)


def test_refusal_of_a_preset_lists_the_presets():
    message = error_of("--preset=gpu")
    assert all(preset in message for preset in config.PRESETS)


@pytest.mark.parametrize(
    ("text", "rates"), [("", ()), ("2", (2,)), ("2,4", (2, 4)), ("2, 4", (2, 4))]
)
def test_dilation_rates_are_a_list_that_survives_json(text, rates):
    parsed_one = parsed(f"--dilation_rates={text}")
    assert parsed_one.dilation_rates == rates
    text = json.dumps(dataclasses.asdict(parsed_one))
    assert config.Config.from_dict(json.loads(text)) == parsed_one


def test_dilated_layers_are_none_of_tfcs():
    message = error_of("--preset=stock_v2", "--dilation_rates=2")
    assert "dilation_rates" in message and "layers=2019" in message


@pytest.mark.parametrize("preset", config.PRESETS)
def test_json_round_trip_gives_the_same_configuration(preset):
    original = dataclasses.replace(parsed(f"--preset={preset}"), weight_mean=0.123)
    text = json.dumps(dataclasses.asdict(original))
    assert config.Config.from_dict(json.loads(text)) == original


def test_configuration_without_what_was_added_later_has_its_defaults():
    values = dataclasses.asdict(parsed())
    del values["distortion"], values["dilation_rates"]
    assert config.Config.from_dict(values) == parsed()


@pytest.mark.parametrize("patchsize", [16, 160])
def test_ms_ssim_of_small_crops_is_refused_with_the_smallest_that_will_do(patchsize):
    message = error_of("--distortion=ms_ssim", f"--patchsize={patchsize}")
    assert "patchsize" in message and "176" in message and str(patchsize) in message


@pytest.mark.parametrize("distortion", ["mse", "l1", "mix"])
def test_other_distortions_take_any_crop(distortion):
    assert parsed(f"--distortion={distortion}", "--patchsize=16").patchsize == 16


def test_ms_ssim_takes_crops_of_176():
    assert parsed("--distortion=ms_ssim", "--patchsize=176").patchsize == 176


def test_unknown_field_is_refused_by_name():
    values = {**dataclasses.asdict(parsed()), "dropout": 0.5}
    with pytest.raises(InputError, match="dropout"):
        config.Config.from_dict(values)


def test_missing_field_is_refused_by_name():
    values = dataclasses.asdict(parsed())
    del values["lmbda"]
    with pytest.raises(InputError, match="lmbda"):
        config.Config.from_dict(values)


def test_value_out_of_range_in_json_is_refused():
    values = {**dataclasses.asdict(parsed()), "saliency_floor": 2.0}
    with pytest.raises(InputError, match="saliency_floor"):
        config.Config.from_dict(values)


@pytest.mark.parametrize(("name", "value"), [("lmbda", "x"), ("num_filters", None)])
def test_value_of_another_type_in_json_is_refused(name, value):
    values = {**dataclasses.asdict(parsed()), name: value}
    with pytest.raises(InputError):
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
    run = parsed(
        "--learning_rate=2",
        f"--learning_rate_schedule={schedule}",
        f"--last_step={last_step}",
    )
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
