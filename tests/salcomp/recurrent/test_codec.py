"""Tests of the recurrent codec and of its tools."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from PIL import Image

from salcomp import compress, decompress, evaluate
from salcomp.codec import bitstream
from salcomp.codec.bitstream import HEADER_BYTES
from salcomp.codec.codec import Codec
from salcomp.errors import BitstreamError, InputError, SalcompError
from salcomp.recurrent import planes, stopping
from salcomp.recurrent.codec import RecurrentCodec
from tests.fixtures import frame, parts, refusal, run_python
from tests.salcomp.codec.fuzz_decoder import fuzz, repaired
from tests.salcomp.recurrent.small import untrained_codec

pytestmark = pytest.mark.kernels

SIDES = (1, 2, 15, 16, 17, 31, 32, 33, 34)


@pytest.mark.parametrize("height", SIDES)
@pytest.mark.parametrize("width", SIDES)
def test_image_of_any_size_decodes_to_what_the_encoder_saw(recurrent, height, width):
    rgb, saliency = parts(frame(height + width, height, width))
    encoder = stopping.Adaptive(recurrent, stopping.by_gain(1e-3), lambda s: s + 0.1)
    encoded = encoder.encode("", rgb, saliency)
    decoded = recurrent.decode(encoded.data)
    assert decoded.shape == (height, width, 3) and decoded.dtype == np.uint8
    assert (decoded == encoded.reconstruction).all()


@pytest.mark.parametrize(
    "changes",
    [
        dict(cell="lstm", reconstruction="additive"),
        dict(condition_encoder=True, priming=1),
    ],
)
def test_all_kinds_of_models_decode_to_what_the_encoder_saw(changes):
    codec = untrained_codec(**changes)
    encoded = codec.encode(*parts(frame(0, 33, 47)))
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()


def test_file_is_as_long_as_the_information_in_it(recurrent):
    encoded = recurrent.encode(*parts(frame(0, 256, 512)))
    # An iteration takes a length of up to two bytes, and the coder's last ones.
    spent = 8 * (len(encoded.data) - HEADER_BYTES)
    iterations = recurrent.config.iterations
    assert spent == pytest.approx(
        encoded.information_bits, rel=0.01, abs=40 * iterations
    )


def test_map_has_no_say_where_the_model_has_seen_none(recurrent):
    rgb, saliency = parts(frame(0))
    assert (
        recurrent.encode(rgb, saliency).data == recurrent.encode(rgb, 0 * saliency).data
    )


def test_cut_file_decodes_to_the_picture_of_its_last_whole_iteration(recurrent):
    rgb, saliency = parts(frame(0))
    stops = 1 + np.arange(48).reshape(6, 8) % 3
    encoder = stopping.Adaptive(recurrent, lambda errors, bits: stops)
    encoded = encoder.encode("", rgb, saliency)
    strings, _ = planes.unpack(bitstream.unpack(encoded.data).payload)
    assert len(strings) == 3
    latents, bits = encoded.latents.copy(), recurrent.config.bits_per_block
    for t in (2, 1):
        latents[..., t * bits :] = 0
        cut = encoded.data[: HEADER_BYTES + len(planes.pack(strings[:t])) + 1]
        expected = recurrent.synthesize(latents, *rgb.shape[:2])
        for data in (cut, encoded.data):
            content = bitstream.unpack(data, cut=True)
            found = recurrent.decode_content(content, iterations=t)
            assert (found == expected).all()
        message = refusal(
            recurrent.decode_content,
            bitstream.unpack(cut, cut=True),
            iterations=t + 1,
            error=BitstreamError,
        )
        assert f"truncated after iteration {t}" in message


def test_whole_file_is_wanted_where_no_iterations_are_asked_for(recurrent):
    data = recurrent.encode(*parts(frame(0))).data[:-1]
    assert "truncated" in refusal(recurrent.decode, data, error=BitstreamError)


def test_damaged_files_are_refused_with_their_fault(recurrent):
    data = recurrent.encode(*parts(frame(0))).data
    for fault, damaged in {
        "truncated": data[:-3],
        "altered": data[:-1] + bytes([data[-1] ^ 1]),
        "not a .salc": b"PNG" + data,
        "does not decode": repaired(data[:-20], random.Random(1)),
        "0 iterations": repaired(data[:HEADER_BYTES], random.Random(1)),
    }.items():
        with pytest.raises(BitstreamError, match=fault):
            recurrent.decode(damaged)


def test_damaged_files_end_in_an_error_or_a_picture_of_their_size(recurrent):
    outcome = fuzz(recurrent, count=60, seed=1)
    assert outcome.refused + outcome.decoded == 60
    assert outcome.slowest < 30


_DECODE = """
import sys
from pathlib import Path
from salcomp.recurrent.codec import RecurrentCodec
codec = RecurrentCodec.load(sys.argv[1])
for path in sys.argv[2:]:
    print(codec.decode(Path(path).read_bytes()).tobytes().hex())
