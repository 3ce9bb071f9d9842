"""Tests of salcomp.evaluate and of the modules that it alone uses."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import types
import zlib
from collections import Counter
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from data_prep.predictors import fixations
from data_prep.predictors.registry import recorded_fixations
from salcomp import evaluate
from salcomp.codec import base
from salcomp.errors import InputError, SalcompError
from salcomp.evaluation import classical, rd_figure
from salcomp.evaluation import subjects as scorers
from salcomp.files import results as results_files
from salcomp.files import saliency_maps
from salcomp.files.predictors import Predictor, on_each
from salcomp.metrics import quality as metrics
from salcomp.zoo import exported, shipped
from tests.data_prep.predictors.test_fixations import write_osie
from tests.fixtures import frame, refusal, run_python

HEIGHT, WIDTH = 48, 64


@pytest.fixture(autouse=True)
def predictors(plug_ins):
    """Those that there are: none, so that `auto` is the same wherever tests run."""
    return plug_ins


def smooth_image(seed):
    return frame(seed, HEIGHT, WIDTH)[..., :3]


def ramp():
    return np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))


def save_all(folder, arrays):
    """Saves p0.png, p1.png and so on."""
    folder.mkdir()
    for i, array in enumerate(arrays):
        Image.fromarray(array).save(folder / f"p{i}.png")
    return folder


@pytest.fixture
def pictures(tmp_path):
    """Three RGB images in a folder."""
    return save_all(tmp_path / "pictures", map(smooth_image, range(3)))


@pytest.fixture
def masked_pictures(tmp_path):
    """The same images with a ramp from left to right as their alpha channel."""
    rgba = (np.dstack([smooth_image(i), ramp()]) for i in range(3))
    return save_all(tmp_path / "masked", rgba)


class FakeCodec:
    """Quantises pixels, finely where lambda is high, and records what it was given."""

    given: list = []
    has_rates = False

    def __init__(self, lmbda, weighted):
        weighting = {"saliency_weighting": "clip", "saliency_floor": 0.25}
        weighting["uniform_share"] = 0.0
        setting = {"rate_setting": ("lambda", lmbda), "weight_distortion": weighted}
        self.config = types.SimpleNamespace(**setting, **weighting)
        self._step = max(2, round(0.5 / lmbda))

    @classmethod
    def load(cls, path):
        with open(f"{path}/config.json") as file:
            return cls(**json.load(file))

    def encode(self, rgb, saliency):
        FakeCodec.given.append(saliency)
        data = zlib.compress((rgb // self._step).tobytes())
        return types.SimpleNamespace(data=data, information_bits=8.0 * len(data) - 20)

    def decode(self, data):
        flat = np.frombuffer(zlib.decompress(data), np.uint8)
        levels = flat.reshape(HEIGHT, WIDTH, 3).astype(int)
        return np.minimum(levels * self._step + self._step // 2, 255).astype(np.uint8)


@pytest.fixture
def drawn(monkeypatch):
    """What figures are drawn of, by metric: curves and title. None is really drawn."""
    found = {}

    def draw(path, curves, metric, title):
        assert path.name == f"{metric}.png"
        found[metric] = curves, title

    monkeypatch.setattr(rd_figure, "draw", draw)
    return found


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Runs of a model that the test injects: plain_0..4 and weighted_0..4."""
    monkeypatch.setattr(base, "load", FakeCodec.load)
    monkeypatch.setattr(exported, "ready", lambda folder: folder)
    monkeypatch.setattr(FakeCodec, "given", [])
    folder = tmp_path / "runs"
    for name, weighted in (("plain", False), ("weighted", True)):
        # The folders' order is not that of lambda.
        for i, lmbda in enumerate((0.03, 0.01, 0.02, 0.06, 0.1)):
            run = folder / f"{name}_{i}"
            run.mkdir(parents=True)
            config = json.dumps({"lmbda": lmbda, "weighted": weighted})
            (run / "config.json").write_text(config)
    return folder


JPEG = ["--codecs=jpeg", "--qualities=jpeg=30"]
TWO_CODECS = ["--codecs=jpeg,webp", "--qualities=jpeg=30,50", "--qualities=webp=40"]


