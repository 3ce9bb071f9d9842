"""Tests of experiments.fill_zoo."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from experiments import fill_zoo
from experiments.study.report.records import StudyRecords
from salcomp.codec.codec import Codec
from salcomp.errors import InputError
from salcomp.files.results import write_csv
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.zoo import card as model_card
from salcomp.zoo import exported
from tests.experiments.study.test_report import write_records
from tests.fixtures import frame, parts, small_config


@pytest.fixture
def study(tmp_path, workdir):
    """Records, and run folders that all hold one small model."""
    records = tmp_path / "records"
    records.mkdir()
    write_records(records, {"concat": -0.1})
    made = json.loads((records / "record.json").read_text())
    made["data"] = ["frames/train", "frames/test"]
    (records / "record.json").write_text(json.dumps(made))
    for name in StudyRecords(records).runs:
        shutil.copytree(workdir / "model", tmp_path / "runs" / name / "model")
    return [f"--workdir={tmp_path / 'runs'}", f"--records={records}"]


def test_models_of_the_arms_go_into_the_zoo_by_rising_lambda(study, tmp_path):
    zoo = tmp_path / "zoo"
    fill_zoo.main(["fill_zoo", *study, f"--zoo={zoo}", "--frames=drawn scenes"])
    names = sorted(path.name for path in zoo.iterdir())
    assert names == [f"{a}-{i}" for a in ("baseline", "saliency") for i in (1, 2, 3, 4)]
    files = [(zoo / name / "card.json").read_bytes() for name in names[:4]]
    cards = [model_card.Card.from_json(*both) for both in zip(files, names)]
    tests = [card.points[0].test for card in cards]
    rates = [test.bpp for test in tests]
    assert rates == sorted(rates) and rates[0] < rates[-1]
    assert tests[0].bpp_low < tests[0].bpp < tests[0].bpp_high
    assert "drawn scenes" in cards[0].training


def test_a_model_of_the_zoo_has_half_precision_and_codes_nearly_as_its_source(
    study, tmp_path
):
    zoo = tmp_path / "zoo"
    fill_zoo.main(["fill_zoo", *study, f"--zoo={zoo}"])
    source = next((tmp_path / "runs").glob("*/model"))
    models = zoo / "baseline-1", source
    sizes = [path.joinpath("weights.npz").stat().st_size for path in models]
    assert sizes[0] < 0.6 * sizes[1]
    codecs = [Codec.load(path) for path in models]
    halved, whole = (codec.encode(*parts(frame(0, 64, 96))) for codec in codecs)
    assert halved.bpp == pytest.approx(whole.bpp, rel=0.01)
    assert halved.data[5:13] == codecs[0].fingerprint != codecs[1].fingerprint
    difference = halved.reconstruction.astype(int) - whole.reconstruction
    assert np.abs(difference).mean() < 0.5


def test_records_without_the_arms_are_refused(study, tmp_path):
    rows = StudyRecords(tmp_path / "records").plan
    write_csv(tmp_path / "records/runs.csv", [{**row, "done": 0} for row in rows])
    with pytest.raises(InputError, match="no run of baseline"):
        fill_zoo.main(["fill_zoo", *study, f"--zoo={tmp_path / 'zoo'}"])


def test_a_model_of_several_rates_has_a_card_with_a_point_for_each(study, tmp_path):
    rows = StudyRecords(tmp_path / "records").plan
    first, *others = (r for r in rows if r["arm"] == "concat" and r["seed"] == "0")
    first["arm"] = "hyper"
    for row in others:
        row |= {"arm": "hyper-rates", "start": first["name"]}
    write_csv(tmp_path / "records/runs.csv", rows)
    config = small_config(
        prior="hyper", rates=4, lambda_span=64, lmbda=0.001, patchsize=64
    )
    folder = tmp_path / "runs" / first["name"] / "model"
    exported.save(SaliencyCodec(config), 1, folder)
    fill_zoo.main(["fill_zoo", *study, f"--zoo={tmp_path / 'zoo'}"])
    text = (tmp_path / "zoo/hyper/card.json").read_bytes()
    card = model_card.Card.from_json(text, "card.json")
    found = [point.quality for point in card.points]
    assert (card.arm, card.lmbda) == ("hyper", 0.001)
    assert found == pytest.approx([0, 100 / 6, 200 / 6, 50], abs=0.01)
