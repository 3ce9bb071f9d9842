"""Tests of salcomp.model.saliency_codec."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import tensorflow as tf

from salcomp.config.config import CONDITIONINGS, DISTORTIONS, LAYERS
from salcomp.config.weighting import normalized_weight
from salcomp.model.base import named_variables, to_uint8
from salcomp.model.distortion import distortion
from salcomp.model.saliency_codec import SaliencyCodec
from tests.fixtures import frame, run_python, small_config

pytestmark = pytest.mark.kernels

LMBDA = 0.02


def batch_of(config, seed=0):
    """A batch as the training takes it."""
    side, count = config.patchsize, config.batchsize
    rng = np.random.default_rng(seed)
    latents = (count, side // 16, side // 16, config.num_filters)
    return {
        "rgba": np.stack([frame(seed + i, side, side) for i in range(count)]),
        "image_mean": rng.uniform(0.2, 0.6, count).astype(np.float32),
        "noise": rng.uniform(-0.5, 0.5, latents).astype(np.float32),
    }


def compiled(config):
    """A model that one can call train_step of."""
    tf.keras.utils.set_random_seed(0)
    model = SaliencyCodec(config)
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3))
    return model


def terms_by_hand(model, batch, weight):
    """Loss terms in numpy, from what encoder, prior and decoder give."""
    x = batch["rgba"][..., :3].astype(np.float32)
    s = batch["rgba"][..., 3:].astype(np.float32) / 255
    y = model.encode(x, s) + batch["noise"]
    error = ((x - model.decode(y).numpy()) ** 2).mean(axis=-1)
    pixels = error.size
    bpp = model.prior.bits(y).numpy().sum() / pixels
    return bpp, error.mean(), (weight * error).mean()


def numbers(terms):
    """The scalar terms as floats."""
    return {name: float(v) for name, v in terms.items() if v.ndim == 0}


def clip_weight(config, batch):
    return np.maximum(batch["rgba"][..., 3] / 255, config.saliency_floor)


@pytest.mark.parametrize("condition_encoder", [False, True])
@pytest.mark.parametrize("weight_distortion", [False, True])
def test_loss_is_rate_plus_lambda_distortion(condition_encoder, weight_distortion):
    config = small_config(
        lmbda=LMBDA,
        condition_encoder=condition_encoder,
        weight_distortion=weight_distortion,
        weight_normalization="none",
    )
    model, batch = compiled(config), batch_of(config)
    bpp, mse, weighted = terms_by_hand(model, batch, clip_weight(config, batch))
    terms = numbers(model.train_step(batch))
    distortion = weighted if weight_distortion else mse
    assert terms["bpp"] == pytest.approx(bpp, rel=1e-4)
    assert terms["mse"] == pytest.approx(mse, rel=1e-4)
    assert terms["weighted_mse"] == pytest.approx(weighted, rel=1e-4)
    assert terms["loss"] == pytest.approx(bpp + LMBDA * distortion, rel=1e-4)
    expected = LMBDA * distortion / mse
    assert terms["effective_lambda"] == pytest.approx(expected, rel=1e-3)


def config_of(distortion, **changes):
    """A small configuration whose crops are large enough for a distortion."""
    side = 176 if distortion == "ms_ssim" else 32
    return small_config(distortion=distortion, patchsize=side, **changes)


@pytest.mark.parametrize("weight_distortion", [False, True])
@pytest.mark.parametrize("name", DISTORTIONS)
def test_distortion_of_the_configuration_enters_the_loss(name, weight_distortion):
    config = config_of(
        name,
        lmbda=LMBDA,
        weight_distortion=weight_distortion,
        weight_normalization="none",
    )
    model, batch = compiled(config), batch_of(config)
    weight = clip_weight(config, batch).astype(np.float32)
    bpp, mse, weighted_mse = terms_by_hand(model, batch, weight)
    x = batch["rgba"][..., :3].astype(np.float32)
    s = batch["rgba"][..., 3:].astype(np.float32) / 255
    x_hat = model.decode(model.encode(x, s) + batch["noise"])
    plain, weighted = (
        float(tf.reduce_mean(distortion(name)(x, x_hat, w)))
        for w in (np.ones_like(weight), weight)
    )
    terms = numbers(model.train_step(batch))
    expected = LMBDA * (weighted if weight_distortion else plain)
    assert terms["loss"] == pytest.approx(bpp + expected, rel=1e-4)
    assert terms["effective_lambda"] == pytest.approx(expected / plain, rel=1e-3)
    # The squared errors are logged whatever is minimised.
    assert terms["mse"] == pytest.approx(mse, rel=1e-4)
    assert terms["weighted_mse"] == pytest.approx(weighted_mse, rel=1e-4)


@pytest.mark.parametrize("name", DISTORTIONS)
def test_uniform_map_trains_as_no_weights_do(name):
    variables = []
    for weight_distortion in (False, True):
        config = config_of(
            name, weight_distortion=weight_distortion, weight_normalization="none"
        )
        model, batch = compiled(config), batch_of(config)
        batch["rgba"][..., 3] = 255
        model.train_step(batch)
        variables.append({n: v.numpy() for n, v in named_variables(model).items()})
    for key, value in variables[0].items():
        np.testing.assert_array_equal(value, variables[1][key])


@pytest.mark.parametrize("noise_images", [False, True])
@pytest.mark.parametrize("name", ["ms_ssim", "mix"])
@pytest.mark.long
def test_training_from_random_weights_stays_finite(name, noise_images):
    config = config_of(name, learning_rate=1e-2)
    model, batch = compiled(config), batch_of(config)
    rng = np.random.default_rng(0)
    step = tf.function(model.train_step)
    losses = []
    for _ in range(200):
        if noise_images:
            batch["rgba"] = rng.integers(0, 256, batch["rgba"].shape, np.uint8)
        losses.append(float(step(batch)["loss"]))
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    for value in named_variables(model).values():
        assert np.isfinite(value.numpy()).all()


@pytest.mark.parametrize("normalization", ["none", "image", "dataset"])
def test_weight_is_divided_as_the_normalisation_says(normalization):
    config = small_config(weight_normalization=normalization, weight_mean=0.25)
    batch = batch_of(config)
    saliency = (batch["rgba"][..., 3] / 255).astype(np.float32)
    divisor = {"none": 1, "image": batch["image_mean"][:, None, None], "dataset": 0.25}[
        normalization
    ]
    image_mean = batch["image_mean"][:, None, None]
    weight = normalized_weight(saliency, config, image_mean)
    np.testing.assert_allclose(weight, clip_weight(config, batch) / divisor, rtol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"saliency_weighting": "affine", "saliency_floor": 0.3},
        {"saliency_weighting": "additive", "saliency_gain": 4.0},
        {"saliency_floor": 0.1, "uniform_share": 0.3},
    ],
)
def test_weighting_of_the_configuration_enters_the_loss(changes):
    config = small_config(weight_normalization="none", **changes)
    batch = batch_of(config)
    s = batch["rgba"][..., 3] / 255
    if "uniform_share" in changes:
        weight = 0.3 + 0.7 * np.maximum(s, 0.1)
    else:
        weight = 0.3 + 0.7 * s if "saliency_floor" in changes else 1 + 4 * s
    model = compiled(config)
    weighted = terms_by_hand(model, batch, weight)[2]
    terms = numbers(model.train_step(batch))
    assert terms["weighted_mse"] == pytest.approx(weighted, rel=1e-4)


@pytest.mark.parametrize("condition_encoder", [False, True])
def test_map_changes_the_latents_only_of_a_conditioned_encoder(condition_encoder):
    config = small_config(condition_encoder=condition_encoder)
    model = SaliencyCodec(config)
    rgb = frame(0, 32, 32)[None, ..., :3].astype(np.float32)
    y = [model.encode(rgb, np.full((1, 32, 32, 1), s, np.float32)) for s in (0, 1)]
    assert (np.abs(y[0] - y[1]).max() > 0) == condition_encoder


def test_weights_change_the_gradient_of_an_unconditioned_encoder():
    changes = []
    for weight_distortion in (False, True):
        config = small_config(
            condition_encoder=False, weight_distortion=weight_distortion
        )
        model, batch = compiled(config), batch_of(config)
        model.train_step(batch)
        changes.append(model.analysis.convs[0].kernel.coefficients.numpy())
    assert (changes[0] != changes[1]).any()


def test_training_step_changes_every_variable():
    config = small_config(conditioning="modulate", dilation_rates=(1, 2))
    model, batch = compiled(config), batch_of(config)
    for modulation in model.analysis.modulations:  # at the start they pass no gradient
        modulation.output_conv.kernel.assign_add(
            0.1 * tf.ones_like(modulation.output_conv.kernel)
        )
    variables = named_variables(model)
    before = {name: v.numpy() for name, v in variables.items()}
    model.train_step(batch)
    unchanged = [n for n, v in variables.items() if (v.numpy() == before[n]).all()]
    assert unchanged == []


def test_validation_rounds_the_latents_about_their_medians():
    config = small_config(weight_normalization="none")
    model, batch = SaliencyCodec(config), batch_of(config)
    x = batch["rgba"][..., :3].astype(np.float32)
    s = batch["rgba"][..., 3:].astype(np.float32) / 255
    y = model.encode(x, s).numpy()
    offset = model.prior.quantization_offset().numpy()
    batch["noise"] = np.round(y - offset) + offset - y
    bpp, mse, weighted = terms_by_hand(model, batch, clip_weight(config, batch))
    terms = numbers(model.validate(batch["rgba"], batch["image_mean"]))
    assert terms["bpp"] == pytest.approx(bpp, rel=1e-4)
    assert terms["mse"] == pytest.approx(mse, rel=1e-4)
    assert terms["weighted_mse"] == pytest.approx(weighted, rel=1e-4)


def test_to_uint8_rounds_and_clips():
    values = tf.constant([-3.0, 0.4, 0.6, 254.6, 300.0])
    assert to_uint8(values).numpy().tolist() == [0, 0, 1, 255, 255]


@pytest.mark.parametrize(
    ("layers", "conditioning"), itertools.product(LAYERS, (None, *CONDITIONINGS))
)
def test_named_variables_are_all_trainable_ones_each_once(layers, conditioning):
    config = small_config(
        layers=layers,
        condition_encoder=conditioning is not None,
        conditioning=conditioning or "concat",
    )
    model = SaliencyCodec(config)
    named = named_variables(model)
    trainable = {id(v) for v in model.trainable_variables}
    assert {id(v) for v in named.values()} == trainable
    assert len(named) == len(trainable)


@pytest.mark.parametrize("conditioning", [None, *CONDITIONINGS])
def test_decoder_variables_have_the_same_names_whatever_the_encoder(conditioning):
    config = small_config(
        condition_encoder=conditioning is not None,
        conditioning=conditioning or "concat",
    )
    names = set(named_variables(SaliencyCodec(config)))
    baseline = named_variables(SaliencyCodec(small_config(condition_encoder=False)))
    assert names >= set(baseline)


_TWO_REPLICAS = """
import json
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)

