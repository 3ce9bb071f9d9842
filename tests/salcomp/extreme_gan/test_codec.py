"""Tests of the GAN's codec and of its tools."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from salcomp import compress, decompress, evaluate, export
from salcomp.codec.bitstream import HEADER_BYTES
from salcomp.codec.codec import Codec
from salcomp.errors import BitstreamError, InputError, SalcompError
from salcomp.extreme_gan.codec import GanCodec
from tests.fixtures import frame, parts


@pytest.fixture(scope="module")
def gan(repaired):
    return GanCodec.load(repaired)


@pytest.mark.parametrize("size", [(96, 128), (33, 47), (16, 200), (1, 1)])
def test_image_of_any_size_decodes_to_what_the_encoder_saw(gan, size):
    encoded = gan.encode(*parts(frame(0, *size)))
    decoded = gan.decode(encoded.data)
    assert decoded.shape == (*size, 3)
    assert (decoded == encoded.reconstruction).all()


def test_codes_are_the_nearest_centres(gan):
    latents = gan.analyze(*parts(frame(0)))
    encoded = gan.encode(*parts(frame(0)))
    assert (encoded.latents == np.clip(np.round(latents), -2, 2)).all()


def test_file_is_as_long_as_the_information_in_it(gan):
    encoded = gan.encode(*parts(frame(0, 256, 512)))
    payload = 8 * (len(encoded.data) - HEADER_BYTES)
    assert payload == pytest.approx(encoded.information_bits, rel=0.02, abs=40)


def test_rate_stays_under_the_bound_of_training_frames(gan):
    rgb, saliency = parts(frame(0))
    bits = gan.encode(rgb, saliency).information_bits
    assert 0 < bits < 1.2 * gan.config.code_channels * np.log2(5) * saliency.size / 256


def test_files_and_their_reconstructions_are_written(repaired, gan, tmp_path):
    Image.fromarray(frame(0)).save(tmp_path / "a.png")
    model = f"--model={repaired}"
    command = ["compress", str(tmp_path / "a.png"), model]
    with pytest.raises(InputError, match="refinement is for models with a prior"):
        compress.main([*command, "--refine_steps=3"])
    compress.main([*command, "--reconstruction"])
    assert (tmp_path / "a.salc").read_bytes() == gan.encode(*parts(frame(0))).data
    written = np.asarray(Image.open(tmp_path / "a.salc.png"))
    out = tmp_path / "out"
    decompress.main(
        ["decompress", str(tmp_path / "a.salc"), model, f"--output_dir={out}"]
    )
    assert (np.asarray(Image.open(out / "a.png")) == written).all()


def test_damaged_files_are_refused_with_their_fault(gan):
    data = gan.encode(*parts(frame(0))).data
    for fault, damaged in {
        "truncated": data[:-3],
        "altered": data[:-1] + bytes([data[-1] ^ 1]),
        "not a .salc": b"PNG" + data,
    }.items():
        with pytest.raises(BitstreamError, match=fault):
            gan.decode(damaged)


def test_file_of_another_gan_is_refused(gan, published):
    other = GanCodec.load(published)
    with pytest.raises(BitstreamError, match="written by model"):
        other.decode(gan.encode(*parts(frame(0))).data)


def test_model_of_another_kind_is_refused(repaired, workdir):
    for load, folder in ((GanCodec.load, workdir), (Codec.load, repaired)):
        with pytest.raises(InputError, match="another kind of model"):
            load(folder)


def test_large_image_is_refused_by_default(repaired, tmp_path):
    Image.new("RGB", (2049, 2048)).save(tmp_path / "a.png")
    with pytest.raises(SalcompError, match="4194304"):
        compress.main(["compress", str(tmp_path / "a.png"), f"--model={repaired}"])


def test_gans_are_evaluated_beside_other_codecs(repaired, tmp_path):
    Image.fromarray(frame(0)).save(tmp_path / "a.png")
    evaluate.main(
        ["evaluate", f"--images={tmp_path / 'a.png'}", f"--models=gan={repaired}"]
        + ["--codecs=jpeg", "--nofigures", f"--output_dir={tmp_path / 'out'}"]
    )
    found = json.loads((tmp_path / "out/gan.json").read_text())["results"]
    assert found["code_channels"] == [4] and found["psnr-rgb"][0] > 0


def test_older_checkpoint_is_exported_on_demand(published, tmp_path, capsys):
    output = tmp_path / "old"
    export.main(["export", f"--workdir={published}", "--step=0", f"--output={output}"])
    assert capsys.readouterr().out.strip() == str(output)
    assert GanCodec.load(output).step == 0
