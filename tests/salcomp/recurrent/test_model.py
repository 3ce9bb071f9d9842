"""Tests of the recurrent model: its iterations, loss and step."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.config import weighting
from salcomp.data import sampling
from salcomp.model.base import named_variables
from salcomp.recurrent.model import Memory, RecurrentCoder, from_unit, to_unit
from salcomp.recurrent.networks import signs
from tests.fixtures import frame
from tests.salcomp.recurrent.small import small_config


def model_of(**changes) -> RecurrentCoder:
    tf.keras.utils.set_random_seed(0)
    return RecurrentCoder(small_config(**changes))


def rgba_of(*seeds, height=32, width=48) -> np.ndarray:
    return np.stack([frame(seed, height, width) for seed in seeds])


def pictures_of(model, rgba) -> list[np.ndarray]:
    """The picture after each iteration, [B, H, W, 3] in 0..255, without noise."""
    x, saliency = to_unit(rgba)
    rows, columns = (side // 16 for side in rgba.shape[1:3])
    memory, found = model.start(len(rgba), rows, columns), []
    for t in range(model.config.iterations):
        values, encoder = model.encode(x, saliency, memory, t == 0)
        picture, decoder = model.decode(signs(values), memory, t == 0)
        memory = Memory(encoder, decoder, picture)
        found.append(from_unit(picture).numpy())
    return found


@pytest.mark.parametrize("weighted, share", [(False, 0), (True, 0), (True, 0.25)])
def test_loss_is_the_weighted_error_of_all_iterations(weighted, share):
    model = model_of(weight_distortion=weighted, uniform_share=share)
    rgba = rgba_of(0, 1)
    errors = [
        np.abs(picture - rgba[..., :3]).mean(axis=-1)
        for picture in pictures_of(model, rgba)
    ]
    weight = np.ones(rgba.shape[:3])
    if weighted:
        saliency = rgba[..., 3].astype(np.float32) / 255
        raw = weighting.raw_weight(saliency, model.config)
        weight = share + (1 - share) * raw / 0.4
    sums = model.sums(rgba, 0.4)
    expected = np.mean([weight * error for error in errors])
    found = model.terms(sums, float(weight.size))
    assert float(found["loss"]) == pytest.approx(expected, rel=1e-4)


def test_last_iteration_is_the_reconstruction():
    model, rgba = model_of(), rgba_of(0)
    terms = model.validate(rgba, tf.ones(1))
    last = pictures_of(model, rgba)[-1].round().clip(0, 255)
    assert np.abs(terms["reconstruction"].numpy() - last).max() <= 1
    mse = np.square(pictures_of(model, rgba)[-1] - rgba[..., :3]).mean()
    assert float(terms["mse"]) == pytest.approx(mse, rel=1e-4)


def test_additive_reconstruction_adds_what_one_shot_would_show():
    one_shot, additive = model_of(), model_of(reconstruction="additive")
    memory = additive.start(1, 2, 2)
    bits = tf.ones((1, 2, 2, 16))
    shown, _ = one_shot.decode(bits, memory, False)
    before = memory._replace(picture=tf.fill((1, 32, 32, 3), 0.25))
    added, _ = additive.decode(bits, before, False)
    np.testing.assert_allclose(added, shown + 0.25, atol=1e-6)


def test_priming_takes_steps_on_the_first_input():
    plain, primed = model_of(), model_of(priming=2)
    x, saliency = to_unit(rgba_of(0))
    memory = plain.start(1, 2, 3)
    for _ in range(2):
        _, states = plain.encode(x, saliency, memory, True)
        memory = memory._replace(encoder=states)
    expected, _ = plain.encode(x, saliency, memory, True)
    found, _ = primed.encode(x, saliency, plain.start(1, 2, 3), True)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_block_that_has_stopped_shows_what_it_showed():
    model = model_of()
    active = tf.constant([[[[True], [False]]]])
    bits = tf.ones((1, 1, 2, 16)) * tf.cast(active, tf.float32)
    before = model.start(1, 1, 2)._replace(picture=tf.fill((1, 16, 32, 3), 0.5))
    picture, _ = model.decode(bits, before, False, active)
    assert (picture[:, :, 16:].numpy() == 0.5).all()
    assert (picture[:, :, :16].numpy() != 0.5).any()


@pytest.mark.parametrize("conditioned", [False, True])
def test_only_a_conditioned_encoder_sees_the_map(conditioned):
    model = model_of(condition_encoder=conditioned)
    rgba = rgba_of(0)
    other = rgba.copy()
    other[..., 3] = 255 - other[..., 3]
    values = [
        model.encode(*to_unit(given), model.start(1, 2, 3), True)[0]
        for given in (rgba, other)
    ]
    assert bool(np.any(values[0] != values[1])) == conditioned


def batch_of(config, step=0):
    rgba = rgba_of(*range(config.batchsize), height=32, width=32)
    shape = (config.batchsize, 2, 2, config.noise_channels)
    return {
        "rgba": rgba,
        "image_mean": np.ones(config.batchsize, np.float32),
        "noise": sampling.noise(0, step, 0, shape),
    }


def test_code_length_trains_the_prior_and_the_error_trains_the_rest():
    model = model_of(iterations=2)
    batch = batch_of(model.config)
    with tf.GradientTape(persistent=True) as tape:
        sums = model.sums(batch["rgba"], 1.0, batch["noise"])
    variables = named_variables(model)
    for term, reached in (("bits", ("prior",)), ("distortion", ("encoder", "decoder"))):
        gradients = tape.gradient(sums[term], variables)
        for name, gradient in gradients.items():
            assert (gradient is not None) == name.startswith(reached), (term, name)


def test_one_step_gives_the_terms_and_changes_every_part():
    model = model_of(iterations=1)
    model.compile(tf.keras.optimizers.Adam(1e-2))
    before = {name: v.numpy() for name, v in named_variables(model).items()}
    terms = model.train_step(batch_of(model.config))
    assert tuple(terms) == RecurrentCoder.step_terms
    changed = {
        name.partition("/")[0]
        for name, variable in named_variables(model).items()
        if np.any(variable.numpy() != before[name])
    }
    assert changed == {"encoder", "decoder", "prior"}
