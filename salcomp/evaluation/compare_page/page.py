"""The page as one HTML file, which needs no network and no other file.

Pictures are in it as WebP without loss: nothing is compressed twice with loss.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp.evaluation.matched import Result
from salcomp.evaluation.subjects import Scene
from salcomp.files import images, saliency_maps
from salcomp.files.results import signed

# Side of the window on the most salient spot, as a share of the picture's shorter one.
_WINDOW = 1 / 3


class Shown(NamedTuple):
    """A picture that a page shows.

    Attributes:
      name: of its file, printable.
      given_size: height and width of the picture in the file, in pixels.
      scene: the picture as it was coded, with its maps.
      encoder_map, scorer_map: where the scene's maps are from, in a few words.
      results: of the arms.
    """

    name: str
    given_size: tuple[int, int]
    scene: Scene
    encoder_map: str
    scorer_map: str
    results: list[Result]


def picture(shown: Shown, bpp: float) -> str:
    """What the page needs of one picture: an element of HTML that holds it as JSON.

    `bpp` is the rate that was asked for, in bit per pixel.
    """
    scene = shown.scene
    height, width = scene.saliency.shape
    asked = bpp * height * width / 8
    entries = [
        _entry("Original", scene.rgb, _size_note(shown), {}),
        _entry("Saliency map", _grey(scene.saliency), shown.encoder_map, {}),
    ]
    if scene.score_saliency is not scene.saliency:
        scorer = _grey(scene.score_saliency)
        entries.append(_entry("Map that scores", scorer, shown.scorer_map, {}))
    first = len(entries)
    entries += [
        _entry(one.label, one.decoded, one.how, _numbers(one, asked, shown.scorer_map))
        for one in shown.results
    ]
    top, left, side = _salient_window(scene.saliency)
    found = {
        "name": shown.name,
        "width": width,
        "height": height,
        "asked": f"{round(asked):,} bytes",
        "spot": {"left": left, "top": top, "side": side},
        # Of the first two arms; of the original and the arm, if there is one only.
        "left": first if len(shown.results) > 1 else 0,
        "right": min(first + 1, len(entries) - 1),
        "entries": entries,
    }
    # Within a script element, "<" could begin its end.
    data = json.dumps(found, separators=(",", ":")).replace("<", "\\u003c")
    name = html.escape(shown.name)
    opening = f'<script type="application/json" class="picture" data-name="{name}">'
    return f"{opening}{data}</script>"


def _entry(
    label: str, pixels: np.ndarray, note: str, numbers: dict[str, str]
) -> dict[str, object]:
    """One of the images to choose from, with its numbers by what they are."""
    source = "data:image/webp;base64,"
    source += base64.b64encode(images.encode_webp(pixels)).decode()
    return {"label": label, "note": note, "numbers": numbers, "source": source}


def _numbers(one: Result, asked: float, scorer_map: str) -> dict[str, str]:
    off = 100 * (one.size / asked - 1)
    return {
        "Bytes": f"{one.size:,} ({signed(off, 1)} %)",
        "Rate": f"{one.bpp:.4f} bpp",
        "PSNR": f"{one.psnr:.2f} dB",
        f"EWPSNR by {scorer_map}": f"{one.ewpsnr:.2f} dB",
        "Encoding": f"{one.encode_seconds:.2f} s",
        "Decoding": f"{one.decode_seconds:.2f} s",
    }


def _size_note(shown: Shown) -> str:
    height, width = shown.scene.saliency.shape
    note = f"{width} × {height} pixels"
    if (height, width) != shown.given_size:
        note += ", made smaller from {1} × {0}".format(*shown.given_size)
    return note


def _grey(saliency: np.ndarray) -> np.ndarray:
    return np.round(255 * saliency).astype(np.uint8)


def _salient_window(saliency: np.ndarray) -> tuple[int, int, int]:
    """Top, left and side of the square window where a map is heaviest, in pixels."""
    height, width = saliency.shape
    if np.ptp(saliency) == 0:
        saliency = saliency_maps.center_prior(height, width)
    side = max(1, round(_WINDOW * min(height, width)))
    top, left = saliency_maps.heaviest(saliency, side, side)
    return int(top), int(left), side


def page(pictures: Sequence[str], bpp: float, made_by: str) -> bytes:
    """The HTML file of pictures, as `picture` gives them, at a rate in bit per pixel.

    `made_by` is the text of its foot.
    """
    parts = {
        "bpp": f"{bpp:g}",
        "style": _part("css"),
        "script": _part("js"),
        "pictures": "\n".join(pictures),
        "made by": html.escape(made_by),
    }
    # In one pass, as parts may hold any text.
    filled = re.sub(r"\{\{([a-z ]+)\}\}", lambda m: parts[m[1]], _part("html"))
    return filled.encode()


def _part(suffix: str) -> str:
    return Path(__file__).with_name(f"page.{suffix}").read_text("utf-8")
