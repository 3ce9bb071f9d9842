"""Image files in and out: whatever Pillow opens becomes uint8 RGB and maybe alpha."""

from __future__ import annotations

import io
import os
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image as pil
from PIL import ImageOps, UnidentifiedImageError

from salcomp.errors import InputError
from salcomp.files.disk import write_file

# 67 megapixels. More than any camera of today needs, and 200 MB as RGB bytes.
MAX_PIXELS = 2**26


class Image(NamedTuple):
    """A decoded image.

    Attributes:
      rgb: uint8 [H, W, 3].
      alpha: uint8 [H, W], straight (`rgb` is as stored, also where alpha is 0); None
        where the file has no alpha channel, or one that is the same everywhere.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None


def read_image(path: str | os.PathLike, max_pixels: int = MAX_PIXELS) -> Image:
    """Reads an image file; `decode_image` says of which formats and how.

    Args:
      path: the file.
      max_pixels: refuse an image whose header states more pixels, before decoding it.

    Raises:
      InputError: the file is missing, or cannot be decoded.
    """
    return _decode(path, path, max_pixels)


def read_frame(path: str | os.PathLike) -> np.ndarray:
    """Reads a frame, a picture with its saliency map: uint8 [H, W, 4].

    Raises:
      InputError: it cannot be read, or has no map.
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

    The EXIF orientation is applied. Of an animation, the first frame is read. Grey,
    palette and CMYK become RGB. Grey values of 16 bits become round(v / 257); 16 bits
    per colour become the upper 8, which is all that Pillow gives. Colour profiles are
    not applied.

    Args:
      data: of the file.
      name: of the file, for messages.
      max_pixels: refuse an image whose header states more pixels, before decoding it.

    Raises:
      InputError: it is not an image, damaged, over `max_pixels`, or has floating-point
        or 32-bit values, which have no agreed white.
    """
    return _decode(io.BytesIO(data), name, max_pixels)


def _decode(file, name, max_pixels: int) -> Image:
    """Of a path, or of an open file that messages call `name`."""
    with warnings.catch_warnings():
        # The errors below say what matters; Pillow warns about much else (odd EXIF,
        # palette transparency).
        warnings.simplefilter("ignore")
        with _open(file, name, max_pixels) as image:
            try:
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
            except Exception as error:  # decoders raise all kinds on damaged files
                reason = " ".join(str(error).split())
                raise InputError(
                    f"{name}: damaged or cut short ({reason}); get the file again"
                ) from error
            return _to_uint8(name, image)


def _open(file, name, max_pixels: int) -> pil.Image:
    """Opens a file, and checks what its header says, without decoding it."""
    try:
        image = pil.open(file)
        width, height = image.size
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file") from error
    except IsADirectoryError as error:
        raise InputError(f"{name}: a folder, where an image file is needed") from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{name}: not an image, or damaged; give a PNG, JPEG, WebP, AVIF or TIFF"
        ) from error
    except pil.DecompressionBombError as error:
        raise InputError(f"{name}: too many pixels; make it smaller") from error
    except Exception as error:  # as in _decode
        reason = " ".join((getattr(error, "strerror", None) or str(error)).split())
        raise InputError(f"{name}: cannot be read ({reason})") from error
    if width * height > max_pixels:
        image.close()
        raise InputError(
            f"{name}: {width}x{height} is over the limit of {max_pixels} pixels; "
            "make it smaller, or raise --max_pixels"
        )
    return image


def _to_uint8(name, image: pil.Image) -> Image:
    if image.mode.startswith("I"):
        return Image(_grey_to_rgb(_from_16_bits(name, image)), None)
    if image.mode == "F":
        raise InputError(f"{name}: has floating-point values; save it with 8 bits")
    try:
        if not image.has_transparency_data:
            return Image(np.array(image.convert("RGB")), None)
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    except ValueError as error:
        raise InputError(
            f"{name}: colours of kind {image.mode} are not supported; save it as RGB"
        ) from error
    alpha = rgba.getchannel("A")
    lowest, highest = alpha.getextrema()
    # This conversion drops the alpha channel and leaves the colours as they are.
    rgb = np.array(rgba.convert("RGB"))
    return Image(rgb, None if lowest == highest else np.array(alpha))


def _from_16_bits(name, image: pil.Image) -> np.ndarray:
    """Grey values as uint8 [H, W]. Mode I, with 32 bits, also serves 16-bit PGM."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise InputError(f"{name}: has 32-bit values; save it with 8 or 16 bits")
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _grey_to_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def write_png(path: str | os.PathLike, array: np.ndarray) -> None:
    """Writes uint8 [H, W], [H, W, 3] or [H, W, 4] as grey, RGB or straight RGBA PNG.

    Raises:
      InputError: the file cannot be written.
    """
    write_file(path, encode_png(array))


def encode_png(array: np.ndarray) -> bytes:
    """The PNG file of uint8 [H, W], [H, W, 3] or [H, W, 4] (straight alpha)."""
    buffer = io.BytesIO()
    pil.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()
