"""Tests of salcomp.extreme_gan.config."""

from __future__ import annotations

import dataclasses

import pytest

from salcomp import cli
from salcomp.config.config import Config
from salcomp.errors import InputError
from salcomp.extreme_gan.config import GAN, GanConfig
from salcomp.flags import Flags
from salcomp.training import flags as config_flags
from tests.fixtures import small_config
from tests.salcomp.extreme_gan.small import gan_config


def parsed(*arguments):
    values = Flags()
    config_flags.define_config_flags(values, GAN)
    cli.parse(values, ["tool", *arguments], "A tool.")
    return config_flags.config_from_flags(values, presets=GAN)


def test_published_network_is_the_default():
    config = parsed()
    assert config.preset == "as_published"
    assert config.quantizer_gradient == "blocked" and config.final_relu
    assert (config.distortion, config.distortion_weight) == ("mse", 12)
    assert (config.batchsize, config.learning_rate) == (1, 2e-4)
    assert not config.held_out and not config.augment and not config.uses_saliency


def test_repaired_preset_differs_in_its_repairs_only():
    published, repaired = parsed(), parsed("--preset=repaired")
    changed = {
        field.name
        for field in dataclasses.fields(GanConfig)
        if getattr(published, field.name) != getattr(repaired, field.name)
    }
    assert changed == {
        *("preset", "quantizer_gradient", "final_relu", "noise_norm"),
        *("patch_aspect", "augment", "held_out"),
    }


def test_saliency_conditions_the_encoder_and_weights_the_distortion():
    config = parsed("--saliency")
    assert config.condition_encoder and config.weight_distortion


@pytest.mark.parametrize(
    "argument",
    ["--patchsize=48", "--width=0", "--distortion=vgg", "--quantizer_gradient=hard"],
)
def test_value_out_of_range_is_refused_by_name(argument):
    name = argument.split("=")[0].strip("-")
    with pytest.raises(InputError, match=f"^{name} must be"):
        parsed(argument)


def test_crops_too_small_for_ms_ssim_are_refused():
    with pytest.raises(InputError, match="patchsize of at least 176, .* not 160"):
        parsed("--distortion=ms_ssim", "--patchsize=160")


def test_help_of_every_flag_is_a_sentence():
    values = Flags()
    config_flags.define_config_flags(values, GAN)
    for name in values:
        text = values[name].help
        assert text[0].isupper() and text.rstrip("'\"").endswith("."), name


def test_configuration_of_another_kind_of_model_is_refused():
    with pytest.raises(InputError, match="another kind of model"):
        GanConfig.from_dict(dataclasses.asdict(small_config()))
    with pytest.raises(InputError, match="another kind of model"):
        Config.from_dict(dataclasses.asdict(gan_config()))
