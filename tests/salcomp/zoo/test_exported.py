"""Tests of salcomp.zoo.exported and of the door salcomp.export."""

from __future__ import annotations

import shutil
import stat

import numpy as np
import pytest

from salcomp import export
from salcomp.codec.codec import Codec
from salcomp.config.config import CONDITIONINGS
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.runs import folder as run_folder
from salcomp.runs.checkpoints import Checkpoints
from salcomp.training.warm_start import fitted
from salcomp.zoo import exported
from tests.fixtures import frame, parts, refusal, small_config, weights_of

FILES = ("config.json", "weights.npz", "tables.npz", "fingerprint.txt")


def model_of(conditioning=None, **changes):
    changes["condition_encoder"] = conditioning is not None
    return SaliencyCodec(small_config(conditioning=conditioning or "concat", **changes))


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    """An exported model with random weights that nobody may change."""
    folder = tmp_path_factory.mktemp("exports") / "model"
    exported.save(model_of("concat"), 12, folder)
    return folder


@pytest.fixture
def copy(model_path, tmp_path):
    """A copy of it that a test may change."""
    return shutil.copytree(model_path, tmp_path / "model")


@pytest.fixture
def killed(tmp_path):
    """The folder of a run with checkpoints of steps 3 and 4, and no export."""
    workdir = tmp_path / "run"
    model = model_of("concat")
    run_folder.start(str(workdir), model.config, {})
    checkpoints = Checkpoints(str(workdir), model)
    for step in (3, 4):
        model.synthesis.convs[2].bias.assign([step, step, step])
        checkpoints.save(step)
    return workdir


