"""Predictors as plug-ins of packages."""

from __future__ import annotations

import pytest

from salcomp.files import predictors
from tests.fixtures import refusal, run_python

PLUG_INS = """
from pathlib import Path
import numpy as np
from salcomp.files.predictors import Predictor, on_each, reads

def red():
    return Predictor(on_each(lambda frame: frame.rgb[..., 0] / np.float32(255)))

def bare():
    import a_package_that_is_not_installed

@reads("a text")
def text(path):
    return Predictor(list, weights_sha256=Path(path).read_text())

@reads("a text", lambda: Path(__file__))
def kept(path):
    return Predictor(list, weights_sha256=path)
"""
ENTRIES = """
[salcomp.predictors]
red = plug_ins:red
text = plug_ins:text
kept = plug_ins:kept
gone = plug_ins:gone
unbuilt = no_such_module:unbuilt
bare = plug_ins:bare
"""
START = """
import numpy as np
from salcomp.errors import InputError
from salcomp.files import predictors
def refused(*arguments):
    try:
        predictors.load(*arguments)
    except InputError as error:
        print(error)
"""


@pytest.fixture
def printed(tmp_path):
    """Runs code beside an installed package of plug-ins; gives the lines it prints."""
    (tmp_path / "plug_ins.py").write_text(PLUG_INS)
    information = tmp_path / "plug_ins-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-ins\n")
    (information / "entry_points.txt").write_text(ENTRIES)

    def run(code: str) -> list[str]:
        done = run_python("-c", START + code, PYTHONPATH=str(tmp_path))
        return done.stdout.splitlines()

    return run


def test_a_plug_in_of_another_package_is_a_predictor_like_the_others(printed):
    code = """
assert {"red", "center"} <= set(predictors.names()) and predictors.at_hand("red")
frame = predictors.Frame.whole(np.full((2, 3, 3), 51, np.uint8), "a.png")
print(*predictors.load("red").predict([frame])[0].ravel())
"""
    assert printed(code) == [" ".join(["0.2"] * 6)]


def test_a_plug_in_that_reads_a_file_is_made_with_its_path(printed, tmp_path):
    (tmp_path / "w.txt").write_text("abc")
    code = (
        f"print(predictors.load('text', {str(tmp_path / 'w.txt')!r}).fingerprint(''))"
    )
    assert printed(code) == ["abc"]


def test_a_plug_in_whose_file_is_at_hand_needs_none_to_be_named(printed, tmp_path):
    code = "print(predictors.at_hand('text'), predictors.at_hand('kept'))\n"
    code += "print(predictors.load('kept').weights_sha256)"
    assert printed(code) == ["False True", str(tmp_path / "plug_ins.py")]


def test_a_plug_in_that_does_not_load_is_told_in_one_line(printed):
    broken = "gone", "unbuilt", "bare"
    lines = printed("".join(f"refused({name!r})\n" for name in broken))
    assert len(lines) == 3
    for name, line in zip(broken, lines):
        assert line.startswith(f"predictor {name} cannot be loaded from ")
        assert "remove the package" in line


def test_a_plug_in_that_does_not_load_hides_no_other(printed):
    assert printed("print(predictors.needs()['text'])") == ["a text"]


def test_without_plug_ins_there_are_no_predictors_and_no_crash(printed):
    code = """
from importlib import metadata
metadata.entry_points = dict
print(predictors.names(), predictors.needs(), predictors.at_hand("center"))
refused("center")
"""
    names, message = printed(code)
    assert names == "[] {} False"
    assert message.startswith("there is no predictor center; there are none")


def test_an_unknown_predictor_is_refused_with_those_that_exist():
    message = refusal(predictors.load, "centre")
    assert message.startswith("there is no predictor centre; there are ")
    assert " center, " in message


def test_a_file_that_nothing_reads_is_refused():
    assert refusal(predictors.load, "center", "a.mat") == (
        "predictor center reads no file; leave out a.mat"
    )


def test_a_file_that_does_not_exist_is_refused_with_what_it_has_to_be(tmp_path):
    message = refusal(predictors.load, "fixations", str(tmp_path / "missing.mat"))
    assert "missing.mat: no such file; predictor fixations needs a .mat" in message


def test_what_a_caller_calls_the_file_is_what_its_user_is_told():
    message = refusal(predictors.load, "fixations", option="--maps=PATH")
    assert message.startswith("predictor fixations needs --maps=PATH: a ")
