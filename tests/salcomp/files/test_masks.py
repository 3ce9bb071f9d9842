"""Masks: which is that of an image, and what maps and regions become of them."""

from __future__ import annotations

import os
from unittest import mock

import numpy as np
import pytest
from PIL import Image as pil

from salcomp.errors import InputError
from salcomp.files import colour, disk, images, map_sources, masks

HEIGHT, WIDTH = 8, 12
PLAIN = images.Image(np.zeros((HEIGHT, WIDTH, 3), np.uint8), None)
MASK = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
LEVELS = MASK / np.float32(255)
RGBA = np.dstack([PLAIN.rgb, MASK])


def map_of(spec, path="photos/frame.jpg", image=PLAIN, **options) -> np.ndarray:
    return map_sources.from_spec(str(spec)).of(path, image, **options).saliency


def map_of_mask(folder, mask, **options) -> np.ndarray:
    """The map of an image with a mask that is first written into the folder."""
    images.write_png(folder / "m.png", mask)
    return map_of(folder / "m.png", **options)


@pytest.mark.parametrize("grey", [MASK, np.dstack([MASK] * 3), RGBA])
def test_a_mask_is_taken_as_it_is_and_named(tmp_path, grey):
    images.write_png(tmp_path / "m.png", grey)
    source = map_sources.from_spec(f"{tmp_path}/m.png")
    found = source.of("a.png", PLAIN)
    np.testing.assert_array_equal(found.saliency, LEVELS)
    assert found.saliency.dtype == np.float32 and found.seconds is None
    assert (found.origin, source.label) == (f"mask {tmp_path}/m.png", "mask m.png")


def test_the_numbers_of_a_mask_are_no_colours(tmp_path):
    profile = colour.matrix_profile(colour.SRGB, (1.0,))
    pil.fromarray(MASK).save(tmp_path / "m.png", icc_profile=profile)
    np.testing.assert_array_equal(map_of(tmp_path / "m.png"), LEVELS)


def test_a_16_bit_mask_is_read(tmp_path):
    values = np.full((HEIGHT, WIDTH), 257 * 51, np.uint16)
    pil.fromarray(values).save(tmp_path / "m.png")
    np.testing.assert_allclose(map_of(tmp_path / "m.png"), 0.2, rtol=1e-6)


def test_a_coloured_mask_is_refused(tmp_path):
    with pytest.raises(InputError, match="m.png: a mask must be grey"):
        map_of_mask(tmp_path, np.full((2, 2, 3), (255, 0, 0), np.uint8))


@pytest.mark.parametrize("size", [(4, 6), (16, 24), (80, 60), (1, 1)])
def test_a_mask_of_another_size_is_resized(tmp_path, size):
    ramp = np.linspace(0, 255, size[1]).astype(np.uint8) + np.zeros(size, np.uint8)
    saliency = map_of_mask(tmp_path, np.maximum(ramp, 1))
    assert saliency.shape == (HEIGHT, WIDTH)
    assert 0 <= saliency.min() and saliency.max() <= 1
    assert (np.diff(saliency, axis=1) >= 0).all()


def test_a_small_spot_survives_shrinking(tmp_path):
    mask = np.zeros((10 * HEIGHT, 10 * WIDTH), np.uint8)
    mask[33, 47] = 255
    assert map_of_mask(tmp_path, mask).sum() == pytest.approx(0.01, rel=0.01)


def test_a_mask_of_zeros_is_refused(tmp_path):
    with pytest.raises(InputError, match="m.png: zero everywhere; --saliency=uniform"):
        map_of_mask(tmp_path, np.zeros((HEIGHT, WIDTH), np.uint8))


def test_in_a_folder_the_mask_is_named_as_the_image(tmp_path):
    images.write_png(tmp_path / "frame.png", MASK)
    images.write_png(tmp_path / "frame2.png", np.zeros_like(MASK))
    np.testing.assert_array_equal(map_of(tmp_path), LEVELS)


def test_in_a_folder_of_both_the_image_is_not_its_own_mask(tmp_path):
    images.write_png(tmp_path / "frame.png", MASK)
    (tmp_path / "frame.jpg").touch()
    np.testing.assert_array_equal(map_of(tmp_path, path=tmp_path / "frame.jpg"), LEVELS)


def test_a_saved_map_is_the_mask_where_there_is_no_other(tmp_path):
    images.write_png(tmp_path / "frame.saliency.png", MASK)
    np.testing.assert_array_equal(map_of(tmp_path), LEVELS)
    images.write_png(tmp_path / "frame.png", 255 - MASK)
    np.testing.assert_array_equal(map_of(tmp_path), (255 - MASK) / np.float32(255))


def test_a_folder_without_the_mask_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no mask named frame.png"):
        map_of(tmp_path)


