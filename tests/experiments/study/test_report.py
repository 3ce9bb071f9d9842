"""Tests of experiments.study.report, on made-up and on committed records."""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.interpolate import Akima1DInterpolator

from experiments.study import report
from experiments.study.plan import COLUMNS as PLAN
from experiments.study.report import classical as classical_codecs
from experiments.study.report import comparisons, effective_lambda, figures, seeds
from experiments.study.report.comparisons import Comparisons, Pair
from experiments.study.report.judgement import Judgement
from experiments.study.report.numbers import number
from experiments.study.report.records import StudyRecords
from experiments.study.report.spread import gains, wrong_sign
from experiments.study.run import COLUMNS
from salcomp.errors import InputError
from salcomp.files.results import write_csv
from salcomp.metrics import bd_rate
from tests.fixtures import ROOT

pytestmark = pytest.mark.kernels

STREET = ROOT / "results" / "street"
STUDIES = sorted(path.parent for path in (ROOT / "results").glob("*/runs.csv"))
STUDIES = [folder for folder in STUDIES if (folder / "bd_rate.csv").exists()]
LAMBDAS = (0.001, 0.002, 0.004, 0.008)


def rate_of(lmbda: float) -> float:
    """The made-up baseline's rate: lambda to the power 0.6."""
    return 0.2 * (lmbda / 0.002) ** 0.6


def write_records(folder, savings: dict[str, float], seed_noise: float = 0.0) -> None:
    """Records of arms that take (1 + saving) times the baseline's bits everywhere."""
    runs, rows = [], []

    def add(name, arm, lmbda, factor, seed=0):
        weighted = arm != "baseline"
        effective = lmbda * (1.5 if weighted else 1)
        run = dict.fromkeys(PLAN, "")
        run |= {"name": name, "arm": arm, "lambda": lmbda, "seed": seed, "steps": 10}
        run |= {"floor": "0.1" if weighted else "", "done": 1}
        run |= {"start": "" if name == "start" else "start"}
        run |= {"train_seconds": 1.0, "measure_seconds": 1.0}
        run |= {"final_bpp": 0.1, "final_effective_lambda": effective}
        runs.append(run)
        for set_name, count in (("test", 12), ("fixations", 9), ("drivers", 5)):
            for i in range(count):
                image = np.random.default_rng(i).uniform(0.5, 2)
                quality = 30 + 4 * np.log2(lmbda / 0.002) + 3 * np.log2(image)
                values = dict.fromkeys(COLUMNS, quality)
                values |= {"set": set_name, "run": name, "image": f"{i:02}.png"}
                values["bpp"] = image * factor * rate_of(lmbda)
                values["bytes"] = round(1000 * values["bpp"])
                rows.append(values)

    add("start", "baseline", 0.002, 1)
    for arm, saving in {"baseline": 0.0, **savings}.items():
        for lmbda in LAMBDAS:
            add(f"{arm}-{lmbda}", arm, lmbda, 1 + saving)
        for seed in (1, 2):
            for lmbda in LAMBDAS[1:3]:
                factor = (1 + saving) * (1 + seed_noise * (-1) ** seed)
                add(f"{arm}-{lmbda}-seed{seed}", arm, lmbda, factor, seed)
    write_csv(folder / "runs.csv", runs)
    write_csv(folder / "per_image.csv", rows)
    curve = {"run": "blog-baseline", "step": 1, "bpp": 0.2}
    write_csv(folder / "curves.csv", [curve])
    maps = {"frames": 3, "mean_saliency": 0.1, "floor": 0.1, "mean_weight": 0.2}
    write_csv(folder / "maps.csv", [{**maps, "bound_db": 0.5}])
    made = {"command": "python -m x", "versions": {"numpy": "1"}, "python": "3"}
    (folder / "record.json").write_text(json.dumps({**made, "date": "2026-01-01"}))


def records_of(tmp_path, savings, **options) -> StudyRecords:
    write_records(tmp_path, savings, **options)
    return StudyRecords(tmp_path)


PAIR = Pair("concat", "baseline", "concat-shuffled")


def verdict_of(tmp_path, savings, seed_percent=0.0, changed=lambda row: {}) -> str:
    """What the rule says, where the scores of some rows may be changed by some dB."""
    write_records(tmp_path, savings)
    rows = list(csv.DictReader((tmp_path / "per_image.csv").open()))
    for row in rows:
        row |= {name: float(row[name]) + db for name, db in changed(row).items()}
    write_csv(tmp_path / "per_image.csv", rows)
    records = StudyRecords(tmp_path)
    judgement = Judgement(records, Comparisons(records, resamples=30))
    judgement.deviations = dict.fromkeys(comparisons.JUDGES.values(), seed_percent)
    return judgement.verdict(PAIR)


