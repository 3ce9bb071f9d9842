"""Tests of what the page of the forger's game holds; test_forger_page plays it."""

from __future__ import annotations

import base64
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image, ImageColor

from experiments.forger_game import __main__ as forger_game
from salcomp.errors import InputError
from tests.fixtures import save_gan_run

# Elements and attributes by which a page can load something.
_LOADERS = {"iframe", "object", "embed", "audio", "video", "base", "form", "a"}
_ADDRESSES = {"src", "srcset", "href", "data", "action", "poster", "background"}


class Parsed(HTMLParser):
    """The elements of a page, and the text of each that has an id or is a <pre>."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.texts: dict[str, str] = {}
        self._open = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = dict(attrs).get("id") or tag

    def handle_data(self, data):
        self.texts[self._open] = self.texts.get(self._open, "") + data


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gan")
    save_gan_run(folder)
    hostile = {"learning_rate": 2e-4, "note": "</pre><script>{{game}}</script>"}
    (folder / "config.json").write_text(json.dumps({"config": hostile}))
    return folder


def make(run, output, seed=0):
    flags = [f"--run={run}", f"--output={output}", "--crop=32", f"--seed={seed}"]
    forger_game.main(["forger_game", *flags])
    return output.read_text("utf-8")


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    return make(run, tmp_path_factory.mktemp("page") / "game.html", seed=3)


def game_of(page: str) -> dict:
    return json.loads(Parsed(page).texts["game"])


def pieces(uri: str) -> list[np.ndarray]:
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert sheet.shape[1:] == (32, 3) and sheet.shape[0] % 32 == 0
    return np.split(sheet, sheet.shape[0] // 32)


def places(folder) -> set[bytes]:
    """The pixels of every place of all frames in a folder."""
    return {
        frame[top : top + 32, left : left + 32].tobytes()
        for frame in map(np.asarray, map(Image.open, folder.iterdir()))
        for top in range(0, 96, 32)
        for left in range(0, 128, 32)
    }


def test_page_loads_nothing_from_elsewhere(page):
    for tag, attributes in Parsed(page).elements:
        assert tag not in _LOADERS
        for name in _ADDRESSES & set(attributes):
            assert attributes[name].startswith("data:"), (tag, name)
    code = page.replace(Parsed(page).texts["game"], "")
    assert not re.search(r"https?://|@import|url\((?!#)|\bfetch\(|XMLHttp", code)
    assert "default-src 'none'" in page


def test_halves_of_an_image_are_an_original_and_the_forgery_pixel_by_pixel(run, page):
    originals = places(run / "samples/originals")
    game = game_of(page)
    assert [chapter["step"] for chapter in game["steps"]] == [10, 40, 90]
    for chapter in game["steps"]:
        forgeries = places(run / f"samples/step_{chapter['step']:08}")
        for pair in chapter["pairs"]:
            halves = pieces(pair["image"])
            assert len(halves) == 2
            assert halves[pair["forged"]].tobytes() in forgeries - originals
            assert halves[1 - pair["forged"]].tobytes() in originals


def test_forgery_is_sometimes_the_upper_and_sometimes_the_lower_half(page):
    pairs = [pair for chapter in game_of(page)["steps"] for pair in chapter["pairs"]]
    assert {pair["forged"] for pair in pairs} == {0, 1}


def test_no_place_comes_twice(page):
    game = game_of(page)
    shown = [pieces(p["image"]) + [p] for c in game["steps"] for p in c["pairs"]]
    real = [upper if p["forged"] else lower for upper, lower, p in shown]
    real.append(pieces(game["strip"])[-1])
    assert len({piece.tobytes() for piece in real}) == len(real)


def test_page_holds_pairs_for_two_games(page):
    game = game_of(page)
    assert game["perStep"] == 2
    assert {len(chapter["pairs"]) for chapter in game["steps"]} == {4}


def test_strip_shows_one_place_at_every_step_and_as_it_is(run, page):
    *made, real = pieces(game_of(page)["strip"])
    assert real.tobytes() in places(run / "samples/originals")
    errors = [np.mean((piece.astype(float) - real) ** 2) for piece in made]
    assert len(errors) == 3 and errors == sorted(errors, reverse=True)


def test_same_seed_makes_the_same_game_and_another_another(run, page, tmp_path):
    again, other = (make(run, tmp_path / "game.html", seed) for seed in (3, 4))
    assert game_of(again) == game_of(page) != game_of(other)


def test_foot_of_the_page_tells_what_made_it(page):
    record = json.loads(Parsed(page).texts["pre"])
    assert record["command"].startswith("python -m experiments.forger_game --run=")
    assert record["seed"] == 3 and record["steps"] == [10, 40, 90]
    assert record["run"]["config"]["learning_rate"] == 2e-4
    # Text of the run stays text.
    assert record["run"]["config"]["note"] == "</pre><script>{{game}}</script>"
    assert [tag for tag, _ in Parsed(page).elements].count("script") == 2


def test_run_without_a_config_json_makes_a_page(tmp_path):
    save_gan_run(tmp_path)
    page = make(tmp_path, tmp_path / "game.html")
    assert json.loads(Parsed(page).texts["pre"])["run"] is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_a_contrast_of_at_least_4_5(page, scheme):
    light, dark = re.findall(r":root \{(.*?)\}", page, re.S)
    found = re.findall(r"--([\w-]+): (#\w+)", light + (dark * (scheme == "dark")))
    colours = dict(found)

    def luminance(name):
        values = np.array(ImageColor.getrgb(colours[name])) / 255
        power = ((values + 0.055) / 1.055) ** 2.4
        linear = np.where(values <= 0.04045, values / 12.92, power)
        return linear @ [0.2126, 0.7152, 0.0722]

    def contrast(one, other):
        low, high = sorted([luminance(one), luminance(other)])
        return (high + 0.05) / (low + 0.05)

    texts = "ink/page ink/panel ink/stage soft/page soft/panel on-accent/accent"
    marked = " good/good-wash bad/bad-wash good/panel bad/panel"
    for both in (texts + marked).split():
        assert contrast(*both.split("/")) >= 4.5, both
    for both in ("edge/page", "accent/page"):  # of controls
        assert contrast(*both.split("/")) >= 3, both


def test_page_over_the_limit_is_refused_and_not_written(run, tmp_path, monkeypatch):
    monkeypatch.setattr(forger_game, "MAX_BYTES", 60_000)
    with pytest.raises(InputError, match="would have 0.1 MB, over its limit"):
        make(run, tmp_path / "game.html")
    assert not list(tmp_path.iterdir())


def test_too_few_places_for_a_game_are_refused(tmp_path):
    save_gan_run(tmp_path, count=1)
    with pytest.raises(InputError, match="1 frames have 6 places.*needs 7"):
        make(tmp_path, tmp_path / "game.html")


def test_damaged_config_json_is_refused(tmp_path):
    save_gan_run(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="config.json cannot be read as JSON"):
        make(tmp_path, tmp_path / "game.html")


def test_run_is_needed():
    with pytest.raises(InputError, match="--run is needed"):
        forger_game.main(["forger_game"])
