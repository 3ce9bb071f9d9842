"""Tests of salcomp.codec.escapes."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.codec.escapes import NumberCoder
from salcomp.errors import BitstreamError
from tests.salcomp.model.test_hyperprior import made

pytestmark = pytest.mark.kernels


@pytest.fixture(scope="module")
def tables():
    return made().tables()


@pytest.fixture(scope="module")
def coder(tables):
    return NumberCoder(tables)


def far_numbers(coder):
    """Numbers of all sizes, and indices of all widths."""
    rng = np.random.default_rng(0)
    index = rng.integers(0, 64, (1, 20, 30, 4)).astype(np.int32)
    sizes = 2.0 ** rng.uniform(-2, 17, index.shape)
    return coder.clip(np.round(sizes * rng.choice([-1, 1], index.shape)), index), index


def test_numbers_of_any_size_come_back(coder):
    numbers, index = far_numbers(coder)
    assert np.abs(numbers).max() > 2**16 - 3
    string = coder.encode(numbers, index)
    assert (coder.decode(string, index) == numbers).all()
    assert len(string) == pytest.approx(coder.cost(numbers, index) / 8, abs=8)


def test_numbers_about_the_ends_of_tables_come_back(coder, tables):
    last = -tables.first_symbol[:, None]
    numbers = (last + np.array([-1, 0, 1, 2])).astype(np.int32)[None, ..., None]
    index = np.arange(64, dtype=np.int32)[None, :, None, None]
    index = np.broadcast_to(index, numbers.shape)
    for signed in (numbers, -numbers):
        assert (coder.decode(coder.encode(signed, index), index) == signed).all()


def test_a_number_beyond_the_end_costs_the_gamma_code_of_how_far(coder, tables):
    index = np.zeros((1, 1, 1, 1), np.int32)
    end = -int(tables.first_symbol[0])
    costs = [coder.cost(index + end + further, index) for further in (0, 1, 2, 3, 6)]
    np.testing.assert_allclose(np.diff(costs), [1, 0, 1, 0])


def test_numbers_within_the_tables_cost_their_densities(coder):
    rng = np.random.default_rng(1)
    index = np.full((1, 50, 50, 4), 40, np.int32)
    width = 0.11 * np.exp(40 * np.log(256 / 0.11) / 63)
    numbers = np.round(rng.normal(0, width, index.shape)).astype(np.int32)
    entropy = np.log2(width * np.sqrt(2 * np.pi * np.e))
    assert coder.cost(numbers, index) / numbers.size == pytest.approx(entropy, rel=0.01)


def test_noise_decodes_to_numbers_or_is_refused(coder):
    _, index = far_numbers(coder)
    rng = np.random.default_rng(2)
    for length in (0, 1, 7, 300, 3000):
        try:
            assert coder.decode(rng.bytes(length), index).shape == index.shape
        except BitstreamError as error:
            assert "does not decode" in str(error)
