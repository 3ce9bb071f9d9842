"""The contact sheet of prepared frames."""

from __future__ import annotations

import os

import pytest
from PIL import Image as pil

from data_prep import preview
from salcomp.errors import InputError
from salcomp.files import images
from tests.fixtures import frame


def run(frames, sheet, *flags: str) -> None:
    preview.main(["preview", f"--input_glob={frames}", f"--output={sheet}", *flags])


def test_the_tool_draws_the_sheet_and_prints_the_set(frames_glob, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    run(frames_glob, sheet, "--num_frames=2", "--floors=0.1")
    printed = capsys.readouterr().out
    assert "12 frames" in printed and "mean saliency" in printed
    assert "0.1   " in printed and " dB" in printed
    assert pil.open(sheet).size[0] > 1000


def test_the_sheet_is_drawn_of_frames_whose_names_are_not_utf_8(tmp_path, capsys):
    data = images.encode_png(frame(0, 32, 64))
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(data)
    sheet = tmp_path / os.fsdecode(b"f\xeate.png")
    run(tmp_path, sheet)
    assert sheet.exists() and r"f\xeate.png" in capsys.readouterr().out


def test_a_frame_without_a_map_is_refused_by_name(tmp_path):
    pil.new("RGB", (64, 32)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="a.png has no saliency map"):
        run(tmp_path, tmp_path / "sheet.png")


@pytest.mark.parametrize("floors", ["0", "x", "2"])
def test_floors_that_no_weight_can_have_are_refused(frames_glob, floors):
    with pytest.raises(InputError, match="--floors"):
        run(frames_glob, "sheet.png", f"--floors={floors}")
