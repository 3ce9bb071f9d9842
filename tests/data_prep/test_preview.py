"""The contact sheet of prepared frames, and the bound of their weights."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as pil

from data_prep import contact_sheet, preview
from salcomp.errors import InputError


def counts_of(saliency) -> np.ndarray:
    return np.bincount(np.asarray(saliency, np.uint8), minlength=256)


@pytest.mark.parametrize(
    "share, floor, decibels", [(5, 0.5, 0.06), (10, 0.1, 1.79), (20, 0.01, 9.18)]
)
def test_the_bound_of_two_levels_is_that_of_theory(share, floor, decibels):
    counts = counts_of([255] * share + [0] * (100 - share))
    assert preview.weighting_bound(counts, floor) == pytest.approx(decibels, abs=5e-3)


def test_equal_weights_promise_nothing():
    assert preview.weighting_bound(counts_of([7] * 9), 0.5) == pytest.approx(0)
    assert preview.weighting_bound(counts_of([0, 255]), 1.0) == pytest.approx(0)


def test_levels_are_counted_over_all_frames(frames_glob):
    from salcomp.files.disk import expand_inputs

    paths = expand_inputs([frames_glob])[:3]
    levels = np.concatenate([np.asarray(pil.open(p))[..., 3].ravel() for p in paths])
    np.testing.assert_array_equal(preview.level_counts(paths), counts_of(levels))


def test_frames_are_chosen_from_the_first_to_the_last():
    assert contact_sheet.spread(list(range(10)), 4) == [0, 3, 6, 9]
    assert contact_sheet.spread(list(range(2)), 4) == [0, 1]
    assert contact_sheet.spread(list(range(5)), 1) == [0]


def test_the_tool_draws_the_sheet_and_prints_the_set(frames_glob, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    preview.main(
        ["preview", f"--input_glob={frames_glob}", f"--output={sheet}"]
        + ["--num_frames=2", "--floors=0.1"]
    )
    printed = capsys.readouterr().out
    assert "12 frames" in printed and "mean saliency" in printed
    assert "0.1   " in printed and " dB" in printed
    assert pil.open(sheet).size[0] > 1000


def test_a_frame_without_a_map_is_refused_by_name(tmp_path):
    pil.new("RGB", (64, 32)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="a.png has no saliency map"):
        preview.main(
            ["preview", f"--input_glob={tmp_path}", f"--output={tmp_path / 's.png'}"]
        )


@pytest.mark.parametrize("floors", ["0", "x", "2"])
def test_floors_that_no_weight_can_have_are_refused(frames_glob, floors):
    with pytest.raises(InputError, match="--floors"):
        preview.main(
            ["preview", f"--input_glob={frames_glob}", "--output=s.png"]
            + [f"--floors={floors}"]
        )
