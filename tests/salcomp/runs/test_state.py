"""The state of a training run as a file."""

from __future__ import annotations

import re

import numpy as np
import pytest

from salcomp.errors import InputError
from salcomp.runs import state as training_state
from salcomp.runs.state import TrainingState
from tests.fixtures import refusal, small_config


@pytest.fixture
def state() -> TrainingState:
    values = np.random.default_rng(0).normal(size=(3, 3, 4, 2)).astype(np.float32)
    groups = [{f"a/{i}/b": v[: i + 1] for i, v in enumerate(vs)} for vs in values]
    return TrainingState(small_config(lmbda=0.02), 7, *groups)


@pytest.fixture
def path(tmp_path, state):
    """The file of that state."""
    training_state.save(tmp_path / "s.npz", state)
    return tmp_path / "s.npz"


def test_a_state_is_read_as_it_was_written(path, state):
    found = training_state.load(path)
    assert found[:2] == state[:2]
    for group, expected in zip(found[2:], state[2:]):
        assert list(group) == list(expected)
        assert all((group[name] == expected[name]).all() for name in group)


def test_the_initial_state_has_moments_of_zero(state):
    initial = TrainingState.initial(state.config, state.variables)
    assert initial.step == 0
    assert not any(value.any() for value in initial.first.values())
    assert initial.second["a/2/b"].shape == (3, 2)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="s.npz: cannot be read"):
        training_state.load(tmp_path / "s.npz")


@pytest.mark.parametrize("damage", ["text", "truncated", "other arrays"])
def test_what_is_no_state_is_refused_by_name(path, damage):
    if damage == "other arrays":
        np.savez(path, x=np.zeros(3))
    else:
        path.write_bytes(b"hello" if damage == "text" else path.read_bytes()[:500])
    message = refusal(training_state.load, path)
    assert re.search("s.npz.*(is no state|no .npz)", message)


def test_a_state_that_is_not_finite_is_refused(tmp_path, state):
    state.first["a/1/b"][0, 0] = np.nan
    training_state.save(tmp_path / "s.npz", state)
    with pytest.raises(InputError, match="s.npz has values that are not finite"):
        training_state.load(tmp_path / "s.npz")


def test_a_state_of_another_version_is_refused_with_both(tmp_path, state, monkeypatch):
    monkeypatch.setattr(training_state, "__version__", "9.9")
    training_state.save(tmp_path / "s.npz", state)
    monkeypatch.undo()
    with pytest.raises(InputError, match="written by salcomp 9.9, and this is"):
        training_state.load(tmp_path / "s.npz")
