"""Tests of SAM's layers, and of the networks as they are built."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from data_prep.predictors.sam import model as sam
from data_prep.predictors.sam import winograd
from data_prep.predictors.sam.attentive_convlstm import (
    CONVOLUTIONS,
    AttentiveConvLSTM,
    softmax_over_positions,
)
from data_prep.predictors.sam.backbones import Conv, resnet, same_max_pool, vgg
from data_prep.predictors.sam.learned_prior import PRIORS, LearnedPrior, gaussians
from data_prep.predictors.sam.model import interpolation_matrix, upsample
from experiments.benchmark_speed.sam import plain_attentive_convlstm
from tests.fixtures import ROOT
from tests.salcomp.model.test_layers import normal, value_and_gradients

pytestmark = pytest.mark.kernels

GOLDEN = ROOT / "tests" / "golden" / "sam"


@pytest.fixture(scope="module", params=sam.NETWORKS)
def network(request):
    return sam.build(request.param, 48, 64)


def brute_force_same_max_pool(x, size, stride):
    """The rule of Keras 1 on Theano for [H, W]: pad both sides, pool, crop."""
    border = size - 2 if size % 2 else size - 1
    height, width = x.shape
    padded = np.pad(x, border, constant_values=-np.inf)
    y = np.empty((-(-height // stride), -(-width // stride)))
    for i, j in np.ndindex(*y.shape):
        top, left = i * stride, j * stride
        y[i, j] = padded[top : top + size, left : left + size].max()
    return y


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (2, 1), (3, 2)])
@pytest.mark.parametrize("shape", [(6, 8), (7, 9), (6, 9), (1, 2)])
def test_same_max_pool_is_the_rule_of_keras_1_on_theano(size, stride, shape):
    x = np.random.default_rng(0).uniform(size=shape).astype(np.float32)
    y = same_max_pool(x[None, ..., None], size, stride)[0, ..., 0]
    np.testing.assert_array_equal(y, brute_force_same_max_pool(x, size, stride))


@pytest.mark.parametrize(("size", "dilation"), [(3, 1), (3, 2), (3, 4), (5, 4), (1, 1)])
def test_conv_and_its_gradient_are_keras_own(size, dilation):
    ours = Conv(4, size, dilation_rate=dilation)
    theirs = tf.keras.layers.Conv2D(4, size, padding="same", dilation_rate=dilation)
    x = normal(2, 7, 10, 3)
    theirs.build(x.shape)
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    for a, b in zip(value_and_gradients(ours, [x]), value_and_gradients(theirs, [x])):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize("shape", [(30, 40), (6, 8), (7, 9), (4, 5), (1, 1)])
def test_winograd_and_its_gradients_are_those_of_the_convolution(shape):
    x, kernel = normal(2, *shape, 5), normal(3, 3, 5, 7, seed=1)
    ours = value_and_gradients(
        lambda x, k: winograd.convolve(x, winograd.transform_kernel(k)), [x, kernel]
    )
    plain = value_and_gradients(lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"), [x, kernel])
    for a, b in zip(ours, plain):
        np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


def small_layer():
    """The layer of the golden numbers, and their input and output, channels-last."""
    golden = np.load(GOLDEN / "small_lstm.npz")
    x = golden["X"][:, 0].transpose(0, 2, 3, 1)
    layer = AttentiveConvLSTM()
    layer.build(x.shape)
    values = iter(golden[f"w{i:02}"] for i in range(21))
    for name in CONVOLUTIONS:
        kernel = next(values)[:, :, ::-1, ::-1].transpose(2, 3, 1, 0)
        layer.kernels[name].assign(kernel)
        if name != "v_a":
            layer.biases[name].assign(next(values))
    return layer, x, golden["Y"].transpose(0, 2, 3, 1)


def test_attentive_convlstm_is_the_original():
    layer, x, expected = small_layer()
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_plain_attentive_convlstm_is_the_original():
    layer, x, expected = small_layer()
    actual = plain_attentive_convlstm(tf.constant(x), layer)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_attentive_convlstm_and_plain_form_have_the_same_gradients():
    layer, x, _ = small_layer()
    results = []
    for form in (layer, lambda x: plain_attentive_convlstm(x, layer)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(form(tf.constant(x)) ** 2)
        results.append(tape.gradient(loss, layer.trainable_weights))
    for a, b in zip(*results):
        # The attention's softmax takes the sum of what it is given away from it.
        np.testing.assert_allclose(a, b, atol=1e-4 * max(1e-2, np.abs(b).max()))


def test_attention_sums_to_one_over_all_positions():
    attention = softmax_over_positions(normal(2, 5, 7, 1))
    np.testing.assert_allclose(tf.reduce_sum(attention, (1, 2, 3)), [1, 1], rtol=1e-6)


def test_attention_starts_uniform_and_kernels_differ_from_each_other():
    layer = AttentiveConvLSTM()
    layer.build((None, 6, 8, 8))
    assert not layer.kernels["v_a"].numpy().any()
    kernels = [layer.kernels[name].numpy() for name in CONVOLUTIONS if name != "v_a"]
    assert len({kernel.tobytes() for kernel in kernels}) == 10


@pytest.mark.parametrize("size", [(30, 40), (23, 40), (6, 8)])
def test_priors_are_the_originals(size):
    golden = np.load(GOLDEN / "prior_{}_{}.npz".format(*size))
    maps = gaussians(golden["W"], *size)
    np.testing.assert_allclose(maps, golden["P"][0].transpose(1, 2, 0), atol=1e-5)


@pytest.mark.parametrize(
    ("group", "low", "high"),
    [(0, 0.25, 0.75), (1, 0.35, 0.65), (2, 0.1, 0.9), (3, 0.2, 0.8)],
)
def test_prior_parameters_are_clipped_and_have_no_gradient_beyond(group, low, high):
    inside = np.repeat([0.5, 0.5, 0.4, 0.4], PRIORS).astype(np.float32)
    mine = slice(group * PRIORS, (group + 1) * PRIORS)
    for beyond, bound in ((low - 0.05, low), (high + 0.05, high)):
        given, clipped = inside.copy(), inside.copy()
        given[mine], clipped[mine] = beyond, bound
        parameters = tf.Variable(given)
        with tf.GradientTape() as tape:
            maps = gaussians(parameters, 6, 8)
            loss = tf.reduce_sum(maps**2)
        np.testing.assert_array_equal(maps, gaussians(clipped, 6, 8))
        gradient = tape.gradient(loss, parameters).numpy()
        assert not gradient[mine].any() and gradient.any()


def test_learned_prior_appends_the_same_maps_to_every_image():
    layer = LearnedPrior()
    x = normal(3, 6, 8, 5)
    y = layer(x)
    np.testing.assert_array_equal(y[..., :5], x)
    for image in y:
        np.testing.assert_array_equal(image[..., 5:], gaussians(layer.parameters, 6, 8))


def test_prior_parameters_start_where_the_original_draws_them():
    layer = LearnedPrior()
    layer.build((None, 6, 8, 5))
    mu, sigma = np.split(layer.parameters.numpy(), 2)
    assert 0.3 <= mu.min() < 0.4 and 0.6 < mu.max() <= 0.7
    assert 0.05 <= sigma.min() < 0.15 and 0.2 < sigma.max() <= 0.3


def test_upsampling_interpolates_at_the_coordinate_that_theano_does():
    x = normal(1, 3, 4).numpy()
    rows, columns = (
        np.clip((np.arange(16 * n) - 7) / 16, 0, n - 1) for n in x.shape[1:]
    )
    expected = np.stack([np.interp(columns, range(4), row) for row in x[0]])
    expected = np.stack([np.interp(rows, range(3), column) for column in expected.T], 1)
    np.testing.assert_allclose(upsample(x)[0], expected, atol=1e-5)


def test_upsampling_is_theanos_transposed_convolution():
    x = normal(1, 3, 4, 1)
    triangle = (16 - np.abs(np.arange(-15, 16))) / 16
    kernel = np.outer(triangle, triangle)[..., None, None].astype(np.float32)
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    size = (1, 16 * 4 + 31, 16 * 5 + 31, 1)
    spread = tf.nn.conv2d_transpose(padded, kernel, size, 16, "VALID")
    expected = spread[:, 24 : 24 + 48, 24 : 24 + 64, 0]
    np.testing.assert_allclose(upsample(x[..., 0]), expected, atol=1e-5)


def test_interpolation_of_a_constant_is_that_constant():
    np.testing.assert_allclose(interpolation_matrix(30).sum(axis=1), 1, rtol=1e-6)


def test_networks_have_the_originals_parameter_counts(network):
    trainable = sum(int(np.prod(v.shape)) for v in network.trainable_weights)
    assert (trainable, network.count_params()) == {
        "sam-vgg": (51_835_841, 51_835_841),
        "sam-resnet": (70_093_441, 70_146_561),
    }[network.name]


def test_parts_of_the_networks_have_the_originals_parameter_counts(network):
    backbone, recurrent, head = sam.parts(network)
    assert recurrent.count_params() == 23_602_688
    assert head.count_params() == 2 * 64 + 2 * 6_758_912 + 513
    expected = {"sam-vgg": 14_714_688, "sam-resnet": 23_534_592 + 9_437_696 + 53_120}
    assert backbone.count_params() == expected[network.name]


def test_output_has_16_pixels_a_side_for_each_position(network):
    assert network.output.shape[1:] == (16 * 6, 16 * 8)


@pytest.mark.parametrize(
    ("name", "grid"), [("sam-vgg", (6, 8)), ("sam-resnet", (7, 9))]
)
def test_odd_sizes_are_rounded_as_in_the_original(name, grid):
    backbone = {"sam-vgg": vgg, "sam-resnet": resnet}[name]
    assert backbone(tf.keras.Input((49, 65, 3))).shape[1:3] == grid


def test_batch_norm_has_the_epsilon_and_momentum_of_the_original(network):
    norms = [
        (layer.epsilon, layer.momentum)
        for layer in network.layers
        if isinstance(layer, tf.keras.layers.BatchNormalization)
    ]
    count = {"sam-vgg": 0, "sam-resnet": 53}[network.name]
    assert norms == count * [(1e-5, 0.99)]


def test_all_variables_get_finite_gradients(network):
    images = normal(1, 48, 64, 3) * 60
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(network(images, training=True))
    gradients = tape.gradient(loss, network.trainable_weights)
    for variable, gradient in zip(network.trainable_weights, gradients):
        assert gradient is not None, variable.name
        assert np.isfinite(gradient).all(), variable.name