def test_two_masks_of_one_image_are_refused(tmp_path):
    for suffix in ("png", "tif"):
        pil.fromarray(MASK).save(tmp_path / f"frame.{suffix}")
    with pytest.raises(InputError, match=r"frame\.png, frame\.tif"):
        map_of(tmp_path)


def test_a_folder_of_masks_is_listed_once_for_all_images(tmp_path, monkeypatch):
    for i in range(3):
        images.write_png(tmp_path / f"{i}.png", MASK)
    files_in = mock.Mock(side_effect=disk.files_in)
    monkeypatch.setattr(disk, "files_in", files_in)
    for i in range(3):
        map_of(tmp_path, path=f"photos/{i}.jpg")
    files_in.assert_called_once_with(tmp_path)


def test_a_mask_added_later_is_found(tmp_path):
    os.utime(tmp_path, (0, 0))  # clocks of file systems are coarse
    with pytest.raises(InputError, match="has no mask"):
        map_of(tmp_path)
    images.write_png(tmp_path / "frame.png", MASK)
    assert map_of(tmp_path).any()


def test_a_mask_has_no_more_pixels_than_it_may(tmp_path):
    assert map_of_mask(tmp_path, MASK, max_pixels=96).any()
    with pytest.raises(InputError, match="m.png: 12x8 is over the limit of 95 pixels"):
        map_of_mask(tmp_path, MASK, max_pixels=95)


@pytest.mark.parametrize("orientation", range(5, 9))
@pytest.mark.parametrize("scale", [1, 3])
def test_a_mask_of_the_stored_image_is_turned_as_the_image_was(
    tmp_path, caplog, orientation, scale
):
    exif = pil.Exif()
    exif[0x0112] = orientation
    stored = MASK.T  # of a picture that is turned to [HEIGHT, WIDTH]
    pil.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    image = images.read_image(tmp_path / "a.png")
    enlarged = stored.repeat(scale, 0).repeat(scale, 1)
    saliency = map_of_mask(tmp_path, enlarged, image=image)
    assert np.abs(saliency - image.rgb[..., 0] / 255).mean() < 0.15
    region = masks.region_for(f"{tmp_path}/m.png", "a.png", image)
    np.testing.assert_array_equal(region, image.rgb[..., 0] >= 128)
    assert not caplog.messages


def test_a_mask_of_another_shape_is_stretched_and_the_log_says_so(tmp_path, caplog):
    for _ in range(2):
        found = map_of_mask(tmp_path, np.ones((WIDTH, HEIGHT), np.uint8))
        assert found.shape == (HEIGHT, WIDTH)
    (line,) = caplog.messages
    assert "m.png: 8x12 is stretched to the shape of the image, 12x8" in line


def test_masks_may_lie_in_the_folders_of_the_images(tmp_path):
    (tmp_path / "masks/b").mkdir(parents=True)
    images.write_png(tmp_path / "masks/frame.png", MASK)
    images.write_png(tmp_path / "masks/b/frame.png", 255 - MASK)
    for folder, expected in ("a", MASK), ("b", 255 - MASK):
        found = map_of(tmp_path / "masks", tmp_path / "photos" / folder / "frame.jpg")
        np.testing.assert_array_equal(found, expected / np.float32(255))


def region_of(folder, mask=None, size=(HEIGHT, WIDTH)) -> np.ndarray:
    """The region of an image with a mask in the folder."""
    if mask is not None:
        images.write_png(folder / "frame.png", mask)
    image = images.Image(np.zeros((*size, 3), np.uint8), None)
    return masks.region_for(str(folder), "photos/frame.jpg", image)


def test_a_region_is_where_its_mask_is_half_white_or_more(tmp_path):
    np.testing.assert_array_equal(region_of(tmp_path, MASK), MASK >= 128)


def test_the_mask_of_a_region_is_resized_to_the_nearest_pixel(tmp_path):
    found = region_of(tmp_path, np.array([[0, 127], [128, 0]], np.uint8), (6, 4))
    np.testing.assert_array_equal(found, np.kron([[0, 0], [1, 0]], np.ones((3, 2))) > 0)


def test_the_mask_of_a_region_is_not_averaged_where_it_shrinks(tmp_path):
    centres = np.zeros((3 * HEIGHT, 3 * WIDTH), np.uint8)
    centres[1::3, 1::3] = 255
    assert region_of(tmp_path, centres).all()


def test_a_black_mask_is_an_empty_region(tmp_path):
    assert not region_of(tmp_path, 0 * MASK).any()


def test_a_missing_mask_of_a_region_is_refused_by_the_name_of_its_flag(tmp_path):
    with pytest.raises(InputError, match="--roi_masks=.*has no mask named frame.png"):
        region_of(tmp_path)
