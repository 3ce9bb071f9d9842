"""Tests of salcomp.evaluation.classical."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from PIL import Image, features

from salcomp.errors import BitstreamError, InputError
from salcomp.evaluation import classical
from salcomp.metrics import quality as metrics
from tests import conftest
from tests.fixtures import frame

# Mean bit/pixel and dB over Kodak's 24 images, JPEG 4:2:0 and WebP, from
# tensorflow/compression's results/image_compression/kodak/PSNR_sRGB_RGB.
PUBLISHED = {
    "jpeg": (
        [0.296277, 0.492648, 0.691665, 0.884836, 1.178718],
        [26.228299, 29.121333, 30.875165, 32.186013, 33.751399],
    ),
    "webp": (
        [0.285697, 0.473472, 0.667055, 0.871853, 1.101230],
        [28.682238, 30.850665, 32.713783, 34.211989, 35.544183],
    ),
}


def smooth_image(height, width):
    return frame(0, height, width)[..., :3]


def needs(name):
    """Skips a test where Pillow lacks what a codec needs."""
    lacking = not features.check(classical.CODECS[name].feature)
    return pytest.mark.skipif(lacking, reason=f"this Pillow was built without {name}")


EACH_CODEC = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs(name)) for name in classical.CODECS]
)


@EACH_CODEC
@pytest.mark.parametrize("size", [(1, 1), (7, 30), (64, 96)])
def test_decoding_gives_back_an_image_of_the_same_size(name, size):
    rgb = smooth_image(*size)
    decoded = classical.decode(classical.encode(name, rgb, 4))
    assert decoded.shape == rgb.shape and decoded.dtype == np.uint8


@EACH_CODEC
def test_more_quality_costs_bytes_and_lowers_the_error(name):
    rgb = smooth_image(128, 128)
    low, *_, high = classical.CODECS[name].qualities
    files = [classical.encode(name, rgb, q) for q in (low, high)]
    assert len(files[0]) < len(files[1])
    coarse, fine = (metrics.psnr(rgb, classical.decode(file)) for file in files)
    assert coarse < fine


@EACH_CODEC
def test_the_bytes_are_a_file_of_the_format(name):
    data = classical.encode(name, smooth_image(32, 32), 4)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == classical.CODECS[name].format


def test_jpeg_has_4_2_0_chroma():
    from PIL import JpegImagePlugin

    data = classical.encode("jpeg", smooth_image(32, 32), 90)
    with Image.open(io.BytesIO(data)) as image:
        assert JpegImagePlugin.get_sampling(image) == 2


def test_optimized_jpeg_has_the_pixels_of_jpeg_in_fewer_bytes():
    rgb = smooth_image(128, 128)
    plain = classical.encode("jpeg", rgb, 20)
    optimized = classical.encode("jpeg-optimized", rgb, 20)
    assert len(optimized) < len(plain)
    np.testing.assert_array_equal(classical.decode(plain), classical.decode(optimized))


@needs("jpeg2000")
@pytest.mark.parametrize("bpp", [0.5, 2.0])
def test_jpeg2000_hits_its_target_rate(bpp):
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    data = classical.encode("jpeg2000", noise, bpp)
    assert 8 * len(data) / 256**2 == pytest.approx(bpp, rel=0.1)


@needs("jpeg2000")
def test_jpeg2000_decorrelates_colours():
    """A grey picture costs little more than one plane only if the colours are mixed."""
    grey = np.random.default_rng(0).integers(0, 256, (128, 128, 1)).astype(np.uint8)
    rgb = np.repeat(grey, 3, 2)
    decoded = classical.decode(classical.encode("jpeg2000", rgb, 4))
    file = io.BytesIO()
    rates = {"quality_mode": "rates", "quality_layers": [6], "irreversible": True}
    Image.fromarray(rgb).save(file, "JPEG2000", **rates)
    untransformed = classical.decode(file.getvalue())
    assert metrics.psnr(rgb, decoded) > metrics.psnr(rgb, untransformed) + 5


def test_an_unknown_codec_is_refused_with_the_choices():
    with pytest.raises(InputError, match="unknown codec 'bpg': choose from jpeg, "):
        classical.encode("bpg", smooth_image(8, 8), 50)


@pytest.mark.parametrize(
    "name, quality", [("jpeg", 0), ("webp", 101), ("jpeg2000", 0), ("avif", math.nan)]
)
def test_a_quality_out_of_range_is_refused(name, quality):
    with pytest.raises(InputError, match=f"the quality of {name} goes from"):
        classical.check(name, quality)


def test_a_codec_that_pillow_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(features, "check", lambda feature: feature != "avif")
    with pytest.raises(InputError, match="built without avif"):
        classical.encode("avif", smooth_image(8, 8), 50)


@needs("webp")
def test_an_image_too_large_for_the_format_is_refused():
    with pytest.raises(InputError, match="cannot encode a 16384x1 image"):
        classical.encode("webp", np.zeros((1, 16384, 3), np.uint8), 50)


@EACH_CODEC
def test_a_file_cut_short_is_refused(name):
    data = classical.encode(name, smooth_image(64, 64), 4)
    with pytest.raises(BitstreamError):
        classical.decode(data[: len(data) // 2])


def test_a_file_of_another_format_is_refused():
    file = io.BytesIO()
    Image.fromarray(smooth_image(8, 8)).save(file, "PNG")
    with pytest.raises(BitstreamError, match="not a readable image file"):
        classical.decode(file.getvalue())


def test_any_other_folder_called_shared_is_not_taken_for_the_data(tmp_path):
    (tmp_path / "data" / "kodak").mkdir(parents=True)
    (tmp_path / "data" / "kodak" / "kodim01.png").touch()
    assert not conftest.holds_the_data(tmp_path)


@pytest.mark.parametrize(
    # The published WebP is of an older library, and not its best method.
    "name, quality, lowest, highest",
    [("jpeg", 30, -0.3, 0.3), ("webp", 50, 0, 0.5)],
)
def test_kodak_lies_on_the_published_curve(shared_data, name, quality, lowest, highest):
    paths = sorted((shared_data / "data" / "kodak").glob("*.png"))
    assert len(paths) == 24
    rates, qualities = [], []
    for path in paths:
        rgb = np.asarray(Image.open(path).convert("RGB"))
        data = classical.encode(name, rgb, quality)
        rates.append(8 * len(data) / rgb[..., 0].size)
        qualities.append(metrics.psnr(rgb, classical.decode(data)))
    published = np.interp(np.mean(rates), *PUBLISHED[name])
    assert lowest < np.mean(qualities) - published < highest
