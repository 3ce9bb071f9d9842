"""Tests of salcomp.progress."""

from __future__ import annotations

import logging

import pytest

from salcomp import progress
from salcomp.progress import Progress


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, "absl")
    return caplog


def test_without_a_terminal_lines_tell_what_is_done_and_left(log, monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS", 0)
    assert list(Progress("abc", "maps", unit="image")) == ["a", "b", "c"]
    first, second = log.messages
    assert first.startswith("maps: 1 of 3 images, about ")
    assert second.startswith("maps: 2 of 3 images, about ")
    assert second.endswith(" seconds left")


def test_what_is_done_now_stands_in_the_line(log, monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS", 0)
    with Progress(total=4, unit="file") as bar:
        bar.set_postfix_str("unisal, baseline-1")
        bar.update(2)
    assert log.messages[-1].startswith("unisal, baseline-1: 2 of 4 files, about ")


def test_what_was_done_before_tells_nothing_of_the_speed(log, monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS", 0)
    bar = Progress(total=1000)
    bar.skip(998)
    assert not log.messages
    bar.start_t -= 100  # as if the next had taken so long
    bar.update()
    assert log.messages[-1].startswith("999 of 1000, about 10")
    assert log.messages[-1].endswith(" seconds left")


def test_short_work_leaves_no_line(log, capsys):
    assert list(Progress(range(3), "frames")) == [0, 1, 2]
    assert not log.messages
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar(log, monkeypatch, capsys):
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(Progress(range(3), "frames", file=sys.stderr)) == [0, 1, 2]
    assert "frames: 100%" in capsys.readouterr().err
    assert not log.messages
