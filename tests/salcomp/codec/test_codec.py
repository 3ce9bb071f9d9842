"""Tests of salcomp.codec.codec, and of what a user of a codec may rely on."""

from __future__ import annotations

import random

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from salcomp.codec import bitstream
from salcomp.config.weighting import normalized_weight
from salcomp.errors import BitstreamError
from salcomp.model.base import to_uint8
from tests.fixtures import frame, parts, run_python, untrained_codec
from tests.salcomp.codec.fuzz_decoder import fuzz, repaired

pytestmark = pytest.mark.kernels

SIDES = (1, 2, 15, 16, 17, 31, 33, 48, 70)


@pytest.mark.parametrize("height", SIDES)
@pytest.mark.parametrize("width", SIDES)
def test_image_of_any_size_decodes_to_its_reconstruction(codec, height, width):
    encoded = codec.encode(*parts(frame(height + width, height, width)))
    decoded = codec.decode(encoded.data)
    assert decoded.shape == (height, width, 3) and decoded.dtype == np.uint8
    assert (decoded == encoded.reconstruction).all()


_DECODE = """
import sys
import numpy as np
from salcomp.codec.codec import Codec
codec = Codec.load(sys.argv[1])
shape = (1, 12, 12, codec.config.num_filters)
latents = codec.quantize(np.random.default_rng(0).normal(0, 6, shape))
print(codec.synthesize(latents, 192, 192).tobytes().hex())
"""


@pytest.mark.long
def test_other_instruction_sets_decode_to_the_same_pixels(workdir):
    call = "-c", _DECODE, str(workdir)
    runs = [run_python(*call, ONEDNN_MAX_CPU_ISA=isa) for isa in ("DEFAULT", "SSE41")]
    assert runs[0].stdout == runs[1].stdout


@pytest.mark.parametrize("rates", [(), (2, 4)])
def test_decoder_computes_in_float64(rates):
    codec = untrained_codec(dilation_rates=rates)
    shape = (1, 4, 4, codec.config.num_filters)
    latents = codec.quantize(np.random.default_rng(0).normal(0, 1, shape))
    precise = codec.model.decode(tf.constant(latents, tf.float64))
    assert precise.dtype == tf.float64
    decoded = codec.synthesize(latents, 64, 64)
    np.testing.assert_array_equal(decoded, to_uint8(precise)[0])
    np.testing.assert_allclose(precise, codec.model.decode(latents), atol=0.01)


NOISE = np.random.default_rng(0).integers(0, 256, (70, 90, 3), np.uint8)


@pytest.mark.parametrize("rgb", [0 * NOISE, 0 * NOISE + 255, NOISE])
@pytest.mark.parametrize("saliency", [0, 1])
def test_flat_image_and_noise_round_trip(codec, rgb, saliency):
    encoded = codec.encode(rgb, np.full((70, 90), saliency, np.float32))
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()


def test_encoding_twice_gives_the_same_file(codec):
    picture = parts(frame(5))
    assert codec.encode(*picture).data == codec.encode(*picture).data


def test_map_changes_the_file_but_not_how_it_is_decoded(codec):
    rgb, saliency = parts(frame(5))
    first, second = codec.encode(rgb, saliency), codec.encode(rgb, 1 - saliency)
    assert first.data != second.data
    for encoded in (first, second):
        assert (codec.decode(encoded.data) == encoded.reconstruction).all()


def test_header_names_the_model_and_the_size(codec):
    content = bitstream.unpack(codec.encode(*parts(frame(0, 33, 47))).data)
    assert content.fingerprint == codec.fingerprint
    assert (content.height, content.width) == (33, 47)


@pytest.mark.parametrize("size", [(16, 16), (96, 128), (256, 512)])
def test_file_is_as_long_as_its_information_content(codec, size):
    encoded = codec.encode(*parts(frame(7, *size)))
    assert len(encoded.data) <= 1.01 * encoded.information_bits / 8 + 40


