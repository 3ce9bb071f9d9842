"""Tests of SAM's weight files, and of what needs weights: predictor and tools."""

from __future__ import annotations

import importlib.util
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf

from data_prep import convert_sam, verify_sam
from data_prep.predictors.sam import model as sam
from data_prep.predictors.sam import preprocessing, weights
from data_prep.predictors.sam.predict import SamPredictor, compiled
from experiments.benchmark_speed import sam as sam_speed
from salcomp.errors import InputError
from salcomp.files import images
from salcomp.files.disk import sha256
from tests.fixtures import ROOT, run_python

pytestmark = pytest.mark.kernels

_GOLDEN = ROOT.parent / "shared" / "golden" / "sam"

# Whether convolutions round as they did where the tolerance below was measured.
_CPU = Path("/proc/cpuinfo")
_AVX512 = _CPU.exists() and " avx512f " in _CPU.read_text()

# Largest difference to the original's output, as a fraction of the largest output. The
# ResNet's random weights magnify roundings: 0.0007 was seen with the convolutions of a
# processor with AVX-512, 0.0033 with those of AVX2.
GOLDEN_RUNS = {
    "sam-vgg": (48, 64, 2e-4),
    "sam-resnet": (44, 60, 2e-3 if _AVX512 else 5e-3),
}


@pytest.fixture(scope="session")
def golden_sam():
    """The folder of whole-network outputs of the original, beside the checkout."""
    if not (_GOLDEN / "write_weights.py").is_file():
        pytest.skip("needs outputs of the original, in shared/ beside the checkout")
    return _GOLDEN


@pytest.fixture(scope="session")
def published(golden_sam, tmp_path_factory):
    """Random weights of both networks as Keras 1.1 saves them, by network."""
    spec = importlib.util.spec_from_file_location(
        "write_weights", golden_sam / "write_weights.py"
    )
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    paths = {}
    for network in sam.NETWORKS:
        path = tmp_path_factory.mktemp("sam") / f"{network}_weights.pkl"
        writer.main(network[len("sam-") :], path)
        paths[network] = str(path)
    return paths


@pytest.fixture(scope="session")
def vgg_weights(published):
    return weights.read(published["sam-vgg"])


@pytest.fixture(scope="session")
def small_vgg(vgg_weights):
    """A SAM-VGG for 48x64 with the random weights."""
    model = sam.build("sam-vgg", 48, 64)
    weights.assign(model, vgg_weights)
    return model


@pytest.fixture(scope="session")
def converted(published, tmp_path_factory):
    """The weights of SAM-VGG as convert_sam writes them."""
    output = tmp_path_factory.mktemp("sam") / "vgg.npz"
    argv = [f"--weights={published['sam-vgg']}", f"--output={output}"]
    convert_sam.main(["convert_sam", *argv])
    return str(output)


@pytest.fixture(scope="session")
def predictor(published):
    return SamPredictor.load(published["sam-vgg"])


@pytest.fixture(scope="session")
def photographs():
    """Three images of different shapes, none of them flat."""
    rng = np.random.default_rng(3)
    shapes = [(90, 120), (100, 60), (50, 130)]
    return [
        rng.integers(0, 256, (*shape, 1), np.uint8)
        // np.arange(1, 4, dtype=np.uint8)  # in colour
        for shape in shapes
    ]


@pytest.fixture(scope="session")
def maps(predictor, photographs):
    """What the predictor makes of all of them at once."""
    return predictor.predict(photographs)


def assert_one_line(error, *parts):
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize("network", sam.NETWORKS)
def test_network_with_a_published_file_gives_the_originals_output(
    network, golden_sam, published
):
    height, width, tolerance = GOLDEN_RUNS[network]
    model = sam.build(network, height, width)
    weights.assign(model, weights.read(published[network]))
    tag = network[len("sam-") :]
    golden = np.load(golden_sam / f"gold_{tag}.npz")
    image, expected = golden["im"].transpose(0, 2, 3, 1), golden["P"][:, 0]
    actual = compiled(model)(image).numpy()
    scale = expected.max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)
    assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > 0.99999


