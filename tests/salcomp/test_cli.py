"""What all command lines share, and the `salcomp` command."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
from absl import flags

import salcomp
from salcomp import __main__ as command
from salcomp import cli
from salcomp.errors import InputError
from salcomp.flags import Flags


@pytest.fixture
def tool_flags() -> flags.FlagValues:
    values = Flags()
    values.integer("steps", 7, "Number of steps.")
    values.string("name", None, "A name.")
    return values


def run(*arguments: str) -> subprocess.CompletedProcess:
    """Runs the `salcomp` command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "salcomp", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_parse_sets_flags_and_returns_the_other_arguments(tool_flags):
    rest = cli.parse(
        tool_flags, ["tool", "a.png", "--steps=3", "b.png"], "A tool.", files=True
    )
    assert rest == ["a.png", "b.png"]
    assert tool_flags.steps == 3


def test_parse_forgets_the_values_of_a_former_call(tool_flags):
    cli.parse(tool_flags, ["tool", "--steps=3", "--name=a"], "A tool.")
    cli.parse(tool_flags, ["tool"], "A tool.")
    assert (tool_flags.steps, tool_flags.name) == (7, None)


@pytest.mark.parametrize("argument", ["--unknown=3", "--steps=many", "--step=3"])
def test_parse_refuses_a_wrong_flag_in_one_line_that_names_it(tool_flags, argument):
    with pytest.raises(InputError) as caught:
        cli.parse(tool_flags, ["tool", argument], "A tool.")
    message = str(caught.value)
    assert argument[2:].split("=")[0] in message
    assert "--help" in message and "\n" not in message


def test_help_lists_the_flags_and_ends_with_status_0(tool_flags, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.parse(tool_flags, ["tool", "--help"], "A tool.")
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith("A tool.") and "--steps: Number of steps." in shown


def test_run_prints_an_error_as_one_line_and_ends_with_status_1(capsys):
    def tool(argv):
        raise InputError("a.png: no such file")

    with pytest.raises(SystemExit) as caught:
        cli.run(tool)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "error: a.png: no such file\n"


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_the_command_lists_its_tools(arguments, capsys):
    command.run_tool(["salcomp", *arguments])
    lines = capsys.readouterr().out.splitlines()
    for tool in ("train", "export", "compress", "decompress", "evaluate"):
        assert any(line.split()[:1] == [tool] for line in lines)


def test_the_command_knows_its_version(capsys):
    command.run_tool(["salcomp", "--version"])
    assert capsys.readouterr().out == f"salcomp {salcomp.__version__}\n"


def test_an_unknown_tool_is_refused_with_the_list_of_tools():
    with pytest.raises(InputError, match="no tool 'encode'.*train, .*compress, "):
        command.run_tool(["salcomp", "encode"])


def test_the_command_hands_a_tool_its_arguments(monkeypatch):
    seen = []
    tool = type(sys)("salcomp.compress")
    tool.main = seen.append
    monkeypatch.setitem(sys.modules, "salcomp.compress", tool)
    monkeypatch.setattr(sys.modules["__main__"], "__doc__", None)
    command.run_tool(["/bin/salcomp", "compress", "a.png", "--model=m"])
    assert seen == [["salcomp compress", "a.png", "--model=m"]]


def test_as_a_process_an_unknown_tool_is_one_line_and_status_1():
    result = run("encode")
    assert result.returncode == 1
    assert result.stderr.startswith("error: no tool 'encode'")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("tool", command.TOOLS)
def test_the_help_of_a_tool_tells_its_purpose_and_its_flags(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys.modules["__main__"], "__doc__", None)
    with pytest.raises(SystemExit) as caught:
        command.run_tool(["salcomp", tool, "--help"])
    assert caught.value.code == 0
    purpose, listed = capsys.readouterr().out.split("Flags:")
    assert purpose.strip()
    assert "--" in listed


@pytest.mark.parametrize(
    "tool", "prepare preview score_saliency convert_sam verify_sam".split()
)
def test_the_help_of_a_tool_of_data_prep_tells_its_flags(tool, capsys):
    module = importlib.import_module(f"data_prep.{tool}")
    with pytest.raises(SystemExit) as caught:
        module.main([tool, "--help"])
    assert caught.value.code == 0
    purpose, listed = capsys.readouterr().out.split("Flags:")
    assert f"python -m data_prep.{tool}" in purpose
    assert "--" in listed
