"""Fixtures that all tests share."""

from __future__ import annotations

import pathlib
import signal

import pytest

import salcomp  # noqa: F401 - sets up TensorFlow before a test module imports it
from tests.fixtures import (  # noqa: F401
    codec,
    empty_zoo,
    frames_glob,
    plug_ins,
    unisal_weights,
    workdir,
    zoo,
    zoo_folder,
)

# In the background of a shell's script, what tests start would ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

_SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared"

# What tests read there, and how many files: the name is a common one.
_CONTENTS = {
    "data/kodak/kodim??.png": 24,
    "data/gtsdb512/signs_test.json": 1,
    "data/gtsdb512/test/*.png": 96,
}


def holds_the_data(folder: pathlib.Path) -> bool:
    """Whether a folder is the one with the real images, and not a namesake."""
    return all(
        len(list(folder.glob(pattern))) == count for pattern, count in _CONTENTS.items()
    )


# What takes the longest, and begins first where tests run in several processes.
_LONGEST = ("extreme_gan/", "test_study.py", "test_run_step.py", "sam/test_weights.py")


def pytest_collection_modifyitems(config, items):
    """Sorts the tests of a process of several: each takes whole files in this order."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not any(part in item.nodeid for part in _LONGEST))


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """The `shared` folder beside the checkout, of real images."""
    if not holds_the_data(_SHARED):
        pytest.skip(f"needs real images, in {_SHARED.name}/ beside the checkout")
    return _SHARED


@pytest.hookimpl(hookwrapper=True)
def pytest_report_to_serializable():
    """Makes logs of names that are not UTF-8 fit to leave a process of tests."""
    data = (yield).get_result()
    if data:
        data["sections"] = [
            (name, text.encode("utf-8", "backslashreplace").decode())
            for name, text in data.get("sections", ())
        ]
