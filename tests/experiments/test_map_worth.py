"""Tests of experiments.map_truth and experiments.map_worth."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from experiments import map_truth, map_worth
from salcomp.errors import InputError

TRUTH = np.array([[3.0, 1.0]])
UNIFORM = np.array([[1.0, 1.0]])


def test_information_is_the_mean_logarithm_under_the_truth():
    found = map_truth.information(np.array([[6.0, 2.0]]), TRUTH)
    assert found == pytest.approx((1.5 * np.log2(1.5) + 0.5 * np.log2(0.5)) / 2)
    assert map_truth.information(UNIFORM, TRUTH) == 0


@pytest.mark.parametrize("measure", [map_truth.information, map_truth.expected_gain])
def test_no_weights_are_worth_more_than_the_truth(measure):
    best = measure(TRUTH, TRUTH)
    for share in (0.2, 0.4, 0.6, 0.8, 1):
        other = np.array([[share, 1 - share]])
        assert measure(other, TRUTH) <= best
    assert measure(TRUTH[:, ::-1], TRUTH) < 0


def test_expected_gain_of_the_truth_is_its_ratio_of_means():
    bound = 10 * np.log10(TRUTH.mean() / np.sqrt(TRUTH.prod()))
    assert map_truth.expected_gain(TRUTH, TRUTH) == pytest.approx(bound)
    assert map_truth.expected_gain(UNIFORM, TRUTH) == 0


def interval(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 1, "high": value + 1}


def write_summary(folder, maps: dict[str, tuple[float, float, float]]) -> None:
    """By name the information, BD-rate and expected gain; 6 dB double the rate."""
    folder.mkdir()
    curve = {"bpp": [0.1, 0.2, 0.4], "ewpsnr": [20.0, 26.0, 32.0]}
    arms = {"not refined": {**curve, "bd_rate_ewpsnr": interval(9)}}
    for name, (information, bd_rate, gain) in maps.items():
        arms[name] = {**curve, "information": interval(information)}
        arms[name] |= {"expected_db": interval(gain)}
        if name != "uniform":
            arms[name]["bd_rate_ewpsnr"] = interval(bd_rate)
    (folder / "summary.json").write_text(json.dumps({"arms": arms}))


def test_points_stand_by_information_beside_what_theory_expects(tmp_path):
    maps = {"unisal": (1.5, -20.0, 6.0), "uniform": (0, 0, 0), "bad": (-1, 9.0, -6.0)}
    write_summary(tmp_path / "r", maps)
    found = map_worth.points(tmp_path / "r")
    assert [point.label for point in found] == ["bad", "uniform weights", "unisal"]
    assert [point.bd_rate.value for point in found] == [9, 0, -20]
    assert [point.expected for point in found] == pytest.approx([100, 0, -50])


def test_command_draws_all_records_with_one_control(tmp_path):
    write_summary(tmp_path / "a", {"uniform": (0, 0, 0), "unisal": (1.5, -20, 6)})
    write_summary(tmp_path / "b", {"uniform": (0, 0, 0), "observers": (2, -25, 7)})
    output = tmp_path / "worth.png"
    records = f"{tmp_path / 'a'},{tmp_path / 'b'}"
    map_worth.main(["map_worth", f"--records={records}", f"--output={output}"])
    assert output.stat().st_size > 10_000
    rows = list(csv.DictReader((tmp_path / "worth.csv").open()))
    labels = ["uniform weights", "unisal", "half of the observers, by the other half"]
    assert [row["map"] for row in rows] == labels


def test_folder_without_a_summary_is_refused(tmp_path):
    with pytest.raises(InputError, match="no summary of experiments.refinement"):
        map_worth.points(tmp_path)
