"""Tests of codec.rate_search."""

from __future__ import annotations

import math
from typing import NamedTuple
from unittest import mock

import pytest

from salcomp.codec.rate_search import approach, closest


class File(NamedTuple):
    """What a search needs of an encoded image."""

    bpp: float


RATES = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4]


@pytest.mark.parametrize("bpp", [0.11, 0.2, 0.28, 0.29, 0.5, 1.0, 2.2, 2.3, 6.39])
def test_the_closest_on_a_scale_of_ratios_is_found(bpp):
    setting, encoded, within = closest(File, RATES, bpp)
    assert setting == min(RATES, key=lambda rate: abs(math.log(rate / bpp)))
    assert encoded == File(setting) and within


@pytest.mark.parametrize(("bpp", "end"), [(0.01, 0.1), (99, 6.4)])
def test_a_rate_beyond_all_gets_the_end_and_is_told(bpp, end):
    assert closest(File, RATES, bpp) == (end, File(end), False)


@pytest.mark.parametrize("bpp", [0.01, 0.1, 0.3, 1, 5, 99])
def test_seven_settings_cost_three_files(bpp):
    encode = mock.Mock(side_effect=File)
    closest(encode, RATES, bpp)
    assert encode.call_count <= 3


def test_a_single_setting_is_taken():
    assert closest(File, [0.5], 0.4) == (0.5, File(0.5), False)


def test_rates_that_do_not_rise_still_give_the_closest_of_those_tried():
    rates = {0: 1.0, 1: 0.5, 2: 2.0}
    setting, encoded, within = closest(lambda i: File(rates[i]), [0, 1, 2], 0.6)
    assert (setting, encoded.bpp, within) == (1, 0.5, True)


@pytest.mark.parametrize("bpp", [0.05, 0.09, 0.1, 0.101, 0.12, 0.2, 0.24])
@pytest.mark.parametrize("exponent", [0.15, 0.4, 0.8])
def test_a_rate_is_approached_within_1_percent_by_few_files(bpp, exponent):
    encode = mock.Mock(side_effect=lambda lmbda: File(0.1 * lmbda**exponent))
    _, encoded, within = approach(encode, 1.0, (1e-9, 1e9), bpp)
    assert abs(math.log(encoded.bpp / bpp)) <= math.log(1.01) and within
    assert encode.call_count <= 3


def test_a_bend_in_the_rates_costs_six_files_at_most():
    encode = mock.Mock(side_effect=lambda lmbda: File(0.1 + 0.5 * max(0, lmbda - 2)))
    _, encoded, within = approach(encode, 1.0, (0.125, 8), 0.7)
    assert abs(math.log(encoded.bpp / 0.7)) <= math.log(1.01) and within
    assert encode.call_count <= 6


@pytest.mark.parametrize(("bpp", "end"), [(0.01, 0.5), (99, 2)])
def test_a_rate_that_no_setting_has_gets_the_end_and_is_told(bpp, end):
    assert approach(File, 1.0, (0.5, 2), bpp) == (end, File(end), False)


def test_rates_that_jump_over_the_one_asked_give_the_closest_of_six():
    encode = mock.Mock(side_effect=lambda lmbda: File(0.5 if lmbda < 1.5 else 0.9))
    _, encoded, within = approach(encode, 1.0, (0.125, 8), 0.6)
    assert encoded == File(0.5) and within
    assert encode.call_count <= 6
