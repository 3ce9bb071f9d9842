"""The training step as a pure function, against the trainer's own."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.accelerator.exported_step import Inputs
from salcomp.accelerator.program import BETA_1, PureStep
from salcomp.config import weighting
from salcomp.data import batches, frames
from salcomp.model.base import named_variables
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.model.terms import TERMS
from salcomp.training.run import optimizer
from tests.fixtures import small_config

pytestmark = pytest.mark.kernels

STEPS = 4


def weights_of(model) -> list[np.ndarray]:
    return [variable.numpy() for variable in named_variables(model).values()]


def inputs_of(found, config, step: int) -> tuple[Inputs, dict]:
    """The inputs of a step, and the batch that the trainer gets for it."""
    rgba, means, noise = batches.examples(
        found,
        weighting.image_means(found.level_counts, config),
        config,
        step,
        0,
        config.batchsize,
    )
    divisor = np.broadcast_to(weighting.divisor(config, means), means.shape)
    inputs = Inputs(
        rgba,
        divisor.astype(np.float32),
        noise,
        np.float32(config.learning_rate_of(step + 1)),
        config.lmbda,
        np.float32(weighting.coefficients(config)),
        config.weight_distortion,
        step + 1,
    )
    batch = {"rgba": rgba, "image_mean": means, "noise": noise}
    return Inputs(*map(tf.constant, inputs)), batch


_CHANGES = [
    {
        "weight_normalization": "image",
        "saliency_weighting": "affine",
        "conditioning": "modulate",
    },
    {
        "weight_normalization": "none",
        "saliency_weighting": "additive",
        "distortion": "mix",
    },
    {"condition_encoder": False, "weight_distortion": False},
    {"uniform_share": 0.3, "clip_norm": 0.5},
    {"prior": "hyper", "patchsize": 64, "rates": 3, "lambda_span": 9.0},
]


@pytest.mark.parametrize(
    "changes", [{}, *(pytest.param(one, marks=pytest.mark.long) for one in _CHANGES)]
)
def test_steps_are_those_of_the_trainer(frames_glob, changes):
    from salcomp.data import frame_files

    config = small_config(weight_mean=0.25, learning_rate=3e-3, **changes)
    found = frames.from_files(frame_files.find(frames_glob), True, config.crop)
    models = []
    for _ in range(2):
        tf.keras.utils.set_random_seed(1)
        models.append(SaliencyCodec(config))
    trained, traced = models
    trained.compile(optimizer(config))
    step = PureStep(traced)
    values = weights_of(traced)
    first = second = [np.zeros_like(value) for value in values]
    for i in range(STEPS):
        inputs, batch = inputs_of(found, config, i)
        expected = trained.train_step(batch)
        values, first, second, terms = step(values, first, second, inputs)
        np.testing.assert_allclose(terms, [expected[t] for t in TERMS], rtol=2e-5)
    for value, expected in zip(values, weights_of(trained)):
        error = np.linalg.norm(value - expected) / np.linalg.norm(expected)
        assert error < 1e-4


def test_gradient_is_scaled_down_to_its_largest_norm(frames_glob):
    from salcomp.data import frame_files

    config = small_config(clip_norm=1e-3)
    found = frames.from_files(frame_files.find(frames_glob), True, (32, 32))
    model = SaliencyCodec(config)
    values = weights_of(model)
    zeros = [np.zeros_like(value) for value in values]
    _, first, _, _ = PureStep(model)(
        values, zeros, zeros, inputs_of(found, config, 0)[0]
    )
    norm = float(tf.linalg.global_norm(first))
    assert norm == pytest.approx(1e-3 * (1 - BETA_1), rel=1e-4)


def test_a_step_does_not_depend_on_the_model_s_own_weights(frames_glob):
    from salcomp.data import frame_files

    config = small_config()
    found = frames.from_files(frame_files.find(frames_glob), True, (32, 32))
    model = SaliencyCodec(config)
    step, values = PureStep(model), weights_of(model)
    zeros = [np.zeros_like(value) for value in values]
    inputs, _ = inputs_of(found, config, 0)
    terms = [step(values, zeros, zeros, inputs)[3].numpy() for _ in range(2)]
    for variable in model.trainable_variables:
        variable.assign(tf.zeros_like(variable))
    terms.append(step(values, zeros, zeros, inputs)[3].numpy())
    np.testing.assert_array_equal(terms[0], terms[1])
    np.testing.assert_array_equal(terms[0], terms[2])


@pytest.mark.parametrize(
    "changes", [{}, {"distortion": "ms_ssim", "patchsize": 176}, {"distortion": "mix"}]
)
def test_the_program_names_every_parameter_once_and_draws_nothing(changes):
    step = PureStep(SaliencyCodec(small_config(**changes)))
    program, parameters, results = step.program()
    names = [tensor.name for tensor in parameters]
    assert len(set(names)) == len(names) == 3 * len(step.names) + len(Inputs._fields)
    assert len(results) == 3 * len(step.names) + 1
    for word in (b"custom-call", b"rng"):
        assert word not in program