from salcomp.data.batches import dataset
from salcomp.data.frames import Frames
from salcomp.model.base import named_variables
from tests.fixtures import frame, small_config
from tests.salcomp.model.test_saliency_codec import compiled

config = small_config(batchsize=4, last_step=3, weight_normalization="image")
pictures = [frame(i, 48, 64) for i in range(5)]
frames = Frames("abcde", pictures.__getitem__, 1e9)
runs = []
for strategy in (
    tf.distribute.get_strategy(),
    tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
):
    with strategy.scope():
        model = compiled(config)
    source = strategy.distribute_datasets_from_function(
        lambda context: dataset(frames, config, 0, context)
    )
    rows = []
    for batch in source:
        terms = strategy.run(model.train_step, (batch,)).items()
        local = strategy.experimental_local_results
        rows.append({name: float(local(value)[0]) for name, value in terms})
    weights = {n: v.numpy() for n, v in named_variables(model).items()}
    runs.append((rows, weights))
(rows_1, weights_1), (rows_2, weights_2) = runs
difference = max(np.abs(weights_1[n] - weights_2[n]).max() for n in weights_1)
print(json.dumps({"rows": [rows_1, rows_2], "difference": float(difference)}))
"""


@pytest.fixture(scope="module")
def two_replicas():
    """Terms of three steps on one and on two replicas; difference of the weights."""
    return json.loads(run_python("-c", _TWO_REPLICAS).stdout.splitlines()[-1])


def test_terms_of_two_replicas_are_those_of_the_whole_batch(two_replicas):
    one, two = two_replicas["rows"]
    assert len(one) == 3
    for a, b in zip(one, two):
        assert b == pytest.approx(a, rel=1e-3)


def test_steps_of_two_replicas_are_those_of_one(two_replicas):
    assert two_replicas["difference"] < 1e-4
