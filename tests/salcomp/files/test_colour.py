"""Colours of image files become sRGB."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import ExifTags, ImageCms, PngImagePlugin
from PIL import Image as pil

from salcomp.files import colour, images

P3 = colour.matrix_profile(colour.DISPLAY_P3, colour.SRGB_CURVE)
ADOBE = colour.matrix_profile(colour.ADOBE_RGB, colour.ADOBE_CURVE)
LINEAR = colour.matrix_profile(colour.SRGB, (1.0,))
# Colours that change slowly, for the sake of JPEG.
RAMP = np.linspace(0, 255, 48).astype(np.uint8)
RGB = np.stack([*np.meshgrid(RAMP, RAMP[::-1]), np.full((48, 48), 60, np.uint8)], -1)
PICTURE = pil.fromarray(RGB)


def little_cms(profile: bytes, image: pil.Image = PICTURE) -> np.ndarray:
    """What LittleCMS makes of an image."""
    given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    to, intent = ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    return np.asarray(
        ImageCms.profileToProfile(image, given, to, intent, "RGB", flags=flags)
    )


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return np.abs(a.astype(float) - b).mean()


def save(path, image=RGB, chunks=(), **options):
    """Writes an image; chunks are those of PNG."""
    image = pil.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(path, **options)
    inserted = io.BytesIO()
    for kind, content in chunks:
        PngImagePlugin.putchunk(inserted, kind, content)
    data = path.read_bytes()
    path.write_bytes(data[:33] + inserted.getvalue() + data[33:])
    return path


def save_16_bit_tiff(path, rgb, icc_profile):
    """Writes what Pillow does not: 16 bits per colour."""
    pixels = (rgb.astype("<u2") * 257).tobytes()
    height, width = rgb.shape[:2]
    bits_at = 8 + len(pixels)
    tags = [
        *[(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, bits_at)],
        *[(259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 8), (277, 3, 1, 3)],
        *[(278, 4, 1, height), (279, 4, 1, len(pixels))],
        (34675, 7, len(icc_profile), bits_at + 6),
    ]
    table = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    body = pixels + struct.pack("<3H", 16, 16, 16) + icc_profile
    head = struct.pack("<2sHI", b"II", 42, 8 + len(body))
    path.write_bytes(head + body + struct.pack("<H", len(tags)) + table + bytes(4))


@pytest.mark.parametrize("profile", [P3, ADOBE], ids=["Display P3", "Adobe RGB"])
@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "webp"])
def test_profiles_are_applied_as_little_cms_does(tmp_path, kind, profile):
    path = tmp_path / f"a.{kind}"
    if kind == "tif":
        save_16_bit_tiff(path, RGB, profile)
    else:
        save(path, icc_profile=profile, quality=98, subsampling=0)
    expected = little_cms(profile)
    for image in images.read_image(path), images.decode_image(path.read_bytes(), "a"):
        assert distance(image.rgb, expected) < 3
    assert distance(images.read_image(path, to_srgb=False).rgb, expected) > 3


def to_light(v):
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def from_light(v):
    v = np.clip(v, 0, 1)
    return np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)


# To sRGB, of CSS Color Module Level 4.
OF_P3 = [[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]]
OF_ADOBE = [[1.3982, -0.3982, 0], [0, 1, 0], [0, -0.0429, 1.0429]]


@pytest.mark.parametrize(
    "profile, curve, matrix",
    [(P3, to_light, OF_P3), (ADOBE, lambda v: v ** (563 / 256), OF_ADOBE)],
)
def test_a_profile_of_primaries_and_a_curve_is_what_they_say(profile, curve, matrix):
    expected = 255 * from_light(curve(RGB / 255) @ np.transpose(matrix))
    assert distance(little_cms(profile), expected) < 0.5


OF_LITTLE_CMS = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
OF_SALCOMP = colour.matrix_profile(colour.SRGB, colour.SRGB_CURVE)


@pytest.mark.parametrize("profile", [OF_LITTLE_CMS, OF_SALCOMP], ids=["CMS", "own"])
def test_a_profile_of_srgb_changes_nothing(tmp_path, profile):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(tmp_path / "a.png", noise, icc_profile=profile)
    np.testing.assert_array_equal(images.read_image(path).rgb, noise)


def test_alpha_stays_and_colours_below_it_are_converted_alike(tmp_path):
    alpha = np.tile(RAMP, (48, 1))
    path = save(tmp_path / "a.png", np.dstack([RGB, alpha]), icc_profile=P3)
    image = images.read_image(path)
    np.testing.assert_array_equal(image.alpha, alpha)
    np.testing.assert_array_equal(image.rgb, little_cms(P3))


def test_a_palette_is_converted(tmp_path):
    path = save(tmp_path / "a.png", pil.fromarray(RGB).quantize(16), icc_profile=P3)
    stored = images.read_image(path, to_srgb=False).rgb
    expected = little_cms(P3, pil.fromarray(stored))
    np.testing.assert_array_equal(images.read_image(path).rgb, expected)


@pytest.mark.parametrize("grey", [np.uint8(128), np.uint16(128 * 257)])
def test_grey_is_converted_by_a_profile_of_grey_and_by_one_of_rgb(tmp_path, grey):
    grey = np.full((2, 2), grey)
    of_grey = LINEAR.replace(b"RGB ", b"GRAY", 1).replace(b"rTRC", b"kTRC", 1)
    for profile in (of_grey, LINEAR):
        path = save(tmp_path / "a.png", grey, icc_profile=profile)
        assert images.read_image(path).rgb[0, 0].tolist() == [188] * 3


def cmyk_profile() -> bytes:
    """Inks that are duller than Pillow's: a table from their 16 overprints to Lab."""
    inks = np.array(list(np.ndindex(2, 2, 2, 2)))
    lightness = 240 - inks @ [70, 80, 20, 150]
    colours = 128 + inks @ [[-30, -40], [60, 0], [0, 70], [0, 0]]
    lab = np.column_stack([lightness, colours])
    ramps = bytes(range(256))
    matrix = struct.pack(">9i", *(np.eye(3) * 65536).astype(int).ravel())
    cells = np.clip(lab, 0, 255).astype(np.uint8).tobytes()
    table = b"mft1" + bytes([0, 0, 0, 0, 4, 3, 2, 0]) + matrix
    table += 4 * ramps + cells + 3 * ramps
    head = bytearray(P3[:128])
    head[12:24] = b"prtrCMYKLab "
    size = 128 + 16 + len(table)
    head[:4] = struct.pack(">I", size)
    return bytes(head) + struct.pack(">I4sII", 1, b"A2B0", 144, len(table)) + table


