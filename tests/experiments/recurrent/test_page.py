"""Tests of the page of experiments.recurrent, on made-up records."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest

from experiments import report as command
from experiments.recurrent import report
from experiments.recurrent.measuring import COLUMNS
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files.results import write_csv
from salcomp.flags import Flags
from salcomp.metrics.bd_rate import Comparison, Interval
from salcomp.recurrent.config import RECURRENT
from salcomp.training import flags as config_flags

RATES = (0.05, 0.1, 0.2, 0.4)
PLAIN = {"iterations": 0.0, "adaptive": -0.1, "adaptive-map": -0.28}
PLAIN |= {"adaptive-shuffled": -0.01, "jpeg-optimized": 0.5}
STUDIED = {"refine-uniform on baseline": -0.5, "refine-saliency on baseline": -0.55}


def write(folder, changes: dict[str, float], sets=("test", "fixations")) -> str:
    """Records of arms that take (1 + change) times the same bits; gives the page."""
    rows = []
    for label, change in changes.items():
        for set_name in sets:
            for i in range(6):
                image = np.random.default_rng(i).uniform(0.5, 2)
                for rate in RATES:
                    quality = 30 + 4 * np.log2(rate) + 3 * np.log2(image)
                    values = dict.fromkeys(COLUMNS, quality)
                    values |= {"set": set_name, "run": f"{label}@{rate}"}
                    values |= {"image": f"{i}.png", "setting": rate, "seconds": 0.5}
                    rows.append({**values, "bpp": image * (1 + change) * rate})
    write_csv(folder / "per_image.csv", rows)
    config = dataclasses.asdict(RECURRENT.make("cpu", last_step=7))
    made = {"command": "python -m x", "versions": {"numpy": "1"}, "python": "3"}
    made |= {"date": "2026-01-01", "models": {"model": {"config": config}}}
    (folder / "record.json").write_text(json.dumps(made))
    page = report.write(folder, resamples=5)
    return " ".join(page.read_text().split())


def test_page_answers_by_the_gains_of_both_codecs(tmp_path):
    page = write(tmp_path, {**PLAIN, **STUDIED})
    assert "changes them by -20.0 [-20.0, -20.0] % against uniform weights" in page
    assert "photograph by +10.0 [" in page
    assert "changes its bits by -10.0 [-10.0, -10.0] % against refinement" in page
    assert "**The recurrent codec does lend itself more to the map.**" in page
    assert "| `iterations` | -10.0 [" in page
    assert "| `refine-uniform on baseline` | -10.0 [" in page
    assert "under the same map the recurrent codec changes the bits by +60.0" in page


def test_page_without_a_study_leaves_the_comparison_open(tmp_path):
    page = write(tmp_path, PLAIN)
    assert "which of the two gains more is open" in page
    assert "lend itself more to the map." not in page and "refine-" not in page
    assert "Trained with the map" not in page


def test_page_tells_what_training_with_the_map_brings(tmp_path):
    page = write(tmp_path, {**PLAIN, "trained": -0.05, "trained-adaptive": -0.46})
    assert "by -5.0 [-5.0, -5.0] % against itself without a map" in page
    assert "by -40.0 [-40.0, -40.0] % against blocks that stop" in page


def test_page_without_fixations_has_no_answer(tmp_path):
    page = write(tmp_path, PLAIN, sets=("test",))
    assert "## The answer" not in page and "## What each arm saves" in page


def test_psnr_over_jpeg_is_at_equal_rate(tmp_path):
    page = write(tmp_path, PLAIN)
    gain = f"{4 * np.log2(1.5):+.2f} dB at "
    [sentence] = re.findall(r"over JPEG with .*? together: (.*?)\. ", page)
    assert set(re.findall(r"[+-]\S+ dB at ", sentence)) == {gain}


def test_bd_rates_are_kept_beside_the_page(tmp_path):
    write(tmp_path, PLAIN)
    text = (tmp_path / "bd_rate.csv").read_text()
    assert "adaptive-map,adaptive,fixations,ewpsnr,-20" in text


def comparison(low: float, high: float) -> Comparison:
    return Comparison(Interval((low + high) / 2, low, high), None, 1.0, 9)


@pytest.mark.parametrize(
    "ours, words",
    [((-30, -21), "does lend itself more"), ((-9, -5), "but less"), ((-15, 1), "not")],
)
def test_verdict_needs_intervals_that_do_not_meet(ours, words):
    assert words in report.verdict(comparison(*ours), comparison(-20, -10))


def test_verdict_without_an_interval_shows_nothing():
    assert "is not shown" in report.verdict(
        comparison(np.nan, np.nan), comparison(-20, -10)
    )


def test_training_command_gives_the_configuration_back():
    config = RECURRENT.make("cpu", learning_rate=4e-3, condition_encoder=True)
    words = report.training_command(dataclasses.asdict(config)).split()
    values = Flags()
    config_flags.define_config_flags(values, RECURRENT)
    cli.parse(values, ["train", *words[3:-1]], "")
    assert config_flags.config_from_flags(values, presets=RECURRENT) == config


def test_page_is_redrawn_with_those_of_the_studies_if_there_are_records(
    tmp_path, monkeypatch
):
    drawn = []
    monkeypatch.setattr(command.report, "write", lambda folder, page: None)
    monkeypatch.setattr(command.report, "write_front", lambda results: None)
    monkeypatch.setattr(report, "write", lambda folder: drawn.append(folder.as_posix()))
    monkeypatch.chdir(tmp_path)
    command.main(["report"])
    (tmp_path / "results" / "recurrent").mkdir(parents=True)
    command.main(["report"])
    assert drawn == ["results/recurrent"]


def test_missing_records_are_named(tmp_path):
    with pytest.raises(InputError, match="record.json.*experiments.recurrent makes"):
        report.write(tmp_path)
