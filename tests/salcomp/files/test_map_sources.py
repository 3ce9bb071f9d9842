"""Where the map of an image comes from."""

from __future__ import annotations

import json
import os
from unittest import mock

import numpy as np
import pytest

from salcomp.errors import InputError
from salcomp.files import images, map_sources, saliency_maps
from salcomp.files.predictors import Predictor, on_each
from tests.fixtures import refusal, run_python

HEIGHT, WIDTH = 8, 12
PLAIN = images.Image(np.zeros((HEIGHT, WIDTH, 3), np.uint8), None)
MASK = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
WITH_ALPHA = PLAIN._replace(alpha=MASK)
CENTRE = saliency_maps.center_prior(HEIGHT, WIDTH)
# Of the predictors below: [2, 3] for any picture.
SMALL = np.linspace(0.1, 1, 6, dtype=np.float32).reshape(2, 3)
LARGE = saliency_maps.resize(SMALL, HEIGHT, WIDTH)


@pytest.fixture
def sky(plug_ins) -> mock.Mock:
    """The function behind a predictor "sky", which may read a file; records calls."""
    function = mock.Mock(return_value=SMALL)
    plug_ins["sky"] = mock.Mock(side_effect=lambda *_: Predictor(on_each(function)))
    return function


def map_of(spec, image=PLAIN, path="photos/a.jpg") -> map_sources.Map:
    return map_sources.from_spec(spec).of(path, image)


@pytest.mark.parametrize(
    "spec, image, expected, said",
    [
        ("uniform", PLAIN, np.ones_like(CENTRE), "uniform"),
        ("auto", WITH_ALPHA, MASK / np.float32(255), "alpha channel of the image"),
        ("auto", PLAIN, CENTRE, "centre prior"),
        ("center", WITH_ALPHA, CENTRE, "centre prior"),
    ],
)
def test_a_map_without_a_file_is_as_asked_and_says_so(
    plug_ins, spec, image, expected, said
):
    found = map_of(spec, image)
    np.testing.assert_array_equal(found.saliency, expected)
    assert found.saliency.dtype == np.float32
    assert (found.origin, found.seconds) == (said, None)


def test_a_predictor_is_asked_by_its_name_for_the_whole_picture(sky):
    found = map_of("sky", WITH_ALPHA._replace(orientation=6))
    np.testing.assert_array_equal(found.saliency, LARGE)
    assert found.origin == "sky" and found.seconds >= 0
    (frame,) = sky.call_args.args
    assert frame.rgb is WITH_ALPHA.rgb
    assert frame[1:] == ("photos/a.jpg", (0, 0, WIDTH, HEIGHT), (HEIGHT, WIDTH), 6)


def test_a_predictor_with_a_file_is_named_without_the_folders(sky, plug_ins):
    source = map_sources.from_spec("sky:folder/of/weights.npz")
    assert source.of("a.png", PLAIN).origin == source.label == "sky weights.npz"
    plug_ins["sky"].assert_called_once_with("folder/of/weights.npz")


def test_a_predictor_is_loaded_once_and_not_before_it_is_needed(sky, plug_ins):
    source = map_sources.from_spec("sky")
    plug_ins["sky"].assert_not_called()
    for path in ("a.png", "b.png"):
        source.of(path, PLAIN)
    plug_ins["sky"].assert_called_once_with()


