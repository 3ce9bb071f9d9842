"""Recorded fixations: the .mat file, the points of a picture, and their density."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from data_prep.predictors import fixations
from salcomp.errors import InputError


def cells(values: list) -> np.ndarray:
    """A column of MATLAB cells."""
    array = np.empty((len(values), 1), object)
    array[:, 0] = values
    return array


def write_osie(path, pictures: dict) -> None:
    """Writes {name: [per subject, (all x, all y)]} in OSIE's layout."""
    records = []
    for name, subjects in pictures.items():
        looks = [{"fix_x": x, "fix_y": y} for x, y in subjects]
        records.append({"img": name, "subjects": cells(looks)})
    scipy.io.savemat(path, {"fixations": cells(records)})


def test_the_points_of_all_subjects_are_pooled(tmp_path):
    pictures = {"a.jpg": [([1.5, 2.5], [10, 20]), ([3.5], [30])]}
    pictures["b.jpg"] = [([4], [40]), ([], [])]
    write_osie(tmp_path / "f.mat", pictures)
    recorded = fixations.read(tmp_path / "f.mat")
    assert list(recorded) == ["a.jpg", "b.jpg"]
    np.testing.assert_array_equal(recorded["a.jpg"], [[1.5, 10], [2.5, 20], [3.5, 30]])
    np.testing.assert_array_equal(recorded["b.jpg"], [[4, 40]])
    assert recorded["b.jpg"].dtype == np.float64


def test_every_other_person_is_one_half(tmp_path):
    looks = [([x], [y]) for x, y in ((1, 10), (2, 20), (3, 30))]
    write_osie(tmp_path / "f.mat", {"a.jpg": looks})
    halves = (fixations.ODD, [[1, 10], [3, 30]]), (fixations.EVEN, [[2, 20]])
    for half, points in halves:
        recorded = fixations.read(tmp_path / "f.mat", half)
        np.testing.assert_array_equal(recorded["a.jpg"], points)


def test_one_person_has_no_halves(tmp_path):
    write_osie(tmp_path / "f.mat", {"a.jpg": [([7], [8])]})
    with pytest.raises(InputError, match="a.jpg: .*one person.*have no halves"):
        fixations.read(tmp_path / "f.mat", fixations.EVEN)


@pytest.mark.parametrize(
    "looks, points", [(([7], [8]), [[7, 8]]), (([], []), np.empty((0, 2)))]
)
def test_one_picture_and_one_subject_who_may_look_nowhere_are_read(
    tmp_path, looks, points
):
    write_osie(tmp_path / "f.mat", {"a.jpg": [looks]})
    np.testing.assert_array_equal(fixations.read(tmp_path / "f.mat")["a.jpg"], points)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG" + bytes(500)])
def test_a_file_that_is_no_mat_is_refused(tmp_path, content):
    (tmp_path / "f.mat").write_bytes(content)
    with pytest.raises(InputError, match="f.mat: cannot be read as a .mat file"):
        fixations.read(tmp_path / "f.mat")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="f.mat: cannot be read"):
        fixations.read(tmp_path / "f.mat")


def of_subject(**fields) -> dict:
    picture = {"img": "a.jpg", "subjects": cells([fields])}
    return {"fixations": cells([picture])}


@pytest.mark.parametrize(
    "content",
    [{"I": np.eye(3)}, {"fixations": np.eye(3)}]
    + [{"fixations": cells([{"img": "a.jpg"}])}]
    + [of_subject(fix_x=[1]), of_subject(fix_x=[1, 2], fix_y=[1])],
)
def test_another_layout_is_refused_in_one_line(tmp_path, content):
    scipy.io.savemat(tmp_path / "f.mat", content)
    with pytest.raises(InputError) as error:
        fixations.read(tmp_path / "f.mat")
    assert "f.mat: no fixations in OSIE's layout" in str(error.value)
    assert "\n" not in str(error.value)


RECORDED = {name: np.ones((1, 2)) for name in ("a.jpg", "a.b.jpg", "c.jpg", "c.png")}


@pytest.mark.parametrize(
    "source, name",
    [("photos/a.jpg", "a.jpg"), ("a.png", "a.jpg")]
    + [("x/a.b.webp", "a.b.jpg"), ("c.png", "c.png")],
)
def test_the_points_of_an_image_are_found_by_name_then_by_stem(source, name):
    assert fixations.of_image(RECORDED, source)[0] == name


@pytest.mark.parametrize(
    "source, message",
    [
        ("photos/z.jpg", "photos/z.jpg: no fixations of a picture"),
        ("c.tif", "c.tif: .* recorded of c.jpg and c.png"),
    ],
)
def test_an_image_that_was_not_recorded_once_is_refused_by_name(source, message):
    with pytest.raises(InputError, match=message):
        fixations.of_image(RECORDED, source)


def test_a_point_counts_for_the_pixel_that_it_lies_in():
    points = np.array([[0, 0], [2.9, 1.2], [2.1, 1.9]])
    expected = [[1, 0, 0, 0], [0, 0, 2, 0]]
    np.testing.assert_array_equal(fixations.counts(points, 2, 4), expected)


def test_points_outside_the_picture_are_dropped():
    outside = [[-0.1, 1], [4, 1], [1, -0.1], [1, 2], [np.nan, 1], [1, np.inf]]
    assert not fixations.counts(np.array(outside), 2, 4).any()
    density = fixations.density(np.array([*outside, [1, 1]]), 2, 4)
    np.testing.assert_array_equal(density, fixations.density(np.array([[1, 1]]), 2, 4))


def test_the_density_of_one_point_is_a_gaussian_of_one_degree():
    density = fixations.density(np.array([[100.5, 120.5]]), 240, 200)
    assert density.shape == (240, 200) and density.dtype == np.float32
    assert np.unravel_index(density.argmax(), density.shape) == (120, 100)
    assert density.max() == 1
    for y, x in ((120, 124), (144, 100), (96, 100)):
        assert density[y, x] == pytest.approx(np.exp(-0.5), rel=1e-3)


def test_the_density_takes_another_sigma():
    density = fixations.density(np.array([[50, 50]]), 100, 100, sigma=5)
    assert density[50, 60] == pytest.approx(np.exp(-2), rel=1e-3)


def test_two_looks_at_a_place_weigh_double():
    points = np.array([[20, 20], [20, 20], [80, 20]])
    density = fixations.density(points, 40, 100, sigma=5)
    assert density[20, 80] == pytest.approx(0.5, rel=1e-3)


def test_the_density_without_points_is_zero():
    density = fixations.density(np.zeros((0, 2)), 3, 4)
    np.testing.assert_array_equal(density, np.zeros((3, 4), np.float32))


def test_the_points_of_osie_lie_in_its_pictures(shared_data):
    path = shared_data / "data/osie/fixations.mat"
    if not path.is_file():
        pytest.skip("needs data/osie in shared/ beside the checkout")
    recorded = fixations.read(path)
    assert len(recorded) == 700
    assert sum(map(len, recorded.values())) == 98321
    for points in recorded.values():
        assert fixations.counts(points, 600, 800).sum() == len(points)
