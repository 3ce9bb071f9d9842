"""Frames as one array."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from salcomp.data import frame_files, frame_set, frames
from salcomp.errors import InputError
from tests.fixtures import frame, save_frames


def test_maps_and_contents_are_told_as_by_the_trainer(frames_glob):
    paths = frame_files.find(frames_glob)
    expected = frames.from_files(paths, True, (32, 32))
    found = frame_set.read(paths, (32, 32), needs_map=True)
    np.testing.assert_array_equal(found.level_counts, expected.level_counts)
    assert found.contents == expected.contents


def test_frames_of_several_sizes_lie_at_the_top_left(tmp_path):
    save_frames(tmp_path, 1, height=48, width=64)
    Image.fromarray(frame(5, 32, 80)).save(tmp_path / "z.png")
    paths = frame_files.find(str(tmp_path / "*.png"))
    found = frame_set.read(paths, (32, 32), needs_map=True)
    assert found.pixels.shape == (2, 48, 80, 4)
    assert found.sizes.tolist() == [[48, 64], [32, 80]]
    np.testing.assert_array_equal(found.pixels[1, :32], frame(5, 32, 80))
    assert not found.pixels[1, 32:].any()


def test_a_frame_without_a_map_is_refused_where_one_is_needed(tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="a.png has no saliency map"):
        frame_set.read([str(tmp_path / "a.png")], (32, 32), needs_map=True)
    found = frame_set.read([str(tmp_path / "a.png")], (32, 32), needs_map=False)
    assert (found.pixels[..., 3] == 255).all()
