"""Tests of data_prep.fit_readout and the likelihood that it maximises."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from data_prep import fit_readout, likelihood
from data_prep.readout import Readout, density
from tests.data_prep.predictors.test_fixations import write_osie
from tests.fixtures import refusal

SIZE = 48, 64
TRUE = Readout(1.5, 0.6, 0.2, 0.0)


def scenes(count: int = 40, looks: int = 800, true: Readout = TRUE):
    """Pictures whose fixations are drawn from a readout of their maps."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(count):
        saliency = rng.uniform(0.02, 1, SIZE).astype(np.float32)
        p = density(saliency, SIZE, true).astype(np.float64).ravel()
        counts = rng.multinomial(looks, p / p.sum()).reshape(SIZE)
        found.append((saliency, counts))
    return found


@pytest.fixture(scope="module")
def drawn(monkeymodule):
    return [likelihood.Scene.of(*scene) for scene in scenes()]


@pytest.fixture(scope="module")
def monkeymodule():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likelihood, "LONG_SIDE", SIZE[1])
        patch.setattr(likelihood, "BLURS", (0.0, 0.05))
        yield patch


def test_fit_finds_the_readout_that_the_fixations_are_drawn_from(drawn):
    fits = likelihood.variants(drawn)
    best = likelihood.best(fits)
    np.testing.assert_allclose(best.readout[:3], TRUE[:3], atol=0.06)
    assert best.readout.blur == 0
    assert best.bits > fits["the map as it is"].bits
    assert best.bits > fits["exponent, uniform"].bits
    errors = likelihood.standard_errors(drawn, best, range(20), seed=0)
    assert all(0 < error < 0.06 for error in errors)
    off = np.abs(np.subtract(best.readout[:3], TRUE[:3]))
    assert (off < 4 * np.array(errors)).all()


def test_bits_are_those_of_the_fixations_under_the_density(drawn):
    bits, number = 0.0, 0
    for saliency, counts in scenes():
        p = density(saliency, SIZE, TRUE).astype(np.float64)
        bits += (counts * np.log2(p * p.size)).sum()
        number += counts.sum()
    assert likelihood.bits(drawn, TRUE) == pytest.approx(bits / number, rel=1e-5)


def test_center_that_fixations_shun_has_no_part():
    shunned = scenes(10, true=Readout(1.0, 0.0, 0.1, 0.0))
    for _, counts in shunned:
        counts[12:36, 16:48] = 0
    found = [likelihood.Scene.of(*scene) for scene in shunned]
    assert likelihood.best(likelihood.variants(found)).readout.center == 0


@pytest.fixture
def folder(tmp_path):
    """Four pictures, whose fixations are at bright spots off the centre."""
    rng = np.random.default_rng(3)
    points = {}
    (tmp_path / "pictures").mkdir()
    for name in "abcd":
        rgb = rng.integers(90, 110, (*SIZE, 3), np.uint8)
        y, x = rng.integers(4, 40), rng.integers(4, 56)
        rgb[y : y + 5, x : x + 5] = 255
        Image.fromarray(rgb).save(tmp_path / f"pictures/{name}.png")
        points[name] = [(x + rng.integers(0, 5, 30), y + rng.integers(0, 5, 30))]
    write_osie(tmp_path / "fixations.mat", {f"{n}.png": p for n, p in points.items()})
    return tmp_path


def run(folder, *flags):
    named = f"--images={folder}/pictures", f"--fixations={folder}/fixations.mat"
    fit_readout.main(["fit_readout", *named, "--resamples=5", *flags])


def test_tool_prints_the_constants_and_whether_the_code_has_them(folder, capsys):
    run(folder, "--predictor=spectral-residual")
    printed = capsys.readouterr().out
    assert "4 images, 120 fixations" in printed
    assert re.search(r"exponent +\d\.\d{3} \+- \d\.\d{4}\n", printed)
    assert re.search(r'"spectral-residual": Readout\(exponent=', printed)
    assert "the code has Readout(exponent=0.908" in printed
    run(folder, "--predictor=spectral-residual")
    assert capsys.readouterr().out == printed


def test_what_cannot_be_fitted_is_refused(folder):
    assert "--predictor" in refusal(run, folder)
    Image.new("RGB", (8, 8)).save(folder / "pictures/z.png")
    assert "z.png" in refusal(run, folder, "--predictor=center")