def test_bd_rate_is_the_saving_that_was_put_in(tmp_path):
    compared = Comparisons(records_of(tmp_path, {"concat": -0.2}), resamples=30)
    for score in compared.scores:
        found = compared.of("concat", "baseline", score)
        assert found.rate.value == pytest.approx(-20, abs=1e-6)
        assert found.rate.low <= -20 + 1e-6 and found.rate.high >= -20 - 1e-6


@pytest.mark.parametrize(
    "arm, control, seed_percent, expected",
    [
        pytest.param(-0.2, 0.1, 0, "helps", id="saves and beats its control"),
        pytest.param(0.2, 0.3, 0, "does not help", id="takes more"),
        pytest.param(-0.2, -0.3, 0, "does not help", id="its control beats it"),
        pytest.param(-0.02, 0.1, 0.5, "helps", id="saves more than seeds vary"),
        pytest.param(-0.02, 0.1, 1.5, "does not help", id="saves less than seeds vary"),
        pytest.param(-0.2, None, 0, "not decided", id="without its control"),
        pytest.param(0.1, None, 0, "does not help", id="takes more without control"),
        pytest.param(-0.2, 0.1, None, "not decided", id="without seeds"),
    ],
)
def test_verdict_follows_the_rule(tmp_path, arm, control, seed_percent, expected):
    savings = {"concat": arm}
    if control is not None:
        savings["concat-shuffled"] = control
    assert verdict_of(tmp_path, savings, seed_percent) == expected


def test_curves_that_share_little_decide_nothing(tmp_path):
    def changed(row):  # as far up as a sixfold lambda
        metrics = ("ewpsnr", "boxes-psnr") if row["run"].startswith("concat-0") else ()
        return dict.fromkeys(metrics, 8)

    savings = {"concat": -0.2, "concat-shuffled": 0.1}
    assert verdict_of(tmp_path, savings, changed=changed) == "not decided"
    compared = Comparisons(StudyRecords(tmp_path), resamples=30)
    found = compared.of("concat", "baseline", comparisons.FIXATIONS)
    assert found.overlap < comparisons.MIN_OVERLAP


def test_helping_in_one_score_only_is_said_so(tmp_path):
    def changed(row):
        concat = row["set"] == "test" and row["run"].startswith("concat-0")
        return {"boxes-psnr": -3} if concat else {}

    savings = {"concat": -0.2, "concat-shuffled": 0.1}
    found = verdict_of(tmp_path, savings, changed=changed)
    assert found == "helps for fixations and drivers only"


def test_rates_are_predicted_on_the_baselines_curve(tmp_path):
    records = records_of(tmp_path, {"concat": 0.0})
    assert effective_lambda.elasticity(records) == pytest.approx(0.6)
    found = effective_lambda.predictions(records)
    assert [one.run.name for one in found] == [f"concat-{x}" for x in LAMBDAS]
    for one in found:  # all at 1.5 lambda, the last beyond the curve's end
        assert one.effective_lambda == pytest.approx(1.5 * one.run.lmbda)
        assert one.predicted / one.measured == pytest.approx(1.5**0.6)
        assert one.error == pytest.approx(1.5**0.6 - 1)


def test_deviation_of_seeds_is_that_of_the_rates_put_in(tmp_path):
    records = records_of(tmp_path, {"concat": 0.0}, seed_noise=0.03)
    found = seeds.spreads(records, comparisons.CIRCULAR)
    assert [one.series for one in found] == ["baseline", "concat"]
    for one in found:
        assert one.offsets == pytest.approx([0, -3, 3], abs=1e-6)
        assert one.deviation == pytest.approx(3, abs=1e-6)
    assert seeds.largest(found) == pytest.approx(3 * 2**0.5, abs=1e-6)
    assert seeds.largest([]) is None


def test_smoothing_keeps_a_constant_and_follows_a_step():
    assert figures.smoothed(np.full(5, 2.0)) == pytest.approx(np.full(5, 2.0))
    stepped = figures.smoothed(np.array([0.0] * 20 + [1.0] * 20))
    assert 0 < stepped[20] < 0.5 and stepped[-1] == pytest.approx(1, abs=1e-3)


def test_two_frames_have_the_wrong_sign_as_often_as_counted():
    assert wrong_sign(np.array([1.0, 1.0, 1.0])) == 0
    # Of the three pairs only (-3, 1) is negative; the mean of all is positive.
    assert wrong_sign(np.array([-3.0, 1.0, 4.0])) == pytest.approx(1 / 3)


