"""The state of a training run as a file."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.errors import InputError
from salcomp.runs import state as training_state
from salcomp.runs.state import TrainingState
from tests.fixtures import small_config


@pytest.fixture
def state() -> TrainingState:
    rng = np.random.default_rng(0)
    groups = [
        {f"a/{i}/b": rng.normal(size=(i + 1, 2)).astype(np.float32) for i in range(3)}
        for _ in range(3)
    ]
    return TrainingState(small_config(lmbda=0.02), 7, *groups)


def test_a_state_is_read_as_it_was_written(tmp_path, state):
    training_state.save(tmp_path / "s.npz", state)
    found = training_state.load(tmp_path / "s.npz")
    assert found[:2] == state[:2]
    for group, expected in zip(found[2:], state[2:]):
        assert list(group) == list(expected)
        for name in group:
            np.testing.assert_array_equal(group[name], expected[name])


def test_the_initial_state_has_moments_of_zero(state):
    initial = TrainingState.initial(state.config, state.variables)
    assert initial.step == 0
    assert not any(value.any() for value in initial.first.values())
    assert initial.second["a/2/b"].shape == (3, 2)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="s.npz: cannot be read"):
        training_state.load(tmp_path / "s.npz")


@pytest.mark.parametrize("damage", ["text", "truncated", "other arrays"])
def test_what_is_no_state_is_refused_by_name(tmp_path, state, damage):
    path = tmp_path / "s.npz"
    training_state.save(path, state)
    if damage == "text":
        path.write_text("hello")
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:500])
    else:
        np.savez(path, x=np.zeros(3))
    with pytest.raises(InputError, match="s.npz.*(is no state|no .npz)") as caught:
        training_state.load(path)
    assert "\n" not in str(caught.value)


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
