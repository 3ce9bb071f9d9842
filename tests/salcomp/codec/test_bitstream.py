"""Tests of salcomp.codec.bitstream."""

from __future__ import annotations

import struct
import zlib

import pytest

from salcomp.codec import bitstream
from salcomp.errors import BitstreamError, InputError
from tests import fixtures

MODEL = bytes(range(1, 9))
CONTENT = bitstream.Content(MODEL, 480, 640, b"the range coder's string")
FILE = bitstream.pack(CONTENT)
LIMIT = 2**26


def unpack(data, fingerprint=MODEL, max_pixels=LIMIT):
    content = bitstream.unpack(data)
    bitstream.check(content, fingerprint, max_pixels)
    return content


def refusal(data, **options):
    """The message that a file is refused with."""
    return fixtures.refusal(unpack, data, error=BitstreamError, **options)


def build(version=1, height=480, width=640, payload=b"abc"):
    """A file with a matching checksum, made without the module."""
    fields = b"SALC", version, MODEL, height, width, len(payload)
    header = struct.pack("<4sB8sHHI", *fields)
    return header + struct.pack("<I", zlib.crc32(header + payload)) + payload


def test_file_has_the_documented_layout():
    *fields, crc = struct.unpack("<4sB8sHHII", FILE[:25])
    assert fields == [b"SALC", 1, MODEL, 480, 640, len(CONTENT.payload)]
    assert crc == zlib.crc32(FILE[:21] + FILE[25:])
    assert FILE[bitstream.HEADER_BYTES :] == FILE[25:] == CONTENT.payload


@pytest.mark.parametrize("payload", [CONTENT.payload, b""])
@pytest.mark.parametrize("height, width", [(480, 640), (1, 1), (65535, 1), (1, 65535)])
def test_packing_is_undone_by_unpacking(height, width, payload):
    content = bitstream.Content(MODEL, height, width, payload)
    assert unpack(bitstream.pack(content)) == content


@pytest.mark.parametrize("size", [(0, 1), (1, 0), (65536, 1), (1, 65536)])
def test_image_that_does_not_fit_the_format_is_refused(size):
    with pytest.raises(InputError, match="65535"):
        bitstream.pack(CONTENT._replace(height=size[0], width=size[1]))


def test_file_truncated_at_any_length_is_refused_as_truncated():
    for length in range(1, len(FILE)):
        assert "truncated" in refusal(FILE[:length]), length


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n" + bytes(60)])
def test_empty_file_and_one_of_another_format_are_no_salc_files(data):
    assert "not a .salc file" in refusal(data)


def test_file_with_bytes_after_its_end_is_refused_as_too_long():
    assert "longer than" in refusal(FILE + b"abc")


def test_file_with_any_bit_changed_is_refused():
    for i in range(len(FILE)):
        for bit in range(8):
            altered = bytearray(FILE)
            altered[i] ^= 1 << bit
            refusal(bytes(altered))


def test_change_in_the_payload_is_named_a_checksum_fault():
    assert "checksum" in refusal(FILE[:-1] + b"!")


def test_file_of_another_version_is_refused_with_both_versions():
    message = refusal(build(version=2))
    assert "version 2" in message and "version 1" in message


def test_file_of_another_model_is_refused_with_both_models():
    message = refusal(FILE, fingerprint=b"otherone")
    assert MODEL.hex() in message and b"otherone".hex() in message


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (0, 0)])
def test_file_without_pixels_is_refused(height, width):
    assert f"{width}x{height}" in refusal(build(height=height, width=width))


def test_image_over_the_pixel_limit_is_refused_with_the_limit():
    message = refusal(build(height=65535, width=65535))
    assert "65535x65535" in message and str(LIMIT) in message


def test_image_at_the_pixel_limit_is_accepted():
    assert unpack(build(), max_pixels=480 * 640).width == 640
    refusal(build(), max_pixels=480 * 640 - 1)


def test_length_field_beyond_the_file_is_refused_as_truncated():
    header = struct.pack("<4sB8sHHI", b"SALC", 1, MODEL, 1, 1, 2**32 - 1)
    assert "truncated" in refusal(header + bytes(4))
