"""Tests of salcomp.codec.hyper_codec."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
import tensorflow as tf

from salcomp.codec import base, bitstream, tiling
from salcomp.codec.codec import Codec
from salcomp.codec.hyper_codec import HyperCodec
from salcomp.codec.refine import Refinement, Refiner
from salcomp.errors import BitstreamError, InputError, SalcompError
from salcomp.model import hyperprior
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.zoo import exported
from tests.fixtures import frame, parts, run_python, small_config
from tests.salcomp.codec.fuzz_decoder import fuzz, repaired

pytestmark = pytest.mark.kernels

SIDES = (1, 17, 64, 70)
SPAN = 64.0


def save(folder, index=50, **changes):
    """Saves a model with random weights, and densities of about a width."""
    settings = {"prior": "hyper", "patchsize": 64, "num_filters": 8, "lmbda": 0.001}
    tf.keras.utils.set_random_seed(0)
    model = SaliencyCodec(small_config(**{**settings, **changes}))
    *_, last = model.analysis.convs
    for variable in last.trainable_variables:
        variable.assign(100 * variable)
    densities = model.prior.synthesis[-1]
    bias = densities.bias.numpy()
    bias[-model.prior.channels :] = index
    densities.bias.assign(bias)
    exported.save(model, 0, folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a model of several rates."""
    path = tmp_path_factory.mktemp("hyper") / "model"
    return save(path, rates=4, lambda_span=SPAN, hyper_filters=6)


@pytest.fixture(scope="module")
def codec(folder):
    return base.load(folder)


@pytest.mark.parametrize("height", SIDES)
@pytest.mark.parametrize("width", SIDES)
def test_image_of_any_size_decodes_to_its_reconstruction(codec, height, width):
    encoded = codec.at(70).encode(*parts(frame(height + width, height, width)))
    decoded = codec.decode(encoded.data)
    assert decoded.shape == (height, width, 3)
    assert (decoded == encoded.reconstruction).all()


@pytest.mark.parametrize("quality", [0, 0.3, 33.33, 99.9, 100])
def test_file_tells_its_quality(codec, quality):
    encoded = codec.at(quality).encode(*parts(frame(1)))
    content = bitstream.unpack(encoded.data)
    assert content.version == 2
    stated, *_ = bitstream.unpack_strings(content.payload)
    assert stated == pytest.approx(quality, abs=1 / 1024)
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()


def test_rounding_is_finer_at_a_higher_quality(codec):
    picture = parts(frame(2))
    exact = codec.transform(*picture)
    errors = []
    for quality in (0, 50, 100):
        at = codec.at(quality)
        coded = at.quantize(at.analyze(*picture)).y / at.gain
        errors.append(np.median(np.abs(coded - exact)))
    ratios = np.divide(errors[:2], errors[1:])
    np.testing.assert_allclose(ratios, np.full(2, SPAN**0.25), rtol=0.1)


def test_lambda_and_quality_go_together(codec):
    assert codec.lambdas == (0.001, pytest.approx(0.064))
    assert codec.at(50).lmbda == pytest.approx(0.008)
    assert codec.at_lambda(0.008).quality == 50
    assert codec.at_lambda(1e-9).quality == 0 and codec.at_lambda(1).quality == 100


@pytest.mark.parametrize("quality", [-1, 100.1, float("nan")])
def test_quality_out_of_range_is_refused(codec, quality):
    with pytest.raises(InputError, match="from 0 to 100"):
        codec.at(quality)


def test_latents_of_the_densities_are_coded_at_their_information_content(codec):
    rng = np.random.default_rng(0)
    latents = codec.quantize(codec.analyze(*parts(frame(7, 512, 512))))
    normal = codec.model.prior.densities(latents.z, *latents.y.shape[1:3])
    drawn = rng.normal(normal.mean, hyperprior.widths(normal.index))
    latents = latents._replace(y=drawn.astype(np.float32))
    encoded = codec.encode_latents(latents, (512, 512))
    bits = codec.bits(codec.quantize(latents))
    assert encoded.information_bits == pytest.approx(bits)
    assert len(encoded.data) == pytest.approx(bits / 8, rel=0.01, abs=60)


