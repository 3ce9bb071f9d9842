"""Tests that play the forger's game in a headless Chromium; skipped where none is."""

from __future__ import annotations

import contextlib
import tempfile

import pytest

from experiments import forger_game
from tests.chromium import Page
from tests.fixtures import save_gan_run

_QUESTION = (
    "!document.getElementById('play').hidden && "
    "document.getElementById('verdict').hidden"
)
_ANSWER = "!document.getElementById('verdict').hidden"
_END = "!document.getElementById('end').hidden"
_FOCUS = "document.activeElement.id"
# All of a round but its number, its pixels, and the answer to the one before.
_MARKUP = """(() => {
  const copy = document.getElementById('play').cloneNode(true);
  for (const part of copy.querySelectorAll('.status, #question-number, #verdict'))
    part.remove();
  return copy.innerHTML;
})()"""
_PIXELS = "[...document.querySelectorAll('.picture canvas')].map(c => c.toDataURL())"
_OVERFLOW = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def page_url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("game")
    save_gan_run(folder)
    output = folder / "game.html"
    forger_game.main(
        ["forger_game", f"--run={folder}", f"--output={output}", "--crop=32"]
    )
    return output.as_uri()


@contextlib.contextmanager
def opened(url, width, height):
    # The browser's last processes may write while the folder goes.
    with tempfile.TemporaryDirectory() as profile:
        with Page(url, profile, width, height) as page:
            yield page
        assert page.problems == []


def text(page, name):
    return page.value(f"document.getElementById('{name}').innerText")


def play(page, key):
    """Plays a game with one key from its first question on.

    Returns:
      For each round: whether it was won, the side of the forgery, the markup before
      the answer, and the pixels of both pictures.
    """
    rounds = []
    for number in range(1, 7):
        page.wait(_QUESTION)
        assert page.value(_FOCUS) == "question"
        assert text(page, "number") == f"Round {number} of 6"
        markup, pixels = page.value(_MARKUP), tuple(page.value(_PIXELS))
        page.press(key)
        page.wait(_ANSWER)
        won = text(page, "result").startswith("✓")
        side = "left" if text(page, "step").startswith("The left one") else "right"
        assert won == (key == f"Arrow{side.title()}")
        step = (10, 40, 90)[(number - 1) // 2]
        assert f"painted after {step} training steps" in text(page, "step")
        assert len(text(page, "why")) > 20
        rounds.append((won, side, markup, pixels))
        assert page.value(_FOCUS) == "next"
        page.press("Enter")
    page.wait(_END)
    return rounds


def test_two_games_by_keyboard(page_url):
    with opened(page_url, 1280, 800) as page:
        page.press("Tab")
        assert page.value(_FOCUS) == "begin"
        page.press("Enter")
        first = play(page, "ArrowLeft")
        caught = sum(won for won, *_ in first)
        assert f"You caught {caught} of 6 " in " ".join(text(page, "total").split())
        drawn = "document.querySelectorAll('#chart .cell.caught').length"
        assert page.value(drawn) == caught
        in_table = (
            "[...document.querySelectorAll('#rows td')].map(cell => cell.innerText)"
        )
        assert page.value(in_table) == [
            f"{first[i][0] + first[i + 1][0]} of 2" for i in (0, 2, 4)
        ]
        assert page.value(_FOCUS) == "total"
        page.press("Tab")
        assert page.value(_FOCUS) == "again"
        page.press("Enter")
        second = play(page, "ArrowRight")
        both = caught + sum(won for won, *_ in second)
        assert text(page, "all") == f"In your 2 games: {both} of 12."
        assert {url for url in page.requests if url[:5] != "data:"} == {page_url}
    # Until the answer, all but the pixels is the same for every round.
    assert len({markup for _, _, markup, _ in first + second}) == 1
    # No picture comes back, in either order, before all have come.
    pixels = {frozenset(pictures) for *_, pictures in first + second}
    assert len(pixels) == 12


def test_forgery_is_on_either_side(page_url):
    with opened(page_url, 1280, 800) as page:
        page.press("Tab")
        page.press("Enter")
        sides = [side for _, side, *_ in play(page, "ArrowLeft")]
        for _ in range(3):  # all left or all right: by chance 1 in 8 million
            page.press("Tab")
            page.press("Enter")
            sides += [side for _, side, *_ in play(page, "ArrowLeft")]
        assert {*sides} == {"left", "right"}


def test_shortcuts_of_the_browser_are_no_answers(page_url):
    with opened(page_url, 1280, 800) as page:
        page.press("Tab")
        page.press("Enter")
        page.wait(_QUESTION)
        page.press("ArrowLeft", modifiers=1)  # Alt: back in history
        assert page.value(_QUESTION)


def test_by_touch_on_a_small_phone(page_url):
    with opened(page_url, 360, 640) as page:
        page.call("Emulation.setTouchEmulationEnabled", enabled=True)
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-reduced-motion", "value": "reduce"}],
        )
        assert page.value(_OVERFLOW) == 0
        page.tap("#begin")
        for _ in range(6):
            page.wait(_QUESTION)
            page.tap(".picture:last-child")
            page.wait(_ANSWER)
            assert page.value("document.getAnimations().length") == 0
            assert page.value(_OVERFLOW) == 0
            bottom = "document.getElementById('next').getBoundingClientRect().bottom"
            assert page.value(bottom) <= 640
            page.tap("#next")
        page.wait(_END)
        assert page.value(_OVERFLOW) == 0


def test_names_that_a_screen_reader_says(page_url):
    def said(page, role):
        return [
            node["name"]["value"]
            for node in page.call("Accessibility.getFullAXTree")["nodes"]
            if not node["ignored"] and node["role"]["value"] == role
        ]

    with opened(page_url, 1280, 800) as page:
        assert said(page, "button") == ["Play 6 rounds"]
        page.press("Tab")
        page.press("Enter")
        page.wait(_QUESTION)
        assert said(page, "button") == ["Left", "Right"]
        assert said(page, "heading") == ["Round 1 of 6. Which picture is the forgery?"]
        page.press("ArrowLeft")
        page.wait(_ANSWER)
        *pictures, following = said(page, "button")
        assert sorted(pictures) == ["Forgery", "Real"] and following == "Next round"
