"""Tests of salcomp.codec.tiling."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.codec import tiling
from salcomp.config import geometry as receptive_field
from tests.fixtures import frame, parts, untrained_codec

CODECS = [("concat", ()), ("modulate", ()), ("modulate", (2, 4))]
pytestmark = pytest.mark.kernels


@pytest.fixture(scope="module", params=CODECS)
def untrained(request):
    """A codec with random weights, also of the modulations."""
    conditioning, rates = request.param
    codec = untrained_codec(conditioning=conditioning, dilation_rates=rates)
    rng = np.random.default_rng(0)
    for modulation in codec.model.analysis.modulations:
        kernel = modulation.output_conv.kernel
        kernel.assign(0.3 * rng.normal(size=kernel.shape))
    return codec


@pytest.fixture
def strips_of_two_rows(monkeypatch):
    """Cuts frames of 48 columns into strips of two rows of latents."""
    monkeypatch.setattr(tiling, "STRIP_PIXELS", 2 * 16 * 48)


@pytest.mark.parametrize("rows", [1, 2, 7, 50])
@pytest.mark.parametrize("columns", [1, 9, 5000])
def test_strips_cover_every_row_once(rows, columns):
    covered = [r for s, _, _ in tiling.strips(rows, columns, 4) for r in range(rows)[s]]
    assert covered == list(range(rows))


def test_strip_lies_within_its_surroundings_where_it_says(strips_of_two_rows):
    for strip, surroundings, within in tiling.strips(30, 3, 4):
        assert list(range(30)[surroundings][within]) == list(range(30)[strip])


def test_strips_of_a_long_image_are_no_larger_than_the_limit():
    for strip, _, _ in tiling.strips(4096, 4096, 4):
        height = strip.stop - strip.start
        assert height == 1 or height * 4096 * 256 <= tiling.STRIP_PIXELS


HEIGHTS = pytest.mark.parametrize("height", [33, 250, 256])


@HEIGHTS
def test_analysis_in_strips_equals_that_in_one_piece(untrained, monkeypatch, height):
    picture = parts(frame(3, height, 48))
    whole = untrained.analyze(*picture)
    monkeypatch.setattr(tiling, "STRIP_PIXELS", 2 * 16 * 48)
    np.testing.assert_allclose(untrained.analyze(*picture), whole, atol=1e-4)


@HEIGHTS
def test_synthesis_in_strips_equals_that_in_one_piece(untrained, monkeypatch, height):
    rng = np.random.default_rng(0)
    shape = untrained.latent_shape(height, 41)
    latents = rng.normal(0, 2, shape).round().astype(np.float32)
    whole = untrained.synthesize(latents, height, 41).astype(int)
    monkeypatch.setattr(tiling, "STRIP_PIXELS", 2 * 16 * 48)
    stripped = untrained.synthesize(latents, height, 41).astype(int)
    difference = np.abs(stripped - whole)
    # Rounding errors may tip a value that lies between two levels.
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-3


@pytest.mark.parametrize("name", ["analysis", "synthesis"])
def test_strips_of_a_dilated_model_need_their_wider_surroundings(name, monkeypatch):
    """With those of the plain layers, what the test above compares would differ."""
    codec = untrained_codec(dilation_rates=(8, 16))
    latents = np.random.default_rng(0).normal(0, 20, codec.latent_shape(400, 48))

    def apply():
        if name == "analysis":
            return codec.analyze(*parts(frame(3, 400, 48)))
        return codec.synthesize(latents.astype(np.float32), 400, 48).astype(int)

    whole = apply()
    monkeypatch.setattr(tiling, "STRIP_PIXELS", 2 * 16 * 48)
    right = np.abs(apply() - whole).max()
    codec.halo = receptive_field.halo(())
    wrong = np.abs(apply() - whole).max()
    assert right < 1e-4 or (name == "synthesis" and right <= 1)
    assert wrong > 3 * right and wrong > 1e-3


def test_frame_is_padded_by_its_edges(untrained):
    rgb, saliency = parts(frame(3, 37, 41))
    margin = ((0, 48 - 37), (0, 48 - 41))
    larger = np.pad(rgb, (*margin, (0, 0)), "edge"), np.pad(saliency, margin, "edge")
    padded = untrained.analyze(*larger)
    np.testing.assert_allclose(untrained.analyze(rgb, saliency), padded, atol=1e-5)


def test_file_made_in_strips_decodes_to_its_reconstruction(codec, strips_of_two_rows):
    encoded = codec.encode(*parts(frame(4, 150, 47)))
    assert (codec.decode(encoded.data) == encoded.reconstruction).all()
