"""Tests of salcomp.model.prior."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_compression as tfc

from salcomp.model.prior import Prior, quantize

pytestmark = pytest.mark.kernels

CHANNELS = 6


@pytest.fixture(scope="module", params=[(3, 3, 3), (3, 3)])
def prior(request):
    """A prior with random, narrow densities, each with another median."""
    return random_prior(request.param)


def random_prior(num_filters, seed=0):
    tf.random.set_seed(seed)
    prior = Prior(CHANNELS, num_filters)
    rng = np.random.default_rng(seed)
    for factor in prior.factors:
        factor.assign(rng.uniform(-1, 1, factor.shape))
    for bias in prior.biases:
        bias.assign(rng.uniform(-1, 1, bias.shape))
    prior.biases[-1].assign(rng.uniform(-3, 3, prior.biases[-1].shape))
    return prior


def logits(prior, y):
    """Of the cumulative in double precision, for y [N, positions]."""
    x = y[:, None, :].astype(np.float64)
    for i, (matrix, bias) in enumerate(zip(prior.matrices, prior.biases)):
        x = np.log1p(np.exp(matrix.numpy().astype(np.float64))) @ x + bias.numpy()
        if i < len(prior.factors):
            x += np.tanh(prior.factors[i].numpy().astype(np.float64)) * np.tanh(x)
    return x[:, 0]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def likelihood_of_2019(prior, y):
    """As the EntropyBottleneck of tensorflow-compression v1.0 had it."""
    lower, upper = logits(prior, y - 0.5), logits(prior, y + 0.5)
    sign = -np.sign(lower + upper)
    return np.abs(sigmoid(sign * upper) - sigmoid(sign * lower))


def tfc_density(prior, num_filters):
    """`tfc.NoisyDeepFactorized` with the variables of a prior."""
    density = tfc.NoisyDeepFactorized(
        batch_shape=(CHANNELS,), num_filters=num_filters, init_scale=10
    )
    base = density.base
    for theirs, ours in zip(
        (*base._matrices, *base._biases, *base._factors),
        (*prior.matrices, *prior.biases, *prior.factors),
    ):
        theirs.assign(ours)
    return density


def latents(prior, shape=(2, 3, 5), spread=6.0):
    noise = np.random.default_rng(1).normal(size=(*shape, CHANNELS))
    return (spread * noise).astype(np.float32)


def test_bits_equal_the_likelihood_of_2019(prior):
    y = latents(prior)
    columns = y.reshape(-1, CHANNELS).T  # [N, positions]
    each = -np.log2(likelihood_of_2019(prior, columns))
    expected = each.T.reshape(2, -1).sum(axis=1)
    np.testing.assert_allclose(prior.bits(y), expected, rtol=1e-4)


def test_bits_equal_tfcs(prior):
    y = latents(prior)
    density = tfc_density(prior, (3,) * (len(prior.matrices) - 1))
    expected = -tf.reduce_sum(density.log_prob(y), axis=(1, 2, 3)) / np.log(2)
    np.testing.assert_allclose(prior.bits(y), expected, rtol=1e-4)


def test_gradients_of_the_bits_equal_tfcs(prior):
    y = tf.constant(latents(prior))
    density = tfc_density(prior, (3,) * (len(prior.matrices) - 1))
    base = density.base
    theirs = [*base._matrices, *base._biases, *base._factors]
    ours = [*prior.matrices, *prior.biases, *prior.factors]
    with tf.GradientTape() as tape:
        tape.watch(y)
        loss = -tf.reduce_sum(density.log_prob(y)) / np.log(2)
    expected = tape.gradient(loss, [y, *theirs])
    with tf.GradientTape() as tape:
        tape.watch(y)
        loss = tf.reduce_sum(prior.bits(y))
    for actual, wanted in zip(tape.gradient(loss, [y, *ours]), expected):
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(actual, wanted, rtol=1e-3, atol=1e-3 * scale)


def test_bits_and_their_gradient_are_finite_far_in_the_tails(prior):
    y = tf.constant([[[[1e4] * CHANNELS, [-1e4] * CHANNELS]]], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(y)
        bits = prior.bits(y)
    assert np.isfinite(bits).all() and np.isfinite(tape.gradient(bits, y)).all()


def test_probabilities_of_the_integers_add_up_to_one(prior):
    tables = prior.tables()
    symbols = np.arange(-400, 401)[None, :] + tables.quantization_offset[:, None]
    total = likelihood_of_2019(prior, symbols).sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_quantization_offset_is_the_fraction_of_the_median(prior):
    offset = prior.quantization_offset().numpy()
    grid = np.linspace(-60, 60, 240_001)
    cumulative = logits(prior, np.tile(grid, (CHANNELS, 1)))
    median = np.array([np.interp(0, c, grid) for c in cumulative])
    np.testing.assert_allclose(offset, median - np.round(median), atol=1e-3)


def test_offset_in_a_graph_equals_the_eager_one(prior):
    compiled = tf.function(prior.quantization_offset)()
    np.testing.assert_allclose(compiled, prior.quantization_offset(), atol=1e-6)


def test_quantize_rounds_to_the_lattice_of_the_offset():
    y = np.array([[-1.2, 0.26], [0.74, 2.0]], np.float32)
    offset = np.array([0.25, -0.25], np.float32)
    expected = [[-0.75, 0.75], [0.25, 1.75]]
    np.testing.assert_allclose(quantize(y, offset), expected, atol=1e-6)


def channel_cdfs(tables):
    """The precision and the cumulatives of each channel."""
    start = 0
    for length in tables.table_length:
        stop = start + length + 2
        yield tables.cdf[start], tables.cdf[start + 1 : stop]
        start = stop
    assert start == len(tables.cdf)


def test_tables_rise_from_0_to_their_precision(prior):
    for precision, cdf in channel_cdfs(prior.tables()):
        assert (precision, cdf[0], cdf[-1]) == (16, 0, 2**16)
        assert (np.diff(cdf) > 0).all()


def test_tables_hold_all_but_the_tail_mass(prior):
    tables = prior.tables()
    first = tables.first_symbol + tables.quantization_offset
    last = first + tables.table_length - 1
    ends = np.stack([first - 0.5, last + 0.5], axis=1)
    cumulative = logits(prior, ends)
    outside = sigmoid(cumulative[:, 0]) + sigmoid(-cumulative[:, 1])
    assert (outside <= 1.1e-9).all()


def test_tables_are_the_densities_at_the_rounded_latents(prior):
    tables = prior.tables()
    for channel, (_, cdf) in enumerate(channel_cdfs(tables)):
        symbols = np.arange(tables.table_length[channel])
        y = symbols + tables.first_symbol[channel]
        y = np.tile(y + tables.quantization_offset[channel], (CHANNELS, 1))
        expected = likelihood_of_2019(prior, y)[channel]
        # Each rare symbol takes a unit from the others.
        np.testing.assert_allclose(
            np.diff(cdf) / 2**16, expected, rtol=0.02, atol=2.5 / 2**16
        )


def test_fresh_prior_has_tables_as_narrow_as_its_initial_scale():
    assert (Prior(2, (3, 3, 3)).tables().table_length < 1000).all()


@pytest.mark.parametrize("scale", [0.01, 20])
def test_tables_of_steep_and_of_wide_densities_are_valid(scale):
    prior = random_prior((3, 3, 3))
    # The first layer sees the latents: its slope is the inverse of their spread.
    slope = np.full(prior.matrices[0].shape, 1 / scale)
    prior.matrices[0].assign(np.log(np.expm1(slope)))
    for _, cdf in channel_cdfs(prior.tables()):
        assert (np.diff(cdf) > 0).all() and cdf[-1] == 2**16
