"""Tests of salcomp.compress, and of the files that it and salcomp.decompress leave."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest
from PIL import Image

from salcomp import compress
from salcomp.codec import base, bitstream
from salcomp.codec.codec import Codec
from salcomp.errors import SalcompError
from salcomp.files import saliency_maps
from salcomp.files.predictors import Predictor, on_each
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.zoo import exported
from tests import fixtures
from tests.fixtures import frame, parts, run_python, small_config
from tests.salcomp.codec.test_hyper_codec import save as save_hyper

refusal = functools.partial(fixtures.refusal, error=SalcompError)


@pytest.fixture
def pictures(tmp_path):
    """A folder with three RGBA images of several sizes."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(3):
        Image.fromarray(frame(i, 32 + i, 50 - i)).save(folder / f"p{i}.png")
    return folder


def tool(*arguments):
    compress.main(["compress", *map(str, arguments)])


@pytest.fixture
def run(workdir):
    """Calls the tool with the model."""
    return functools.partial(tool, f"--model={workdir}")


def encoded_by(model, *of_frame):
    """What a model makes of a frame, by default of that in p0.png."""
    return Codec.load(model).encode(*parts(frame(*of_frame or (0, 32, 50))))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_folder_of_images_is_compressed_beside_them(run, pictures):
    run(pictures)
    expected = [f"p{i}.{suffix}" for i in range(3) for suffix in ("png", "salc")]
    assert names_in(pictures) == expected


def test_many_images_are_summed_up_in_the_last_line(run, pictures, caplog):
    caplog.set_level("INFO")
    run(pictures)
    sizes = [path.stat().st_size for path in pictures.glob("*.salc")]
    start = f"{len(sizes)} files, {sum(sizes)} bytes, "
    assert caplog.messages[-1].startswith(start)
    assert re.search(r"bpp on average, in [\d.]+ s$", caplog.messages[-1])


def test_files_go_to_the_output_folder_and_nothing_else_does(run, pictures, tmp_path):
    run(pictures / "p0.png", pictures / "p2.png", f"--output_dir={tmp_path / 'out'}")
    assert names_in(tmp_path / "out") == ["p0.salc", "p2.salc"]
    assert names_in(pictures) == ["p0.png", "p1.png", "p2.png"]


@pytest.mark.parametrize(
    "flag, like", [("", np.copy), ("--saliency=uniform", np.ones_like)]
)
def test_alpha_is_the_map_by_default(run, codec, pictures, flag, like):
    run(pictures / "p0.png", *flag.split())
    rgb, saliency = parts(frame(0, 32, 50))
    expected = codec.encode(rgb, like(saliency))
    assert (pictures / "p0.salc").read_bytes() == expected.data


def test_mask_file_is_the_map(run, codec, pictures, tmp_path):
    rgba = frame(0, 32, 50)
    Image.fromarray(rgba[..., :3]).save(tmp_path / "rgb.png")
    Image.fromarray(rgba[..., 3]).save(tmp_path / "mask.png")
    run(tmp_path / "rgb.png", f"--saliency={tmp_path / 'mask.png'}")
    assert (tmp_path / "rgb.salc").read_bytes() == codec.encode(*parts(rgba)).data


@pytest.mark.parametrize("flag, start", [("", b"old"), ("--overwrite", b"SALC")])
def test_existing_output_is_kept_without_overwrite(run, pictures, flag, start):
    (pictures / "p0.salc").write_bytes(b"old")
    run(pictures, *flag.split())
    assert (pictures / "p0.salc").read_bytes()[:4] == start
    assert (pictures / "p1.salc").exists()


def test_bad_file_does_not_stop_the_others_and_ends_in_an_error(run, pictures, caplog):
    (pictures / "p1.png").write_text("no image")
    assert "1 of 3 files failed" in refusal(run, pictures)
    assert names_in(pictures) == ["p0.png", "p0.salc", "p1.png", "p2.png", "p2.salc"]
    assert str(pictures / "p1.png") in caplog.text


def test_two_images_of_the_same_name_are_refused_before_any_work(run, pictures):
    Image.fromarray(frame(9, 20, 20)[..., :3]).save(pictures / "p1.jpg")
    message = refusal(run, pictures)
    assert "p1.jpg" in message and "p1.png" in message
    assert not list(pictures.glob("*.salc"))


