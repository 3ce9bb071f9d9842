"""Gives the decoder damaged files: each ends in an error or an image of its size.

python -m tests.salcomp.codec.fuzz_decoder MODEL_FOLDER COUNT
"""

from __future__ import annotations

import dataclasses
import random
import resource
import struct
import sys
import time
import zlib

from salcomp.codec import base, bitstream
from salcomp.codec.codec import Codec
from salcomp.errors import BitstreamError
from tests.fixtures import frame, parts

# Small enough that a damaged size does not make a large image.
MAX_PIXELS = 2**16


@dataclasses.dataclass
class Outcome:
    """What became of the files."""

    refused: int = 0  # ended in an error
    decoded: int = 0  # gave an image
    slowest: float = 0.0  # seconds that the longest took
    growth: int = 0  # bytes by which the process's largest memory grew


def damage(data: bytes, rng: random.Random) -> bytes:
    """Changes, cuts or lengthens a file; often with a checksum that is right again."""
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        kind = rng.randrange(6)
        place = rng.randrange(len(data)) if data else 0
        if kind == 0 and data:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[place] = rng.randrange(256)
        elif kind == 2:
            del data[place:]
        elif kind == 3:
            data += rng.randbytes(rng.randrange(1, 40))
        elif kind == 4:
            data[place:place] = rng.randbytes(rng.randrange(1, 9))
        else:  # the payload is noise
            data[bitstream.HEADER_BYTES :] = rng.randbytes(rng.randrange(300))
    return repaired(bytes(data), rng) if rng.random() < 0.7 else bytes(data)


def repaired(data: bytes, rng: random.Random) -> bytes:
    """A file with length and checksum put right, and maybe another size of image."""
    if len(data) < bitstream.HEADER_BYTES:
        return data
    start, size = data[:13], data[13:17]
    if rng.random() < 0.3:
        size = struct.pack("<HH", rng.randrange(1, 300), rng.randrange(1, 300))
    payload = data[bitstream.HEADER_BYTES :]
    header = start + size + struct.pack("<I", len(payload))
    return header + struct.pack("<I", zlib.crc32(header + payload)) + payload


def fuzz(codec: Codec, count: int, seed: int) -> Outcome:
    """Decodes damaged files; raises if an image has not the size that its file says."""
    rng = random.Random(seed)
    frames = [frame(i, 16 + 31 * i, 90 - 21 * i) for i in range(4)]
    files = [codec.encode(*parts(rgba)).data for rgba in frames]
    for data in files:
        codec.decode(data)  # what the first call sets up is not of the damage
    outcome = Outcome()
    before = _peak()
    for i in range(count):
        data = damage(files[i % len(files)], rng)
        began = time.monotonic()
        try:
            image = codec.decode(data, MAX_PIXELS)
        except BitstreamError as error:
            assert "\n" not in str(error)
            outcome.refused += 1
        else:
            assert image.shape[:2] == struct.unpack("<HH", data[13:17])
            outcome.decoded += 1
        outcome.slowest = max(outcome.slowest, time.monotonic() - began)
    outcome.growth = _peak() - before
    return outcome


def _peak() -> int:
    """Largest memory of the process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    print(fuzz(base.load(sys.argv[1]), int(sys.argv[2]), seed=0))
