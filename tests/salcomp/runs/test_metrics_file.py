"""The CSV of a run."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.errors import InputError
from salcomp.runs.metrics_file import MetricsFile, read_rows


def metrics_lines(path):
    return path.read_text().splitlines()


def test_metrics_file_has_a_header_and_rows(tmp_path):
    path = tmp_path / "metrics.csv"
    file = MetricsFile(path, ("loss", "bpp"), 0)
    file.append(1, {"loss": 2.5, "bpp": 0.1, "other": 7})
    file.close()
    assert metrics_lines(path) == ["step,loss,bpp", "1,2.5,0.1"]
    assert read_rows(path) == [{"step": 1, "loss": 2.5, "bpp": 0.1}]


def test_metrics_file_keeps_every_bit_of_a_float32(tmp_path):
    path = tmp_path / "metrics.csv"
    value = np.float32(0.1) / np.float32(3)
    file = MetricsFile(path, ("x",), 0)
    file.append(1, {"x": value})
    file.close()
    assert np.float32(metrics_lines(path)[1].split(",")[1]) == value


def test_metrics_after_the_checkpoint_are_dropped(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,x\n1,1\n2,2\n3,3\n4,4")  # killed within the last row
    file = MetricsFile(path, ("x",), 2)
    file.append(3, {"x": 30})
    file.close()
    assert metrics_lines(path) == ["step,x", "1,1", "2,2", "3,30"]


@pytest.mark.parametrize("text", ["", "ste"])
def test_metrics_file_killed_within_its_header_is_begun_again(tmp_path, text):
    path = tmp_path / "metrics.csv"
    path.write_text(text)
    file = MetricsFile(path, ("x",), 0)
    file.append(1, {"x": 1})
    file.close()
    assert metrics_lines(path) == ["step,x", "1,1"]


def test_a_file_of_something_else_is_refused_and_kept(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("step,x\nhello\n")
    with pytest.raises(InputError, match="metrics.csv has a line that begins with no"):
        MetricsFile(path, ("x",), 0)
    assert path.read_text() == "step,x\nhello\n"
