"""Tests of experiments.recurrent: the arms, and the experiment as a whole."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from experiments.recurrent import __main__ as command
from experiments.recurrent import arms, measuring
from experiments.recurrent.arms import ARMS
from experiments.study.run import COLUMNS as STUDY_COLUMNS
from salcomp.config.weighting import UNIFORM_SHARE, mixed_weight
from salcomp.files.results import write_csv
from salcomp.recurrent.model import RecurrentCoder
from salcomp.recurrent.stopping import Adaptive, by_gain
from salcomp.zoo import exported
from tests.experiments.study.test_report import write_records
from tests.fixtures import frame, parts, refusal, save_frames
from tests.salcomp.recurrent.small import small_config, untrained_codec

ITERATIONS, PICTURES = 4, 2
LAMBDAS = "0.0001,0.001,0.01,0.1"


def save_model(folder, **changes):
    tf.keras.utils.set_random_seed(0)
    model = RecurrentCoder(small_config(iterations=ITERATIONS, **changes))
    exported.save(model, 1, folder)


def rows_of(path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open()))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The folder of an experiment, whose model with the map came after the other."""
    folder = tmp_path_factory.mktemp("recurrent")
    save_model(folder / "plain")
    save_model(folder / "saliency", condition_encoder=True, weight_distortion=True)
    for name in ("test", "photos"):
        save_frames(folder / name, PICTURES, height=96, width=176)
    given = [f"--{name}={folder / name}" for name in ("workdir", "output_dir")]
    given += [f"--frames={folder / 'test'}", f"--fixation_frames={folder / 'photos'}"]
    given += [f"--fixation_maps={folder / 'test'}", f"--lambdas={LAMBDAS}"]
    plain = ["recurrent", f"--model={folder / 'plain'}", *given]
    command.main(plain)
    first = {row["run"].partition("@")[0] for row in rows_of(images_of(folder))}
    assert first == {
        arms.JPEG,
        *(name for name, arm in ARMS.items() if not arm.trained),
    }
    (folder / "command.json").write_text(
        json.dumps([*plain, f"--saliency_model={folder / 'saliency'}"])
    )
    command.main(json.loads((folder / "command.json").read_text()))
    return folder


def images_of(folder):
    return folder / "output_dir" / "per_image.csv"


def labels_of(folder) -> set[str]:
    return {row["run"].partition("@")[0] for row in rows_of(images_of(folder))}


def test_every_arm_codes_every_picture_at_every_setting(measured):
    rows = rows_of(images_of(measured))
    settings = {
        name: ITERATIONS if arm.stops is None else 4 for name, arm in ARMS.items()
    }
    settings[arms.JPEG] = len(arms.jpeg().settings)
    for label, count in settings.items():
        own = [row for row in rows if row["run"].partition("@")[0] == label]
        keys = {(row["set"], row["image"], row["run"]) for row in own}
        assert len(own) == len(keys) == 2 * PICTURES * count, label
    assert len(rows) == 2 * PICTURES * sum(settings.values())
    assert all(float(row["ewpsnr"]) > 0 and float(row["bpp"]) > 0 for row in rows)


def test_shuffled_arm_is_told_the_map_of_the_other_picture(measured):
    rows = {(r["set"], r["image"], r["run"]): r for r in rows_of(images_of(measured))}
    codec = command.RecurrentCodec.load(measured / "plain")
    rgb, _ = parts(frame(0, 96, 176))
    _, other = parts(frame(1, 96, 176))
    encode = arms.coder(ARMS["adaptive-shuffled"], codec, [0.01]).look(rgb, other)
    row = rows["test", "frame00.png", "adaptive-shuffled@0.01"]
    assert len(encode(0.01).data) == int(row["bytes"])


def test_page_figures_and_record_tell_what_was_measured(measured):
    output = measured / "output_dir"
    record = json.loads((output / "record.json").read_text())
    assert record["command"].startswith("python -m experiments.recurrent --model")
    assert record["lambdas"] == [float(x) for x in LAMBDAS.split(",")]
    config = record["models"]["saliency_model"]["config"]
    assert config["condition_encoder"] and config["iterations"] == ITERATIONS
    for name in ("curves", "stops", "iterations"):
        assert Image.open(output / f"{name}.png").size[0] > 700
    page = (output / "README.md").read_text()
    assert page.startswith("# Does a recurrent codec")
    assert "stops.png" in page and "training.png" not in page


