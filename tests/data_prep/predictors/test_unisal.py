"""Saliency by UNISAL."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image as pil

from data_prep.predictors import unisal
from data_prep.predictors.unisal import Unisal
from tests.fixtures import frame, refusal

SHAPES = {"input": (1, 1, 3, 256, 416), "output": (1, 1, 1, 256, 416)}


def field(number: int, value: int | str | bytes) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    low, high = value & 127, value >> 7
    return bytes([low | 128]) + _varint(high) if high else bytes([low])


def tensor(name: str, shape) -> bytes:
    """ONNX's ValueInfoProto of a float32 tensor."""
    dimensions = b"".join(field(1, field(1, length)) for length in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions)))


def channel_mean(shapes=SHAPES, operator="ReduceMean") -> bytes:
    """An ONNX model of UNISAL's tensors, whose output is the mean of the channels.

    Args:
      shapes: of its input and of its output, by their names.
      operator: that computes it.
    """
    (input_name, input_shape), (output_name, output_shape) = shapes.items()
    axes = field(1, "axes") + field(8, 2) + field(20, 7)  # of type INTS
    node = field(1, input_name) + field(2, output_name) + field(4, operator)
    graph = field(1, node + field(5, axes)) + field(2, "mean")
    graph += field(11, tensor(input_name, input_shape))
    graph += field(12, tensor(output_name, output_shape))
    return field(1, 8) + field(8, field(2, 13)) + field(7, graph)


@pytest.fixture
def save(tmp_path):
    """Writes a model and its weights; returns the path of the model."""

    def write(model: bytes, weights: bytes | None = b""):
        path = tmp_path / "unisal.onnx"
        path.write_bytes(model)
        if weights is not None:
            (tmp_path / "unisal.onnx.data").write_bytes(weights)
        return path

    return write


@pytest.fixture(scope="module")
def network(unisal_weights) -> Unisal:
    return Unisal(unisal_weights)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.ascontiguousarray(frame(seed, height, width)[..., :3])


def test_the_network_sees_the_stretched_picture_normalised_as_in_its_training(save):
    rgb = picture(100, 150)
    small = pil.fromarray(rgb).resize((416, 256), pil.Resampling.LANCZOS)
    scaled = np.asarray(small, np.float64) / 255
    normalised = (scaled - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    log_density = normalised.mean(axis=-1)
    saliency = Unisal(save(channel_mean())).predict(rgb)
    expected = np.exp(log_density - log_density.max())
    np.testing.assert_allclose(saliency, expected, rtol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (256, 416), (50, 40)])
def test_a_map_of_any_picture_is_a_density_over_its_maximum(network, size):
    saliency = network.predict(picture(*size))
    assert saliency.shape == (256, 416) and saliency.dtype == np.float32
    assert saliency.max() == 1 and saliency.min() > 0


def test_a_map_is_that_of_the_published_network(network):
    saliency = network.predict(picture(192, 256, seed=7))
    places = saliency[[30, 128, 128, 200], [200, 100, 208, 300]]
    np.testing.assert_allclose(places, [0.30156, 0.27232, 0.90566, 0.15292], rtol=1e-3)
    assert saliency.mean() == pytest.approx(0.23503, rel=1e-3)


@pytest.mark.parametrize("x, y", [(0.25, 0.3), (0.75, 0.7)])
def test_the_odd_spot_is_the_most_salient_place(network, x, y):
    rgb = np.full((300, 500, 3), 90, np.uint8)
    rows, columns = np.mgrid[:300, :500]
    rgb[(rows - y * 300) ** 2 + (columns - x * 500) ** 2 < 25**2] = (220, 40, 40)
    found = np.unravel_index(network.predict(rgb).argmax(), (256, 416))
    assert np.hypot(found[0] - y * 256, found[1] - x * 416) < 25


def test_threads_get_the_maps_of_their_own_pictures_to_the_bit(network):
    pictures = [picture(60, 80, seed) for seed in range(4)]
    alone = [network.predict(rgb) for rgb in pictures]
    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(network.predict, pictures)), alone)


def test_the_published_weights_are_known_by_their_sum(network, unisal_weights, caplog):
    files = unisal_weights, unisal_weights.with_suffix(".onnx.data")
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    assert network.weights_sha256 == digest == unisal.PUBLISHED
    Unisal(unisal_weights)
    assert not caplog.records


def test_weights_that_are_not_the_published_ones_are_told(save, unisal_weights, caplog):
    weights = bytearray(unisal_weights.with_suffix(".onnx.data").read_bytes())
    weights[5_000_000] ^= 1
    Unisal(save(unisal_weights.read_bytes(), bytes(weights)))
    assert "not the published UNISAL" in caplog.text


@pytest.mark.parametrize("content", [b"", b"<html>", channel_mean()[:-9]])
def test_a_file_that_is_not_onnx_is_refused(save, content):
    assert "cannot be read as an ONNX model" in refusal(Unisal, save(content))


def test_a_file_without_its_weights_is_refused(save, tmp_path):
    assert "unisal.onnx: no such file" in refusal(Unisal, tmp_path / "unisal.onnx")
    message = refusal(Unisal, save(channel_mean(), None))
    assert "unisal.onnx.data: no such file" in message


@pytest.mark.parametrize("kept", [0, 0.5, 0.999])
def test_weights_cut_short_are_refused(save, unisal_weights, kept):
    weights = unisal_weights.with_suffix(".onnx.data").read_bytes()
    path = save(unisal_weights.read_bytes(), weights[: int(kept * len(weights))])
    assert "the .data beside it is not its" in refusal(Unisal, path)


@pytest.mark.parametrize(
    "shapes",
    [
        {"image": SHAPES["input"], "output": SHAPES["output"]},
        {"input": SHAPES["input"], "map": SHAPES["output"]},
        {"input": (1, 1, 3, 224, 416), "output": (1, 1, 1, 224, 416)},
    ],
)
def test_another_network_is_refused_with_what_unisal_has(save, shapes):
    message = refusal(Unisal, save(channel_mean(shapes)))
    assert "not UNISAL, whose tensors are" in message and "256, 416]" in message


def test_a_map_that_is_not_finite_is_refused(save):
    network = Unisal(save(channel_mean(operator="ReduceLogSum")))
    assert "not finite" in refusal(network.predict, np.zeros((9, 9, 3), np.uint8))