@pytest.mark.parametrize(
    ("network", "height", "width"),
    [
        pytest.param("sam-vgg", 240, 320, marks=pytest.mark.long),
        ("sam-resnet", 48, 64),
    ],
)
def test_compiled_network_is_the_plain_one(network, height, width):
    tf.keras.utils.set_random_seed(0)  # some draws have outputs of nearly 0
    model = sam.build(network, height, width)
    kernel = model.get_layer(sam.RECURRENT).kernels["v_a"]
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape) * 0.05)
    image = np.random.default_rng(1).uniform(-124, 152, (1, height, width, 3))
    image = image.astype(np.float32)
    expected = sam_speed.plain(model)(image).numpy()
    assert expected.std() > 0
    actual = compiled(model)(image).numpy()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5 * expected.max())


@pytest.mark.long
def test_speed_is_given_for_both_forms_with_equal_outputs(monkeypatch, capsys):
    def build_small(network):
        return small("sam-vgg", 48, 64)

    small = sam.build
    monkeypatch.setattr(sam, "build", build_small)
    found = sam_speed.time_sam("sam-vgg", rounds=1)
    assert found["difference"] < 1e-5
    assert found["speedup_batch_8"] == pytest.approx(
        found["plain_batch_8"] / found["ours_batch_8"]
    )
    sam_speed.report("sam-vgg", found)
    assert "sam-vgg, batch 8" in capsys.readouterr().out


def test_plain_network_is_the_one_with_golden_output(small_vgg, golden_sam):
    golden = np.load(golden_sam / "gold_vgg.npz")
    image = golden["im"].transpose(0, 2, 3, 1)
    a, b = sam_speed.plain(small_vgg)(image), compiled(small_vgg)(image)
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * np.max(b))


def test_kernels_are_turned_and_in_channels_last_order(published, vgg_weights):
    with h5py.File(published["sam-vgg"]) as file:
        stored = file["block1_conv1/block1_conv1_W"][()]
    kernel = vgg_weights.tensors[0].values
    assert vgg_weights.tensors[0].place == "block1_conv1/kernel"
    assert kernel.shape == (3, 3, 3, 64)
    for i, j in np.ndindex(3, 3):
        np.testing.assert_array_equal(kernel[i, j], stored[:, :, 2 - i, 2 - j].T)


def nested(path, target, rename):
    """Writes a file whose root has the layers of another in `model_weights`."""
    with h5py.File(path) as source, h5py.File(target, "w") as file:
        group = file.create_group("model_weights")
        names = source.attrs["layer_names"]
        group.attrs["layer_names"] = np.array([rename(n) for n in names], "S")
        file.attrs["model_config"] = "{"
        for name in names:
            group[rename(name).decode()] = h5py.ExternalLink(path, name.decode())


def test_whole_model_with_other_layer_numbers_reads_the_same(
    published, vgg_weights, tmp_path
):
    def rename(name):
        kind, _, number = name.rpartition(b"_")
        return kind + b"_%d" % (int(number) + 40) if number.isdigit() else name

    nested(published["sam-vgg"], tmp_path / "whole.h5", rename)
    whole = weights.read(str(tmp_path / "whole.h5"))
    assert whole.network == "sam-vgg"
    for a, b in zip(whole.tensors, vgg_weights.tensors):
        assert a.place == b.place
        np.testing.assert_array_equal(a.values, b.values)


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError) as error:
        weights.read(str(tmp_path / "none.pkl"))
    assert_one_line(error, "none.pkl", "no such file", "sam-vgg_*_weights.pkl")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pickle.dumps({"a": 1}), "Python pickle"),
        (b"\n<!DOCTYPE html><html>Not Found</html>", "web page"),
        (b"\xef\xbb\xbf<html>", "web page"),
        (b"", "is empty"),
        (b"version https://git-lfs", "neither HDF5 nor"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "damaged or cut short"),
        (b"PK\x03\x04" + bytes(100), "damaged or cut short"),
    ],
)
def test_file_that_holds_no_weights_is_a_one_line_error(tmp_path, content, reason):
    path = tmp_path / "sam-vgg_salicon_weights.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        weights.read(str(path))
    assert_one_line(error, str(path), reason)


