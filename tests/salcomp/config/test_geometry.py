"""Tests of salcomp.config.geometry."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from salcomp.config import geometry as receptive_field
from salcomp.model.transforms import AnalysisTransform, SynthesisTransform

RATES = pytest.mark.parametrize("rates", [(), (1,), (2, 4), (3, 1)])


def rows_that_matter(function, x, output_rows):
    """Rows of the input, [1, H, W, C], on which rows of the output depend."""
    x = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(function(x)[0, output_rows])
    return np.flatnonzero(np.abs(tape.gradient(loss, x)).max(axis=(0, 2, 3)))


@RATES
def test_a_latent_sees_as_many_rows_as_is_said(rates):
    analysis = AnalysisTransform(4, None, False, rates)
    rgb = np.random.default_rng(0).uniform(size=(1, 320, 160, 3))
    rows = rows_that_matter(analysis, rgb, 10)
    assert rows[-1] - rows[0] + 1 == receptive_field.of_latent(rates)
    # Centred, but for the half sample of an even stride.
    assert (rows[0] + rows[-1]) // 2 == 160


def test_that_of_2019_is_57_pixels():
    assert receptive_field.of_latent(()) == 57


@RATES
def test_halo_covers_what_latents_and_pixels_depend_on(rates):
    rng, halo = np.random.default_rng(0), receptive_field.halo(rates)
    analysis = AnalysisTransform(4, None, False, rates)
    rows = rows_that_matter(analysis, rng.uniform(size=(1, 320, 64, 3)), 10)
    assert 10 - halo <= rows[0] // 16 and rows[-1] // 16 <= 10 + halo
    synthesis = SynthesisTransform(4, False, rates)
    of_latent_10 = slice(160, 176)
    rows = rows_that_matter(synthesis, rng.normal(size=(1, 21, 4, 4)), of_latent_10)
    assert 10 - halo <= rows[0] and rows[-1] <= 10 + halo


def test_halo_grows_with_half_the_sum_of_the_rates():
    halos = [receptive_field.halo(rates) for rates in ((), (1,), (2, 4), (64,))]
    assert halos == [4, 5, 7, 36]
