"""The compressed file, `.salc`: its header, and the checks before it is trusted.

Little-endian: magic "SALC", version u8, the first 8 bytes of the model's fingerprint,
height u16, width u16, payload length u32, CRC-32 u32 over all that precedes it and the
payload; then the payload. In version 1 that is the range coder's string; in version 2,
of models with a hyperprior, it begins with the quality u16, in units of 1/512, and the
length u32 of the first of two such strings.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from salcomp.errors import BitstreamError, InputError

MAGIC = b"SALC"
VERSION, HYPER_VERSION = 1, 2
MAX_SIDE = 65535
FINGERPRINT_BYTES = 8
_HEADER = struct.Struct(f"<4sB{FINGERPRINT_BYTES}sHHI")
_CRC = struct.Struct("<I")
_QUALITY = struct.Struct("<HI")
# Qualities, 0..100, are stored in units of 1 over this.
QUALITY_STEPS = 512
LARGEST_QUALITY = 100
HEADER_BYTES = _HEADER.size + _CRC.size


class Content(NamedTuple):
    """What a compressed file says.

    Attributes:
      fingerprint: 8 bytes, of the model that wrote it.
      height: of the image in pixels, 1..65535.
      width: of the image in pixels, 1..65535.
      payload: what the model's kind has after the header.
      whole: whether that is all of it, and its checksum is right; False for the
        beginning of a file, of which nobody can tell whether it was altered.
      version: of the format.
    """

    fingerprint: bytes
    height: int
    width: int
    payload: bytes
    whole: bool = True
    version: int = VERSION


def pack(content: Content) -> bytes:
    """The bytes of the file.

    Raises InputError if the image has no pixels or a side over 65535.
    """
    if not (1 <= content.height <= MAX_SIDE and 1 <= content.width <= MAX_SIDE):
        raise InputError(
            f"an image of {content.width}x{content.height} pixels does not fit the "
            f"file format, whose sides go from 1 to {MAX_SIDE}; resize it"
        )
    payload = content.payload
    stated = content.fingerprint, content.height, content.width, len(payload)
    header = _HEADER.pack(MAGIC, content.version, *stated)
    crc = zlib.crc32(payload, zlib.crc32(header))
    return header + _CRC.pack(crc) + payload


def unpack(data: bytes, cut: bool = False) -> Content:
    """Reads the bytes of a file and makes sure that they are whole.

    With `cut`, the payload may end early. Raises BitstreamError, which says what is
    wrong with the file.
    """
    return _read(io.BytesIO(data), cut)


def read(path: Path, cut: bool = False) -> Content:
    """Reads a file and makes sure that it is whole, whatever model it is of.

    Args:
      cut: whether the payload may end early.

    Raises:
      InputError: it cannot be read.
      BitstreamError: what is wrong with it; no more has been read than it states.
    """
    try:
        with open(path, "rb") as file:
            return _read(file, cut)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def _read(file: BinaryIO, cut: bool) -> Content:
    header = file.read(HEADER_BYTES)
    if header[: len(MAGIC)] != MAGIC[: len(header)] or not header:
        raise BitstreamError("not a .salc file")
    if len(header) < HEADER_BYTES:
        raise BitstreamError(f"truncated: {len(header)} of {HEADER_BYTES} header bytes")
    _, version, model, height, width, length = _HEADER.unpack_from(header)
    if version not in (VERSION, HYPER_VERSION):
        raise BitstreamError(
            f"format version {version}; this salcomp reads versions {VERSION} and "
            f"{HYPER_VERSION}"
        )
    payload = file.read(length + 1)
    if len(payload) < length and cut:
        return Content(model, height, width, payload, False, version)
    if len(payload) < length:
        raise BitstreamError(f"truncated: {len(payload)} of {length} payload bytes")
    if len(payload) > length:
        raise BitstreamError(f"longer than the {length} payload bytes that it states")
    crc = zlib.crc32(payload, zlib.crc32(header[: _HEADER.size]))
    if crc != _CRC.unpack_from(header, _HEADER.size)[0]:
        raise BitstreamError("altered or damaged: the checksum does not match")
    return Content(model, height, width, payload, True, version)


def pack_strings(quality: float, first: bytes, second: bytes) -> bytes:
    """The payload of version 2; the quality is a multiple of 1/512 in 0..100."""
    return _QUALITY.pack(round(quality * QUALITY_STEPS), len(first)) + first + second


def unpack_strings(payload: bytes) -> tuple[float, bytes, bytes]:
    """Quality and strings of a payload of version 2.

    Raises BitstreamError if there are none.
    """
    if len(payload) >= _QUALITY.size:
        steps, length = _QUALITY.unpack_from(payload)
        quality, strings = steps / QUALITY_STEPS, payload[_QUALITY.size :]
        if quality <= LARGEST_QUALITY and length <= len(strings):
            return quality, strings[:length], strings[length:]
    raise BitstreamError("altered or damaged: the payload does not hold two strings")


def check(
    content: Content, fingerprint: bytes, max_pixels: int, version: int = VERSION
) -> None:
    """Makes sure that a file is of a model, and that its image is not too large.

    The model's fingerprint has 8 bytes; its files have the format's `version`. Raises
    BitstreamError, which says what is wrong with the file; nothing has been allocated
    for it.
    """
    model, height, width = content[:3]
    if model != fingerprint:
        raise BitstreamError(
            f"written by model {model.hex()}, not by this model {fingerprint.hex()}; "
            "decode it with that one"
        )
    if content.version != version:
        raise BitstreamError(
            f"altered or damaged: of format version {content.version}, and files of "
            f"this model are of version {version}"
        )
    if not (height and width):
        raise BitstreamError(f"no pixels: {width}x{height}")
    if height * width > max_pixels:
        raise BitstreamError(
            f"{width}x{height} is {height * width} pixels, over the limit of "
            f"{max_pixels}; raise --max_pixels to decode it"
        )