def test_folder_is_a_one_line_error(tmp_path):
    with pytest.raises(InputError) as error:
        weights.read(str(tmp_path))
    assert_one_line(error, str(tmp_path), "cannot be read")


def test_pickle_is_not_executed(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "executed",))

    (tmp_path / "trap.pkl").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError):
        weights.read(str(tmp_path / "trap.pkl"))
    np.savez(tmp_path / "trap.npz", network="sam-vgg", sha256="", a=np.array([Trap()]))
    with pytest.raises(InputError):
        weights.read(str(tmp_path / "trap.npz"))
    assert not (tmp_path / "executed").exists()


def test_truncated_file_is_a_one_line_error(published, converted, tmp_path):
    for source in (published["sam-vgg"], converted):
        with open(source, "rb") as file:
            (tmp_path / "half").write_bytes(file.read(10**7))
        with pytest.raises(InputError) as error:
            weights.read(str(tmp_path / "half"))
        assert_one_line(error, "half", "damaged or cut short")


@pytest.mark.parametrize("layers", [None, ["dense_1"]])
def test_other_hdf5_files_are_a_one_line_error(tmp_path, layers):
    path = str(tmp_path / "other.h5")
    with h5py.File(path, "w") as file:
        if layers:
            file.attrs["layer_names"] = np.array(layers, "S")
    with pytest.raises(InputError) as error:
        weights.read(path)
    assert_one_line(error, path, "dense_1" if layers else "has no layers", "give")


def test_layer_that_is_listed_but_missing_is_a_one_line_error(tmp_path):
    path = str(tmp_path / "odd.h5")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(["block1_conv1"], "S")
    with pytest.raises(InputError) as error:
        weights.read(path)
    assert_one_line(error, path, "damaged or cut short")


def test_tensor_of_an_unheard_of_size_is_not_read(tmp_path):
    path = str(tmp_path / "huge.h5")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(["block1_conv1"], "S")
        group = file.create_group("block1_conv1")
        group.attrs["weight_names"] = np.array(["block1_conv1_W"], "S")
        group.create_dataset("block1_conv1_W", (10**5, 10**5, 3, 3), np.float32)
    with pytest.raises(InputError) as error:
        weights.read(path)
    assert_one_line(error, path, "block1_conv1_W", "100000")


@pytest.mark.parametrize(
    ("name", "dtype", "reason"),
    [
        ("block1_conv1_W", np.complex64, "holds no floating-point numbers"),
        ("block1_conv1_W", "S4", "holds no floating-point numbers"),
        ("evil\nerror: x", np.float32, "has a name like none of SAM's"),
    ],
)
def test_odd_tensor_is_a_one_line_error(tmp_path, name, dtype, reason):
    path = str(tmp_path / "odd.h5")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(["block1_conv1"], "S")
        group = file.create_group("block1_conv1")
        group.attrs["weight_names"] = np.array([name], "S")
        group.create_dataset(name, (64, 3, 3, 3), dtype)
    with pytest.raises(InputError) as error:
        weights.read(path)
    assert_one_line(error, path, reason)


@pytest.mark.parametrize(
    ("network", "values"),
    [("sam-foo", np.zeros(3, "f4")), ("sam-vgg", np.array(["a"])), ("sam-vgg", 1j)],
)
def test_npz_of_another_kind_is_a_one_line_error(tmp_path, network, values):
    path = str(tmp_path / "odd.npz")
    np.savez(path, network=network, sha256="0", x=values)
    with pytest.raises(InputError) as error:
        weights.read(path)
    assert_one_line(error, path, "convert the weights again")


