"""Tests of salcomp.model.gains."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.model.gains import Gains

pytestmark = pytest.mark.kernels


def test_gains_begin_as_the_root_of_lambda():
    gains = Gains(rates=4, channels=3, span=64.0)
    before, after = gains(tf.constant([0.0, 3.0]))
    assert before.shape == (2, 1, 1, 3)
    np.testing.assert_allclose(before[1] / before[0], np.full((1, 1, 3), 8), rtol=1e-5)
    np.testing.assert_allclose(before[0] * before[1], np.ones((1, 1, 3)), rtol=1e-5)
    np.testing.assert_array_equal(before, after)


def test_gains_between_two_levels_are_geometric_means():
    gains = Gains(rates=3, channels=2, span=9.0)
    gains.log_before.assign(np.log([[1, 2], [3, 4], [5, 6]]))
    before, _ = gains(tf.constant([0.0, 0.5, 1.25, 2.0]))
    expected = [
        [1, 2],
        [3**0.5, 8**0.5],
        [3**0.75 * 5**0.25, 4**0.75 * 6**0.25],
        [5, 6],
    ]
    np.testing.assert_allclose(before[:, 0, 0], expected, rtol=1e-5)