def jpeg(seed):
    """One of the images, and what JPEG makes of it."""
    x = smooth_image(seed)
    return x, classical.decode(classical.encode("jpeg", x, 30))


def run(tmp_path, images, *flags):
    """Runs the tool, without figures; returns its output folder and the CSV's rows."""
    output = tmp_path / "out"
    given = [f"--images={images}", f"--output_dir={output}"]
    evaluate.main(["evaluate", *given, "--resamples=20", "--nofigures", *flags])
    return output, read_csv(output / "per_image.csv")


def read_csv(path):
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def read_json(path):
    return json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))


def described(output, name="jpeg"):
    return read_json(output / f"{name}.json")["description"]


def test_the_csv_has_a_row_per_image_series_and_point(tmp_path, pictures):
    _, rows = run(tmp_path, pictures, *TWO_CODECS)
    seen = [(row["image"], row["series"], float(row["setting"])) for row in rows]
    expected = [("jpeg", 30), ("jpeg", 50), ("webp", 40)]
    assert seen == [(f"p{i}.png", *e) for i in range(3) for e in expected]
    assert set(metrics.METRICS) < set(rows[0])


def test_rates_are_of_whole_files_and_quality_of_the_decoded(tmp_path, pictures):
    _, (row,) = run(tmp_path, pictures / "p1.png", *JPEG)
    data = classical.encode("jpeg", smooth_image(1), 30)
    psnr = metrics.psnr(smooth_image(1), classical.decode(data))
    assert int(row["bytes"]) == len(data)
    assert float(row["bpp"]) == pytest.approx(8 * len(data) / (HEIGHT * WIDTH))
    assert float(row["psnr-rgb"]) == pytest.approx(psnr)
    assert row["information_bpp"] == ""


def test_json_averages_over_images_at_each_setting(tmp_path, pictures):
    output, rows = run(tmp_path, pictures, "--codecs=jpeg", "--qualities=jpeg=20,60")
    document = read_json(output / "jpeg.json")
    assert document["name"] == "jpeg"
    assert document["results"]["quality"] == [20, 60]
    for key in ("bpp", "psnr-rgb", "ewpsnr", "roi-psnr-5"):
        means = np.reshape([float(row[key]) for row in rows], (3, 2)).mean(axis=0)
        assert document["results"][key] == pytest.approx(means)


def test_all_curves_are_over_the_same_images(tmp_path, pictures, drawn, caplog):
    """JPEG is exact on a flat picture, where WebP is not: it counts for neither."""
    flat = np.full((HEIGHT, WIDTH, 3), (200, 40, 40), np.uint8)
    flat = classical.decode(classical.encode("jpeg", flat, 50))
    Image.fromarray(flat).save(pictures / "flat.png")
    with caplog.at_level("INFO", logger="absl"):
        sweeps = ("--qualities=jpeg=20,50,70,90", "--qualities=webp=10,30,60,80")
        flags = ("--codecs=jpeg,webp", *sweeps, "--figures", "--resamples=2")
        output, rows = run(tmp_path, pictures, *flags)
    assert {row["series"] for row in rows if row["psnr-rgb"] == "inf"} == {"jpeg"}
    curves, title = drawn["psnr-rgb"]
    assert title == "3 of 4 images"
    assert "psnr-rgb, ewpsnr, " in caplog.text
    assert "JSON: 3 of 4 images count" in caplog.text
    for name, curve in curves.items():
        document = read_json(output / f"{name}.json")
        assert document["description"].startswith("3 of 4 images at a fixed quality")
        assert "1 left out, which some series has no" in document["description"]
        for key, drawn_values in zip(("bpp", "psnr-rgb", "mse"), (*curve, None)):
            counted = [float(row[key]) for row in rows if row["series"] == name]
            means = np.reshape(counted, (4, 4))[1:].mean(axis=0)  # without flat.png
            assert document["results"][key] == pytest.approx(means)
            assert drawn_values is None or drawn_values == pytest.approx(means)
    assert {row["images"] for row in read_csv(output / "bd_rate.csv")} == {"3"}