def test_gains_at_equal_rate_are_those_that_the_saving_is_worth(tmp_path):
    found = gains(records_of(tmp_path, {"concat-0.1": -0.1}), "concat-0.1")
    assert len(found.images) == 12
    # A doubling of the rate takes 4 / 0.6 dB on the made-up curves.
    for gained in (found.own, found.boxes):
        assert gained == pytest.approx(np.full(12, -np.log2(0.9) * 4 / 0.6))


@pytest.mark.parametrize(
    ("value", "spec", "text"),
    [(0.125, ".2f", "0.12"), (-2.675, "+.2f", "-2.67"), (0.0, "+.2f", "0.00")]
    + [(-0.004, "+.2f", "0.00"), (0.04, "+.1f", "0.0")],
)
def test_numbers_hang_neither_on_a_last_bit_nor_on_the_sign_of_zero(value, spec, text):
    for wobble in (-1e-12, 0, 1e-12):
        assert number(value * (1 + wobble) + wobble, spec) == text


def test_no_part_of_the_report_rounds_by_itself():
    for path in (ROOT / "experiments" / "study" / "report").glob("*.py"):
        specs = [
            ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FormattedValue) and node.format_spec
        ]
        assert path.name == "numbers.py" or not specs, (path.name, specs)


def test_missing_records_are_named(tmp_path):
    with pytest.raises(InputError, match="runs.csv.*experiments.study makes"):
        report.write(tmp_path, tmp_path / "README.md")


def test_page_tells_of_which_arms_runs_are_not_done(tmp_path):
    write_records(tmp_path, {"concat": -0.1})
    rows = list(csv.DictReader((tmp_path / "runs.csv").open()))
    rows[-1]["done"] = "0"
    write_csv(tmp_path / "runs.csv", rows)
    report.write(tmp_path, tmp_path / "README.md", resamples=20)
    text = " ".join((tmp_path / "README.md").read_text().split())
    assert f"goes on with them: 1 of `{rows[-1]['arm']}`." in text


@pytest.fixture(scope="module")
def street():
    return StudyRecords(STREET)


@pytest.fixture(scope="module", params=STUDIES, ids=lambda folder: folder.name)
def committed(request):
    return StudyRecords(request.param)


@pytest.mark.parametrize("toward", [None, -np.inf, np.inf])
def test_committed_page_is_what_its_records_give(committed, monkeypatch, toward):
    """Also where a processor's logarithms and powers have another last bit."""
    for function in (np.log, np.exp) if toward else ():

        def moved(x, function=function):
            return np.nextafter(function(x), toward)

        monkeypatch.setattr(np, function.__name__, moved)
    monkeypatch.chdir(ROOT)
    records = StudyRecords(committed.folder.relative_to(ROOT))
    compared = Comparisons(records, 0, committed.rows("bd_rate.csv"))
    drawn = [path.name for path in records.folder.glob("*.png")]
    written = report.page_of(records.folder)
    text = report.text_of(records, compared, drawn, written.parent)
    assert text == written.read_text()


def test_committed_front_page_is_what_the_records_give(monkeypatch):
    monkeypatch.chdir(ROOT)
    committed = (ROOT / "results" / "README.md").read_text()
    assert report.front_text(Path("results")) == committed


def test_front_page_answers_from_the_studies_records(tmp_path):
    for name in (report.TRUE, report.WRONG):
        folder = tmp_path / name
        folder.mkdir()
        write_records(folder, {"concat": -0.2, "concat-shuffled": 0.1})
        report.write(folder, folder / "README.md", resamples=30)
    worth = tmp_path / report.WORTH[0]
    worth.mkdir()
    shutil.copy(ROOT / "results" / report.WORTH[0] / "summary.json", worth)
    (tmp_path / report.RECURRENT).mkdir()
    (tmp_path / report.RECURRENT / "README.md").touch()
    text = " ".join(report.front_text(tmp_path).split())
    assert "`concat` (map as fourth channel, weighted error) **helps**: -20.0" in text
    for maps in ("wrong", "true"):
        assert f"| `concat` | {maps} | helps | -20.0" in text
    assert "A recurrent codec: [recurrent/README.md](recurrent/README.md)." in text


def test_committed_intervals_are_those_of_the_bootstrap(committed):
    for row in committed.rows("bd_rate.csv")[:2]:
        score = comparisons.Score(row["set"], row["metric"], "")
        compared = Comparisons(committed, report.RESAMPLES)
        found = compared.of(row["series"], row["anchor"], score)
        kept = bd_rate.Comparison.from_cells(row)
        assert found.cells() == pytest.approx(kept.cells(), rel=1e-4, abs=1e-4)


