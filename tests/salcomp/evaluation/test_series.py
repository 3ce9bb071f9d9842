"""Tests of salcomp.evaluation.series."""

from __future__ import annotations

import os
import types

import numpy as np
import pytest

from salcomp.errors import InputError
from salcomp.evaluation import series


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads a codec whose setting is the end of its folder's name, in tmp_path."""
    monkeypatch.chdir(tmp_path)
    for name in ("a-0.3", "a-0.1", "b-0.2", "gan-4", "gan-2"):
        (tmp_path / name).mkdir()

    def load(folder):
        name = os.path.basename(folder)
        kind, _, setting = name.rpartition("-")
        parameter = "code_channels" if kind == "gan" else "lambda"
        weighting = {"saliency_weighting": "clip", "saliency_floor": float(setting)}
        weighting["uniform_share"] = 0.0
        config = types.SimpleNamespace(weight_distortion=kind == "gan", **weighting)
        config.rate_setting = parameter, float(setting)
        return types.SimpleNamespace(
            has_rates=False, config=config, encode=name, decode=None
        )

    return load


def test_values_of_one_label_make_one_series_by_rising_setting(load):
    specs = ["x=a-0.3", "a-0.1", "x=b-*", "x=a-*"]
    found = series.model_series(specs, load)
    assert [one.label for one in found] == ["x", "a-0.1"]
    assert {one.parameter for one in found} == {"lambda"}
    assert [point.setting for point in found[0].points] == [0.1, 0.2, 0.3]
    assert [point.encode for point in found[0].points] == ["a-0.1", "b-0.2", "a-0.3"]


def test_gans_have_no_lambda_and_go_by_the_channels_of_their_code(load):
    (one,) = series.model_series(["gan=gan-*"], load)
    assert one.parameter == "code_channels"
    assert [point.setting for point in one.points] == [2, 4]
    np.testing.assert_array_equal(one.training_weight(np.array([0.0, 9.0])), [2, 9])


def test_models_of_two_kinds_make_no_series(load):
    with pytest.raises(InputError, match="x: models of two kinds"):
        series.model_series(["x=gan-2", "x=a-0.1"], load)


def test_sweeps_of_one_codec_add_up():
    (one,) = series.classical_series(["jpeg"], ["jpeg=50,10", "jpeg=30,10"])
    assert [point.setting for point in one.points] == [10, 30, 50]