def test_json_leaves_out_metrics_that_no_image_has(tmp_path, pictures):
    output, _ = run(tmp_path, pictures, "--codecs=jpeg", "--qualities=jpeg=20")
    results = read_json(output / "jpeg.json")["results"]
    assert "psnr-rgb" in results
    # The images are too small for five scales.
    assert not {"ms-ssim-rgb", "boxes-psnr", "information_bpp"} & set(results)


def test_json_has_null_for_infinity(tmp_path):
    path = tmp_path / "x.json"
    results_files.write_json(path, "x", "", {"psnr-rgb": [30.0, math.inf]})
    assert read_json(path)["results"]["psnr-rgb"] == [30.0, None]


def test_the_alpha_channel_scores_by_default_as_told(tmp_path, masked_pictures):
    output, rows = run(tmp_path, masked_pictures, *JPEG)
    expected = metrics.ewpsnr(*jpeg(0), ramp())
    assert float(rows[0]["ewpsnr"]) == pytest.approx(expected)
    assert "map that scores: alpha channel of the image" in described(output)


def test_maps_of_several_origins_are_counted(tmp_path, pictures, masked_pictures):
    output, _ = run(tmp_path, pictures, f"--images={masked_pictures}/p0.png", *JPEG)
    assert "centre prior (3), alpha channel of the image (1)" in described(output)


def test_each_map_is_predicted_once_and_named(
    tmp_path, pictures, runs, drawn, predictors
):
    small = np.linspace(0.1, 1, 6, dtype=np.float32).reshape(2, 3)
    predict = mock.Mock(return_value=small)
    predictors["sky"] = lambda file: Predictor(on_each(predict))
    flags = f"--models=a={runs}/plain_[01]", "--saliency=sky:some/w.npz", *JPEG
    output, rows = run(tmp_path, pictures, *flags, "--figures")
    assert predict.call_count == 3
    saliency = saliency_maps.resize(small, HEIGHT, WIDTH)
    assert all((given == saliency).all() for given in FakeCodec.given)
    jpeg_row = next(row for row in rows if row["series"] == "jpeg")
    expected = metrics.ewpsnr(*jpeg(0), saliency)
    assert float(jpeg_row["ewpsnr"]) == pytest.approx(expected)
    told = "map given to the encoder: sky w.npz; map that scores: sky w.npz"
    assert told in described(output, "a")
    assert drawn["ewpsnr"][1] == "3 images; map that scores: sky w.npz"


def test_human_fixations_score_by_the_names_of_the_images(
    tmp_path, pictures, predictors
):
    predictors["fixations"] = recorded_fixations
    points = {f"p{i}.png": [([8 + 20 * i], [9])] for i in range(3)}
    write_osie(tmp_path / "eyes.mat", points)
    scorer = f"--score_saliency=fixations:{tmp_path}/eyes.mat"
    output, rows = run(tmp_path, pictures, *JPEG, scorer)
    for i, row in enumerate(rows):
        point = np.array([[8 + 20 * i, 9]])
        density = fixations.density(point, HEIGHT, WIDTH, fixations.DEGREE * WIDTH)
        expected = metrics.ewpsnr(*jpeg(i), density)
        assert float(row["ewpsnr"]) == pytest.approx(expected)
    assert "map that scores: fixations eyes.mat" in described(output)
    assert str(tmp_path) not in described(output)


def test_images_of_one_name_keep_their_folders(tmp_path, pictures, masked_pictures):
    other = f"--images={masked_pictures}/p0.png"
    _, rows = run(tmp_path, pictures / "p0.png", other, *JPEG)
    assert {row["image"] for row in rows} == {"pictures/p0.png", "masked/p0.png"}


