"""The tool that scores saliency predictors against fixations."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from data_prep import saliency_metrics, score_saliency
from data_prep.predictors import fixations
from salcomp.errors import InputError
from salcomp.files import images, masks
from tests.data_prep.predictors.test_fixations import write_osie

HEIGHT, WIDTH = 48, 64
# In each picture people looked at a corner; one point is beyond the edge.
POINTS = {"a": ([8.5, 9.5, 80], [8.5, 12.5, 10]), "b": ([55.5, 50.5], [40.5, 38.5])}


@pytest.fixture
def folder(tmp_path):
    """With `images/`, `maps/` that mark where people looked, and `f.mat`."""
    rng = np.random.default_rng(0)
    for name in ("images", "maps"):
        (tmp_path / name).mkdir()
    for name, (x, y) in POINTS.items():
        picture = rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        images.write_png(tmp_path / f"images/{name}.png", picture)
        density = fixations.density(np.transpose([x, y]), HEIGHT, WIDTH, 6)
        grey = (255 * density).round().astype(np.uint8)
        images.write_png(tmp_path / f"maps/{name}.png", grey)
    write_osie(tmp_path / "f.mat", {f"{k}.jpg": [v] for k, v in POINTS.items()})
    return tmp_path


def run(folder, *arguments: str, predictor: str = "file") -> None:
    weights = [f"--weights={folder}/maps"] if predictor == "file" else []
    flags = [f"--images={folder}/images/*.png", f"--fixations={folder}/f.mat"]
    flags += [f"--predictor={predictor}", *weights, *arguments]
    score_saliency.main(["score_saliency", *flags])


def rows_of(folder, *arguments: str, **keywords) -> list[dict]:
    run(folder, f"--output={folder}/scores.csv", *arguments, **keywords)
    with open(folder / "scores.csv", newline="") as file:
        return list(csv.DictReader(file))


def table(output: str) -> dict[str, list[str]]:
    """The cells of the printed table by the label of the row."""
    lines = output.strip().splitlines()[1:]
    return {line[:30].strip(): line[30:].split() for line in lines}


def test_the_csv_has_a_row_per_image_and_map(folder):
    found = [f"{row['image']} {row['map']}" for row in rows_of(folder)]
    assert found == ["a.png file", "a.png center", "b.png file", "b.png center"]


def test_the_scores_are_those_of_the_metrics(folder):
    row = rows_of(folder, "--degree=5")[0]
    saliency = masks.read_mask(folder / "maps/a.png")
    points = np.transpose(POINTS["a"])
    fixated = fixations.counts(points, HEIGHT, WIDTH) > 0
    density = fixations.density(points, HEIGHT, WIDTH, 5)
    expected = {
        "auc-j": saliency_metrics.auc_judd(saliency, fixated),
        "nss": saliency_metrics.nss(saliency, fixated),
        "cc": saliency_metrics.cc(saliency, density),
        "kl": saliency_metrics.kl(saliency, density),
        "sim": saliency_metrics.sim(saliency, density),
    }
    assert {name: float(row[name]) for name in expected} == pytest.approx(expected)


def test_fixations_outside_the_picture_are_not_counted(folder):
    assert [row["fixations"] for row in rows_of(folder)] == ["2"] * 4


def test_the_table_holds_the_means_and_the_centre_prior_beside_them(folder, capsys):
    rows = rows_of(folder)
    output = capsys.readouterr().out
    assert "2 images, with 4 fixations" in output
    cells = table(output)
    assert list(cells) == ["map", "better is", "file", "center"]
    assert cells["map"] == ["AUC-J", "NSS", "CC", "KL", "SIM"]
    for name in ("file", "center"):
        nss = np.mean([float(row["nss"]) for row in rows if row["map"] == name])
        assert float(cells[name][1]) == pytest.approx(nss, abs=1e-4)


def test_maps_of_where_people_looked_are_better_by_every_metric(folder, capsys):
    run(folder, "--degree=6")
    cells = table(capsys.readouterr().out)
    assert cells["better is"] == ["higher", "higher", "higher", "lower", "higher"]
    for better, ours, center in zip(*[*cells.values()][1:]):
        sign = 1 if better == "higher" else -1
        assert sign * float(ours) > sign * float(center)


def test_the_centre_prior_alone_is_one_row(folder, capsys):
    run(folder, predictor="center")
    assert list(table(capsys.readouterr().out)) == ["map", "better is", "center"]


def test_a_blur_changes_the_predictors_map_alone_and_is_named(folder):
    sharp, blurred = rows_of(folder), rows_of(folder, "--blur=3")
    assert [row["map"] for row in blurred[:2]] == ["file, blur 3", "center"]
    assert float(blurred[0]["nss"]) < float(sharp[0]["nss"])
    assert blurred[1] == sharp[1]


def test_a_map_of_another_size_is_resized_to_the_picture(folder):
    row = rows_of(folder, predictor="spectral-residual")[0]
    assert row["map"] == "spectral-residual"
    assert np.isfinite(float(row["nss"]))


@pytest.mark.parametrize(
    "flag, message",
    [
        pytest.param("--images=", "--predictor, --images and --fix", id="no images"),
        pytest.param("--images=x*.png", r"x\*.png: no such file", id="none of a name"),
        pytest.param("--blur=-1", "blur", id="a negative blur"),
    ],
)
def test_flags_that_cannot_be_used_are_named(folder, flag, message):
    with pytest.raises(InputError, match=message):
        run(folder, flag)


def test_images_without_fixations_are_named_up_to_a_few(folder):
    for i in range(7):
        images.write_png(folder / f"images/x{i}.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="7 of the 9 images: x0.*, x4.png and 2 more"):
        run(folder)


def test_a_picture_with_all_fixations_outside_is_refused(folder):
    images.write_png(folder / "images/b.png", np.zeros((8, 9), np.uint8))
    with pytest.raises(InputError, match="b.png: all its fixations .* 9x8 pixels"):
        run(folder)
