"""Image files in and out: whatever Pillow opens becomes uint8 RGB and maybe alpha."""

from __future__ import annotations

import io
import os
import threading
import warnings
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, ImageOps, UnidentifiedImageError
from PIL import Image as pil

from salcomp.errors import InputError
from salcomp.files import colour, notices
from salcomp.files.disk import write_file

# 67 megapixels. More than any camera of today needs, and 200 MB as RGB bytes.
MAX_PIXELS = 2**26

# Pillow has a limit of its own, one for the process, which is lifted to open a file.
_OPENING = threading.Lock()


class Image(NamedTuple):
    """A decoded image.

    Attributes:
      rgb: uint8 [H, W, 3], sRGB.
      alpha: uint8 [H, W], straight (`rgb` is as stored, also where alpha is 0); None
        where the file has no alpha channel, or one that is the same everywhere.
      orientation: EXIF's, 1 to 8, by which the stored image was turned.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None
    orientation: int = 1


def read_image(
    path: str | os.PathLike, max_pixels: int = MAX_PIXELS, to_srgb: bool = True
) -> Image:
    """Reads an image file; `decode_image` says of which formats and how.

    Args:
      max_pixels: refuse an image whose header states more pixels, before decoding it.
      to_srgb: whether colours are converted; else they are as stored.

    Raises:
      InputError: the file is missing, or cannot be decoded.
    """
    return _decode(path, path, max_pixels, to_srgb)


def read_frame(path: str | os.PathLike) -> np.ndarray:
    """Reads a frame, a picture with its saliency map: uint8 [H, W, 4].

    Raises InputError if it cannot be read, or has no map.
    """
    image = read_image(path)
    if image.alpha is None:
        raise InputError(
            f"{path} has no saliency map (no alpha channel, or a constant one); give "
            "frames that data_prep.prepare made"
        )
    return np.dstack([image.rgb, image.alpha])


def decode_image(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image:
    """Decodes the bytes of an image file of any format that Pillow knows.

    The EXIF orientation is applied. Of an animation, or of several pages, the first is
    read, and the log says so. Grey, palette and CMYK become RGB. Grey values of 16 bits
    become round(v / 257); 16 bits per colour become the upper 8, which is all that
    Pillow gives. Colours become sRGB, as `colour` tells.

    Args:
      name: for messages.
      max_pixels: refuse an image whose header states more pixels, before decoding it.

    Raises:
      InputError: it is not an image, damaged, over `max_pixels`, or has floating-point
        or 32-bit values, which have no agreed white.
    """
    return _decode(io.BytesIO(data), name, max_pixels, to_srgb=True)


def _decode(file, name, max_pixels: int, to_srgb: bool) -> Image:
    """Decodes a path, or an open file that messages call `name`."""
    with warnings.catch_warnings():
        # The errors below say what matters; Pillow warns about much else (odd EXIF,
        # palette transparency).
        warnings.simplefilter("ignore")
        with _open(file, name, max_pixels) as image:
            try:
                if getattr(image, "is_animated", False):
                    notices.warn(f"{name}: has several frames; the first is read")
                profile = colour.profile_of(image, name) if to_srgb else None
                image.load()
                orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
                ImageOps.exif_transpose(image, in_place=True)
            except Exception as error:  # decoders raise all kinds on damaged files
                reason = " ".join(str(error).split())
                raise InputError(
                    f"{name}: damaged or cut short ({reason}); get the file again"
                ) from error
            return _to_uint8(name, image, profile)._replace(orientation=orientation)


def _open(file, name, max_pixels: int) -> pil.Image:
    """Opens a file, and checks what its header says, without decoding it."""
    try:
        image = _open_of_any_size(file)
        width, height = image.size
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file") from error
    except IsADirectoryError as error:
        raise InputError(f"{name}: a folder, where an image file is needed") from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{name}: not an image, or damaged; give a PNG, JPEG, WebP, AVIF or TIFF"
        ) from error
    except Exception as error:  # as in _decode
        reason = " ".join((getattr(error, "strerror", None) or str(error)).split())
        raise InputError(
            f"{name}: cannot be read ({reason}); make it readable, or get it again"
        ) from error
    if width * height > max_pixels:
        image.close()
        raise InputError(
            f"{name}: {width}x{height} is over the limit of {max_pixels} pixels; "
            "make it smaller, or raise --max_pixels where the tool has it"
        )
    return image


def _open_of_any_size(file) -> pil.Image:
    with _OPENING:
        pillows, pil.MAX_IMAGE_PIXELS = pil.MAX_IMAGE_PIXELS, None
        try:
            return pil.open(file)
        finally:
            pil.MAX_IMAGE_PIXELS = pillows


def _to_uint8(name, image: pil.Image, profile: bytes | None) -> Image:
    if image.mode.startswith("I"):
        image = pil.fromarray(_from_16_bits(name, image))
    if image.mode == "F":
        raise InputError(f"{name}: has floating-point values; save it with 8 bits")
    alpha = None
    try:
        if image.has_transparency_data:
            rgba = image if image.mode == "RGBA" else image.convert("RGBA")
            channel = rgba.getchannel("A")
            lowest, highest = channel.getextrema()
            alpha = None if lowest == highest else np.array(channel)
            # Drops the alpha channel and leaves the colours as they are.
            image = rgba.convert("RGB")
        if profile is not None:
            colours = image if image.mode == "CMYK" else image.convert("RGB")
            image = colour.to_srgb(colours, profile, name)
        return Image(np.array(image.convert("RGB")), alpha)
    except ValueError as error:
        raise InputError(
            f"{name}: colours of kind {image.mode} are not supported; save it as RGB"
        ) from error


def _from_16_bits(name, image: pil.Image) -> np.ndarray:
    """Grey values as uint8 [H, W]. Mode I, with 32 bits, also serves 16-bit PGM."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise InputError(f"{name}: has 32-bit values; save it with 8 or 16 bits")
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def write_png(path: str | os.PathLike, array: np.ndarray) -> None:
    """Writes uint8 [H, W], [H, W, 3] or [H, W, 4] as grey, RGB or straight RGBA PNG.

    Raises InputError if the file cannot be written.
    """
    write_file(path, encode_png(array))


def encode_png(array: np.ndarray) -> bytes:
    """Encodes as PNG uint8 [H, W], [H, W, 3] or [H, W, 4] (straight alpha)."""
    buffer = io.BytesIO()
    pil.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def encode_webp(array: np.ndarray) -> bytes:
    """Encodes uint8 [H, W] or [H, W, 3] as WebP, without loss; at most 16383 a side."""
    buffer = io.BytesIO()
    pil.fromarray(array).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()
