"""The tables of results/measurements.md, against the records that lie beside it."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from data_prep.score_saliency import interval
from experiments.benchmark_speed.__main__ import step_flops
from salcomp.config.config import CODEC
from tests.fixtures import ROOT

FOLDER = ROOT / "results"
PAGE = (FOLDER / "measurements.md").read_text()
_ENDS = "value", "low", "high"
DEMO = "lambda,mean weight,effective lambda,bpp,PSNR,EWPSNR"
DILATION = "receptive field,lambda,bpp,psnr-rgb,ms-ssim-rgb-db,checkerboard,its control"
GAN = (
    "train MSE,train MSE sd,test MSE,test MSE sd,gap dB,encoder gradient norm,codes,bpp"
)


def rows(name: str, columns: str) -> list[list[float]]:
    """Columns of a CSV; a cell may hold several numbers, or none."""
    found = csv.DictReader((FOLDER / name).open())
    texts = (" ".join(row[column] for column in columns.split(",")) for row in found)
    return [[*map(float, text.split())] for text in texts]


def recorded(section: str) -> list[list[float]]:
    """The numbers in each row of a section's tables, but for its first cell."""
    if section == "refinement":
        deltas = [*saved("summary"), *saved("choice")]
        plain = [saved(f"uniform_{name}")[0] for name in ("frames", "photographs")]
        # Of the control against what is not refined: the other way round.
        values = [[1e2 / (1 + v / 1e2) - 1e2 for v in one[3:]] for one in plain]
        return deltas + [[value, low, high] for value, high, low in values]
    if section == "saliency":
        names = "osie", "deng_drivers", "deng_viewers"
        scored = [scores(name) for name in names]
        return [
            [v for metric in ("nss", "kl", "ig-center") for v in interval(of[metric])]
            for of_map in scored
            for of in of_map.values()
        ]
    if section == "benchmark_speed.json":
        found = json.loads((FOLDER / section).read_text())
        peak, steps = found["matmul_peak_flops"], found["seconds_per_step"].items()
        work = [(seconds, step_flops(CODEC.make(name))) for name, seconds in steps]
        rates = [[1e3 * s, flops / 1e9, 100 * flops / s / peak] for s, flops in work]
        sam = np.array([[*times.values()] for times in found["sam"].values()])
        return rates + [[*(1e3 * times[:4]), times[5]] for times in sam]
    columns = {"mask_storage": "bytes", "demo": DEMO, "dilation": DILATION}
    columns["schedule"] = "learning_rate,clip_norm,loss,bpp,psnr-rgb"
    found = rows(f"{section}/table.csv", columns.get(section, GAN))
    if section == "dilation":  # means over two seeds, and both
        seeds = np.reshape(found, (2, 8, 7)).swapaxes(0, 1)
        return [[*both.mean(0)[:5], *both[:, 5], *both[:, 6]] for both in seeds]
    if section == "gan_overfitting_512x256":  # of one seed, and with MS-SSIM
        ends = rows(f"{section}/curves.csv", "train_ms_ssim,held_out_ms_ssim")[9::10]
        return [[*one[:3], *end, *one[3:]] for one, end in zip(found, ends)]
    return found[:-1] if section == "mask_storage" else found  # that of the RGB PNG


def saved(name: str) -> list[list[float]]:
    """Of each arm but the control the BD-rates by both metrics, with their ends."""
    arms = json.loads((FOLDER / f"refinement/{name}.json").read_text())["arms"]
    return [
        [arm[f"bd_rate_{by}"][end] for by in ("ewpsnr", "psnr") for end in _ENDS]
        for name, arm in arms.items()
        if name != "uniform"
    ]


def scores(name: str) -> dict[str, dict[str, np.ndarray]]:
    """By the map, then by the metric, the scores of all images of a set."""
    found: dict = {}
    for row in csv.DictReader((FOLDER / f"saliency/{name}.csv").open()):
        of_map = found.setdefault(row.pop("map"), {})
        del row["image"]
        for metric, value in row.items():
            of_map.setdefault(metric, []).append(float(value))
    return {
        name: {metric: np.array(values) for metric, values in of_map.items()}
        for name, of_map in found.items()
    }


def test_tables_of_predictors_in_the_readme_hold_what_was_recorded():
    readme = (ROOT / "data_prep" / "README.md").read_text()
    rows = re.findall(r"\n\| `[a-z-]+`(?:, raw)? \|((?: −?\d+\.\d+ \|)+)", readme)
    of_metrics = {"osie": ("auc-j", "nss", "cc", "kl", "sim", "ig-center")}
    of_metrics["osie"] += ("ig-uniform",)
    deng = "nss", "kl", "ig-center"
    expected = [
        [of[metric].mean() for metric in of_metrics["osie"]]
        for of in scores("osie").values()
    ]
    groups = scores("deng_drivers"), scores("deng_viewers")
    expected += [
        [group[name][metric].mean() for group in groups for metric in deng]
        for name in groups[0]
    ]
    found = [re.findall(r"[−\d.]+", row) for row in rows]
    assert found == [
        [
            f"{v + 0:.{len(t.partition('.')[2])}f}".replace("-", "−")
            for v, t in zip(*one)
        ]
        for one in zip(expected, found)
    ]


@pytest.mark.parametrize("section", re.findall(r"\n## (?!saliency_|forger)(.+)", PAGE))
def test_tables_hold_what_was_recorded(section):
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    body = re.sub(r"\n\|.*\n\|---.*", "", text)
    cells = re.findall(r"\n\|[^|]*\|(.*)", body)
    expected = recorded(section)
    assert len(cells) == len(expected)
    for row, values in zip(cells, expected):
        found = re.findall(r"−?\d[\d,]*\.?\d*\b", row)
        digits = [len(number.partition(".")[2]) for number in found]
        rounded = [f"{value:,.{n}f}" for value, n in zip(values, digits)]
        assert len(found) == len(values)
        assert [number.replace("−", "-") for number in found] == rounded, row