def test_image_over_the_pixel_limit_is_refused(run, pictures):
    assert "100" in refusal(run, pictures / "p0.png", "--max_pixels=100")


def test_model_is_needed_where_none_come_with_salcomp(empty_zoo, pictures):
    assert "--model is needed" in refusal(tool, pictures)


def test_default_model_is_of_the_zoo_beside_any_folder(zoo, pictures, monkeypatch):
    (pictures / "middle").mkdir()
    monkeypatch.chdir(pictures)
    tool("p0.png")
    assert (pictures / "p0.salc").read_bytes() == encoded_by(zoo / "middle").data


def test_model_of_the_zoo_goes_by_its_name(zoo, pictures):
    tool(pictures / "p0.png", "--model=high")
    assert (pictures / "p0.salc").read_bytes() == encoded_by(zoo / "high").data


def test_unknown_model_is_refused_with_names_near_it(zoo, pictures):
    message = refusal(tool, pictures, "--model=hihg")
    assert "hihg: no such folder" in message and "near it are high" in message


def test_models_are_listed_without_images(zoo, capsys):
    tool("--list_models")
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed[1:5]] == "plain low middle high".split()


def test_models_are_listed_without_tensorflow(zoo):
    code = "import pathlib, sys; from salcomp import compress\n"
    code += "from salcomp.zoo import shipped\n"
    code += "shipped.FOLDER = pathlib.Path(sys.argv[1])\n"
    code += "compress.main(['', '--list_models']); print('tensorflow' in sys.modules)"
    assert run_python("-c", code, str(zoo)).stdout.splitlines()[-1] == "False"


def test_target_rate_picks_the_closest_model_of_the_default_arm(zoo, pictures, caplog):
    caplog.set_level("INFO")
    low, middle = (encoded_by(zoo / name, 1, 33, 49) for name in ("low", "middle"))
    target = low.bpp**0.4 * middle.bpp**0.6
    tool(pictures / "p1.png", f"--target_bpp={target}")
    assert (pictures / "p1.salc").read_bytes() == middle.data
    assert f"p1.png: {target:g} bpp asked, {middle.bpp:.4f} with middle" in caplog.text


def test_target_beyond_the_arm_is_told_and_gets_its_end(zoo, pictures, caplog):
    tool(pictures / "p0.png", "--target_bpp=1000")
    high = encoded_by(zoo / "high")
    assert (pictures / "p0.salc").read_bytes() == high.data
    warning = f"1000 bpp asked, which is out of reach; closest is {high.bpp:.4f}"
    assert warning in caplog.text


def test_target_rate_chooses_in_the_arm_of_the_model_that_is_named(zoo, pictures):
    tool(pictures / "p0.png", "--model=plain", "--target_bpp=0.5")
    assert (pictures / "p0.salc").read_bytes() == encoded_by(zoo / "plain").data


def test_refinement_comes_closer_to_the_target_rate(zoo, tmp_path, caplog):
    caplog.set_level("INFO")
    picture = tmp_path / "p.png"
    Image.fromarray(frame(0)).save(picture)
    start = encoded_by(zoo / "high", 0)
    target = 0.92 * start.bpp
    tool(picture, f"--target_bpp={target}", "--refine_steps=20")
    refined = 8 * (tmp_path / "p.salc").stat().st_size / (96 * 128)
    assert abs(refined - target) < 0.5 * abs(start.bpp - target)
    assert "with high refined with lambda" in caplog.text


@pytest.mark.parametrize(
    "flags, told",
    [
        ("--target_bpp=0", "--target_bpp must be more than 0"),
        ("--target_bpp=nan", "--target_bpp must be more than 0"),
        ("--target_bpp=1 --refine_steps=2 --lambda=1", "leave out --lambda"),
        ("--target_bpp=1 --model={pictures}", "none of the models that come with"),
    ],
)
def test_target_rate_that_cannot_be_is_refused(zoo, pictures, flags, told):
    assert told in refusal(tool, pictures, *flags.format(pictures=pictures).split())
    assert not list(pictures.glob("*.salc"))


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """The folder of a model of several rates."""
    folder = tmp_path_factory.mktemp("several") / "model"
    return save_hyper(folder, rates=4, lambda_span=64.0)


