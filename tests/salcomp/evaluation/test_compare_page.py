"""Tests of the page of salcomp.compare in a headless Chromium; skipped without one."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.evaluation.compare_page import page as compare_page
from salcomp.evaluation.matched import Result
from salcomp.evaluation.subjects import Scene
from tests.chromium import Browser
from tests.fixtures import frame, parts

_NAME = 'a <b>&amp; "photo".png'
_ARMS = ("by the map", "plain")
_COLOURS = {"Original": (0, 160, 0), "by the map": (200, 0, 0), "plain": (0, 0, 220)}
_SHIFT, _CTRL = 8, 2
_TAGS = (
    "['left', 'right'].map(side => document.getElementById(`${side}-tag`).innerText)"
)
_NOW = "Number(document.getElementById('border').getAttribute('aria-valuenow'))"
_ZOOM = "parseInt(document.getElementById('zoom').innerText)"
_PLACE = "document.getElementById('place').innerText"
_OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
_FOCUS = "document.activeElement.id"
_LOADED = "[...document.images].every(image => image.complete && image.naturalWidth)"
# Of the stage's layers and then the windows: the point in the middle, as shares of the
# picture's width and height.
_LOOKS = """(() => [...document.querySelectorAll('.window, .layer')].map(box => {
  const of = box.querySelector('img').getBoundingClientRect();
  const at = box.getBoundingClientRect();
  const middle = [at.x + at.width / 2 - of.x, at.y + at.height / 2 - of.y];
  return [middle[0] / of.width, middle[1] / of.height];
}))()"""


def flat(colour: tuple[int, int, int], height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def shown(name: str, height: int = 96, width: int = 128) -> compare_page.Shown:
    """A picture and two arms, each of one colour."""
    _, saliency = parts(frame(0, height, width))
    original = flat(_COLOURS["Original"], height, width)
    scene = Scene(original, saliency, saliency, [], None)
    results = [
        Result(
            arm, "made up", flat(_COLOURS[arm], height, width), size, 0.15, 20, 25, 3, 1
        )
        for arm, size in zip(_ARMS, (230, 240))
    ]
    return compare_page.Shown(
        name, (2 * height, 2 * width), scene, "sky", "sky", results
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "compare.html"
    made = [shown(_NAME), shown("tall.png", 128, 64)]
    pictures = [compare_page.picture(one, 0.15) for one in made]
    path.write_bytes(compare_page.page(pictures, 0.15, "made by <a test>"))
    return path.as_uri()


@pytest.fixture
def page(browser, url, request):
    browser.open(url, *getattr(request, "param", (1280, 800)))
    browser.wait(_LOADED)
    yield browser
    assert browser.problems == []
    assert {asked for asked in browser.requests if asked[:5] != "data:"} == {url}


def colours(page) -> tuple[str, str, float]:
    """The colours of the stage's ends, by name, and how far across they change."""
    x, y = page.middle("#stage")
    left, right = page.value(
        "(() => { const r = document.getElementById('left-image')"
        ".getBoundingClientRect(); return [r.left, r.right]; })()"
    )
    rgb = page.screenshot().astype(int)
    factor = rgb.shape[1] / page.value("innerWidth")
    # A row that has neither the frame of the spot nor the handle.
    row = rgb[
        round(
            factor
            * (y + 0.48 * page.value("document.getElementById('stage').clientHeight"))
        )
    ]
    pixels = row[round(factor * left) + 2 : round(factor * right) - 2]
    names = list(_COLOURS)
    distances = [np.abs(pixels - _COLOURS[name]).sum(1) for name in names]
    nearest = np.argmin(distances, 0)
    share = np.mean(nearest == nearest[0])
    return names[nearest[0]], names[nearest[-1]], share


def test_the_first_two_arms_are_shown_with_the_border_in_the_middle(page):
    assert page.value(_TAGS) == [*_ARMS]
    left, right, share = colours(page)
    assert (left, right) == _ARMS and share == pytest.approx(0.5, abs=0.02)


def test_dragging_the_border_wipes(page):
    x, y = page.middle("#border")
    width = page.value(
        "document.getElementById('left-image').getBoundingClientRect().width"
    )
    page.drag((x, y), (x + 0.1 * width, y), (x + 0.3 * width, y))
    assert page.value(_NOW) == 80
    left, right, share = colours(page)
    assert (left, right) == _ARMS and share == pytest.approx(0.8, abs=0.02)
    assert page.value(_TAGS) == [*_ARMS]


def test_keys_wipe_flip_zoom_and_move(page):
    while page.value(_FOCUS) != "border":
        page.press("Tab")
    page.press("ArrowRight")
    assert page.value(_NOW) == 52
    page.press("End")
    assert page.value(_NOW) == 100
    page.press(" ")
    assert page.value(_TAGS) == [*_ARMS[::-1]]
    whole = page.value(_ZOOM)
    page.press("+")
    assert page.value(_ZOOM) == pytest.approx(1.5 * whole, abs=2)
    before = page.value(_LOOKS)[0][1]
    page.press("ArrowDown", modifiers=_SHIFT)
    assert page.value(_LOOKS)[0][1] > before
    page.press("0")
    assert page.value(_ZOOM) == whole
    page.press("s")
    assert page.value(_ZOOM) > whole


