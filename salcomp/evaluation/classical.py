"""The classical codecs to compare with: JPEG, WebP, AVIF and JPEG 2000.

Pillow's encoders on RGB images; a rate is the length of the whole file that a user
would store. BaseConfig that matter, on Kodak and small street scenes:

    jpeg            4:2:0 chroma, the standard's Huffman tables: what the published
                    JPEG curves have
    jpeg-optimized  the same pixels with Huffman tables made for the image, which
                    under 0.3 bit/pixel saves a fifth of the bytes and more
    webp            method 6, the slowest and best; always 4:2:0
    avif            4:4:4, which in RGB is no worse than 4:2:0 and above
                    1 bit/pixel better by up to 1 dB; speed 6, libavif's default:
                    speed 4 takes five times as long for some 0.3 dB
    jpeg2000        irreversible wavelet WITH the colour transform, which Pillow
                    leaves out unless asked: 2 dB at 0.2, 5 dB at 2 bit/pixel.
                    Set by rate, not quality: all images get the same rate, which
                    costs it a little against the others in averages over images
"""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError, features

from salcomp.errors import BitstreamError, InputError


class ClassicalCodec(NamedTuple):
    """One of Pillow's lossy codecs.

    Attributes:
      title: the codec's name, for people.
      format: Pillow's name of the file format.
      feature: Pillow's name of the library behind it, for `features.check`.
      settings: the quality settings from end to end, by rising rate, close enough for
        a search.
      qualities: a sweep that covers about 0.1 to 2 bit/pixel on photographs.
      options: from the quality setting to the options of `Image.save`.
    """

    title: str
    format: str
    feature: str
    settings: Sequence[float]
    qualities: tuple[float, ...]
    options: Callable[[float], dict[str, Any]]


def _by_quality(title, format, feature, lowest, qualities, **others) -> ClassicalCodec:
    """A codec whose setting is a whole number up to 100, with other options fixed."""

    def options(quality: float) -> dict[str, Any]:
        return {"quality": int(quality), **others}

    settings = range(lowest, 101)
    return ClassicalCodec(title, format, feature, settings, qualities, options)


_JPEG = functools.partial(
    _by_quality,
    format="JPEG",
    feature="jpg",
    lowest=1,
    qualities=(5, 10, 15, 20, 30, 45, 60, 75, 85),
)
CODECS = {
    "jpeg": _JPEG("JPEG", subsampling="4:2:0"),
    "jpeg-optimized": _JPEG("JPEG, optimized", subsampling="4:2:0", optimize=True),
    "webp": _by_quality(
        "WebP", "WEBP", "webp", 0, (0, 5, 15, 30, 50, 70, 80, 88), method=6
    ),
    "avif": _by_quality(
        "AVIF",
        "AVIF",
        "avif",
        0,
        (10, 20, 30, 40, 50, 60, 70, 77),
        speed=6,
        subsampling="4:4:4",
    ),
    # Its setting is the target rate in bit/pixel, out of 24.
    "jpeg2000": ClassicalCodec(
        "JPEG 2000",
        "JPEG2000",
        "jpg_2000",
        np.geomspace(0.01, 24, 1024).tolist(),
        (0.1, 0.15, 0.25, 0.4, 0.6, 0.9, 1.3, 2.0),
        lambda bpp: {
            "quality_mode": "rates",
            "quality_layers": [24 / bpp],
            "irreversible": True,
            "mct": 1,
        },
    ),
}


def codec_of(name: str) -> ClassicalCodec:
    """Finds a codec of CODECS; raises InputError if there is none of that name."""
    if name not in CODECS:
        raise InputError(f"unknown codec {name!r}: choose from {', '.join(CODECS)}")
    return CODECS[name]


def check(name: str, quality: float) -> None:
    """Raises InputError unless this Pillow can encode with codec `name` so."""
    codec = codec_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an old Pillow warns of names it never knew
        available = features.check(codec.feature)
    if not available:
        raise InputError(f"this Pillow was built without {name}: pip install -U pillow")
    lowest, highest = codec.settings[0], codec.settings[-1]
    if not lowest <= quality <= highest:
        raise InputError(
            f"the quality of {name} goes from {lowest} to {highest}, not {quality}"
        )


def encode(name: str, rgb: np.ndarray, quality: float) -> bytes:
    """Encodes uint8 [H, W, 3] into the bytes of a whole file, by a codec of CODECS.

    `quality` is the codec's own setting, rounded down to a whole number; for jpeg2000
    the target rate in bit/pixel. Raises InputError if the codec or quality is unknown,
    or the image too large for it.
    """
    check(name, quality)
    codec = CODECS[name]
    file = io.BytesIO()
    try:
        Image.fromarray(rgb).save(file, codec.format, **codec.options(quality))
    except (OSError, ValueError) as error:
        height, width = rgb.shape[:2]
        raise InputError(
            f"{name} cannot encode a {width}x{height} image: {error}"
        ) from error
    return file.getvalue()


def decode(data: bytes) -> np.ndarray:
    """Decodes a file that `encode` wrote, whichever codec it was, to uint8 [H, W, 3].

    Raises BitstreamError if the file is damaged or of no format in CODECS.
    """
    formats = sorted({codec.format for codec in CODECS.values()})
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise BitstreamError(f"not a readable image file: {error}") from error