def test_quality_is_that_of_the_file(several, pictures):
    tool(pictures / "p0.png", f"--model={several}", "--quality=81.5")
    expected = base.load(several).at(81.5).encode(*parts(frame(0, 32, 50)))
    assert (pictures / "p0.salc").read_bytes() == expected.data


def test_model_of_several_rates_comes_within_a_percent_of_a_rate(
    several, tmp_path, caplog
):
    caplog.set_level("INFO")
    picture = tmp_path / "p.png"
    Image.fromarray(frame(0, 192, 256)).save(picture)
    codec = base.load(several)
    low, high = (
        codec.at(quality).encode(*parts(frame(0, 192, 256))).bpp for quality in (30, 90)
    )
    for part in (0.2, 0.7):
        target = low ** (1 - part) * high**part
        flags = f"--model={several}", f"--target_bpp={target}", "--overwrite"
        tool(picture, *flags)
        rate = 8 * (tmp_path / "p.salc").stat().st_size / (192 * 256)
        assert rate == pytest.approx(target, rel=0.0105)
    assert "model at quality" in caplog.text


def test_refinement_of_several_rates_has_the_quality_of_its_lambda(several, pictures):
    tool(
        *(pictures / "p0.png", f"--model={several}"),
        *("--refine_steps=10", "--lambda=0.008"),
    )
    content = bitstream.read(pictures / "p0.salc")
    assert bitstream.unpack_strings(content.payload)[0] == 50


@pytest.mark.parametrize(
    "flags, told",
    [
        ("--quality=101", "--quality=101"),
        ("--quality=40 --target_bpp=1", "leave out --quality"),
        ("--quality=40 --refine_steps=2 --lambda=1", "exclude each other"),
        ("--quality=40 --model={workdir}", "has one; leave it out"),
    ],
)
def test_quality_that_cannot_be_is_refused(several, workdir, pictures, flags, told):
    flags = f"--model={several} {flags.format(workdir=workdir)}".split()
    with pytest.raises((SalcompError, ValueError), match=re.escape(told)):
        tool(pictures, *flags)
    assert not list(pictures.glob("*.salc"))


def test_missing_input_is_refused_by_name(run, tmp_path):
    assert "nothing.png" in refusal(run, tmp_path / "nothing.png")


def test_refinement_makes_another_file_that_the_decoder_reads(run, codec, pictures):
    run(pictures / "p0.png")
    plain = (pictures / "p0.salc").read_bytes()
    run(pictures / "p0.png", "--refine_steps=20", "--overwrite", "--reconstruction")
    refined = (pictures / "p0.salc").read_bytes()
    assert refined != plain
    written = np.asarray(Image.open(pictures / "p0.salc.png"))
    assert (written == codec.decode(refined)).all()


def test_lower_lambda_makes_a_smaller_file(run, tmp_path):
    Image.fromarray(frame(0)).save(tmp_path / "a.png")
    sizes = []
    for lmbda in ("--lambda=1e-6", "--lambda=1"):
        run(tmp_path / "a.png", "--overwrite", "--refine_steps=20", lmbda)
        sizes.append((tmp_path / "a.salc").stat().st_size)
    assert sizes[0] < sizes[1]


def test_lambda_without_refinement_is_refused(run, pictures):
    assert "--refine_steps" in refusal(run, pictures, "--lambda=0.1")


@pytest.mark.parametrize("flag", ["--lambda=-1", "--lambda=nan", "--uniform_share=2"])
def test_refinement_flag_out_of_range_is_refused(run, pictures, flag):
    message = refusal(run, pictures, "--refine_steps=2", flag)
    assert flag.split("=")[0].strip("-") in message


@pytest.fixture
def sky(plug_ins):
    """The only predictor that there is; records the paths of its pictures."""
    asked = []

    def predict(frame):
        asked.append(frame.source)
        return np.linspace(0.1, 1, 6, dtype=np.float32).reshape(2, 3)

    plug_ins["sky"] = lambda: Predictor(on_each(predict))
    return asked


@pytest.fixture
def baseline(tmp_path):
    """Calls the tool with a model that is told of no map."""
    config = small_config(condition_encoder=False, weight_distortion=False)
    exported.save(SaliencyCodec(config), 1, tmp_path / "model")
    return functools.partial(tool, f"--model={tmp_path / 'model'}")