def test_click_flips(page):
    x, y = page.middle("#stage")
    page.drag((x + 90, y))
    assert page.value(_TAGS) == [*_ARMS[::-1]]
    assert colours(page)[:2] == _ARMS[::-1]


def test_a_picture_is_chosen_for_a_side_and_never_stands_on_both(page):
    def choose(label, side):
        button = f'[aria-label="{label} on the {side}"]'
        page.drag(page.middle(button))
        assert page.value(f"document.querySelector('{button}').ariaPressed") == "true"

    choose("Original", "left")
    assert page.value(_TAGS) == ["Original", "plain"]
    page.value("scrollTo(0, 0)")
    assert colours(page)[:2] == ("Original", "plain")
    choose("plain", "left")
    assert page.value(_TAGS) == ["plain", "Original"]


def test_zoom_is_linked_in_all(page):
    spot = page.value(_LOOKS)[-1]
    assert page.value(_PLACE) == "The most salient spot"
    stage = page.middle("#stage")
    page.wheel((stage[0] + 50, stage[1] + 30), -240, modifiers=_CTRL)
    page.wait(f"{_PLACE} === 'The place you zoomed to'")
    page.drag(stage, (stage[0] - 40, stage[1] - 20), (stage[0] - 80, stage[1] - 40))
    first, *others = page.value(_LOOKS)
    for other in others:
        assert other == pytest.approx(first, abs=0.01)
    assert first != pytest.approx(spot, abs=0.01)
    assert page.value(_TAGS) == [*_ARMS]  # a drag is no click


def test_wheel_scrolls_past_the_whole_picture(page):
    page.wheel(page.middle("#stage"), 120)
    page.wait("scrollY > 0")
    assert page.value(_PLACE) == "The most salient spot"


def test_the_windows_show_the_spot_where_the_map_is_heaviest(page):
    _, saliency = parts(frame(0))
    top, left = np.unravel_index(saliency.argmax(), saliency.shape)
    x, y = page.value(_LOOKS)[-1]
    assert abs(128 * x - left) < 16 and abs(96 * y - top) < 16


def test_numbers_stand_under_each_arm(page):
    text = page.value("document.querySelectorAll('#cards li')[2].innerText")
    for number in (
        "230 (-0.2 %)",
        "0.1500 bpp",
        "20.00 dB",
        "EWPSNR by sky",
        "25.00 dB",
    ):
        assert number in text
    assert "3.00 s" in text and "1.00 s" in text and "made up" in text
    note = page.value("document.querySelectorAll('#cards li')[0].innerText")
    assert "128 × 96 pixels, made smaller from 256 × 192" in note


def test_names_are_shown_as_they_are(page):
    assert page.value("document.getElementById('name').innerText") == _NAME
    assert page.value("document.title") == f"{_NAME} at 0.15 bit per pixel"
    assert (
        page.value("document.querySelector('footer code').textContent")
        == "made by <a test>"
    )


def test_another_photograph_is_chosen(page):
    names = page.value(
        "[...document.getElementById('picture').options].map(o => o.text)"
    )
    assert names == [_NAME, "tall.png"]
    page.value("document.getElementById('picture').focus()")
    page.press("ArrowDown")
    page.wait("document.getElementById('name').innerText === 'tall.png'")
    page.wait(_LOADED)
    assert colours(page)[:2] == _ARMS


def test_every_picture_has_its_own_alternative_text(page):
    texts = page.value("[...document.images].map(image => image.alt)")
    assert len({*texts}) == len(texts) == 6
    assert all(text.startswith(_NAME) for text in texts)


def test_a_screen_reader_is_told_where_the_border_is_between_what(page):
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    (slider,) = (
        n for n in nodes if not n["ignored"] and n["role"]["value"] == "slider"
    )
    assert slider["name"]["value"] == "Border between the pictures"
    told = {p["name"]: p["value"].get("value") for p in slider["properties"]}
    assert told["valuetext"] == "50 %: by the map on the left, plain on the right"


@pytest.mark.parametrize("page", [(360, 640)], indirect=True)
def test_by_touch_on_a_small_phone(page):
    assert page.value(_OVERFLOW) == 0
    x, y = page.middle("#stage")
    page.touch([(x + 90, y)])
    page.wait(f"{_TAGS}[0] === 'plain'")
    page.touch([(x, y)], [(x + 20, y)], [(x + 60, y)])
    page.wait(f"{_NOW} > 60")
    whole = page.value(_ZOOM)
    page.touch(
        [(x - 20, y), (x + 20, y)],
        [(x - 30, y), (x + 30, y)],
        [(x - 60, y), (x + 60, y)],
    )
    page.wait(f"{_ZOOM} > {2 * whole}")
    assert page.value(f"{_TAGS}[0]") == "plain"
    assert page.value(_OVERFLOW) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_as_bright_as_the_system_asks(page, scheme):
    wish = {"name": "prefers-color-scheme", "value": scheme}
    page.call("Emulation.setEmulatedMedia", features=[wish])
    corner = page.screenshot()[2, 2].mean()
    assert corner > 200 if scheme == "light" else corner < 60
