"""What all command lines share, and the `salcomp` command."""

from __future__ import annotations

import importlib
import sys
from unittest import mock

import pytest
from absl import flags

import salcomp
from salcomp import __main__ as command
from salcomp import cli
from salcomp.errors import InputError
from salcomp.flags import Flags
from tests.fixtures import refusal, run_python


@pytest.fixture
def tool_flags() -> flags.FlagValues:
    values = Flags()
    values.integer("steps", 7, "Number of steps.")
    values.string("name", None, "A name.")
    return values


def help_of(capsys, call, *arguments) -> list[str]:
    """What `--help` prints before and after the word Flags, with status 0."""
    with pytest.raises(SystemExit) as caught:
        call(*arguments)
    assert caught.value.code == 0
    return capsys.readouterr().out.split("Flags:")


def test_parse_sets_flags_and_returns_the_other_arguments(tool_flags):
    given = ["tool", "a.png", "--steps=3", "b.png"]
    assert cli.parse(tool_flags, given, "A tool.", files=True) == ["a.png", "b.png"]
    assert tool_flags.steps == 3


def test_parse_forgets_the_values_of_a_former_call(tool_flags):
    cli.parse(tool_flags, ["tool", "--steps=3", "--name=a"], "A tool.")
    cli.parse(tool_flags, ["tool"], "A tool.")
    assert (tool_flags.steps, tool_flags.name) == (7, None)


@pytest.mark.parametrize("argument", ["--unknown=3", "--steps=many", "--step=3"])
def test_parse_refuses_a_wrong_flag_in_one_line_that_names_it(tool_flags, argument):
    message = refusal(cli.parse, tool_flags, ["tool", argument], "A tool.")
    assert argument[2:].split("=")[0] in message and "--help" in message


def test_help_lists_the_flags_and_ends_with_status_0(tool_flags, capsys):
    given = tool_flags, ["tool", "--help"], "A tool."
    purpose, listed = help_of(capsys, cli.parse, *given)
    assert purpose.startswith("A tool.") and "--steps: Number of steps." in listed


def test_run_prints_an_error_as_one_line_and_ends_with_status_1(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.run(mock.Mock(side_effect=InputError("a.png: no such file")))
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
    tool = mock.Mock(__doc__="")
    monkeypatch.setitem(sys.modules, "salcomp.compress", tool)
    monkeypatch.setattr(sys.modules["__main__"], "__doc__", None)
    command.run_tool(["/bin/salcomp", "compress", "a.png", "--model=m"])
    tool.main.assert_called_once_with(["salcomp compress", "a.png", "--model=m"])


def test_as_a_process_an_unknown_tool_is_one_line_and_status_1():
    result = run_python("-m", "salcomp", "encode", check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: no tool 'encode'")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("tool", command.TOOLS)
def test_the_help_of_a_tool_tells_its_purpose_and_its_flags(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys.modules["__main__"], "__doc__", None)
    arguments = ["salcomp", tool, "--help"]
    purpose, listed = help_of(capsys, command.run_tool, arguments)
    assert purpose.strip() and "--" in listed


DATA_PREP = "prepare preview score_saliency fit_readout get_weights convert_sam"


@pytest.mark.parametrize("tool", f"{DATA_PREP} verify_sam".split())
def test_the_help_of_a_tool_of_data_prep_tells_its_flags(tool, capsys):
    module = importlib.import_module(f"data_prep.{tool}")
    purpose, listed = help_of(capsys, module.main, [tool, "--help"])
    assert f"python -m data_prep.{tool}" in purpose and "--" in listed


@pytest.mark.parametrize("tool", ["compress", "decompress"])
def test_a_missing_file_is_told_before_tensorflow_is_imported(tool):
    code = f"import sys; from salcomp import {tool}, errors\n"
    code += f"try: {tool}.main(['', 'missing'])\n"
    code += "except errors.InputError as e: print(e, 'tensorflow' in sys.modules)"
    assert run_python("-c", code).stdout == "missing: no such file or folder False\n"
