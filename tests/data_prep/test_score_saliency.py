"""The tool that scores saliency predictors against fixations."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

from data_prep import saliency_metrics, score_saliency
from data_prep.predictors import fixations
from salcomp.errors import InputError
from salcomp.files import images, masks, predictors, saliency_maps
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


@pytest.fixture
def with_readout(monkeypatch):
    """Gives the predictor `file` a readout, which squares its maps."""
    load = predictors.load

    def squaring(name, *arguments, **options):
        raw = load(name, *arguments, **options)
        if name != "file":
            return raw

        def predict(frames):
            return [saliency**2 for saliency in raw.predict(frames)]

        return predictors.Predictor(predict, readout={"a": 2.0}, raw=raw)

    monkeypatch.setattr(predictors, "load", squaring)


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
    rows = [re.split(" {2,}", line) for line in output.strip().splitlines()[1:]]
    return {label: cells for label, *cells in rows}


def interval(cell: str) -> tuple[float, float, float]:
    """The mean in a cell, and the two ends of its interval."""
    mean, low, high = map(float, re.findall(r"-?\d+\.\d+", cell))
    return mean, low, high


def labels(rows: list[dict]) -> list[str]:
    """The maps of the first image."""
    return [row["map"] for row in rows if row["image"] == "a.png"]


def test_the_csv_has_a_row_per_image_and_map(folder):
    found = [f"{row['image']} {row['map']}" for row in rows_of(folder)]
    assert found == ["a.png file", "a.png center", "b.png file", "b.png center"]


def test_the_scores_are_those_of_the_metrics(folder):
    row = rows_of(folder, "--degree=5")[0]
    saliency = masks.read_mask(folder / "maps/a.png")
    points = np.transpose(POINTS["a"])
    counts = fixations.counts(points, HEIGHT, WIDTH)
    fixated = counts > 0
    density = fixations.density(points, HEIGHT, WIDTH, 5)
    center = saliency_maps.center_prior(HEIGHT, WIDTH)
    uniform = np.ones((HEIGHT, WIDTH))
    expected = {
        "auc-j": saliency_metrics.auc_judd(saliency, fixated),
        "nss": saliency_metrics.nss(saliency, fixated),
        "cc": saliency_metrics.cc(saliency, density),
        "kl": saliency_metrics.kl(saliency, density),
        "sim": saliency_metrics.sim(saliency, density),
        "ig-center": saliency_metrics.information_gain(saliency, center, counts),
        "ig-uniform": saliency_metrics.information_gain(saliency, uniform, counts),
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
    names = ["AUC-J", "NSS", "CC", "KL", "SIM", "IG-CENTER", "IG-UNIFORM"]
    assert cells["map"] == names
    for label in ("file", "center"):
        for name, cell in zip(names, cells[label]):
            of_map = [float(r[name.lower()]) for r in rows if r["map"] == label]
            assert interval(cell)[0] == pytest.approx(np.mean(of_map), abs=6e-4)


def test_the_interval_of_two_images_spans_both_and_that_of_none_is_left_out(
    folder, capsys
):
    # Of the draws of two images, a quarter have one twice, and a quarter the other.
    rows = rows_of(folder)
    cells = table(capsys.readouterr().out)
    nss = sorted(float(row["nss"]) for row in rows if row["map"] == "file")
    assert nss[0] != nss[1]
    assert interval(cells["file"][1])[1:] == pytest.approx(nss, abs=6e-3)
    run(folder, f"--images={folder}/images/a.png")
    assert float(table(capsys.readouterr().out)["file"][1]) in np.round(nss, 3)


def test_the_interval_of_many_images_is_that_of_their_mean(folder, capsys):
    rng, looks = np.random.default_rng(1), {}
    for i in range(50):
        images.write_png(folder / f"images/{i}.png", np.zeros((24, 32), np.uint8))
        looks[f"{i}.png"] = [rng.uniform(0, 24, (2, 5))]
    write_osie(folder / "f.mat", looks)
    pictures = f"--images={folder}/images/[0-9]*.png"
    rows = rows_of(folder, pictures, predictor="center")
    values = [float(row["nss"]) for row in rows]
    mean, low, high = interval(table(capsys.readouterr().out)["center"][1])
    margin = 1.96 * np.std(values) / 50**0.5
    assert high - mean == pytest.approx(margin, rel=0.25)
    assert mean - low == pytest.approx(margin, rel=0.25)


def test_the_same_command_prints_the_same(folder, capsys):
    run(folder)
    first = capsys.readouterr().out
    run(folder)
    assert capsys.readouterr().out == first


def test_maps_of_where_people_looked_are_better_by_every_metric(folder, capsys):
    run(folder, "--degree=6")
    cells = table(capsys.readouterr().out)
    better = ["higher", "higher", "higher", "lower", "higher", "higher", "higher"]
    assert cells["better is"] == better
    for better, ours, center in zip(*[*cells.values()][1:]):
        sign = 1 if better == "higher" else -1
        assert sign * interval(ours)[0] > sign * interval(center)[0]


def test_several_predictors_share_one_table_with_one_centre_prior(folder, capsys):
    several, weights = "center,spectral-residual,file", f"--weights=file:{folder}/maps"
    rows = rows_of(folder, weights, predictor=several)
    found = labels(rows)
    assert found.count("center") == 1
    assert found.index("spectral-residual") < found.index("file")
    assert list(table(capsys.readouterr().out)) == ["map", "better is", *found]
    alone = rows_of(folder)
    of_file = [[r for r in found if r["map"] == "file"] for found in (rows, alone)]
    assert of_file[0] == of_file[1]


def test_a_predictor_that_is_named_twice_is_scored_once(folder):
    rows = rows_of(folder, f"--weights=file:{folder}/maps", predictor="file,file")
    assert labels(rows) == ["file", "center"]


def test_a_predictor_with_a_readout_is_scored_without_it_and_with_it(
    folder, with_readout
):
    rows = rows_of(folder)
    assert labels(rows) == ["file, raw", "file", "center"]
    raw, read_out, _ = (float(row["nss"]) for row in rows[:3])
    assert read_out > raw


def test_without_readouts_the_raw_maps_are_scored_alone(folder, with_readout):
    both, raw = rows_of(folder), rows_of(folder, "--noreadout")
    assert labels(raw) == ["file, raw", "center"]
    assert raw[0] == both[0]


def test_the_predictor_without_a_readout_is_itself_without_readouts(folder):
    assert rows_of(folder, "--noreadout") == rows_of(folder)


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param(["--weights=file:{0}/maps,fixations:{0}/f.mat"], id="in one flag"),
        pytest.param(
            ["--weights=fixations:{0}/f.mat", "--weights=file:{0}/maps"], id="in two"
        ),
    ],
)
def test_each_predictor_has_weights_of_its_own(folder, weights):
    flags = [flag.format(folder) for flag in weights]
    rows = rows_of(folder, *flags, predictor="file,fixations")
    assert labels(rows) == ["file", "fixations", "center"]


@pytest.mark.parametrize("prefix", ["", "file:"])
def test_a_path_of_weights_may_have_commas_and_colons(folder, prefix):
    (folder / "maps").rename(folder / "maps,of:mine")
    flag = f"--weights={prefix}{folder}/maps,of:mine"
    # Of center, which comes first, and reads nothing.
    several = "center,file" if prefix else "file"
    pictures = f"--images={folder}/images", f"--fixations={folder}/f.mat"
    score_saliency.main(["", f"--predictor={several}", flag, *pictures])


@pytest.mark.parametrize(
    "predictor, weights, message",
    [
        pytest.param(
            "file,center",
            ["maps"],
            "--weights=maps: does not say .* with the name file or center",
            id="whose they are",
        ),
        pytest.param(
            "file,center", ["sky:maps"], "--weights=sky:maps: does not", id="another's"
        ),
        pytest.param(
            "file,center", ["file:a,file:b"], "--weights has a and b", id="two"
        ),
        pytest.param(
            "file", ["a", "b"], "--weights has a and b for file", id="two bare"
        ),
        pytest.param("file,center", [], "file needs --weights=file:PATH", id="none"),
        pytest.param("center", ["center:a"], "center reads no file", id="of no use"),
        pytest.param("center,sky", [], "there is no predictor sky", id="no predictor"),
    ],
)
def test_weights_that_cannot_be_used_are_named(folder, predictor, weights, message):
    flags = [f"--images={folder}/images", f"--fixations={folder}/f.mat"]
    flags += [f"--predictor={predictor}", *(f"--weights={path}" for path in weights)]
    with pytest.raises(InputError, match=message):
        score_saliency.main(["score_saliency", *flags])


def test_the_centre_prior_alone_is_one_row(folder, capsys):
    run(folder, predictor="center")
    assert list(table(capsys.readouterr().out)) == ["map", "better is", "center"]


def test_a_blur_changes_the_predictors_map_alone_and_is_named(folder):
    sharp, blurred = rows_of(folder), rows_of(folder, "--blur=3")
    assert [row["map"] for row in blurred[:2]] == ["file, blur 3", "center"]
    assert float(blurred[0]["nss"]) < float(sharp[0]["nss"])
    assert blurred[1] == sharp[1]


def test_a_map_of_another_size_is_resized_to_the_picture(folder):
    expected = float(rows_of(folder)[0]["nss"])
    small = masks.read_mask(folder / "maps/a.png")
    small = saliency_maps.resize(small, HEIGHT // 2, WIDTH // 2)
    images.write_png(folder / "maps/a.png", (255 * small).round().astype(np.uint8))
    assert float(rows_of(folder)[0]["nss"]) == pytest.approx(expected, rel=0.05)


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
