"""Reading and writing of image files."""

from __future__ import annotations

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image as pil

from salcomp.errors import InputError
from salcomp.files import images
from tests.fixtures import refusal

RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def save(image: pil.Image, path, **options):
    image.save(path, **options)
    return path


def png_16_bit(path, values: np.ndarray, color_type: int):
    """Writes uint16 values as PNG, which Pillow does for grey alone."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    header = struct.pack(">IIBB3x", *values.shape[1::-1], 16, color_type)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks))
    return path


def error_of(path, **options) -> str:
    return refusal(images.read_image, path, **options)


def test_rgb_is_read_as_stored(tmp_path):
    image = images.read_image(save(pil.fromarray(RGB), tmp_path / "a.png"))
    np.testing.assert_array_equal(image.rgb, RGB)
    assert image.rgb.dtype == np.uint8 and image.alpha is None


def test_exif_orientation_is_applied(tmp_path):
    exif = pil.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    path = save(pil.fromarray(RGB), tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(images.read_image(path).rgb, np.rot90(RGB, -1))


def test_one_pixel_is_an_image(tmp_path):
    path = save(pil.new("RGB", (1, 1), (1, 2, 3)), tmp_path / "a.png")
    assert images.read_image(path).rgb.tolist() == [[[1, 2, 3]]]


def test_colour_under_zero_alpha_is_untouched(tmp_path):
    rgba = np.dstack([RGB, np.eye(4, 6, dtype=np.uint8)])
    image = images.read_image(save(pil.fromarray(rgba), tmp_path / "a.png"))
    np.testing.assert_array_equal(image.rgb, RGB)
    np.testing.assert_array_equal(image.alpha, np.eye(4, 6))


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_alpha_is_no_alpha(tmp_path, value):
    rgba = np.dstack([RGB, np.full((4, 6), value, np.uint8)])
    path = save(pil.fromarray(rgba), tmp_path / "a.png")
    assert images.read_image(path).alpha is None


def test_grey_becomes_three_equal_channels(tmp_path):
    path = save(pil.fromarray(RGB[..., 0]), tmp_path / "a.png")
    found = images.read_image(path).rgb
    np.testing.assert_array_equal(found, np.stack([RGB[..., 0]] * 3, 2))


def test_grey_with_alpha_keeps_both(tmp_path):
    channels = [pil.fromarray(RGB[..., i]) for i in (0, 1)]
    image = images.read_image(save(pil.merge("LA", channels), tmp_path / "a.png"))
    np.testing.assert_array_equal(image.rgb[..., 2], RGB[..., 0])
    np.testing.assert_array_equal(image.alpha, RGB[..., 1])


def test_one_bit_images_become_black_and_white(tmp_path):
    bits = RGB[..., 0] % 2 == 0
    path = save(pil.fromarray(bits), tmp_path / "a.png")
    np.testing.assert_array_equal(images.read_image(path).rgb[..., 1], bits * 255)


@pytest.fixture
def palette_image():
    image = pil.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    return image


@pytest.mark.parametrize("transparency, alpha", [(None, None), (0, [[0, 255]])])
def test_a_palette_is_looked_up(tmp_path, palette_image, transparency, alpha):
    """A transparent entry gives alpha and keeps its colour."""
    path = save(palette_image, tmp_path / "a.png", transparency=transparency)
    image = images.read_image(path)
    assert image.rgb.tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert alpha == (None if image.alpha is None else image.alpha.tolist())


def test_cmyk_becomes_rgb(tmp_path):
    path = save(pil.new("CMYK", (2, 2), (0, 255, 255, 0)), tmp_path / "a.tif")
    assert images.read_image(path).rgb[0, 0].tolist() == [255, 0, 0]


def test_16_bit_grey_is_divided_by_257_and_rounded(tmp_path):
    values = np.array([[0, 128, 129, 257, 385, 386, 65406, 65535]], np.uint16)
    image = images.read_image(png_16_bit(tmp_path / "a.png", values, color_type=0))
    assert image.rgb[0, :, 0].tolist() == [0, 0, 1, 1, 1, 2, 254, 255]


def test_a_16_bit_pgm_is_divided_by_257_too(tmp_path):
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5 2 1 65535\n" + np.array([129, 65535], ">u2").tobytes())
    assert images.read_image(path).rgb[0, :, 0].tolist() == [1, 255]


def test_16_bit_rgb_keeps_the_upper_byte(tmp_path):
    values = np.array([[[0x0100, 0x7FFF, 0xFFFF]]], np.uint16)
    image = images.read_image(png_16_bit(tmp_path / "a.png", values, color_type=2))
    assert image.rgb.tolist() == [[[0x01, 0x7F, 0xFF]]]


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_values_without_an_agreed_white_are_refused(tmp_path, dtype):
    values = np.full((2, 2), 70000, dtype)
    message = error_of(save(pil.fromarray(values), tmp_path / "a.tif"))
    assert "a.tif" in message and "save it with 8" in message


def test_the_first_frame_of_an_animation_is_read_and_the_log_says_so(tmp_path, caplog):
    red, blue = (pil.new("RGB", (2, 2), color) for color in ("red", "blue"))
    path = save(red, tmp_path / "a.gif", save_all=True, append_images=[blue])
    assert images.read_image(path).rgb[0, 0].tolist() == [255, 0, 0]
    assert caplog.text.count("a.gif: has several frames; the first is read") == 1


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "avif", "tif"])
def test_a_file_cut_short_is_refused_in_one_line(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(pil.fromarray(noise), tmp_path / f"a.{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert path.name in error_of(path)


@pytest.mark.parametrize("text", ["a text", ""])
def test_what_is_no_image_is_refused(tmp_path, text):
    (tmp_path / "a.png").write_text(text)
    assert "a.png: not an image" in error_of(tmp_path / "a.png")


def test_a_missing_file_is_named(tmp_path):
    assert "absent.png: no such file" in error_of(tmp_path / "absent.png")


def test_a_folder_is_no_image(tmp_path):
    assert "folder" in error_of(tmp_path)


def test_too_many_pixels_are_refused_by_the_header_alone(tmp_path):
    path = save(pil.new("L", (20, 10)), tmp_path / "a.png")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"IDAT") + 4])  # nothing to decode
    assert "20x10 is over the limit of 199 pixels" in error_of(path, max_pixels=199)


def test_a_decompression_bomb_is_refused(tmp_path):
    path = png_16_bit(tmp_path / "a.png", np.zeros((1, 1), np.uint16), color_type=0)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 50000, 50000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    assert "50000x50000 is over the limit of 67108864 pixels" in error_of(path)


def test_a_limit_that_pillow_has_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(pil, "MAX_IMAGE_PIXELS", 10)  # it refuses twice as many
    path = save(pil.fromarray(RGB), tmp_path / "a.png")
    assert images.read_image(path).rgb.shape == RGB.shape
    assert pil.MAX_IMAGE_PIXELS == 10


def test_pillow_warns_of_nothing(tmp_path, palette_image):
    path = save(palette_image, tmp_path / "a.png", transparency=bytes([0, 128]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images.read_image(path)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3), (4, 6, 4)])
def test_a_written_png_holds_the_array(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    images.write_png(tmp_path / "a.png", array)
    with pil.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), array)


def test_writing_into_a_missing_folder_names_the_file(tmp_path):
    with pytest.raises(InputError, match="absent/a.png: cannot be written"):
        images.write_png(tmp_path / "absent" / "a.png", RGB)


def test_avif_can_be_read(tmp_path):
    options = {"quality": 100, "subsampling": "4:4:4"}
    path = save(pil.fromarray(RGB), tmp_path / "a.avif", **options)
    difference = images.read_image(path).rgb.astype(int) - RGB
    assert np.abs(difference).max() <= 4