def test_names_that_are_not_utf_8_are_printable_in_all_results(
    tmp_path, pictures, masked_pictures, runs, monkeypatch, caplog, capsys
):
    odd = os.fsdecode(b"caf\xe9")
    (pictures / "p0.png").rename(pictures / f"{odd}.png")
    (pictures / "p1.png").rename(pictures / "café.png")
    masks = tmp_path / f"{odd}$^$"
    masks.mkdir()
    for path in pictures.iterdir():
        Image.new("L", (8, 8), 255).save(masks / path.name)
    fail_on(monkeypatch, 0, InputError("too large"))
    subjects = f"--models={odd}={runs}/plain_*", "--codecs=jpeg,webp"
    flags = *subjects, "--qualities=webp=40", f"--score_saliency={masks}", "--figures"
    with pytest.raises(SalcompError, match="1 of 3 images are left out"):
        run(tmp_path, pictures, *flags)
    output = tmp_path / "out"
    rows = read_csv(output / "per_image.csv")
    assert {row["image"] for row in rows} == {"caf\\xe9.png", "café.png", "p2.png"}
    assert {row["series"] for row in rows} == {"caf\\xe9", "jpeg", "webp"}
    document = read_json(output / "caf_.json")
    assert document["name"] == "caf\\xe9"
    assert "masks in caf\\xe9$^$" in document["description"]
    with Image.open(output / "ewpsnr.png") as image:
        assert image.width >= 600
    assert "caf\\xe9.png webp 40: too large" in caplog.text
    assert "BD-rate against caf\\xe9," in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["score_saliency", "roi_masks"])
def test_a_mask_that_is_lacking_is_found_before_any_work(tmp_path, pictures, flag):
    masks = save_all(tmp_path / "masks", 2 * [ramp()])
    with pytest.raises(InputError, match="/masks.* p2.png"):
        run(tmp_path, pictures, *JPEG, f"--{flag}={masks}")
    assert not (tmp_path / "out").exists()


def test_max_images_takes_the_first(tmp_path, pictures):
    _, rows = run(tmp_path, pictures / "*.png", *JPEG, "--max_images=2")
    assert [row["image"] for row in rows] == ["p0.png", "p1.png"]


@pytest.mark.parametrize("box", [[8, 4, 20, 12], {"box": [8, 4, 20, 12], "class": 3}])
def test_boxes_are_scored_on_the_images_that_have_them(tmp_path, pictures, box):
    path = tmp_path / "signs.json"
    path.write_text(json.dumps({"p1.png": [box]}))
    output, rows = run(tmp_path, pictures, *JPEG, f"--roi_boxes={path}")
    inside = metrics.boxes_mask([[8, 4, 20, 12]], HEIGHT, WIDTH)
    expected = metrics.roi_psnr(*jpeg(1), inside)
    assert [row["boxes-psnr"] for row in rows][::2] == ["", ""]
    assert float(rows[1]["boxes-psnr"]) == pytest.approx(expected)
    results = read_json(output / "jpeg.json")["results"]
    assert results["boxes-psnr"] == pytest.approx([expected])
    assert "boxes: signs.json, 1 images with any" in described(output)


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"other.png": [[1, 2, 3, 4]]}', "boxes for none of the images"),
        ('{"p0.png": [[1, 2, 3]]}', "has a box"),
        ('{"p0.png": [[5, 2, 3, 4]]}', "p0.png has a box .*left < right"),
        ('{"p0.png": [[1, 2, Infinity, 4]]}', "p0.png has a box .*inf"),
        ('{"p0.png": [[-Infinity, 2, 3, 4]]}', "p0.png has a box .*-inf"),
        ('{"p0.png": [[1, NaN, 3, 4]]}', "p0.png has a box .*nan"),
        ('{"p0.png": [[-1, 2, 3, 4]]}', "p0.png has a box .*0 <= left"),
        (f'{{"p0.png": [[1, 2, {10**400}, 4]]}}', "not JSON of the form"),
        ('{"p0.png": [["a", 2, 3, 4]]}', "not JSON of the form"),
        ("[1]", "not JSON of the form"),
        ("{", "not JSON of the form"),
    ],
)
def test_unusable_boxes_are_refused(tmp_path, pictures, text, message):
    path = tmp_path / "boxes.json"
    path.write_text(text)
    found = refusal(run, tmp_path, pictures, *JPEG, f"--roi_boxes={path}")
    assert re.search(message, found)
    assert not (tmp_path / "out").exists()