def test_latents_drawn_from_the_prior_are_coded_at_their_information_content(codec):
    """Files are neither longer nor, beyond what the tables round, shorter."""
    rng = np.random.default_rng(0)
    tables, shape = codec.tables, codec.latent_shape(960, 960)
    symbols, start = np.empty(shape, np.float32), 0
    for channel, length in enumerate(tables.table_length):
        cdf = tables.cdf[start + 1 : start + length + 2]
        start += length + 2
        drawn = rng.choice(length, shape[:3], p=np.diff(cdf) / 2**16)
        symbols[..., channel] = drawn + tables.first_symbol[channel]
    encoded = codec.encode_latents(symbols + tables.quantization_offset, (960, 960))
    expected = encoded.information_bits / 8 + bitstream.HEADER_BYTES
    assert abs(len(encoded.data) - expected) < 0.01 * expected + 40


def test_information_content_is_that_of_the_prior(codec):
    encoded = codec.encode(*parts(frame(7)))
    expected = float(codec.model.prior.bits(encoded.latents)[0])
    assert encoded.information_bits == pytest.approx(expected, rel=1e-5)


def test_latents_of_the_file_are_the_quantised_ones(codec):
    rgb, saliency = parts(frame(8))
    y = codec.analyze(rgb, saliency)
    quantised = codec.quantize(y)
    assert (codec.encode(rgb, saliency).latents == quantised).all()
    assert np.abs(quantised - y).max() <= 0.5 + 1e-4
    assert (codec.quantize(quantised) == quantised).all()


@pytest.mark.parametrize("value", [-1e6, 1e6, 1e30, -1e30])
def test_latents_beyond_the_tables_are_clipped_to_their_ends(codec, value):
    latents = np.full(codec.latent_shape(16, 16), value, np.float32)
    encoded = codec.encode_latents(latents, (16, 16))
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()
    assert (encoded.latents == codec.quantize(np.sign(latents) * 1e4)).all()


def test_reconstruction_is_the_synthesis_of_the_latents(codec):
    encoded = codec.encode(*parts(frame(8, 32, 48)))
    x = np.clip(np.round(codec.model.decode(encoded.latents)), 0, 255)
    difference = np.abs(encoded.reconstruction - x[0])
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("weight_distortion", [False, True])
@pytest.mark.parametrize("normalization", ["none", "image", "dataset"])
def test_loss_weight_is_that_of_the_training(normalization, weight_distortion):
    settings = {"weight_normalization": normalization, "weight_mean": 0.3}
    codec = untrained_codec(weight_distortion=weight_distortion, **settings)
    config = codec.config
    saliency = parts(frame(0))[1]
    image_mean = np.maximum(saliency, config.saliency_floor).mean(keepdims=True)[0]
    expected = normalized_weight(saliency, config, image_mean)
    if not weight_distortion:
        expected = np.ones_like(saliency)
    np.testing.assert_allclose(codec.loss_weight(saliency), expected, rtol=1e-5)


def test_payload_cut_short_under_a_right_checksum_is_refused(codec):
    data = codec.encode(*parts(frame(0))).data
    with pytest.raises(BitstreamError, match="does not decode"):
        codec.decode(repaired(data[:-20], random.Random(1)))


def test_damaged_files_end_in_an_error_or_an_image_of_the_stated_size(codec):
    outcome = fuzz(codec, count=600, seed=1)
    assert outcome.refused + outcome.decoded == 600
    assert outcome.refused > 300 and outcome.decoded > 0
    assert outcome.slowest < 5
    assert outcome.growth < 200 * 2**20


@pytest.mark.long
def test_process_with_one_thread_decodes_to_the_same_pixels(codec, workdir, tmp_path):
    encoded = codec.encode(*parts(frame(9, 250, 340)))
    path = tmp_path / "a.salc"
    path.write_bytes(encoded.data)
    tool = "-m", "salcomp.decompress", str(path), f"--model={workdir}"
    names = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"
    run_python(*tool, **dict.fromkeys(names, "1"))
    decoded = np.asarray(Image.open(tmp_path / "a.salc.png"))
    assert (decoded == encoded.reconstruction).all()
