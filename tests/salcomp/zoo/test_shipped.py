"""Tests of salcomp.zoo.shipped, of what of it is packaged, and of the models in it."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile

import pytest

from salcomp.codec import bitstream, files
from salcomp.codec.bitstream import Content
from salcomp.codec.codec import Codec
from salcomp.errors import SalcompError
from salcomp.zoo import card as model_card
from salcomp.zoo import exported, shipped
from salcomp.zoo import folder as model_folder
from tests.fixtures import LADDER, ROOT, card, refusal, run_python

pytestmark = pytest.mark.kernels

MIB = 2**20
SHIPPED = shipped.names()


@pytest.fixture
def copy(zoo, tmp_path, monkeypatch):
    """A zoo that a test may change."""
    folder = shutil.copytree(zoo, tmp_path / "zoo")
    monkeypatch.setattr(shipped, "FOLDER", folder)
    return folder


def point(**changes) -> dict:
    """A point of a card whose scores on test frames are changed."""
    (given,) = card()["points"]
    return {**given, "test": {**given["test"], **changes}}


def change_card(folder, **changes):
    path = folder / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_model_of_the_zoo_is_an_exported_model_with_a_card(zoo):
    files = sorted(path.name for path in (zoo / "low").iterdir())
    assert files == sorted([*model_folder.PARTS, "fingerprint.txt", "card.json"])


def test_a_card_tells_what_it_was_given_and_what_the_model_tells(zoo):
    card_of_low = shipped.cards()[1]
    assert (card_of_low.name, card_of_low.lmbda) == ("low", LADDER["low"][0])
    assert card_of_low.saliency_floor == 0.1
    assert card_of_low.points[0].test.psnr_rgb == point()["test"]["psnr-rgb"]
    stored = json.loads((zoo / "low/card.json").read_text())
    assert card().items() <= stored.items()


def test_a_model_trained_without_weights_has_no_floor(zoo):
    assert shipped.cards()[0].saliency_floor is None


def test_cards_come_by_arm_and_rising_lambda(zoo):
    assert [card.name for card in shipped.cards()] == ["plain", *LADDER]


def test_an_arm_comes_by_rising_lambda(zoo):
    assert shipped.arm_of("high") == [zoo / name for name in LADDER]
    assert shipped.arm_of(zoo / "plain") == [zoo / "plain"]


def same_model(first, second):
    return exported.load(first).fingerprint == exported.load(second).fingerprint


def test_a_name_is_loaded_as_a_model(zoo):
    assert same_model("high", zoo / "high")


def test_an_existing_folder_goes_before_a_name(zoo, tmp_path, monkeypatch):
    shutil.copytree(zoo / "low", tmp_path / "high")
    monkeypatch.chdir(tmp_path)
    assert same_model("high", zoo / "low")


def test_a_folder_of_results_does_not_hide_a_model(zoo, tmp_path, monkeypatch):
    (tmp_path / "low").mkdir()
    monkeypatch.chdir(tmp_path)
    assert same_model("low", zoo / "low")


def test_the_start_of_a_fingerprint_finds_its_model(zoo):
    start = exported.load("low").fingerprint[:8]
    assert shipped.with_fingerprint(start) == zoo / "low"
    assert shipped.with_fingerprint(bytes(8)) is None


@pytest.mark.parametrize("name", ["..", "../zoo/low", "", "low/card.json"])
def test_nothing_but_a_name_of_the_zoo_is_one(zoo, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert name not in shipped.names()
    assert shipped.matching(name) == []


def test_an_unknown_name_is_refused_with_the_way_to_the_list(zoo):
    message = refusal(shipped.folder_of, "quite-another")
    assert "quite-another: no such folder" in message
    assert "--list_models" in message and "near" not in message


def test_without_a_zoo_any_name_is_refused(empty_zoo):
    assert shipped.names() == [] and shipped.cards() == []
    assert "no models come with" in refusal(shipped.folder_of, "low")
    assert "no models come with" in model_card.table([])


def test_what_a_killed_process_left_is_no_model(copy):
    shutil.copytree(copy / "low", copy / ".low-abc")
    assert shipped.names() == ["high", "low", "middle", "plain"]


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"arm": ""}, "arm must be a text, not ''"),
        ({"lambda": "0.1"}, "lambda must be a number over 0, not '0.1'"),
        ({"lambda": 10**400}, "lambda must be a number over 0"),
        ({"saliency_floor": -1}, "saliency_floor must be null or a number of 0"),
        ({"versions": {"numpy": 1}}, "versions must be texts by name"),
        ({"points": []}, "points must be a list of objects, one at least"),
        ({"points": [3]}, "points: no card of a model (fields missing or unknown: "),
        ({"points": [{**point(), "test": []}]}, "points: test must be an object"),
        ({"points": [{**point(), "quality": ""}]}, "quality must be null or a number"),
        ({"points": [point(images=0)]}, "test: images must be a count, not 0"),
        ({"points": [point(bpp=float("nan"))]}, "bpp must be a number"),
        ({"colour": "red"}, "fields missing or unknown: colour"),
        ({"name": "high"}, "is the card of high"),
    ],
)
def test_a_card_with_a_wrong_field_is_refused_by_its_name(copy, changes, told):
    change_card(copy / "low", **changes)
    message = refusal(shipped.cards)
    assert str(copy / "low" / "card.json") in message and told in message


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\udcff"])
def test_a_damaged_card_is_refused(copy, text):
    path = copy / "low" / "card.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert str(path) in refusal(shipped.cards)


def test_a_missing_card_is_refused_but_its_model_can_be_used(copy):
    (copy / "low/card.json").unlink()
    assert "low/card.json: No such file" in refusal(shipped.cards)
    assert exported.load("low").step == 200


def test_adding_replaces_a_model_of_the_same_name(copy):
    shipped.add(copy / "high", "low", card(date="2026-02-01"))
    assert same_model("low", "high")
    dates = {card.name: card.date for card in shipped.cards()}
    assert dates["low"] == "2026-02-01"


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("../out", {}, "no name for a model"),
        ("New", {}, "no name for a model"),
        ("new", {"lambda": 0.3}, "says lambda 0.3, its model 0.005"),
        ("new", {"saliency_floor": None}, "says saliency_floor None, its model 0.1"),
        ("new", {"arm": 3}, "the card of new: arm must be a text"),
    ],
)
def test_what_is_unfit_for_the_zoo_is_refused(copy, name, changes, told):
    assert told in refusal(shipped.add, copy / "low", name, card(**changes))
    assert len(list(copy.iterdir())) == 4


def test_a_damaged_model_is_not_added(copy, tmp_path):
    damaged = shutil.copytree(copy / "low", tmp_path / "damaged")
    (damaged / "weights.npz").write_bytes(b"")
    assert "fingerprint" in refusal(shipped.add, damaged, "new", card())
    assert "no exported model" in refusal(shipped.add, tmp_path, "new", card())
    assert len(list(copy.iterdir())) == 4


def test_the_table_has_a_line_per_model_and_one_per_distinct_text(zoo):
    lines = model_card.table(shipped.cards()).splitlines()
    scores = "0.500 (0.250 to 0.875) 27.50 dB 24.25 dB 0.500 24.25 dB"
    assert lines[2].split() == ["low", "0.005", "concat", "0.1", "-", *scores.split()]
    assert "  low, middle, high: " + card()["training"] in lines
    assert "  plain: None." in lines
    assert "  concat: The map is a fourth input channel." in lines
    assert "  all: 12 images, made-up frames, scored by their own maps" in lines


def test_a_model_of_several_rates_has_a_line_of_the_table_for_each(copy):
    points = [{**point(bpp=bpp), "quality": q} for q, bpp in ((0, 0.1), (100, 1.5))]
    change_card(copy / "low", points=points)
    lines = model_card.table(shipped.cards()).splitlines()
    assert lines[2].split()[:6] == ["low", "0.005", "concat", "0.1", "0", "0.100"]
    assert lines[3].split()[:2] == ["100", "1.500"]


@pytest.fixture
def checkout(zoo, tmp_path):
    """What a package is built from, with one small model in the zoo."""
    folder = tmp_path / "checkout"
    (folder / "salcomp/zoo").mkdir(parents=True)
    for name in ("setup.py", "README.md", "salcomp/__init__.py"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(zoo / "low", folder / "salcomp/zoo/low")
    (folder / "salcomp/zoo/.low-abc").mkdir()
    (folder / "salcomp/zoo/.low-abc/card.json").touch()
    return folder


def test_an_installation_has_the_zoo(checkout):
    build(checkout, "build", "--build-lib=lib")
    built = sorted((checkout / "lib/salcomp/zoo").rglob("*.*"))
    expected = sorted((checkout / "salcomp/zoo/low").iterdir())
    assert [path.name for path in built] == [path.name for path in expected]
    assert model_folder.read(checkout / "lib/salcomp/zoo/low")


def test_a_source_distribution_has_the_zoo(checkout):
    build(checkout, "sdist", "--dist-dir=dist")
    (archive,) = (checkout / "dist").iterdir()
    with tarfile.open(archive) as file:
        names = [name for name in file.getnames() if "/zoo/" in name]
    files = [name for name in names if name.endswith((".json", ".npz", ".txt"))]
    assert len(files) == 5 and all("/salcomp/zoo/low/" in name for name in files)


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def build(folder, *arguments):
    code = f"import os, runpy, sys; os.chdir({str(folder)!r});"
    code += f"sys.argv = ['setup.py', '-q', *{arguments!r}];"
    run_python("-c", code + "runpy.run_path('setup.py')")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_model_that_comes_with_salcomp_is_whole_small_and_as_its_card_says(name):
    loaded = exported.load(shipped.FOLDER / name)
    (found,) = (card for card in shipped.cards() if card.name == name)
    assert found.lmbda == loaded.model.config.lmbda
    assert size_of(shipped.FOLDER / name) < 5 * MIB


@pytest.mark.skipif(not SHIPPED, reason="no models have been trained for the zoo yet")
def test_the_models_that_come_with_salcomp_are_small_together_with_a_default():
    assert shipped.DEFAULT in SHIPPED
    assert size_of(shipped.FOLDER) < 25 * MIB


PIXELS = {  # sha256
    "baseline-1": "ee57c0c97dd5e945491ffaefc39258ded2430be01a9679ea8137c476192f3a8b",
    "modulate-1": "34b1dcfb3e4d3ccb8c818fd6464c87bc97b76715a2ae17a8f59925ab49cf1dbc",
    "saliency-2": "11853ed7f240b1ad7869bfce7997fed92b75b4f9346e2b96ed696217df6f3711",
}


@pytest.mark.parametrize("name", PIXELS)
def test_a_file_of_an_earlier_salcomp_decodes_to_the_pixels_that_it_had(name):
    data = (ROOT / "tests" / "golden" / "salc" / f"{name}.salc").read_bytes()
    rgb = Codec.load(name).decode(data)
    assert hashlib.sha256(rgb.tobytes()).hexdigest() == PIXELS[name]


def of_release(folder, version):
    """Makes a model one of another version of salcomp."""
    files = model_folder.read(folder)
    config = {**json.loads(files["config.json"]), "version": version}
    model_folder.write(folder, {**files, "config.json": json.dumps(config).encode()})
    return bytes.fromhex(model_folder.stated_fingerprint(folder))


def test_a_replaced_model_of_an_earlier_release_is_known_by_its_files(copy, zoo):
    kept = {k: v for k, v in card().items() if k not in ("name", "lambda")}
    old = of_release(copy / "low", "0.0.1")
    assert shipped.retired(old[:8]) is None
    shipped.add(zoo / "high", "low", kept, copy)
    assert shipped.retired(old[:8]) == "low of salcomp 0.0.1"
    new = bytes.fromhex(model_folder.stated_fingerprint(copy / "low"))
    shipped.add(zoo / "plain", "low", kept, copy)
    assert shipped.retired(new[:8]) is None
    content = Content(old[:8], 1, 1, b"")
    (copy / "old.salc").write_bytes(bitstream.pack(content))
    with pytest.raises(SalcompError, match="low of salcomp 0.0.1.*install"):
        files.decompress_files(
            files.ShippedCodecs().codec_for,
            [files.Job(copy / "old.salc", copy / "old.png")],
        )


def test_the_models_of_the_first_release_are_known_as_retired():
    known = json.loads((shipped.FOLDER / "retired.json").read_text())
    assert len(known) == 12
    assert set(known.values()) == {
        f"{arm}-{i} of salcomp 0.1.0"
        for arm in ("baseline", "saliency", "modulate")
        for i in (1, 2, 3, 4)
    }
    assert not {
        model_folder.stated_fingerprint(shipped.FOLDER / n) for n in SHIPPED
    } & {*known}
