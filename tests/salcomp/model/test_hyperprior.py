"""Tests of salcomp.model.hyperprior."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
import tensorflow as tf

from salcomp.model import hyperprior
from salcomp.model.hyperprior import HyperPrior, Normal

pytestmark = pytest.mark.kernels

N, M = 5, 6


def made(has_means=True) -> HyperPrior:
    """A prior whose densities differ from place to place."""
    tf.keras.utils.set_random_seed(0)
    prior = HyperPrior(N, M, (3, 3), has_means)
    prior.analysis[-1].kernel.assign(20 * prior.analysis[-1].kernel)
    prior.synthesis[-1].kernel.assign(3 * prior.synthesis[-1].kernel)
    return prior


def latents(height=8, width=12, batch=2):
    return np.random.default_rng(0).normal(0, 4, (batch, height, width, N)).astype("f4")


def test_bits_are_those_of_a_normal_density_with_uniform_noise():
    index = np.linspace(0, 63, N, dtype=np.float32)
    y, mean = latents(2, 2, 1), 0.5 * latents(2, 2, 1)[:, ::-1]
    found = Normal(mean, np.broadcast_to(index, y.shape)).bits(y)
    sigma = 0.11 * np.exp(index * np.log(256 / 0.11) / 63)
    expected = 0.0
    for value, width in zip((y - mean).reshape(-1, N).T, sigma):
        density = statistics.NormalDist(0, float(width))
        for v in np.abs(value):
            p = density.cdf(0.5 - float(v)) - density.cdf(-0.5 - float(v))
            if p > 1e-12:
                expected -= np.log2(p)
            else:  # far out: the whole mass is at the nearer edge
                x = (float(v) - 0.5) / float(width)
                tail = x**2 / 2 + np.log(x * np.sqrt(2 * np.pi)) + 1 / x**2
                expected += tail / np.log(2)
    assert float(found[0]) == pytest.approx(expected, rel=1e-3)


def test_far_latents_have_finite_bits_and_gradients():
    y = tf.constant(np.full((1, 1, 1, N), 3000.0, np.float32))
    with tf.GradientTape() as tape:
        tape.watch(y)
        bits = Normal(tf.zeros_like(y), tf.zeros_like(y)).bits(y)
    gradient = tape.gradient(bits, y).numpy()
    assert np.isfinite(bits.numpy()).all() and (gradient > 0).all()
    assert np.isfinite(gradient).all()


def test_noise_of_both_kinds_of_latents_is_that_of_the_batch():
    prior, y = made(), latents()
    blocks = -(-M // 16)
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 8, 12, N + blocks + 1))
    noise = noise.astype(np.float32)
    y_noisy, bits = prior.noisy(y, noise)
    np.testing.assert_array_equal(y_noisy, y + noise[..., :N])
    # Each z takes its numbers from the block of latents that it tells of.
    of_z = noise[..., N : N + blocks].reshape(2, 2, 4, 3, 4, blocks)
    of_z = of_z.transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 3, -1)[..., :M]
    z = prior.side_latents(y) + of_z
    expected = prior.densities(z, 8, 12).bits(y_noisy) + prior.side.bits(z)
    np.testing.assert_allclose(bits, expected, rtol=1e-5)


def test_rounded_latents_are_whole_numbers_from_their_means():
    prior, y = made(), latents()
    rounded, bits = prior.rounded(y)
    z = tf.round(prior.side_latents(y))
    normal = prior.densities(z, 8, 12)
    steps = rounded - normal.mean
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-4)
    assert np.abs(rounded - y).max() <= 0.5 + 1e-4
    assert np.abs(normal.mean).max() > 0.5
    expected = normal.bits(rounded) + prior.side.bits(z)
    np.testing.assert_allclose(bits, expected, rtol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (8, 12)])
def test_latents_of_any_size_have_side_latents_of_their_padded_size(size):
    prior, y = made(), latents(*size)
    padding = [(0, 0), *((0, -side % 4) for side in size), (0, 0)]
    z = prior.side_latents(y)
    assert z.shape == (2, -(-size[0] // 4), -(-size[1] // 4), M)
    padded = prior.side_latents(np.pad(y, padding, "edge"))
    np.testing.assert_allclose(z, padded, atol=1e-5)
    assert prior.densities(z, *size).mean.shape == y.shape


def test_without_means_signs_do_not_matter_to_the_densities():
    prior, y = made(has_means=False), latents()
    normal = prior.densities(prior.side_latents(y), 8, 12)
    assert not normal.mean.numpy().any()
    np.testing.assert_array_equal(prior.side_latents(-y), prior.side_latents(y))
    assert (prior.rounded(y)[0].numpy() == np.round(y)).all()


def test_tables_are_those_of_normal_densities():
    tables, start = made().tables(), 0
    assert len(tables.table_length) == hyperprior.WIDTHS
    for index, length in enumerate(tables.table_length):
        precision, *cdf = tables.cdf[start : start + length + 2]
        start += length + 2
        assert (precision, cdf[0], cdf[-1]) == (16, 0, 2**16)
        assert (np.diff(cdf) > 0).all()
        assert length == 1 - 2 * tables.first_symbol[index] >= 5
        width = float(hyperprior.widths(float(index)))
        density = statistics.NormalDist(0, width)
        middle = np.diff(cdf)[length // 2] / 2**16
        exact = density.cdf(0.5) - density.cdf(-0.5)
        assert middle == pytest.approx(exact, rel=0.03)
        end = np.diff(cdf)[0] / 2**16  # and all beyond
        exact = density.cdf(tables.first_symbol[index] + 0.5)
        assert end == pytest.approx(exact, abs=2**-15)
    assert start == len(tables.cdf)


def test_side_latents_are_coded_as_whole_numbers():
    tables = made().tables()
    assert len(tables.side_table_length) == M
    assert (tables.side_first_symbol <= 0).all()


def test_the_integers_cost_little_and_their_cost_is_told(caplog):
    caplog.set_level("INFO")
    prior = made()
    tables = prior.tables()
    assert "hyperprior cost" in caplog.text
    cost = prior.integer_cost(tables)
    assert -0.001 < cost < 0.003
    coarse = tables._replace(precisions=np.array([3, 2], np.int32))
    assert prior.integer_cost(coarse) > 3 * max(cost, 0.001)
