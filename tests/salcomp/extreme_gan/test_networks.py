"""Tests of salcomp.extreme_gan.networks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from salcomp.extreme_gan import networks
from salcomp.extreme_gan.config import PRESETS, GanConfig
from salcomp.extreme_gan.model import ExtremeGan

pytestmark = pytest.mark.kernels


def count(layer):
    return sum(int(np.prod(v.shape)) for v in layer.trainable_variables)


def full_size(**changes):
    """The published networks for 1024x512, without values."""
    config = GanConfig(preset="as_published", **PRESETS["as_published"])
    config = dataclasses.replace(config, patchsize=512, **changes)
    with tf.Graph().as_default():
        return ExtremeGan(config)


def test_networks_of_full_width_have_the_published_numbers_of_weights():
    model = full_size()
    assert count(model.encoder) == 5_591_544
    assert count(model.noise_net) == 2_161_576
    assert count(model.generator) == 155_011_683
    assert count(model.discriminators) == 8_299_587


def test_generator_without_noise_has_its_published_number_of_weights():
    assert count(full_size(noise=False).generator) == 154_942_563


def test_code_has_a_sixteenth_of_the_sides_and_the_image_has_them_again():
    encoder = networks.Encoder(3, 8, 0.02, final_relu=False)
    code = encoder(np.zeros((2, 64, 96, 3), np.float32))
    assert code.shape == (2, 4, 6, 8)
    assert networks.Generator(8, 0.02)(code).shape == (2, 64, 96, 3)


def encoded(final_relu):
    """A code of an image of noise, before quantisation."""
    tf.keras.utils.set_random_seed(0)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 96, 96, 3))
    encoder = networks.Encoder(3, 8, 0.05, final_relu)
    return np.round(encoder(image.astype(np.float32)))


def test_published_encoder_ends_at_0():
    assert encoded(final_relu=True).min() == 0


def test_encoder_without_the_last_relu_reaches_the_centres_below():
    assert encoded(final_relu=False).min() <= -2


def test_discriminators_give_three_sets_of_logits_and_twelve_features():
    image = np.zeros((1, 64, 128, 3), np.float32)
    judgements = networks.Discriminators(0.05)(image)
    shapes = [tuple(j.logits.shape) for j in judgements]
    assert shapes == [(1, 4, 8, 1), (1, 2, 4, 1), (1, 1, 2, 1)]
    assert sum(len(j.features) for j in judgements) == 12


def noise_map(norm, batchsize, seed):
    tf.keras.utils.set_random_seed(0)
    net = networks.NoiseNet(8, 0.1, (64, 128), norm)
    noise = np.random.default_rng(seed).normal(size=(batchsize, 128))
    return net(noise.astype(np.float32), 4, 8).numpy()


def test_published_noise_branch_ignores_the_noise_at_batch_1():
    assert (noise_map(True, 1, seed=1) == noise_map(True, 1, seed=2)).all()


def test_published_noise_branch_heeds_the_noise_at_batch_2():
    assert np.abs(noise_map(True, 2, seed=1) - noise_map(True, 2, seed=2)).max() > 0.1


def test_noise_branch_without_that_norm_heeds_the_noise_at_batch_1():
    assert np.abs(noise_map(False, 1, seed=1) - noise_map(False, 1, seed=2)).max() > 0.1


@pytest.mark.parametrize("size", [(4, 8), (2, 2), (9, 5)])
def test_noise_branch_fits_images_of_any_size(size):
    net = networks.NoiseNet(8, 0.02, (64, 128), norm=True)
    assert net(networks.decoding_noise(), *size).shape == (1, *size, 8)


@pytest.mark.parametrize(
    ("image", "code"), [((1, 1), (2, 2)), ((33, 64), (3, 4)), ((512, 1024), (32, 64))]
)
def test_code_has_at_least_two_rows_and_columns(image, code):
    assert networks.code_size(*image) == code