@pytest.mark.parametrize("kind", ["tif", "jpg"])
def test_cmyk_is_converted_by_its_profile(tmp_path, kind):
    cmyk = pil.fromarray(np.dstack([RGB, RGB[..., 0] // 4]), "CMYK")
    path = save(tmp_path / f"a.{kind}", cmyk, icc_profile=cmyk_profile())
    expected = little_cms(cmyk_profile(), cmyk)
    assert distance(images.read_image(path).rgb, expected) < 3
    assert distance(images.read_image(path, to_srgb=False).rgb, expected) > 3


@pytest.mark.parametrize(
    "options",
    [
        {"icc_profile": b"no profile at all"},
        {"icc_profile": cmyk_profile()},
        {"chunks": [(b"iCCP", b"name\0\0not deflated")]},
        {"chunks": [(b"cICP", bytes([9, 16, 0, 1]))]},
        {"chunks": [(b"gAMA", bytes(4))]},
        {"chunks": [(b"cHRM", bytes(32))]},
    ],
)
def test_what_cannot_be_used_is_told_and_taken_as_srgb(tmp_path, caplog, options):
    path = save(tmp_path / "a.png", **options)
    for _ in range(2):
        np.testing.assert_array_equal(images.read_image(path).rgb, RGB)
    (line,) = caplog.messages
    assert "a.png: " in line and "taken as sRGB" in line


def test_a_png_says_its_colours_by_cicp_before_all_else(tmp_path):
    p3, srgb = ((b"cICP", bytes([primaries, 13, 0, 1])) for primaries in (12, 1))
    for chunk, expected in ((p3, little_cms(P3)), (srgb, RGB)):
        path = save(tmp_path / "a.png", chunks=[chunk], icc_profile=ADOBE)
        np.testing.assert_array_equal(images.read_image(path).rgb, expected)


def gama(value: float):
    return b"gAMA", struct.pack(">I", round(value * 1e5))


def chrm(primaries):
    *colours, white = primaries
    numbers = np.round(1e5 * np.ravel([white, *colours])).astype(int)
    return b"cHRM", struct.pack(">8I", *numbers)


@pytest.mark.parametrize(
    "chunks, profile",
    [
        ([gama(1 / 2.2)], None),
        ([gama(1 / 2.2), chrm(colour.SRGB)], None),
        ([chrm(colour.SRGB)], None),
        ([gama(1), (b"sRGB", bytes(1))], None),
        ([gama(1)], LINEAR),
        ([chrm(colour.DISPLAY_P3)], P3),
        ([gama(256 / 563), chrm(colour.ADOBE_RGB)], ADOBE),
    ],
)
def test_a_png_says_its_colours_by_gama_and_chrm(tmp_path, chunks, profile):
    found = images.read_image(save(tmp_path / "a.png", chunks=chunks)).rgb
    expected = little_cms(profile) if profile else RGB
    assert np.abs(found.astype(int) - expected).max() <= (1 if profile else 0)


def test_a_camera_says_adobe_rgb_by_exif(tmp_path):
    exif = pil.Exif()
    exif[ExifTags.IFD.Exif] = {ExifTags.IFD.Interop: {1: "R03"}}
    path = save(tmp_path / "a.jpg", exif=exif, quality=98, subsampling=0)
    assert distance(images.read_image(path).rgb, little_cms(ADOBE)) < 3
