"""The compressed file, `.salc`: its header, and the checks before it is trusted.

Little-endian: magic "SALC", version u8, the first 8 bytes of the model's fingerprint,
height u16, width u16, payload length u32, CRC-32 u32 over all that precedes it and the
payload; then the payload, the range coder's string.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

from salcomp.errors import BitstreamError, InputError

MAGIC = b"SALC"
VERSION = 1
MAX_SIDE = 65535
FINGERPRINT_BYTES = 8
_HEADER = struct.Struct(f"<4sB{FINGERPRINT_BYTES}sHHI")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _CRC.size


class Content(NamedTuple):
    """What a compressed file says.

    Attributes:
      fingerprint: 8 bytes, of the model that wrote it.
      height: of the image in pixels, 1..65535.
      width: of the image in pixels, 1..65535.
      payload: the range coder's string.
      whole: whether that is all of it, and its checksum is right; False for the
        beginning of a file, of which nobody can tell whether it was altered.
    """

    fingerprint: bytes
    height: int
    width: int
    payload: bytes
    whole: bool = True


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
    header = _HEADER.pack(MAGIC, VERSION, *stated)
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
    if version != VERSION:
        raise BitstreamError(
            f"format version {version}; this salcomp reads version {VERSION}"
        )
    payload = file.read(length + 1)
    if len(payload) < length and cut:
        return Content(model, height, width, payload, whole=False)
    if len(payload) < length:
        raise BitstreamError(f"truncated: {len(payload)} of {length} payload bytes")
    if len(payload) > length:
        raise BitstreamError(f"longer than the {length} payload bytes that it states")
    crc = zlib.crc32(payload, zlib.crc32(header[: _HEADER.size]))
    if crc != _CRC.unpack_from(header, _HEADER.size)[0]:
        raise BitstreamError("altered or damaged: the checksum does not match")
    return Content(model, height, width, payload)


def check(content: Content, fingerprint: bytes, max_pixels: int) -> None:
    """Makes sure that a file is of a model, and that its image is not too large.

    The model's fingerprint has 8 bytes. Raises BitstreamError, which says what is wrong
    with the file; nothing has been allocated for it.
    """
    model, height, width = content[:3]
    if model != fingerprint:
        raise BitstreamError(
            f"written by model {model.hex()}, not by this model {fingerprint.hex()}; "
            "decode it with that one"
        )
    if not (height and width):
        raise BitstreamError(f"no pixels: {width}x{height}")
    if height * width > max_pixels:
        raise BitstreamError(
            f"{width}x{height} is {height * width} pixels, over the limit of "
            f"{max_pixels}; raise --max_pixels to decode it"
        )
