"""Tests that play the forger's game in a headless Chromium; skipped where none is."""

from __future__ import annotations

import pytest

from experiments.forger_game import __main__ as forger_game
from tests.chromium import Browser
from tests.fixtures import save_gan_run

_ANSWER = "!document.getElementById('verdict').hidden"
_QUESTION = f"!document.getElementById('play').hidden && !({_ANSWER})"
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
# Of the forgeries of four games, played by clicks.
_SIDES = """(async () => {
  const at = (id) => document.getElementById(id), sides = [];
  at('begin').click();
  while (sides.length < 24) {
    while (at('play').hidden || !at('verdict').hidden)
      await new Promise((go) => setTimeout(go, 2));
    document.querySelector('.picture').click();
    sides.push(at('step').innerText.split(' ')[1]);
    at('next').click();
    if (!at('end').hidden) at('again').click();
  }
  return sides;
})()"""
_OVERFLOW = "document.documentElement.scrollWidth - innerWidth"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def url(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("game")
    save_gan_run(folder)
    flags = [f"--run={folder}", f"--output={folder / 'game.html'}", "--crop=32"]
    forger_game.main(["forger_game", *flags])
    return (folder / "game.html").as_uri()


@pytest.fixture
def page(browser, url, request):
    browser.open(url, *getattr(request, "param", (1280, 800)))
    yield browser
    assert browser.problems == []


def text(page, name):
    return page.value(f"document.getElementById('{name}').innerText")


def play(page, key):
    """Plays a game with one key from its first question on.

    Returns for each round whether it was won, the markup before the answer, and the
    pixels of both pictures.
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
        rounds.append((won, markup, pixels))
        assert page.value(_FOCUS) == "next"
        page.press("Enter")
    page.wait(_END)
    return rounds


def begin(page):
    page.press("Tab")
    assert page.value(_FOCUS) == "begin"
    page.press("Enter")


def test_two_games_by_keyboard(page, url):
    begin(page)
    first = play(page, "ArrowLeft")
    caught = sum(won for won, *_ in first)
    assert f"You caught {caught} of 6 " in " ".join(text(page, "total").split())
    drawn = "document.querySelectorAll('#chart .cell.caught').length"
    assert page.value(drawn) == caught
    in_table = "[...document.querySelectorAll('#rows td')].map(cell => cell.innerText)"
    by_step = [f"{first[i][0] + first[i + 1][0]} of 2" for i in (0, 2, 4)]
    assert page.value(in_table) == by_step
    assert page.value(_FOCUS) == "total"
    page.press("Tab")
    assert page.value(_FOCUS) == "again"
    page.press("Enter")
    second = play(page, "ArrowRight")
    both = caught + sum(won for won, *_ in second)
    assert text(page, "all") == f"In your 2 games: {both} of 12."
    # Until the answer, all but the pixels is the same for every round.
    assert len({markup for _, markup, _ in first + second}) == 1
    # No picture comes back, in either order, before all have come.
    assert len({frozenset(pictures) for *_, pictures in first + second}) == 12
    assert {asked for asked in page.requests if asked[:5] != "data:"} == {url}


def test_clicking_twice_skips_no_round(page):
    page.value("document.getElementById('begin').click()")
    page.wait(_QUESTION)
    page.press("ArrowLeft")
    page.wait(_ANSWER)
    page.value("for (const i of [1, 2]) document.getElementById('next').click()")
    page.wait(_QUESTION)
    assert text(page, "number") == "Round 2 of 6"


def test_forgery_is_on_either_side(page):
    # All 24 the same: by chance 1 in 8 million.
    assert {*page.value(_SIDES)} == {"left", "right"}


def test_shortcuts_of_the_browser_are_no_answers(page):
    begin(page)
    page.wait(_QUESTION)
    page.press("ArrowLeft", modifiers=1)  # Alt: back in history
    assert page.value(_QUESTION)


@pytest.mark.parametrize("page", [(360, 640)], indirect=True)
def test_by_touch_on_a_small_phone(page):
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


def test_names_that_a_screen_reader_says(page):
    def said(role):
        return [
            node["name"]["value"]
            for node in page.call("Accessibility.getFullAXTree")["nodes"]
            if not node["ignored"] and node["role"]["value"] == role
        ]

    assert said("button") == ["Play 6 rounds"]
    begin(page)
    page.wait(_QUESTION)
    assert said("button") == ["Left", "Right"]
    assert said("heading") == ["Round 1 of 6. Which picture is the forgery?"]
    page.press("ArrowLeft")
    page.wait(_ANSWER)
    *pictures, following = said("button")
    assert sorted(pictures) == ["Forgery", "Real"] and following == "Next round"