def test_masks_mark_the_region_that_is_scored(tmp_path, pictures, drawn):
    masks = save_all(tmp_path / "signs", [0 * ramp(), ramp(), ramp()])
    output, rows = run(tmp_path, pictures, *JPEG, f"--roi_masks={masks}", "--figures")
    inside, outside = (float(rows[2][f"{name}mask-psnr"]) for name in ("", "non-"))
    assert inside == pytest.approx(metrics.roi_psnr(*jpeg(2), ramp() >= 128))
    assert outside == pytest.approx(metrics.non_roi_psnr(*jpeg(2), ramp() >= 128))
    assert rows[0]["mask-psnr"] == rows[0]["non-mask-psnr"] == ""
    assert "regions: masks in signs" in described(output)
    assert drawn["mask-psnr"][1] == "2 of 3 images; regions: masks in signs"


@pytest.mark.parametrize("flag", ["roi_boxes=boxes.json", "roi_masks=masked"])
def test_boxes_and_masks_are_refused_for_images_of_one_name(
    tmp_path, pictures, masked_pictures, monkeypatch, flag
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boxes.json").write_text('{"p0.png": [[1, 2, 3, 4]]}')
    with pytest.raises(InputError, match="2 images are called p0.png"):
        run(tmp_path, "*/p0.png", "--codecs=jpeg", f"--{flag}")


def test_reading_the_maps_shows_a_progress_bar(tmp_path, pictures, monkeypatch):
    bar = mock.Mock(side_effect=lambda items, *_, **__: items)
    monkeypatch.setattr(scorers, "Progress", bar)
    run(tmp_path, pictures, *JPEG)
    ((items, description),) = [call.args for call in bar.call_args_list]
    assert description == "maps" and len(items) == 3


def fail_on(monkeypatch, seed, error):
    """Makes WebP fail on one of the images."""
    encode = classical.encode

    def failing(name, rgb, quality):
        if name == "webp" and np.array_equal(rgb, smooth_image(seed)):
            raise error
        return encode(name, rgb, quality)

    monkeypatch.setattr(classical, "encode", failing)


def test_an_image_that_one_codec_fails_on_is_named_and_costs_only_its_own_results(
    tmp_path, pictures, monkeypatch, caplog
):
    fail_on(monkeypatch, 1, InputError("too large"))
    with pytest.raises(SalcompError, match="1 of 3 images are left out"):
        run(tmp_path, pictures, *TWO_CODECS)
    assert "p1.png webp 40: too large" in caplog.text
    rows = read_csv(tmp_path / "out" / "per_image.csv")
    counts = Counter(row["image"] for row in rows)
    assert counts == {"p0.png": 3, "p1.png": 2, "p2.png": 3}
    for name in ("jpeg", "webp"):
        (psnr, *_) = read_json(tmp_path / "out" / f"{name}.json")["results"]["psnr-rgb"]
        first = [row for row in rows if (row["series"], row["point"]) == (name, "0")]
        psnrs = [float(r["psnr-rgb"]) for r in first if r["image"] != "p1.png"]
        assert psnr == pytest.approx(np.mean(psnrs))
        assert "2 of 3 images at a fixed quality" in described(tmp_path / "out", name)


def test_results_are_kept_where_all_images_fail(tmp_path, pictures, monkeypatch):
    fail_on(monkeypatch, 0, InputError("too large"))
    with pytest.raises(SalcompError, match="1 of 1 images are left out"):
        run(tmp_path, pictures / "p0.png", *TWO_CODECS)
    assert (tmp_path / "out" / "per_image.csv").exists()


def test_an_interruption_leaves_the_rows_so_far(tmp_path, pictures, monkeypatch):
    fail_on(monkeypatch, 1, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, pictures, *TWO_CODECS)
    assert len(read_csv(tmp_path / "out" / "per_image.csv")) == 5


def test_the_boxes_of_the_street_scenes_are_understood(shared_data):
    folder = shared_data / "data" / "gtsdb512"
    boxes = scorers.read_boxes(str(folder / "signs_test.json"))
    names = {path.name for path in (folder / "test").glob("*.png")}
    assert len(names & set(boxes)) > 50


def test_models_of_a_label_make_a_series_by_rising_lambda(tmp_path, pictures, runs):
    models = [f"--models=base={runs}/plain_{some}" for some in ("[0-2]", "[34]")]
    output, rows = run(tmp_path, pictures / "p0.png", *models)
    assert {row["series"] for row in rows} == {"base"}
    results = read_json(output / "base.json")["results"]
    assert results["lambda"] == [0.01, 0.02, 0.03, 0.06, 0.1]
    assert results["bpp"] == sorted(results["bpp"])
    expected = np.array(results["bpp"]) - 20 / (HEIGHT * WIDTH)
    assert results["information_bpp"] == pytest.approx(expected)


def test_models_without_a_label_are_named_as_their_folders(tmp_path, pictures, runs):
    _, rows = run(tmp_path, pictures / "p0.png", f"--models={runs}/plain_[01]")
    assert [row["series"] for row in rows] == ["plain_0", "plain_1"]


def test_a_tilde_is_the_home_folder(tmp_path, pictures, runs, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    models = "--models=base=~/runs/plain_0", "--models=~/runs/plain_1"
    _, rows = run(tmp_path, "~/pictures/p0.*", *models)
    assert [row["series"] for row in rows] == ["base", "plain_1"]


def test_models_of_the_zoo_go_by_patterns(tmp_path, pictures, runs, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", runs)
    for folder in runs.iterdir():
        (folder / "fingerprint.txt").touch()
    _, rows = run(tmp_path, pictures / "p0.png", "--models=a=plain_[01]")
    found = [(row["series"], float(row["setting"])) for row in rows]
    assert found == [("a", 0.01), ("a", 0.03)]


@pytest.mark.parametrize("pattern", ["runs/lambda=*", "lambda=0.03"])
def test_an_equals_sign_in_a_path_does_not_make_a_label(
    tmp_path, pictures, runs, monkeypatch, pattern
):
    (runs / "plain_0").rename(runs / "lambda=0.03")
    monkeypatch.chdir(tmp_path if "/" in pattern else runs)
    _, rows = run(tmp_path, pictures / "p0.png", f"--models={pattern}")
    assert rows[0]["series"] == "lambda=0.03"


def test_the_encoder_gets_its_own_map_not_the_scorers(tmp_path, masked_pictures, runs):
    flags = f"--models=base={runs}/plain_0", "--score_saliency=uniform"
    output, rows = run(tmp_path, masked_pictures / "p0.png", *flags)
    np.testing.assert_allclose(FakeCodec.given[0], ramp() / 255, atol=1e-6)
    assert rows[0]["ewpsnr"] == rows[0]["psnr-rgb"]
    encoders = "given to the encoder: alpha channel of the image"
    assert encoders in described(output, "base")
    assert "map that scores: uniform" in described(output, "base")


def test_one_training_weight_scores_all_series(tmp_path, masked_pictures, runs):
    models = f"--models=base={runs}/plain_0", f"--models=ours={runs}/weighted_0"
    output, rows = run(tmp_path, masked_pictures / "p0.png", *models, *JPEG)
    expected = metrics.ewpsnr(*jpeg(0), np.maximum(ramp() / 255, 0.25))
    assert [row["series"] for row in rows] == ["base", "ours", "jpeg"]
    assert float(rows[2]["ewpsnr-train"]) == pytest.approx(expected, abs=1e-4)
    assert rows[0]["ewpsnr-train"] == rows[1]["ewpsnr-train"] != ""
    assert "ewpsnr-train: weight that ours was trained with" in described(output)


def test_without_a_weighted_model_no_training_weight(tmp_path, masked_pictures, runs):
    _, rows = run(tmp_path, masked_pictures / "p0.png", f"--models=base={runs}/plain_0")
    assert rows[0]["ewpsnr-train"] == ""


def test_bd_rates_are_against_the_anchor(tmp_path, pictures, capsys):
    flags = "--codecs=jpeg,jpeg-optimized", "--anchor=jpeg-optimized"
    output, _ = run(tmp_path, pictures, *flags)
    table = {row["metric"]: row for row in read_csv(output / "bd_rate.csv")}
    compared = {(row["series"], row["anchor"]) for row in table.values()}
    assert compared == {("jpeg", "jpeg-optimized")}
    row = table["psnr-rgb"]
    # The same pixels in more bytes.
    assert 0 < float(row["bd_rate_low"]) <= float(row["bd_rate_percent"])
    assert float(row["overlap"]) == 1 and int(row["images"]) == 3
    assert "BD-rate against jpeg-optimized" in capsys.readouterr().out


def test_one_image_has_no_interval(tmp_path, pictures, capsys):
    output, _ = run(tmp_path, pictures / "p0.png", "--codecs=jpeg-optimized,jpeg")
    row = read_csv(output / "bd_rate.csv")[0]
    assert row["bd_rate_low"] == row["bd_quality_high"] == ""
    printed = capsys.readouterr().out
    assert "% (no interval), " in printed and "nan" not in printed


@pytest.mark.parametrize(
    "value, text",
    [(-0.004, "+0.00"), (0.0, "+0.00"), (-37.899, "-37.90"), (math.nan, "–")],
)
def test_changes_are_printed_without_the_sign_of_a_rounded_zero(value, text):
    assert results_files.signed(value) == text


def test_curves_too_short_for_a_bd_rate_are_told_of(tmp_path, pictures, caplog):
    flags = "--codecs=jpeg,webp", "--qualities=webp=10,20,30"
    with caplog.at_level("INFO", logger="absl"):
        output, _ = run(tmp_path, pictures, *flags)
    assert not (output / "bd_rate.csv").exists()
    assert "no BD-rate of webp in psnr-rgb: the test curve has 3 points" in caplog.text


@pytest.mark.parametrize("flag", ["--figures", "--nofigures"])
def test_a_figure_is_drawn_of_each_metric_there_is(tmp_path, pictures, drawn, flag):
    run(tmp_path, pictures, "--codecs=jpeg", "--qualities=jpeg=9", flag)
    rois = {f"{side}roi-psnr-{p}" for side in ("", "non-") for p in (5, 10, 20)}
    wanted = {"psnr-rgb", "ewpsnr"} | rois
    assert set(drawn) == (wanted if flag == "--figures" else set())


def test_every_figure_is_of_a_metric_in_db():
    in_db = {name for name in metrics.METRICS if "psnr" in name or name[-3:] == "-db"}
    assert set(metrics.IN_DB) == in_db


@pytest.mark.parametrize(
    "flags, message",
    [
        ("--codecs=jpeg", "give --images"),
        ("{images}", "give --models or --codecs"),
        ("{images}/*.gif --codecs=jpeg", "no such file"),
        ("{images} --codecs=jpeg,bpg", "unknown codec 'bpg'"),
        ("{images} --codecs=jpeg --qualities=webp=5", "'webp' is not among the codecs"),
        ("{images} --codecs=jpeg --qualities=jpeg=a", "CODEC=QUALITY,QUALITY"),
        ("{images} --codecs=jpeg --qualities=jpeg=500", "goes from 1 to 100"),
        ("{images} --models=a=/none/*", "no folder /none/"),
        ("{images} --models=jpeg={runs}/plain_* --codecs=jpeg", "2 series are .* jpeg"),
        ("{images} --codecs=jpeg --anchor=x", "--anchor=x"),
        ("{images} --codecs=jpeg --saliency=/none", "/none"),
        ("{images} --codecs=jpeg extra.png", "'extra.png'"),
        ("{images} --codecs=jpeg --max_images=0", "max_images"),
        ("{images} --codecs=jpeg --output_dir=", "give --output_dir"),
    ],
)
def test_a_mistake_in_the_flags_is_told(tmp_path, pictures, runs, flags, message):
    flags = flags.format(images=f"--images={pictures}", runs=runs).split()
    arguments = ["evaluate", f"--output_dir={tmp_path / 'out'}", *flags]
    assert re.search(message, refusal(evaluate.main, arguments))
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made_is_refused(tmp_path, pictures):
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(InputError, match="output_dir"):
        run(tmp_path, pictures, "--codecs=jpeg")


def test_importing_the_tool_imports_neither_tensorflow_nor_matplotlib():
    code = "import sys, salcomp.evaluate; print(*sys.modules)"
    loaded = run_python("-c", code).stdout.split()
    assert "salcomp.evaluate" in loaded
    assert not {"tensorflow", "tensorflow_datasets", "matplotlib"} & set(loaded)