def test_pictures_of_stops_have_a_level_per_iteration(measured):
    output = measured / "output_dir"
    shown = [r for r in rows_of(output / "pictures.csv") if r["kind"] == "stops"]
    assert {row["of"] for row in shown} == {"adaptive", "adaptive-map"}
    for row in shown:
        stops = np.asarray(Image.open(output / row["file"]))
        assert stops.shape == (6, 11)
        assert 1 <= stops.min() and stops.max() <= ITERATIONS


def test_command_that_is_given_again_codes_nothing_anew(measured, monkeypatch):
    before = images_of(measured).read_bytes()
    monkeypatch.setattr(arms, "coder", lambda *_: None)
    command.main(json.loads((measured / "command.json").read_text()))
    assert images_of(measured).read_bytes() == before


@pytest.mark.parametrize(
    "flags, message",
    [
        ("", "--model is needed"),
        ("--model={0}/saliency", "was trained with the map"),
        ("--model={0}/plain --saliency_model={0}/plain", "was trained without the map"),
        ("--model={0}/plain --lambdas=1,2,3", "a BD-rate takes 4"),
        ("--model={0}/plain --fixation_frames=x", "go together"),
        (
            "--model={0}/plain --fixation_frames=x --fixation_maps=x",
            "beside --fixation",
        ),
        ("--model={0}/plain --frames=nowhere", "nowhere: no such folder"),
    ],
)
def test_flags_that_do_not_fit_are_refused(measured, tmp_path, flags, message):
    given = [f"--workdir={tmp_path / 'w'}", f"--output_dir={tmp_path / 'o'}"]
    given += flags.format(measured).split()
    assert message in refusal(command.main, ["recurrent", *given])


@pytest.fixture(scope="module")
def codec():
    return untrained_codec()


def test_iterations_of_all_blocks_are_the_files_that_stop_there(codec):
    rgb, saliency = parts(frame(0))
    coder = arms.coder(ARMS["iterations"], codec, [])
    encode = coder.look(rgb, saliency)
    assert coder.settings == (1, 2, 3)
    for count in coder.settings:
        alone = Adaptive(codec, None, iterations=count).encode("", rgb, saliency)
        assert encode(count).data == alone.data


@pytest.mark.parametrize("arm", ["adaptive", "adaptive-map"])
def test_blocks_stop_by_the_weights_of_the_arm(codec, arm):
    rgb, saliency = parts(frame(0))
    weight = {"adaptive": np.ones_like(saliency)}.get(
        arm, mixed_weight(saliency, UNIFORM_SHARE)
    )
    expected = Adaptive(codec, by_gain(0.01), lambda _: weight)
    encode = arms.coder(ARMS[arm], codec, [0.01]).look(rgb, saliency)
    assert encode(0.01).data == expected.encode("", rgb, saliency).data


def study_with_jpeg(folder, size: int) -> list[dict[str, str]]:
    """Writes a study whose JPEG of a picture has so many bytes; gives own rows."""
    write_records(folder, {"concat": -0.1})
    rows = rows_of(folder / "per_image.csv")
    jpeg = dict.fromkeys(STUDY_COLUMNS, 30.0)
    jpeg |= {"set": "test", "run": "jpeg-optimized-10", "image": "03.png"}
    write_csv(folder / "per_image.csv", [*rows, {**jpeg, "bytes": size}])
    own = {"set": "test", "run": "jpeg-optimized@10", "image": "03.png", "bytes": "77"}
    return [own, {**own, "run": "iterations@1", "image": "05.png"}]


def test_codec_of_2017_comes_from_a_study_of_the_same_pictures(tmp_path):
    found = measuring.of_study(tmp_path, study_with_jpeg(tmp_path, 77))
    studied = {(r["run"], r["image"]): r for r in rows_of(tmp_path / "per_image.csv")}
    assert {row["image"] for row in found} == {"03.png", "05.png"}
    assert {row["run"].partition("@")[0] for row in found} == {"baseline", "concat"}
    for row in found:
        original = studied[row["run"].replace("@", "-"), row["image"]]
        assert row["bpp"] == pytest.approx(float(original["bpp"]))
    assert list(found[0]) == list(measuring.COLUMNS)


def test_study_of_other_pictures_is_refused(tmp_path):
    own = study_with_jpeg(tmp_path, 78)
    found = refusal(measuring.of_study, tmp_path, own)
    assert "03.png of its set test has 78 bytes as JPEG of quality 10" in found