"""


def test_another_process_decodes_to_the_same_pixels(recurrent, finished, tmp_path):
    expected, paths = [], []
    for i, size in enumerate([(17, 33), (96, 128)]):
        encoder = stopping.Adaptive(recurrent, stopping.by_gain(1e-3))
        encoded = encoder.encode("", *parts(frame(i, *size)))
        expected.append(encoded.reconstruction.tobytes().hex())
        paths.append(tmp_path / f"{i}.salc")
        paths[-1].write_bytes(encoded.data)
    found = run_python("-c", _DECODE, str(finished), *map(str, paths))
    assert found.stdout.split() == expected


def test_model_of_another_kind_is_refused(finished, workdir):
    for load, folder in ((RecurrentCodec.load, workdir), (Codec.load, finished)):
        with pytest.raises(InputError, match="another kind of model"):
            load(folder)


@pytest.fixture
def picture(tmp_path):
    """The path of an image with a map."""
    Image.fromarray(frame(0)).save(tmp_path / "a.png")
    return str(tmp_path / "a.png")


def test_files_and_their_reconstructions_are_written(finished, picture, tmp_path):
    model = f"--model={finished}"
    sizes = []
    for knob in ("--iterations=1", "--lambda=0.1", "--block_error=300"):
        command = ["compress", picture, model, knob, "--reconstruction", "--overwrite"]
        compress.main(command)
        sizes.append((tmp_path / "a.salc").stat().st_size)
        written = np.asarray(Image.open(tmp_path / "a.salc.png"))
        call = ["decompress", str(tmp_path / "a.salc"), model, "--overwrite"]
        decompress.main([*call, f"--output_dir={tmp_path / 'out'}"])
        assert (np.asarray(Image.open(tmp_path / "out/a.png")) == written).all()
    assert min(sizes[1:]) > sizes[0]


def test_map_stops_blocks_elsewhere_than_uniform_weights_do(
    finished, picture, tmp_path
):
    command = ["compress", picture, f"--model={finished}", "--overwrite"]
    data = []
    for weighting in ("saliency", "uniform"):
        compress.main([*command, "--lambda=0.1", f"--refine_weighting={weighting}"])
        data.append((tmp_path / "a.salc").read_bytes())
    assert data[0] != data[1]


def test_cut_file_is_decompressed_as_far_as_it_goes(finished, picture, tmp_path):
    model = f"--model={finished}"
    file = tmp_path / "a.salc"
    compress.main(["compress", picture, model, "--iterations=1", "--reconstruction"])
    first = np.asarray(Image.open(tmp_path / "a.salc.png"))
    size = file.stat().st_size
    compress.main(["compress", picture, model, "--overwrite"])
    file.write_bytes(file.read_bytes()[:size])
    call = ["decompress", str(file), model, "--overwrite"]
    with pytest.raises(SalcompError, match="truncated"):
        decompress.main(call)
    decompress.main([*call, "--iterations=1"])
    assert (np.asarray(Image.open(tmp_path / "a.salc.png")) == first).all()


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--refine_steps=3"], "refine_steps is for refinement"),
        (["--lambda=1", "--block_error=2"], "--lambda and --block_error exclude"),
        (["--target_bpp=1", "--lambda=2"], "--lambda and --target_bpp exclude"),
        (["--uniform_share=0.5"], "only matters where blocks stop"),
        (["--lambda=0"], "lambda must be more than 0"),
    ],
)
def test_flags_without_effect_are_refused(finished, picture, flags, message):
    assert message in refusal(
        compress.main, ["compress", picture, f"--model={finished}", *flags]
    )


def test_flags_of_recurrent_models_are_refused_for_others(workdir, picture, tmp_path):
    model = f"--model={workdir}"
    command = ["compress", picture, model]
    assert "for recurrent models" in refusal(
        compress.main, [*command, "--iterations=2"]
    )
    compress.main(command)
    call = ["decompress", str(tmp_path / "a.salc"), model, "--iterations=2"]
    assert "not progressive" in refusal(decompress.main, call, error=SalcompError)


def test_rate_that_is_asked_for_is_sought(finished, picture, tmp_path, caplog):
    caplog.set_level("INFO")
    command = ["compress", picture, f"--model={finished}", "--target_bpp=0.08"]
    compress.main(command)
    assert "0.08 bpp asked" in caplog.text and "with lambda" in caplog.text


def test_recurrent_models_are_evaluated_beside_other_codecs(
    finished, picture, tmp_path
):
    evaluate.main(
        ["evaluate", f"--images={picture}", f"--models=recurrent={finished}"]
        + ["--codecs=jpeg", "--nofigures", f"--output_dir={tmp_path / 'out'}"]
    )
    found = json.loads((tmp_path / "out/recurrent.json").read_text())["results"]
    assert found["iterations"] == [3] and found["psnr-rgb"][0] > 0