def test_latents_of_the_file_are_the_quantised_ones(codec):
    latents = codec.analyze(*parts(frame(8)))
    quantised = codec.quantize(latents)
    assert np.abs(quantised.y - latents.y).max() <= 0.5 + 1e-3
    assert (quantised.z == np.round(latents.z)).all()
    assert np.abs(quantised.y % 1).any()
    again = codec.quantize(quantised)
    assert all((a == b).all() for a, b in zip(quantised, again))
    content = bitstream.unpack(codec.encode(*parts(frame(8))).data)
    assert all((a == b).all() for a, b in zip(quantised, codec.latents_of(content)))


@pytest.mark.parametrize("value", [-1e6, 1e6, 1e30])
def test_latents_beyond_all_escapes_are_clipped(codec, value):
    latents = codec.analyze(*parts(frame(8)))
    latents = latents._replace(y=np.full_like(latents.y, value))
    encoded = codec.encode_latents(latents, frame(8).shape[:2])
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()
    assert 2**16 - 9 <= np.abs(encoded.latents.y).min() < 2**17


def test_latents_that_no_width_foresaw_are_coded_as_they_are(tmp_path):
    codec = base.load(save(tmp_path / "model", index=-9))  # all are narrowest
    latents = codec.analyze(*parts(frame(8)))
    assert np.abs(latents.y).max() > 30
    encoded = codec.encode_latents(latents, frame(8).shape[:2])
    assert np.abs(encoded.latents.y - latents.y).max() <= 0.5 + 1e-3
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()
    bits = encoded.information_bits
    assert len(encoded.data) == pytest.approx(bits / 8, rel=0.01, abs=60)


def test_side_latents_beyond_their_tables_are_clipped(codec):
    latents = codec.analyze(*parts(frame(8)))
    encoded = codec.encode_latents(
        latents._replace(z=0 * latents.z + 1e6), frame(8).shape[:2]
    )
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()


@pytest.mark.parametrize("part", ["y", "z"])
def test_latents_that_are_not_numbers_are_refused(codec, part):
    latents = codec.analyze(*parts(frame(8)))
    broken = latents._replace(**{part: np.nan * getattr(latents, part)})
    with pytest.raises(SalcompError, match="not finite"):
        codec.encode_latents(broken, frame(8).shape[:2])


def test_densities_are_the_same_in_strips_of_any_height(codec, monkeypatch):
    encoded = codec.encode(*parts(frame(5, 500, 200)))
    for pixels in (1, 200 * 64 * 3):
        monkeypatch.setattr(tiling, "STRIP_PIXELS", pixels)
        assert codec.encode_latents(encoded.latents, (500, 200)).data == encoded.data


def test_empty_strings_are_refused_before_any_density(codec):
    payload = bitstream.pack_strings(50, b"", b"")
    content = bitstream.Content(codec.fingerprint, 4096, 8192, payload, version=2)
    with pytest.raises(BitstreamError, match="does not decode"):
        codec.decode(bitstream.pack(content))


@pytest.mark.parametrize("settings", [{}, {"prior": "scale"}, {"layers": "tfc2"}])
def test_models_of_one_rate_have_no_quality(tmp_path, settings):
    codec = base.load(save(tmp_path / "model", **settings))
    assert isinstance(codec, HyperCodec) and codec.lambdas == (0.001, 0.001)
    encoded = codec.encode(*parts(frame(3)))
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()
    assert codec.at_lambda(1) is codec
    content = bitstream.unpack(encoded.data)
    _, *strings = bitstream.unpack_strings(content.payload)
    changed = content._replace(payload=bitstream.pack_strings(7, *strings))
    with pytest.raises(BitstreamError, match="one quality only"):
        codec.decode(bitstream.pack(changed))
    with pytest.raises(InputError, match="one rate only"):
        codec.at(50)


