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


def test_no_weights_have_more_information_than_the_truth():
    best = map_truth.information(TRUTH, TRUTH)
    for share in (0.2, 0.4, 0.6, 0.8, 1):
        other = np.array([[share, 1 - share]])
        assert map_truth.information(other, TRUTH) <= best
    assert map_truth.information(TRUTH[:, ::-1], TRUTH) < 0


def test_elasticity_is_that_of_a_codec_whose_rate_is_a_power_of_lambda():
    lmbda, a = np.array([0.001, 0.002, 0.004]), 0.6
    quality = -10 * np.log10(lmbda ** (a - 1))
    assert map_truth.elasticity(lmbda**a, quality) == pytest.approx(a)


@pytest.mark.parametrize("weight", [TRUTH, UNIFORM, TRUTH[:, ::-1]])
def test_expected_saving_is_that_of_such_a_codec_at_every_pixel(weight):
    """Its rates and distortions, written out, at one distortion under the truth."""
    a, q, p = 0.6, weight / weight.mean(), TRUTH / TRUTH.mean()

    def coded(lmbda, q):
        return np.mean((lmbda * q) ** a), np.mean(p * (lmbda * q) ** (a - 1))

    rate, distortion = coded(1, np.ones_like(q))
    lmbda = (coded(1, q)[1] / distortion) ** (1 / (1 - a))
    other, same = coded(lmbda, q)
    assert same == pytest.approx(distortion)
    found = map_truth.expected_saving(weight, TRUTH, a)
    assert found == pytest.approx(np.log(other / rate), abs=1e-12)


def interval(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 1, "high": value + 1}


def write_summary(folder, maps: dict[str, tuple[float, float, float]]) -> None:
    """By name the information, the BD-rate and the expected ratio of rates."""
    folder.mkdir()
    arms = {"not refined": {"bd_rate_ewpsnr": interval(9)}}
    for name, (information, bd_rate, ratio) in maps.items():
        arms[name] = {"information": interval(information)}
        arms[name] |= {"expected_log_ratio": interval(np.log(ratio))}
        if name != "uniform":
            arms[name]["bd_rate_ewpsnr"] = interval(bd_rate)
    (folder / "summary.json").write_text(json.dumps({"arms": arms}))


def test_points_stand_by_information_beside_what_theory_expects(tmp_path):
    maps = {"unisal": (1.5, -20.0, 0.5), "uniform": (0, 0, 1), "bad": (-1, 9.0, 2)}
    write_summary(tmp_path / "r", maps)
    found = map_worth.points(tmp_path / "r")
    assert [point.label for point in found] == ["bad", "uniform weights", "unisal"]
    assert [point.bd_rate.value for point in found] == [9, 0, -20]
    assert [point.expected for point in found] == pytest.approx([100, 0, -50])


def test_command_draws_all_records_with_one_control(tmp_path):
    write_summary(tmp_path / "a", {"uniform": (0, 0, 1), "unisal": (1.5, -20, 0.5)})
    write_summary(tmp_path / "b", {"uniform": (0, 0, 1), "observers": (2, -25, 0.4)})
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
