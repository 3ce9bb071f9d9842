"""The commands of all README.md files: tools and flags that they name are there."""

from __future__ import annotations

import importlib
import re
import shlex

import pytest

from tests.fixtures import ROOT

FOLDERS = "", "salcomp", "data_prep", "experiments"
PAGES = [f"{folder}/README.md".lstrip("/") for folder in FOLDERS]


def commands() -> list[tuple[str, str]]:
    """Pages and commands, each in one line: those of indented lines and of tables."""
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text().replace("\\\n", " ")
        for line in re.findall(r"^    (python -m .+)$|`(python -m [^`]+)`", text, re.M):
            command = re.sub(r"\s#.*", "", "".join(line))
            if " ... " not in command and ".TOOL" not in command:
                found.append((page, " ".join(command.split())))
    return found


@pytest.mark.parametrize("page, command", commands())
def test_command_names_a_tool_and_its_flags(page, command):
    _, _, name, *arguments = shlex.split(command)
    module = importlib.import_module(name)
    if hasattr(module, "parse"):  # run_step, which has no absl
        module.parse([name, *arguments])
        return
    if not hasattr(module, "FLAGS"):
        module = importlib.import_module(f"{name}.__main__")
    module.FLAGS.unparse_flags()
    try:
        module.FLAGS([name, *arguments])
    finally:
        module.FLAGS.unparse_flags()


def test_all_pages_have_commands():
    assert {page for page, _ in commands()} == set(PAGES)