def test_committed_bd_rates_follow_from_the_rows_by_other_code(committed):
    """Means and an Akima interpolation over log rate, written out again."""
    rows = list(csv.DictReader((committed.folder / "per_image.csv").open()))
    checked = 0
    for row in csv.DictReader((committed.folder / "bd_rate.csv").open()):
        names = [committed.names(row[key]) for key in ("anchor", "series")]
        values = {}
        for one in rows:
            if one["set"] == row["set"] and one["run"] in sum(names, []):
                point = float(one["bpp"]), float(one[row["metric"]] or np.nan)
                values.setdefault(one["image"], {})[one["run"]] = point
        whole = [
            image
            for image in values.values()
            if len(image) == len(sum(names, []))
            and np.isfinite(list(image.values())).all()
        ]
        assert len(whole) == int(row["images"])
        curves = [
            np.array([np.mean([image[n] for image in whole], axis=0) for n in one])
            for one in names
        ]
        low = max(curve[:, 1].min() for curve in curves)
        high = min(curve[:, 1].max() for curve in curves)
        areas = []
        for curve in curves:
            order = np.argsort(curve[:, 1])
            spline = Akima1DInterpolator(curve[order, 1], np.log10(curve[order, 0]))
            areas.append(spline.integrate(low, high))
        delta = 100 * (10 ** ((areas[1] - areas[0]) / (high - low)) - 1)
        assert delta == pytest.approx(float(row["bd_rate_percent"]), abs=0.02), row
        checked += 1
    assert checked > 10


def test_baseline_is_as_good_as_was_asked_where_rates_meet(street):
    """At the middle rates: 1.5 dB above JPEG, at most 0.5 dB below WebP."""
    margins = {m.codec: m.db for m in classical_codecs.margins(street)}
    assert np.nanmin(margins["jpeg"]) > classical_codecs.ABOVE_JPEG
    assert margins["webp"][1:3].min() > -classical_codecs.BELOW_WEBP


def test_committed_records_name_no_path_of_a_machine(committed):
    for path in committed.folder.rglob("*"):
        if path.suffix in (".csv", ".json", ".md"):
            assert not re.search(r"/(home|root|tmp|work)\b", path.read_text()), path


def test_the_page_of_the_codec_of_today_tells_what_its_prior_saves(tmp_path):
    write_records(tmp_path, {"factorized": 0.0, "hyper": -0.2})
    report.write(tmp_path, tmp_path / "page.md", resamples=30)
    text = (tmp_path / "page.md").read_text()
    assert "at equal quality by -20.0 [-20.0, -20.0] % by PSNR" in text
    assert "| `hyper`: mean-scale hyperprior, no map | `factorized` | -20.0" in text
    image = np.mean([np.random.default_rng(i).uniform(0.5, 2) for i in range(12)])
    rates = [0.8 * image * rate_of(lmbda) for lmbda in (min(LAMBDAS), max(LAMBDAS))]
    assert "reaches from {:.2f} to {:.2f} bit/pixel".format(*rates) in text
    for name in ("curves.png", "training.png", "bd_rate.csv"):
        assert (tmp_path / name).stat().st_size > 100


def test_the_page_of_the_codec_of_today_does_without_what_is_not_done(tmp_path):
    write_records(tmp_path, {"hyper": -0.2})
    rows = list(csv.DictReader((tmp_path / "per_image.csv").open()))
    write_csv(tmp_path / "per_image.csv", [r for r in rows if r["set"] == "test"])
    report.write(tmp_path, tmp_path / "page.md", resamples=30)
    text = " ".join((tmp_path / "page.md").read_text().split())
    assert "has 10 further steps. What is reported" in text
    assert "saves has not been measured yet" in text and "twins of" not in text


def test_readme_tells_what_the_study_found():
    rows = csv.DictReader((ROOT / "results/true-maps/bd_rate.csv").open())
    found = {
        tuple(row[key] for key in ("series", "anchor", "set", "metric")): row
        for row in rows
    }
    refined = "refine-saliency on baseline", "refine-uniform on baseline"
    readme = " ".join((ROOT / "README.md").read_text().split())
    told = re.search(
        r"it saves ([\d.]+) % by human fixations, ([\d.]+) % by those of drivers in "
        r"traffic and ([\d.]+) % in traffic signs; .*? saves ([\d.]+) %, and as a "
        r"modulation of the encoder's features ([\d.]+) % by human fixations",
        readme,
    ).groups()
    keys = [
        (*refined, "fixations", "ewpsnr"),
        (*refined, "drivers", "ewpsnr"),
        (*refined, "test", "boxes-psnr"),
        ("concat", "baseline", "fixations", "ewpsnr"),
        ("modulate", "baseline", "fixations", "ewpsnr"),
    ]
    rates = [-float(found[key]["bd_rate_percent"]) for key in keys]
    assert [*map(float, told)] == pytest.approx(rates, abs=0.0501)