@pytest.mark.parametrize("tool", ["convert_sam", "verify_sam"])
def test_tool_as_a_process_prints_one_line_per_error(tool, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")  # as the tests set it
    result = run_python("-m", f"data_prep.{tool}", check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("error: --weights is needed")
    assert result.stderr.count("\n") == 1


def test_other_networks_file_is_refused_by_its_first_tensor_that_does_not_fit(
    published, small_vgg
):
    resnet = weights.read(published["sam-resnet"], "sam-vgg")
    with pytest.raises(InputError) as error:
        weights.assign(small_vgg, resnet)
    assert_one_line(error, "conv1_W has no place in sam-vgg", "holds sam-resnet")


def changed(stored, index, **fields):
    tensors = list(stored.tensors)
    tensors[index] = tensors[index]._replace(**fields)
    return stored._replace(tensors=tensors)


def test_wrong_shape_is_an_error_that_names_tensor_and_shapes(vgg_weights, small_vgg):
    wrong = changed(vgg_weights, 0, values=np.zeros((3, 3, 3, 65), np.float32))
    with pytest.raises(InputError) as error:
        weights.assign(small_vgg, wrong)
    assert_one_line(error, "block1_conv1_W", "(3, 3, 3, 65)", "(3, 3, 3, 64)")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_an_error(vgg_weights, small_vgg, value):
    values = vgg_weights.tensors[1].values.copy()
    values[5] = value
    with pytest.raises(InputError) as error:
        weights.assign(small_vgg, changed(vgg_weights, 1, values=values))
    assert_one_line(error, "block1_conv1_b", "not finite")


def test_missing_tensor_is_an_error_that_names_its_place(vgg_weights, small_vgg):
    with pytest.raises(InputError) as error:
        weights.assign(
            small_vgg, vgg_weights._replace(tensors=vgg_weights.tensors[:-1])
        )
    assert_one_line(error, "lacks saliency/bias")


@pytest.mark.parametrize("place", [None, "block1_conv1/kernel"])
def test_tensor_too_many_is_an_error(vgg_weights, small_vgg, place):
    extra = weights.Tensor("extra_W", place, np.zeros(1, np.float32))
    with pytest.raises(InputError) as error:
        weights.assign(
            small_vgg, vgg_weights._replace(tensors=[*vgg_weights.tensors, extra])
        )
    assert_one_line(error, "extra_W has no place in sam-vgg")


def test_refused_weights_leave_the_model_as_it_was(vgg_weights, small_vgg):
    before = small_vgg.get_layer("block1_conv1").get_weights()[0]
    changed_first = changed(vgg_weights, 0, values=before + 1)
    with pytest.raises(InputError):
        weights.assign(
            small_vgg, changed_first._replace(tensors=changed_first.tensors[:-1])
        )
    after = small_vgg.get_layer("block1_conv1").get_weights()[0]
    np.testing.assert_array_equal(after, before)


def test_converted_file_has_the_same_tensors_and_the_originals_sha256(
    published, converted, vgg_weights
):
    stored = weights.read(converted)
    assert stored.network == "sam-vgg"
    assert stored.sha256 == vgg_weights.sha256 == sha256(published["sam-vgg"])
    assert len(stored.tensors) == len(vgg_weights.tensors) == 55
    for a, b in zip(stored.tensors, vgg_weights.tensors):
        assert a.place == b.place
        np.testing.assert_array_equal(a.values, b.values)


def test_maps_from_published_and_converted_file_are_the_same_to_the_bit(
    predictor, converted, photographs, maps
):
    other = SamPredictor.load(converted, "sam-vgg")
    assert other.network == predictor.network == "sam-vgg"
    assert other.weights_sha256 == predictor.weights_sha256
    for a, b in zip(other.predict(photographs), maps):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("arrays", [{"a": 1}, {"network": "sam-vgg", "a": 1}])
def test_other_npz_files_are_a_one_line_error(tmp_path, arrays):
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(InputError) as error:
        weights.read(str(tmp_path / "other.npz"))
    assert_one_line(error, "other.npz", "not written by data_prep.convert_sam")


def test_damaged_converted_file_is_a_one_line_error(converted, tmp_path):
    data = bytearray(Path(converted).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "damaged.npz").write_bytes(data)
    with pytest.raises(InputError) as error:
        weights.read(str(tmp_path / "damaged.npz"))
    assert_one_line(error, "damaged.npz", "convert the weights again")


def test_convert_replaces_nothing_unless_told_to(published, tmp_path):
    output = tmp_path / "there.npz"
    output.write_bytes(b"mine")
    argv = [f"--weights={published['sam-vgg']}", f"--output={output}"]
    with pytest.raises(InputError) as error:
        convert_sam.main(["convert_sam", *argv])
    assert_one_line(error, str(output), "--overwrite")
    assert output.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("tool", "flags"),
    [
        (convert_sam, ["weights", "output"]),
        (verify_sam, ["weights", "images", "expected"]),
    ],
)
def test_tools_name_the_flag_that_is_missing(tool, flags):
    for i, missing in enumerate(flags):
        given = [f"--{flag}=x" for flag in flags[:i]]
        with pytest.raises(InputError) as error:
            tool.main(["tool", *given])
        assert_one_line(error, f"--{missing} is needed")


def test_map_has_the_size_of_its_image_and_a_maximum_of_1(photographs, maps):
    for image, saliency in zip(photographs, maps):
        assert saliency.shape == image.shape[:2]
        assert saliency.dtype == np.float32
        assert saliency.min() >= 0 and saliency.max() == 1
        assert saliency.std() > 0.01


def test_map_is_the_same_to_the_bit_whatever_is_predicted_with_it(
    predictor, photographs, maps
):
    alone = predictor.predict(photographs[:1])
    others = predictor.predict([photographs[2], photographs[2], photographs[1]])
    for a, b in zip((0, 2, 2, 1), [*alone, *others]):
        np.testing.assert_array_equal(maps[a], b)


def test_several_threads_get_the_maps_that_one_gets(predictor, photographs, maps):
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda image: predictor.predict([image])[0], photographs))
    for a, b in zip(maps, found):
        np.testing.assert_array_equal(a, b)


