"""Lists of runs."""

from __future__ import annotations

import dataclasses
import json

import pytest

from salcomp.accelerator import sweep
from salcomp.errors import InputError
from tests.fixtures import small_config

EXPORTED = small_config()


def read(tmp_path, content):
    path = tmp_path / "runs.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return sweep.read(path, EXPORTED)


def test_a_run_changes_what_it_says_and_nothing_else(tmp_path):
    (run,) = read(tmp_path, [{"name": "a", "lambda": 0.5, "seed": 3}])
    assert (run.name, run.start) == ("a", None)
    assert run.config == dataclasses.replace(EXPORTED, lmbda=0.5, seed=3)


def test_runs_are_in_order_and_may_start_from_earlier_ones(tmp_path):
    runs = read(tmp_path, [{"name": "b"}, {"name": "a", "start": "b"}])
    assert [(run.name, run.start) for run in runs] == [("b", None), ("a", "b")]


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "is not JSON"),
        ("3", "must be a list"),
        ([], "must be a list"),
        ([3], "run 1: must be an object"),
        ([{}], "run 1: needs a name"),
        ([{"name": "../x"}], "run ../x: needs a name"),
        ([{"name": "a"}, {"name": "a"}], "run a: there is an earlier run"),
        ([{"name": "a", "start": 3}], "run a: start must be"),
        ([{"name": "a", "start": "a"}], "run a: start a is not an earlier run"),
        ([{"name": "a", "start": "b"}, {"name": "b"}], "start b is not an earlier"),
        ([{"name": "a", "learning_rate": 10**400}], "must be a finite float"),
        ([{"name": "a", "num_filters": 8}], "'num_filters' is not among.*export"),
        ([{"name": "a", "lambda": -1}], "run a: lambda must be more than 0"),
        ([{"name": "a", "last_step": 1.5}], "run a: last_step must be"),
    ],
)
def test_a_mistake_is_told_with_the_run_that_has_it(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        sweep.read(tmp_path / "none.json", EXPORTED)