def test_names_go_before_files_and_files_before_names_with_a_file(
    sky, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("sky", "center", "sky:m.png"):
        images.write_png(tmp_path / name, MASK)
    origins = {
        "sky": "sky",
        "./sky": "mask sky",
        "center": "centre prior",
        "sky:m.png": "mask sky:m.png",
        "sky:n.png": "sky n.png",
    }
    assert {spec: map_of(spec).origin for spec in origins} == origins


@pytest.mark.parametrize("spec", ["centre", "cloud:m.png", "sky:"])
def test_a_choice_that_does_not_exist_is_refused_with_the_ones_that_do(sky, spec):
    message = refusal(map_sources.from_spec, spec, "score_saliency")
    assert f"--score_saliency={spec}: no such predictor, file or folder" in message
    assert "auto, center, uniform, sky, NAME:PATH" in message


def test_a_predicted_map_of_zeros_is_refused(sky):
    sky.return_value = 0 * SMALL
    with pytest.raises(InputError, match=r"photos/a.jpg: its map by sky: zero every"):
        map_of("sky")


@pytest.mark.parametrize(
    "there, taken",
    [
        (["sky"], "centre prior"),
        (["sky", "spectral-residual"], "spectral-residual"),
        (["spectral-residual", "unisal"], "unisal"),
    ],
)
def test_auto_takes_the_best_predictor_at_hand_and_tells_of_a_better_one_once(
    plug_ins, caplog, there, taken
):
    for name in there:
        plug_ins[name] = lambda: Predictor(on_each(lambda frame: SMALL))
    source = map_sources.from_spec("auto")
    assert source.of("a.png", WITH_ALPHA).origin == map_sources.ALPHA
    assert not caplog.messages
    assert [source.of(path, PLAIN).origin for path in "ab"] == [taken, taken]
    told = [line for line in caplog.messages if "data_prep.get_weights unisal" in line]
    assert len(told) == len(caplog.messages) == (taken != "unisal")
    assert all(f"{taken} makes one" in line for line in told)


@pytest.mark.parametrize("keep, calls", [(True, 1), (False, 2)])
def test_maps_are_predicted_once_if_they_are_kept(sky, keep, calls):
    source = map_sources.from_spec("sky", keep=keep)
    larger = PLAIN._replace(rgb=PLAIN.rgb.repeat(2, 0))
    first, again = source.of("a.png", PLAIN), source.of("a.png", larger)
    assert sky.call_count == calls
    assert first.saliency.shape == (8, 12) and again.saliency.shape == (16, 12)
    source.of("b.png", PLAIN)
    assert sky.call_count == calls + 1


def test_maps_that_are_kept_take_no_more_than_half_a_gigabyte(sky, monkeypatch):
    sky.return_value = np.broadcast_to(np.float32(1), (6000, 10000))  # says 240 MB
    monkeypatch.setattr(saliency_maps, "resize", lambda *_: CENTRE)
    source = map_sources.from_spec("sky", keep=True)
    for path in 2 * ("a.png", "b.png", "c.png"):
        source.of(path, PLAIN)
    assert [call.args[0].source[0] for call in sky.call_args_list] == list("abcc")


PACKAGE = {
    "sky.py": "import numpy\n"
    "from salcomp.files.predictors import Predictor, on_each, reads\n"
    "@reads('the weights of sky')\n"
    "def sky(weights):\n"
    "    value = numpy.float32(open(weights).read())\n"
    "    return Predictor(on_each(lambda frame: numpy.full((2, 3), value)))\n",
    "sky-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: sky\nVersion: 1\n",
    "sky-1.dist-info/entry_points.txt": "[salcomp.predictors]\nsky = sky:sky\n",
}
USE = """
import json, sys
import numpy
from salcomp.errors import InputError
from salcomp.files import images, map_sources
image = images.Image(numpy.zeros((4, 6, 3), numpy.uint8), None)
try:
    found = map_sources.from_spec(sys.argv[1]).of("a.png", image)
    print(json.dumps([found.origin, found.saliency.tolist()]))
except InputError as error:
    print(json.dumps(str(error)))
assert "tensorflow" not in sys.modules
"""


def test_a_predictor_of_another_package_is_a_choice(tmp_path):
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "w.txt").write_text("0.5")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])

    def found(spec):
        return json.loads(run_python("-c", USE, spec, PYTHONPATH=path).stdout)

    assert found(f"sky:{tmp_path}/w.txt") == ["sky w.txt", 4 * [6 * [0.5]]]
    needed = "predictor sky needs --saliency=sky:PATH: the weights of sky"
    assert found("sky") == needed
