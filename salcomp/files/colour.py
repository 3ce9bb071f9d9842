"""Colours of image files, which say by a profile what their numbers mean, to sRGB."""

from __future__ import annotations

import contextlib
import functools
import io
import struct

import numpy as np
from PIL import ExifTags, ImageCms
from PIL import Image as pil

from salcomp.files import notices

# Chromaticities (x, y) of red, green, blue and white.
SRGB = ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06), (0.3127, 0.329))
DISPLAY_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329))
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), (0.3127, 0.329))
BT_2020 = ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046), (0.3127, 0.329))

# Numbers to light, as ICC's parametric curves have it: v^g alone, or in full
# (a v + b)^g from d on and c v below it: (g, a, b, c, d).
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
ADOBE_CURVE = (563 / 256,)

# Codes of ITU-T H.273 that PNG's cICP gives: those that a profile can say.
_PRIMARIES = {1: SRGB, 9: BT_2020, 12: DISPLAY_P3}
_CURVES = {4: (2.2,), 5: (2.8,), 8: (1.0,), 13: SRGB_CURVE}

# Levels of 8 bits between sRGB and a profile that is sRGB too, but for rounding.
_SAME = 2
_D50 = np.array([0.9642, 1, 0.8249])
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def profile_of(image: pil.Image, name) -> bytes | None:
    """Finds what an image file says of its colours, before its pixels are loaded.

    The result is an ICC profile; None for sRGB, also where nothing is said. In PNG the
    order is cICP, iCCP, sRGB, gAMA and cHRM. The log has a line where an image says it
    in a way that cannot be used.
    """
    code = _cicp(image) if image.format == "PNG" else None
    if code is not None:
        primaries, curve = _PRIMARIES.get(code[0]), _CURVES.get(code[1])
        if primaries and curve and code[2:] == (0, 1):
            return _unless_srgb(primaries, curve)
        return _unusable(name, f"cICP of {', '.join(map(str, code))} is not supported")
    if "icc_profile" in image.info:
        profile = image.info["icc_profile"]
        return profile if profile else _unusable(name, "its profile is damaged")
    if "srgb" not in image.info and {"gamma", "chromaticity"} & set(image.info):
        return _of_gamma(image.info, name)
    if image.format in ("JPEG", "MPO"):
        with contextlib.suppress(Exception):  # odd EXIF says nothing
            # How cameras that follow DCF mark Adobe RGB.
            if image.getexif().get_ifd(ExifTags.IFD.Interop).get(1) == "R03":
                return matrix_profile(ADOBE_RGB, ADOBE_CURVE)
    return None


def to_srgb(image: pil.Image, profile: bytes, name) -> pil.Image:
    """Converts colours to sRGB by LittleCMS, relative to white and black: to mode RGB.

    Colours that are those of sRGB already stay as they are, to the bit. The log has a
    line where the profile cannot be used.

    Args:
      image: of mode RGB or CMYK, without an alpha channel.
      profile: ICC profile of its colours, or of its greys if all are grey.
    """
    rgb = image.convert("RGB")
    try:
        space, transform = _transform(profile)
    except Exception as error:  # LittleCMS and Pillow raise many kinds
        _unusable(name, f"its profile cannot be used ({error})")
        return rgb
    if transform is None:
        return rgb
    if space == "CMYK" and image.mode == "CMYK":
        return transform.apply(image)
    if space == "RGB" and image.mode == "RGB":
        return transform.apply(rgb)
    red, green, blue = rgb.split()
    if space == "GRAY" and red == green == blue:
        return transform.apply(red)
    _unusable(name, f"its profile is for {space}, its pixels are {image.mode}")
    return rgb


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """Colour space of a profile, and how it becomes sRGB; None if it is sRGB."""
    given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = given.profile.xcolor_space.strip()
    transform = ImageCms.buildTransform(
        given,
        ImageCms.createProfile("sRGB"),
        {"GRAY": "L"}.get(space, space),
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if space == "RGB":
        levels = np.arange(0, 256, 15, np.uint8)
        lattice = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 1, 3)
        found = np.asarray(transform.apply(pil.fromarray(lattice)))
        if np.abs(found.astype(int) - lattice).max() <= _SAME:
            return space, None
    return space, transform


def _unusable(name, reason: str) -> None:
    notices.warn(f"{name}: {reason}; its colours are taken as sRGB")


def _unless_srgb(primaries, curve) -> bytes | None:
    is_srgb = primaries == SRGB and curve == SRGB_CURVE
    return None if is_srgb else matrix_profile(primaries, curve)


def _cicp(image: pil.Image) -> tuple[int, ...] | None:
    """The four numbers of a PNG's chunk cICP, which Pillow passes over."""
    file, place = image.fp, image.fp.tell()
    file.seek(8)
    try:
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"cICP" and length == 4:
                return tuple(file.read(4))
            if kind == b"IDAT":
                break
            file.seek(length + 4, io.SEEK_CUR)
    finally:
        file.seek(place)
    return None


def _of_gamma(info: dict, name) -> bytes | None:
    """The profile of PNG's gAMA, the exponent from light to numbers, and cHRM."""
    gamma, numbers = info.get("gamma"), info.get("chromaticity")
    primaries = SRGB
    if numbers:
        given = tuple(zip(numbers[::2], numbers[1::2]))
        primaries = (*given[1:], given[0])
        if np.shape(primaries) == (4, 2) and np.allclose(primaries, SRGB, atol=0.002):
            primaries = SRGB
    curve = SRGB_CURVE if gamma is None else (1 / gamma,) if gamma else ()
    if primaries == SRGB and gamma and abs(gamma * 2.2 - 1) < 0.02:
        return None  # how PNG states sRGB's curve in short
    try:
        return _unless_srgb(primaries, curve)
    except Exception:  # numbers that no light has
        return _unusable(name, "its gAMA and cHRM are not those of any colours")


def matrix_profile(primaries, curve) -> bytes:
    """Makes an ICC profile of RGB.

    Args:
      primaries: chromaticities (x, y) of red, green, blue and white.
      curve: of all three, numbers to light: parameters as `SRGB_CURVE` has them.

    Raises:
      ArithmeticError: the chromaticities or the parameters are out of range.
    """
    x, y = np.transpose(primaries)
    *colours, white = np.transpose([x / y, np.ones(4), (1 - x - y) / y])  # XYZ of Y 1
    colours = np.transpose(colours) * np.linalg.solve(np.transpose(colours), white)
    cones = np.diag(_BRADFORD @ _D50 / (_BRADFORD @ white)) @ _BRADFORD
    red, green, blue = (np.linalg.solve(_BRADFORD, cones) @ colours).T  # seen in D50
    function = struct.pack(">4s4xHxx", b"para", {1: 0, 5: 3}[len(curve)])
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50)}
    for letter, colour in ((b"r", red), (b"g", green), (b"b", blue)):
        tags[letter + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(colour)
        tags[letter + b"TRC"] = function + _fixed(curve)
    table, data = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        place = 128 + 4 + 12 * len(tags) + len(data)
        table += struct.pack(">4sII", tag, place, len(content))
        data += content
    kind = b"mntrRGB XYZ ".ljust(24, b"\0") + b"acsp".ljust(32, b"\0")
    size = struct.pack(">I4xI", 128 + len(table + data), 0x04400000)  # of version 4.4
    return (size + kind + _fixed(_D50)).ljust(128, b"\0") + table + data


def _fixed(values) -> bytes:
    """Numbers as ICC has them, in 65536ths."""
    return struct.pack(f">{len(values)}i", *(round(65536 * value) for value in values))