def test_model_folder_is_as_readable_as_other_folders(model_path, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    assert stat.S_IMODE(model_path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_loaded_model_knows_its_configuration_and_step(model_path):
    loaded = exported.load(model_path)
    assert loaded.model.config == small_config()
    assert loaded.step == 12


@pytest.mark.parametrize(
    ("layers", "conditioning"),
    [("2019", None), ("2019", "concat"), ("2019", "modulate"), ("tfc2", "concat")],
)
def test_loaded_model_compresses_to_the_same_bits(tmp_path, layers, conditioning):
    model = model_of(conditioning, layers=layers)
    folder = tmp_path / "model"
    exported.save(model, 1, folder)
    picture = parts(frame(0, 40, 56))
    fingerprint = exported.load(folder).fingerprint
    tables = model.prior.tables()
    original = Codec(exported.Export(model, tables, fingerprint, 1)).encode(*picture)
    loaded = Codec.load(folder)
    assert loaded.encode(*picture).data == original.data
    assert (loaded.decode(original.data) == original.reconstruction).all()


def test_same_model_has_the_same_fingerprint_each_time(model_path, tmp_path):
    loaded = exported.load(model_path)
    exported.save(loaded.model, loaded.step, tmp_path / "again")
    assert exported.load(tmp_path / "again").fingerprint == loaded.fingerprint


def test_fingerprint_changes_with_any_weight(model_path, tmp_path):
    loaded = exported.load(model_path)
    bias = loaded.model.synthesis.convs[0].bias
    bias.assign(np.nextafter(bias.numpy(), 1))
    exported.save(loaded.model, loaded.step, tmp_path / "other")
    assert exported.load(tmp_path / "other").fingerprint != loaded.fingerprint


EACH_FILE = pytest.mark.parametrize("name", FILES)


@EACH_FILE
def test_file_with_any_byte_changed_is_refused(copy, name):
    path = copy / name
    original = path.read_bytes()
    content = original.rstrip()  # the last newline of a text says nothing
    places = np.random.default_rng(0).integers(len(content), size=40)
    for place in {0, len(content) - 1, *map(int, places)}:
        altered = bytearray(original)
        altered[place] ^= 0x80
        path.write_bytes(altered)
        assert str(copy) in refusal(exported.load, copy)


@EACH_FILE
def test_file_cut_short_is_refused(copy, name):
    path = copy / name
    path.write_bytes(path.read_bytes()[:-10])
    assert str(copy) in refusal(exported.load, copy)


@EACH_FILE
def test_missing_file_is_refused(copy, name):
    (copy / name).unlink()
    assert str(copy) in refusal(exported.load, copy)


@pytest.mark.parametrize("place", ["nowhere", ""])
def test_folder_without_a_model_is_refused(tmp_path, place):
    assert str(tmp_path) in refusal(exported.load, tmp_path / place)


def test_export_replaces_an_older_one(copy):
    exported.save(model_of("concat"), 99, copy)
    assert exported.load(copy).step == 99


def test_export_replaces_nothing_but_an_export(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    assert str(tmp_path) in refusal(exported.save, model_of(), 1, tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_weights_of_another_size_are_refused_by_the_name_of_a_tensor():
    message = refusal(exported.assign, model_of(), weights_of(model_of(num_filters=5)))
    assert "tensor 'prior/matrices/0' is (5, 3, 1)" in message
    assert "(4, 3, 1) in this" in message


@pytest.mark.parametrize("name", ["synthesis/gdns/1/reparam_beta", "analysis/extra"])
def test_missing_tensor_and_one_too_many_are_named(name):
    weights = weights_of(model_of())
    if weights.pop(name, None) is None:
        weights[name] = np.zeros(1)
    assert name in refusal(exported.assign, model_of(), weights)


@pytest.mark.parametrize("conditioning", CONDITIONINGS)
@pytest.mark.parametrize("saliency", [0.0, 0.3, 1.0])
def test_conditioned_model_starts_as_the_baseline_for_any_map(conditioning, saliency):
    baseline, conditioned = model_of(), model_of(conditioning)
    exported.assign(conditioned, fitted(weights_of(baseline), weights_of(conditioned)))
    rgb = frame(0, 48, 64)[None, ..., :3].astype(np.float32)
    maps = np.full((1, 48, 64, 1), saliency, np.float32)
    y = conditioned.encode(rgb, maps)
    np.testing.assert_allclose(y, baseline.encode(rgb, maps), atol=1e-5)
    x_hat = conditioned.decode(y)
    np.testing.assert_allclose(x_hat, baseline.decode(y), atol=1e-4)


def test_model_of_several_rates_starts_with_the_transforms_of_another():
    changes = {"prior": "hyper", "patchsize": 64, "rates": 3, "lambda_span": 9.0}
    other, model = model_of(), model_of(**changes)
    own = weights_of(model)
    exported.assign(model, fitted(weights_of(other), own))
    for name, value in weights_of(model).items():
        afresh = name.startswith(("prior/", "gains/"))
        expected = own[name] if afresh else weights_of(other)[name]
        np.testing.assert_array_equal(value, expected)


def test_loading_a_run_killed_before_its_export_writes_nothing_and_says_how(killed):
    before = sorted(killed.rglob("*"))
    assert f"salcomp.export --workdir={killed}" in refusal(exported.load, killed)
    assert sorted(killed.rglob("*")) == before


def test_run_killed_before_its_export_is_made_ready_from_its_newest_checkpoint(killed):
    loaded = exported.load(exported.ready(killed))
    assert loaded.step == 4
    assert loaded.model.synthesis.convs[2].bias.numpy().tolist() == [4, 4, 4]
    assert (killed / "model" / "fingerprint.txt").exists()


def test_export_that_is_older_than_its_run_is_told_of(killed, caplog):
    exported.export_run(killed, step=3)
    caplog.set_level("INFO")
    assert exported.load(killed).step == 3
    assert "step 3" in caplog.text and "step 4" in caplog.text


def test_older_checkpoint_is_exported_on_demand(killed, tmp_path, capsys):
    output = tmp_path / "old"
    export.main(["export", f"--workdir={killed}", "--step=3", f"--output={output}"])
    assert capsys.readouterr().out.strip() == str(output)
    loaded = exported.load(output)
    assert loaded.step == 3
    assert loaded.model.synthesis.convs[2].bias.numpy().tolist() == [3, 3, 3]


def test_export_of_a_step_without_a_checkpoint_is_refused(killed):
    message = refusal(export.main, ["export", f"--workdir={killed}", "--step=7"])
    assert "step 7" in message and "3, 4" in message


def test_export_of_a_run_without_a_checkpoint_is_refused(tmp_path):
    run_folder.start(str(tmp_path / "run"), small_config(), {})
    assert "no checkpoint" in refusal(exported.export_run, tmp_path / "run")


def test_checkpoint_of_step_0_is_exported(tmp_path):
    workdir = str(tmp_path / "run")
    model = model_of("concat")
    run_folder.start(workdir, model.config, {})
    Checkpoints(workdir, model).save(0)
    assert exported.load(exported.ready(workdir)).step == 0


def test_export_without_a_workdir_is_refused():
    assert "--workdir" in refusal(export.main, ["export"])
