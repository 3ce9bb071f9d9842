"""Tests of the cells and networks of the recurrent codec."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.recurrent import cells
from salcomp.recurrent.networks import Decoder, Encoder, binarize, signs

pytestmark = pytest.mark.kernels


def kernels(network) -> list[tuple]:
    """The shapes of a network's kernels, by name, biases aside."""
    return [v.shape for v in network.trainable_variables if len(v.shape) == 4]


def kernel_weights(shapes) -> int:
    return sum(int(np.prod(shape)) for shape in shapes)


def test_lstm_networks_have_as_many_weights_as_published():
    encoder = kernels(Encoder(3, 32, 1.0, "lstm"))
    decoder = kernels(Decoder(32, 1.0, "lstm"))
    # 4 gates; 3x3 on the input; 1x1 on the state, 3x3 in the decoder's last two.
    expected = 27 * 64 + 4 * 9 * (64 * 256 + 256 * 512 + 512 * 512)
    expected += 4 * (256**2 + 512**2 + 512**2) + 512 * 32
    assert kernel_weights(encoder) == expected
    expected = 32 * 512 + 4 * 9 * (512 * 512 + 128 * 512 + 128 * 256 + 64 * 128)
    expected += 4 * (512**2 + 512**2) + 4 * 9 * (256**2 + 128**2) + 32 * 3
    assert kernel_weights(decoder) == expected


def test_gru_cells_have_three_quarters_of_the_weights_of_lstm_cells():
    sizes = {
        name: sum(
            kernel_weights(kernels(cell)) for cell in Encoder(3, 4, 0.1, name).cells
        )
        for name in cells.CELLS
    }
    assert sizes["gru"] == 0.75 * sizes["lstm"]


@pytest.mark.parametrize("cell", cells.CELLS)
def test_block_of_16x16_becomes_its_bits_and_a_picture_again(cell):
    encoder, decoder = Encoder(4, 8, 0.02, cell), Decoder(8, 0.02, cell)
    values, states = encoder(tf.zeros((2, 32, 48, 4)), encoder.start(2, 2, 3))
    assert values.shape == (2, 2, 3, 8)
    assert [s[0].shape[1:3] for s in states] == [(8, 12), (4, 6), (2, 3)]
    rgb, states = decoder(values, decoder.start(2, 2, 3))
    assert rgb.shape == (2, 32, 48, 3)
    assert [s[0].shape[1] for s in states] == [2, 4, 8, 16]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_gru_is_the_published_formula():
    cell = cells.Gru(3, 2, support=1, hidden=1, stride=1)
    x, h = (
        np.random.default_rng(i).normal(size=(1, 1, 1, n)) for i, n in ((0, 3), (1, 2))
    )
    w, u, v = (c.kernel.numpy()[0, 0] for c in (cell.input, cell.gate, cell.candidate))
    seen = x @ w
    z, r = np.split(sigmoid(seen[..., :4] + h @ u), 2, axis=-1)
    expected = (1 - z) * h + z * np.tanh(seen[..., 4:] + (r * h) @ v)
    (found,) = cell(tf.constant(x, tf.float32), (tf.constant(h, tf.float32),))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_lstm_is_the_published_formula():
    cell = cells.Lstm(3, 2, support=1, hidden=1, stride=1)
    rng = np.random.default_rng(0)
    x, h, c = (rng.normal(size=(1, 1, 1, n)) for n in (3, 2, 2))
    gates = x @ cell.input.kernel.numpy()[0, 0] + h @ cell.gate.kernel.numpy()[0, 0]
    f, i, o, j = np.split(gates, 4, axis=-1)
    kept = sigmoid(f) * c + sigmoid(i) * np.tanh(j)
    state = tuple(tf.constant(s, tf.float32) for s in (h, c))
    found = cell(tf.constant(x, tf.float32), state)
    np.testing.assert_allclose(found[1], kept, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        found[0], sigmoid(o) * np.tanh(kept), rtol=1e-5, atol=1e-6
    )


def test_blocks_that_have_stopped_keep_their_states():
    active = tf.constant([[[[True], [False]]]])  # of two blocks beside each other
    fresh, old = (tf.ones((1, 2, 4, 1)),), (tf.zeros((1, 2, 4, 1)),)
    (found,) = cells.held(active, 2, fresh, old)
    assert found[0, :, :, 0].numpy().tolist() == [[1, 1, 0, 0]] * 2


def test_stochastic_bits_have_the_mean_of_their_values():
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (20000, 1)).astype(np.float32)
    for value in (-0.6, 0.0, 0.9):
        bits = binarize(tf.fill(noise.shape, value), noise).numpy()
        np.testing.assert_allclose(np.abs(bits), 1, atol=1e-6)
        assert bits.mean() == pytest.approx(value, abs=0.03)


def test_binarizer_passes_gradients_on():
    values = tf.constant([[0.3, -0.8]])
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = tf.reduce_sum(3 * binarize(values, tf.zeros_like(values)))
    assert tape.gradient(loss, values).numpy().tolist() == [[3, 3]]


def test_there_is_no_bit_but_minus_one_and_one():
    assert signs(tf.constant([-0.5, 0.0, 0.5])).numpy().tolist() == [-1, 1, 1]