def test_no_images_give_no_maps(predictor):
    assert predictor.predict([]) == []


@pytest.fixture
def folders(tmp_path, photographs, maps):
    """Folders of two photographs, and of the maps that the predictor makes of them."""
    for name in ("images", "expected"):
        (tmp_path / name).mkdir()
    for i, rgb in enumerate(photographs[:2]):
        images.write_png(tmp_path / "images" / f"{i}.png", rgb)
        truncated = (maps[i] * 255).astype(np.uint8)
        images.write_png(tmp_path / "expected" / f"{i}.png", truncated)
    return tmp_path


def verify(folders, weights_path, capsys):
    flags = {
        "weights": weights_path,
        "images": folders / "images",
        "expected": folders / "expected",
    }
    status = verify_sam.main(["verify_sam", *(f"--{k}={v}" for k, v in flags.items())])
    return status, capsys.readouterr().out


def test_verify_tells_maps_of_the_same_weights_from_others(
    folders, converted, capsys, monkeypatch, predictor
):
    monkeypatch.setattr(SamPredictor, "load", lambda path: predictor)
    status, output = verify(folders, converted, capsys)
    assert status == 0
    assert "lowest 0.99" in output and "sam-vgg makes the maps" in output
    other = np.zeros((90, 120), np.uint8)
    other[:20] = 255
    images.write_png(folders / "expected" / "0.png", other)
    status, output = verify(folders, converted, capsys)
    assert status == 1
    assert "other maps than the original" in output


def test_verify_needs_a_map_for_each_image(folders, converted, capsys):
    (folders / "expected" / "1.png").unlink()
    with pytest.raises(InputError) as error:
        verify(folders, converted, capsys)
    assert_one_line(error, "1.png", "no such map")


def test_verify_needs_maps_of_the_images_sizes(
    folders, converted, capsys, monkeypatch, predictor
):
    monkeypatch.setattr(SamPredictor, "load", lambda path: predictor)
    images.write_png(folders / "expected" / "0.png", np.eye(9, dtype=np.uint8))
    with pytest.raises(InputError) as error:
        verify(folders, converted, capsys)
    assert_one_line(error, "0.png", "120x90", "9x9")


def test_flat_map_correlates_with_nothing():
    assert verify_sam.correlation(np.ones((2, 2)), np.eye(2)) == 0
    assert verify_sam.correlation(np.eye(2), 3 * np.eye(2)) == pytest.approx(1)


def test_dead_network_gives_zero_and_not_nan(small_vgg):
    output = compiled(small_vgg)(np.zeros((1, 48, 64, 3), np.float32))[0].numpy()
    restored = preprocessing.restore(0 * output, 20, 30)
    np.testing.assert_array_equal(restored, np.zeros((20, 30)))
