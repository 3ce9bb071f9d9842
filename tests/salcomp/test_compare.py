"""Tests of salcomp.compare; test_compare_page opens the page in a browser."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from salcomp import compare
from salcomp.codec.codec import Codec
from salcomp.errors import SalcompError
from salcomp.evaluation import classical
from tests import fixtures
from tests.fixtures import frame, parts

_SMALL = ("--refine_steps=0", "--codecs=webp", "--bpp=1")


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(2):
        Image.fromarray(frame(i)).save(folder / f"p{i}.png")
    return folder


def tool(*arguments):
    compare.main(["compare", *map(str, arguments)])


def refusal(*arguments) -> str:
    return fixtures.refusal(tool, *arguments, error=SalcompError)


def shown(path) -> list[dict]:
    """What a page has of each picture."""
    text = path.read_text("utf-8")
    found = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    return [json.loads(one) for one in found]


def pixels(entry: dict) -> np.ndarray:
    kind, data = entry["source"].split(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def test_page_holds_each_picture_as_its_codec_left_it(pictures, tmp_path, capsys):
    output = tmp_path / "new/page.html"
    tool(pictures, f"--output={output}", "--models=baseline-1", *_SMALL)
    assert str(output) in capsys.readouterr().out
    found = shown(output)
    assert [one["name"] for one in found] == ["p0.png", "p1.png"]
    for i, one in enumerate(found):
        rgb, saliency = parts(frame(i))
        original, mapped, ours, webp = one["entries"]
        assert (pixels(original) == rgb).all()
        assert (pixels(mapped) == frame(i)[..., 3:]).all()
        assert mapped["note"] == "alpha channel of the image"
        codec = Codec.load(ours["note"].split(",")[0])
        encoded = codec.encode(rgb, saliency)
        assert (pixels(ours) == encoded.reconstruction).all()
        assert ours["numbers"]["Bytes"].startswith(f"{len(encoded.data):,} (")
        file = classical.encode("webp", rgb, int(webp["note"].split()[1]))
        assert (pixels(webp) == classical.decode(file)).all()


def test_map_that_scores_is_shown_and_named_if_it_is_another(pictures, tmp_path):
    output = tmp_path / "page.html"
    flags = ("--models=", "--score_saliency=center", *_SMALL)
    tool(pictures / "p0.png", f"--output={output}", *flags)
    (one,) = shown(output)
    labels = [entry["label"] for entry in one["entries"]]
    assert labels == ["Original", "Saliency map", "Map that scores", "WebP"]
    assert one["entries"][2]["note"] == "centre prior"
    assert "EWPSNR by centre prior" in one["entries"][3]["numbers"]


def test_folders_of_maps_are_not_in_the_page(pictures, tmp_path):
    output = tmp_path / "page.html"
    flags = (f"--saliency={pictures / 'p1.png'}", "--models=", *_SMALL)
    tool(pictures / "p0.png", f"--output={output}", *flags)
    (one,) = shown(output)
    assert one["entries"][1]["note"] == "mask p1.png"


def test_large_photograph_is_made_smaller_and_this_is_told(pictures, tmp_path):
    output = tmp_path / "page.html"
    flags = ("--models=", "--max_side=64", *_SMALL)
    tool(pictures / "p0.png", f"--output={output}", *flags)
    (one,) = shown(output)
    assert (one["height"], one["width"]) == (48, 64)
    note = one["entries"][0]["note"]
    assert note == "64 × 48 pixels, made smaller from 128 × 96"


def test_what_was_coded_before_an_error_is_kept(pictures, tmp_path, monkeypatch):
    output = tmp_path / "page.html"
    encode = classical.encode

    def fail_on_the_second(name, rgb, quality):
        if (rgb == frame(1)[..., :3]).all():
            raise SalcompError("no")
        return encode(name, rgb, quality)

    monkeypatch.setattr(classical, "encode", fail_on_the_second)
    assert refusal(pictures, f"--output={output}", "--models=", *_SMALL) == "no"
    assert [one["name"] for one in shown(output)] == ["p0.png"]


@pytest.mark.parametrize(
    "flags, told",
    [
        ("--bpp=0", "--bpp must be more than 0"),
        ("--bpp=nan", "--bpp must be more than 0"),
        ("--codecs=gif", "unknown codec 'gif'"),
        ("--models=nosuch", "nosuch: no such folder"),
        ("--models= --codecs=", "nothing to compare"),
        ("--output=photo.png", "name a page"),
        ("--saliency=skye", "--saliency=skye: no such predictor"),
        ("--codecs=webp,webp", "2 arms are called WebP"),
    ],
)
def test_what_cannot_be_is_refused_before_a_page_is_written(
    pictures, tmp_path, monkeypatch, flags, told
):
    monkeypatch.chdir(tmp_path)
    assert told in refusal(pictures, *flags.split())
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_an_image_is_needed():
    assert "name a file, a folder or a pattern" in refusal()
