"""The saliency predictors of data_prep, as plug-ins of `salcomp.files.predictors`.

setup.py lists each function here under the name that `--predictor` takes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_prep.predictors import published
from data_prep.readout import calibrated
from salcomp.errors import InputError
from salcomp.files import disk, images, masks, saliency_maps
from salcomp.files.predictors import Frame, Predictor, on_each, reads


def unisal_cached() -> Path | None:
    """Finds the UNISAL that `python -m data_prep.get_weights` has brought."""
    return published.NETWORKS["unisal"].kept_in(published.cache_folder("unisal"))


@reads(
    "unisal.onnx, which python -m data_prep.get_weights unisal brings", unisal_cached
)
def unisal(weights: str) -> Predictor:
    """Makes the predictor of UNISAL."""
    from data_prep.predictors.unisal import Unisal  # imports onnxruntime

    network = Unisal(weights)
    predict = on_each(lambda frame: network.predict(frame.rgb))
    return calibrated("unisal", Predictor(predict, network.weights_sha256))


@reads("a sam-resnet_*_weights.pkl, or a converted model")
def sam_resnet(weights: str) -> Predictor:
    """Makes the predictor of SAM on ResNet."""
    return _sam("sam-resnet", weights)


@reads("a sam-vgg_*_weights.pkl, or a converted model")
def sam_vgg(weights: str) -> Predictor:
    """Makes the predictor of SAM on VGG."""
    return _sam("sam-vgg", weights)


def _sam(network: str, weights: str) -> Predictor:
    from data_prep.predictors.sam.predict import SamPredictor  # imports TensorFlow

    sam = SamPredictor.load(weights, network)
    return Predictor(
        lambda frames: sam.predict([frame.rgb for frame in frames]), sam.weights_sha256
    )


@reads("the TFLite file of the attention-center model")
def attention_center(weights: str) -> Predictor:
    """Makes the predictor of Google's attention-center model."""
    from data_prep.predictors.attention_center import AttentionCenter  # TensorFlow

    network = AttentionCenter(weights)
    predict = on_each(lambda frame: network.predict(frame.rgb))
    return calibrated("attention-center", Predictor(predict, disk.sha256(weights)))


def spectral_residual() -> Predictor:
    """Makes the predictor that computes the spectral residual."""
    from data_prep.predictors.spectral_residual import saliency

    predict = on_each(lambda frame: saliency(frame.rgb))
    return calibrated("spectral-residual", Predictor(predict))


def center() -> Predictor:
    """Makes the predictor whose maps are the centre prior."""

    def predict(frame: Frame) -> np.ndarray:
        return saliency_maps.center_prior(*frame.rgb.shape[:2])

    return Predictor(on_each(predict))


@reads("a .mat of fixations recorded in the pixels of the pictures, as OSIE's")
def recorded_fixations(weights: str) -> Predictor:
    """Makes the predictor whose maps are densities of recorded fixations."""
    from data_prep.predictors import fixations  # imports SciPy

    return _recorded(weights, fixations.EVERYBODY)


@reads("a .mat of fixations, of which it takes the first, third, ... person's")
def odd_fixations(weights: str) -> Predictor:
    """Makes the predictor that is one half of the people whose fixations there are."""
    from data_prep.predictors import fixations

    return _recorded(weights, fixations.ODD)


@reads("a .mat of fixations, of which it takes the second, fourth, ... person's")
def even_fixations(weights: str) -> Predictor:
    """Makes the predictor that is the other half."""
    from data_prep.predictors import fixations

    return _recorded(weights, fixations.EVEN)


def _recorded(weights: str, people: slice) -> Predictor:
    from data_prep.predictors import fixations

    recorded = fixations.read(weights, people)
    owners = _Owners()

    def predict(frame: Frame) -> np.ndarray:
        name, points = fixations.of_image(recorded, frame.source)
        owners.claim(f"the fixations of {name}", frame.source)
        sigma = fixations.DEGREE * frame.picture_size[1]
        density = fixations.density(points, *frame.picture_size, sigma)
        return _cropped(density, frame)

    return Predictor(on_each(predict), disk.sha256(weights))


@reads("a folder of grey maps named as the pictures are, or one map")
def file(weights: str) -> Predictor:
    """Makes the predictor whose maps are files."""
    owners = _Owners()

    def find(source: str) -> Path:
        path = masks.find_mask("weights", weights, Path(source))
        if Path(weights).is_dir():
            owners.claim(str(path), source)
        return path

    def predict(frame: Frame) -> np.ndarray:
        path, size = find(frame.source), frame.picture_size
        most = max(images.MAX_PIXELS, size[0] * size[1])
        mask = masks.read_mask_for(path, size, frame.orientation, most)
        return _cropped(saliency_maps.resize(mask, *size), frame)

    def map_sha256(source):
        return disk.sha256(find(source))

    return Predictor(on_each(predict), map_sha256=map_sha256)


class _Owners:
    """Which picture each map belongs to: names alone could give one to several."""

    def __init__(self):
        self._sources: dict[str, str] = {}

    def claim(self, what: str, source: str) -> None:
        """Takes a map for a picture.

        Raises:
          InputError: another picture has it.
        """
        owner = self._sources.setdefault(what, source)
        if owner != source:
            raise InputError(
                f"{what} would be the map of {owner} and of {source}; give pictures of "
                "one name in runs of their own"
            )


def _cropped(picture_map: np.ndarray, frame: Frame) -> np.ndarray:
    """What belongs to the frame of a map that spans the whole picture."""
    left, top, right, bottom = frame.box
    return picture_map[top:bottom, left:right]