def test_predicted_map_tells_the_encoder_and_the_log(run, codec, pictures, sky, caplog):
    caplog.set_level("INFO")
    run(pictures, "--saliency=sky")
    assert sorted(sky) == [str(pictures / f"p{i}.png") for i in range(3)]
    rgb, _ = parts(frame(0, 32, 50))
    small = np.linspace(0.1, 1, 6, dtype=np.float32).reshape(2, 3)
    expected = codec.encode(rgb, saliency_maps.resize(small, 32, 50)).data
    assert (pictures / "p0.salc").read_bytes() == expected
    size = f"p0.salc: {len(expected)} bytes, {8 * len(expected) / 1600:.4f} bpp"
    line = size + r" in \d+\.\d\d s, map: sky \(\d+\.\d\d s\) \(alpha channel dropped\)"
    assert re.search(line, caplog.text)


@pytest.mark.parametrize("flags", ["", "--refine_steps=2 --refine_weighting=uniform"])
def test_map_that_the_model_is_not_told_of_is_not_made(
    baseline, pictures, sky, caplog, flags
):
    caplog.set_level("INFO")
    baseline(pictures / "p0.png", "--saliency=sky", *flags.split())
    assert not sky
    assert "s, map: not used by this model" in caplog.text


def test_map_that_the_model_is_not_told_of_is_saved_and_said_to_be_unused(
    baseline, pictures, sky, caplog
):
    caplog.set_level("INFO")
    baseline(pictures / "p0.png", "--saliency=sky", "--save_saliency")
    assert len(sky) == 1 and (pictures / "p0.saliency.png").exists()
    assert re.search(r"map: sky .*, not used by this model", caplog.text)


def test_saved_maps_serve_again_and_are_no_images(run, pictures, tmp_path):
    run(pictures, "--save_saliency")
    expected = [f"p{i}.{s}" for i in range(3) for s in ("png", "salc", "saliency.png")]
    assert names_in(pictures) == sorted(expected)
    rgba = frame(0, 32, 50)
    with Image.open(pictures / "p0.saliency.png") as saved:
        assert saved.mode == "L" and (np.asarray(saved) == rgba[..., 3]).all()
    first = (pictures / "p0.salc").read_bytes()
    Image.fromarray(rgba[..., :3]).save(pictures / "p0.png")
    run(pictures, f"--saliency={pictures}", "--overwrite")
    assert names_in(pictures) == sorted(expected)
    assert (pictures / "p0.salc").read_bytes() == first


def test_unknown_source_of_maps_is_refused_before_any_model_is_read(pictures):
    message = refusal(tool, pictures, "--saliency=skye", "--model=no such model")
    assert "--saliency=skye: no such predictor, file or folder" in message


WITHOUT_PLUG_INS = """
import sys
from importlib import metadata
metadata.entry_points = lambda: {}
from salcomp import cli, compress
def main(argv):
    for flag in argv[4:]:
        flags = f"--output_dir={argv[3]}", "--overwrite", flag
        compress.main(["compress", *argv[1:3], *flags])
cli.run(main)
"""


def test_salcomp_without_plug_ins_has_all_other_maps(workdir, pictures, tmp_path):
    Image.fromarray(frame(0, 32, 50)[..., :3]).save(pictures / "p0.png")
    specs = "auto", "center", "uniform", str(pictures / "p1.png"), "unisal"
    flags = [f"--saliency={spec}" for spec in specs]
    where = f"--model={workdir}", str(pictures / "p[01].png"), str(tmp_path / "out")
    ran = run_python("-c", WITHOUT_PLUG_INS, *where, *flags, check=False)
    told = ran.stderr
    for origin, count in {
        "alpha channel of the image": 1,
        "centre prior": 2,
        "centre prior (alpha channel dropped)": 1,
        "uniform": 1,
        "uniform (alpha channel dropped)": 1,
        f"mask {pictures / 'p1.png'}": 1,
    }.items():
        assert told.count(f"map: {origin}\n") == count
    assert told.count("`python -m data_prep.get_weights unisal`") == 1
    assert "--saliency=unisal: no such predictor" in told.splitlines()[-1]


def test_model_without_a_map_compresses_the_same_whatever_the_map(baseline, pictures):
    files = []
    for source in ("auto", "center", "uniform"):
        baseline(pictures / "p0.png", f"--saliency={source}", "--overwrite")
        files.append((pictures / "p0.salc").read_bytes())
    assert files[0] == files[1] == files[2]