def test_a_model_of_another_kind_is_refused_by_its_name(folder, codec, tmp_path):
    with pytest.raises(BitstreamError, match="written by model"):
        other = base.load(save(tmp_path / "model"))
        other.decode(codec.encode(*parts(frame(3))).data)


def test_version_1_under_the_fingerprint_of_such_a_model_is_refused(codec):
    content = bitstream.unpack(codec.encode(*parts(frame(3))).data)
    with pytest.raises(BitstreamError, match="format version 1"):
        codec.decode(bitstream.pack(content._replace(version=1)))


def test_damaged_files_end_in_an_error_or_an_image_of_the_stated_size(codec):
    outcome = fuzz(codec, count=600, seed=1)
    assert outcome.refused + outcome.decoded == 600
    assert outcome.refused > 300 and outcome.decoded > 0
    assert outcome.slowest < 5
    assert outcome.growth < 200 * 2**20


def test_payload_cut_short_under_a_right_checksum_is_refused(codec):
    data = codec.encode(*parts(frame(0))).data
    with pytest.raises(BitstreamError, match="does not decode|two strings"):
        codec.decode(repaired(data[:-20], random.Random(1)))


def test_refinement_is_never_worse_and_keeps_to_the_lambda(codec):
    rgb, saliency = parts(frame(4, 64, 96))
    refiner = Refiner(codec, 30, None, seed=0)
    for lmbda in (0.002, 0.03):
        at = codec.at_lambda(lmbda)
        plain = at.encode(rgb, saliency)
        refined = Refinement(refiner, None).encode(rgb, saliency, lmbda)
        assert refined.data != plain.data
        assert (
            bitstream.unpack_strings(bitstream.unpack(refined.data).payload)[0]
            == at.quality
        )
        costs = [cost(at, file, rgb, lmbda) for file in (refined, plain)]
        assert costs[0] < costs[1]
        assert (codec.decode(refined.data) == refined.reconstruction).all()


def cost(codec, encoded, rgb, lmbda):
    """R + lambda D before the decoder's output is clipped."""
    height, width = rgb.shape[:2]
    decoded = codec.model.decode(encoded.latents.y / codec.gain)[0, :height, :width]
    error = np.mean((decoded.numpy() - rgb) ** 2)
    return encoded.information_bits / (height * width) + lmbda * error


_DECODE = """
import hashlib, sys
from pathlib import Path
from salcomp.codec import base
rgb = base.load(sys.argv[1]).decode(Path(sys.argv[2]).read_bytes())
print(hashlib.sha256(rgb.tobytes()).hexdigest())
"""


@pytest.mark.long
def test_other_kernels_decode_to_the_same_pixels(folder, codec, tmp_path):
    encoded = codec.at(80).encode(*parts(frame(9, 130, 200)))
    path = tmp_path / "a.salc"
    path.write_bytes(encoded.data)
    call = "-c", _DECODE, str(folder), str(path)
    variant = {"ONEDNN_MAX_CPU_ISA": "SSE41", "TF_ENABLE_ONEDNN_OPTS": "0"}
    found = run_python(*call, **variant, TF_NUM_INTRAOP_THREADS="1").stdout.strip()
    assert found == hashlib.sha256(encoded.reconstruction.tobytes()).hexdigest()


def test_a_factorized_model_is_of_the_other_codec(workdir, folder):
    assert type(base.load(workdir)) is Codec
    for kind, other in ((HyperCodec, workdir), (Codec, folder)):
        with pytest.raises(InputError, match="another kind of model"):
            kind.load(other)


def test_files_have_no_iterations(codec):
    content = bitstream.unpack(codec.encode(*parts(frame(3))).data)
    with pytest.raises(InputError, match="leave out --iterations"):
        codec.decode_content(content, iterations=1)
