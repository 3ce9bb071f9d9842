"""Tests of salcomp.extreme_gan.model."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.extreme_gan import model as model_module
from salcomp.extreme_gan.model import ExtremeGan
from tests.fixtures import frame
from tests.salcomp.extreme_gan.small import gan_config

pytestmark = pytest.mark.kernels


def gan(preset="as_published", **changes):
    tf.keras.utils.set_random_seed(0)
    return ExtremeGan(gan_config(preset, **changes))


def encoder_gradients(model):
    """The gradients of the encoder's variables on one crop."""
    noise = np.zeros((1, 128), np.float32)
    crop = frame(0, 32, 64)[None]
    _, gradients = model.generator_step(crop, np.ones(1, np.float32), noise)
    encoder = {id(v) for v in model.encoder.trainable_variables}
    variables = model.coding_variables
    return [g for g, v in zip(gradients, variables) if id(v) in encoder]


def test_published_encoder_has_no_gradient():
    gradients = encoder_gradients(gan())
    assert gradients and all(gradient is None for gradient in gradients)


def test_straight_through_gradient_reaches_every_weight_of_the_encoder():
    gradients = encoder_gradients(gan("repaired"))
    kernels = [g for g in gradients if len(g.shape) == 4]
    assert len(kernels) == 6 and all(np.abs(kernel).max() > 0 for kernel in kernels)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [("as_published", {0, 1, 2}), ("repaired", {-2, -1, 0, 1, 2})],
)
def test_codes_take_three_centres_as_published_and_five_repaired(preset, expected):
    model = gan(preset, code_channels=8)
    _, codes = model.reconstruct(frame(0, 128, 256)[None])
    assert set(np.unique(codes)) == expected


def test_reconstruction_is_an_8_bit_image():
    model = gan()
    decoded, codes = model.reconstruct(frame(0, 64, 96)[None])
    assert decoded.dtype == tf.uint8 and decoded.shape == (1, 64, 96, 3)
    assert codes.shape == (1, 4, 6, 4)


def test_bound_of_eight_channels_is_that_of_the_published_rate():
    bound = model_module.rate_bound(gan_config(code_channels=8))
    assert bound == pytest.approx(0.0726, abs=5e-5)


def first_terms(rgba, **changes):
    """The terms of the generator's loss on one crop."""
    noise = np.zeros((1, 128), np.float32)
    model = gan(saliency_floor=0.25, **changes)
    return model.generator_step(rgba[None], np.ones(1, np.float32), noise)[0]


def test_map_weights_the_distortion_and_nothing_else():
    rgba = frame(0, 32, 64)
    rgba[..., 3] = 51  # 0.2, under the floor
    plain = first_terms(rgba)
    weighted = first_terms(rgba, weight_distortion=True)
    assert float(plain["distortion"]) > 0
    ratio = float(weighted["distortion"] / plain["distortion"])
    assert ratio == pytest.approx(0.25)
    assert float(weighted["adversarial"]) == pytest.approx(float(plain["adversarial"]))


def test_conditioned_encoder_sees_the_map():
    model = gan(condition_encoder=True)
    assert model.encoder.convs[0].conv.kernel.shape[2] == 4
    rgb = np.zeros((1, 32, 64, 3), np.float32)
    maps = np.random.default_rng(0).uniform(size=(2, 1, 32, 64, 1)).astype(np.float32)
    assert np.abs(model.encode(rgb, maps[0]) - model.encode(rgb, maps[1])).max() > 0


def test_loss_is_the_sum_of_its_terms():
    terms = {k: v for k, v in first_terms(frame(0, 32, 64)).items() if k != "codes"}
    total = terms["adversarial"] + terms["feature_matching"] + 12 * terms["distortion"]
    assert float(terms["loss"]) == pytest.approx(float(total), rel=1e-6)
    # 12 times the error on images in -1..1 is 48 / 255^2 of that on 0..255.
    assert float(terms["mse"]) == pytest.approx(float(terms["distortion"]) * 127.5**2)


def test_tables_follow_the_counts_of_the_codes():
    model = gan(code_channels=2)
    model.code_counts.assign([[0, 0, 999, 0, 0], [199, 199, 199, 199, 199]])
    rows = model.tables().cdf.reshape(2, 7)
    assert (rows[:, 0] == 16).all()
    shares = np.diff(rows[:, 1:]) / 2**16
    np.testing.assert_allclose(shares[1], 0.2, atol=1e-4)
    assert shares[0, 2] > 0.99 and (shares > 0).all()


def test_discriminators_are_no_part_of_what_compresses():
    names = set(gan().exported_variables())
    assert {name.split("/")[0] for name in names} == {
        *("encoder", "noise_net", "generator", "code_counts")
    }
