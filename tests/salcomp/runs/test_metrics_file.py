"""The CSV of a run."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.errors import InputError
from salcomp.runs.metrics_file import MetricsFile, read_rows


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.csv"


def lines_with(path, step, row, names=("x",)):
    """The lines of the file after a run resumed before a step has appended its row."""
    file = MetricsFile(path, names, step - 1)
    file.append(step, row)
    file.close()
    return path.read_text().splitlines()


def test_metrics_file_has_a_header_and_rows(path):
    row = {"loss": 2.5, "bpp": 0.1}
    lines = lines_with(path, 1, {**row, "other": 7}, tuple(row))
    assert lines == ["step,loss,bpp", "1,2.5,0.1"]
    assert read_rows(path) == [{"step": 1, **row}]


def test_metrics_file_keeps_every_bit_of_a_float32(path):
    value = np.float32(0.1) / np.float32(3)
    assert np.float32(lines_with(path, 1, {"x": value})[1].split(",")[1]) == value


def test_metrics_after_the_checkpoint_are_dropped(path):
    path.write_text("step,x\n1,1\n2,2\n3,3\n4,4")  # killed within the last row
    assert lines_with(path, 3, {"x": 30}) == ["step,x", "1,1", "2,2", "3,30"]


@pytest.mark.parametrize("text", ["", "ste"])
def test_metrics_file_killed_within_its_header_is_begun_again(path, text):
    path.write_text(text)
    assert lines_with(path, 1, {"x": 1}) == ["step,x", "1,1"]


def test_a_file_of_something_else_is_refused_and_kept(path):
    path.write_text("step,x\nhello\n")
    with pytest.raises(InputError, match="metrics.csv has a line that begins with no"):
        MetricsFile(path, ("x",), 0)
    assert path.read_text() == "step,x\nhello\n"
