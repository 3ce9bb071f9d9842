"""Tests of the contexts of the bits, and of their strings."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.errors import BitstreamError
from salcomp.recurrent import contexts, planes
from salcomp.recurrent.prior import ContextPrior
from tests.fixtures import refusal

ITERATIONS, BITS = 3, 8


@pytest.fixture(scope="module")
def prior():
    """One whose every weight has a say."""
    tf.keras.utils.set_random_seed(0)
    prior = ContextPrior(BITS, ITERATIONS)
    for variable in (prior.start, prior.out_bias):
        variable.assign(tf.random.normal(variable.shape, stddev=0.3))
    return prior


@pytest.fixture(scope="module")
def coder(prior):
    return planes.PlaneCoder(prior.tables())


def drawn(rows=5, columns=7, stops=None, seed=0):
    """Planes of bits, mostly 1, of blocks that stop where `stops`, [h, w], says."""
    rng = np.random.default_rng(seed)
    bits = np.where(rng.random((ITERATIONS, rows, columns, BITS)) < 0.3, -1, 1)
    if stops is not None:
        active = np.arange(ITERATIONS)[:, None, None] < stops
        bits = np.where(active[..., None], bits, 0)
    return bits.astype(np.int8)


def test_each_bit_is_coded_in_one_step():
    seen = np.zeros((4, 6, BITS), int)
    colours = np.add.outer(np.arange(4), np.arange(6)) % 2
    for step in range(contexts.STEPS):
        where = colours == contexts.colour(step)
        seen[where, contexts.group(step, BITS)] += 1
    assert (seen == 1).all()


def test_integer_network_has_the_code_length_of_the_trained_one(prior, coder):
    bits = drawn()
    trained = float(prior.bits(tf.constant(bits[:, None], tf.float32)))
    # That no block stops costs a few bits.
    assert coder.bits(bits).sum() == pytest.approx(trained, abs=16)


def test_network_predicts_bits_from_those_around_once_trained(coder):
    prior = ContextPrior(BITS, ITERATIONS)
    bits = np.repeat(drawn(seed=1)[:1], ITERATIONS, axis=0)  # all iterations the same
    optimizer = tf.keras.optimizers.Adam(0.03)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            length = prior.bits(tf.constant(bits[:, None], tf.float32))
        variables = prior.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(length, variables), variables))

    for _ in range(40):
        step()
    spent = planes.PlaneCoder(prior.tables()).bits(bits).sum(axis=(1, 2))
    assert spent[1:].max() < 0.2 * bits[0].size


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (4, 1), (5, 7)])
def test_planes_come_back_from_their_strings(coder, size):
    stops = np.random.default_rng(1).integers(1, ITERATIONS + 1, size)
    for sent in (drawn(*size), drawn(*size, stops)):
        assert (coder.decode(coder.encode(sent), size) == sent).all()


def test_strings_are_as_long_as_their_information(coder):
    stops = np.random.default_rng(2).integers(1, ITERATIONS + 1, (20, 20))
    sent = drawn(20, 20, stops)
    lengths = [8 * len(string) for string in coder.encode(sent)]
    np.testing.assert_allclose(lengths, coder.bits(sent).sum(axis=(1, 2)), atol=24)


def test_no_iteration_is_sent_after_all_blocks_have_stopped(coder):
    assert len(coder.encode(drawn(stops=np.full((5, 7), 2)))) == 2


def test_stops_in_patches_cost_less_than_scattered_ones(coder):
    rng = np.random.default_rng(3)
    patches = np.where(np.arange(24)[:, None] + np.arange(24) < 20, 1, 3)
    scattered = rng.permutation(patches.ravel()).reshape(patches.shape)

    def stop_bits(stops):
        cost = coder.bits(drawn(24, 24, stops))
        kept = coder.bits(drawn(24, 24))
        return cost[1][stops == 1].sum(), kept.sum()

    assert stop_bits(patches)[0] < 0.5 * stop_bits(scattered)[0]


def test_strings_that_lack_the_last_iterations_decode_to_the_first(coder):
    sent = drawn(stops=np.random.default_rng(4).integers(1, 4, (5, 7)))
    found = coder.decode(coder.encode(sent)[:2], (5, 7))
    assert (found[:2] == sent[:2]).all() and not found[2].any()


def test_too_few_or_too_many_strings_are_refused(coder):
    for strings in ([], [b""] * (ITERATIONS + 1)):
        message = refusal(coder.decode, strings, (2, 2), error=BitstreamError)
        assert f"{len(strings)} iterations" in message


def test_payload_gives_back_its_strings():
    strings = [b"", b"a" * 127, b"b" * 128, b"c" * 70000]
    assert planes.unpack(planes.pack(strings)) == (strings, True)


def test_cut_payload_gives_the_strings_that_are_whole():
    payload = planes.pack([b"a" * 5, b"b" * 300])
    assert planes.unpack(payload[:6]) == ([b"a" * 5], True)
    for end in (7, 8, len(payload) - 1):
        assert planes.unpack(payload[:end]) == ([b"a" * 5], False)


def test_length_without_end_is_none():
    assert planes.unpack(b"\xff" * 100) == ([], False)
