"""Readouts: from a predictor's map to the density of fixations that it foretells.

    p = (1 - e) softmax(a log u + b log c) + e / cells

u is the map, floored and where that helps blurred, c the centre prior, both at the
map's cells. A network's map is right in its order long before it is in its values;
three numbers mend that, and a weight made of the density is then a likelihood's. They
are fitted by maximum likelihood to fixations (Kuemmerer, Wallis, Bethge, "Information-
theoretic model comparison unifies saliency metrics", PNAS 2015).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from salcomp.files import saliency_maps
from salcomp.files.predictors import Predictor

# Of a map with a maximum of 1; the logarithm needs it, and `uniform` makes up for it.
FLOOR = 1e-4


class Readout(NamedTuple):
    """The constants of one predictor's readout.

    Attributes:
      exponent: a, at least 0.
      center: b, at least 0.
      uniform: e, the share of the uniform density, 0..1.
      blur: standard deviation of a Gaussian over the map, in longer sides of the
        picture.
    """

    exponent: float
    center: float
    uniform: float
    blur: float


# By `data_prep.fit_readout` on all 500 photographs of EyeCrowd (Jiang, Xu, Zhao,
# "Saliency in crowd", ECCV 2014) with the fixations of 16 people; on 2026-11-28, with
# numpy 1.26.4 and scipy 1.11.4. For attention-center with --weights=center.tflite.
CONSTANTS = {
    "unisal": Readout(exponent=1.21, center=0.0, uniform=0.034, blur=0.0),
    "attention-center": Readout(exponent=0.365, center=0.434, uniform=0.0, blur=0.0),
    "spectral-residual": Readout(exponent=0.908, center=0.0, uniform=0.0, blur=0.0),
}


def density(
    saliency: np.ndarray, picture_size: tuple[int, int], readout: Readout
) -> np.ndarray:
    """Turns a map into a density.

    Args:
      saliency: float32 [h, w] in 0..1, which spans the picture.
      picture_size: (height, width) of the picture in pixels, for its proportions.
      readout: the predictor's constants.

    Returns:
      float32 [h, w], which sums to 1.
    """
    u, c = logarithms(saliency, picture_size, readout.blur)
    powers = np.exp(readout.exponent * u + readout.center * c)
    share = readout.uniform / powers.size
    return (1 - readout.uniform) * (powers / powers.sum()) + np.float32(share)


def logarithms(
    saliency: np.ndarray, picture_size: tuple[int, int], blur: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns log u and log c, float32 [h, w] each; arguments as `density`'s."""
    blurred = saliency
    if blur:
        sigma = blur * max(picture_size) / np.array(picture_size) * saliency.shape
        blurred = gaussian_filter(saliency, sigma, mode="nearest")
    most = blurred.max()
    u = np.maximum(blurred / most if most else np.ones_like(blurred), FLOOR)
    c = saliency_maps.center_prior(*saliency.shape, picture_size[0] / picture_size[1])
    return np.log(u), np.log(np.maximum(c, FLOOR))


def calibrated(name: str, predictor: Predictor) -> Predictor:
    """Gives a predictor its readout, if there are constants of that name.

    Its maps are then densities, divided by their maximum.
    """
    if name not in CONSTANTS:
        return predictor
    readout = CONSTANTS[name]

    def predict(frames):
        maps = predictor.predict(frames)
        densities = [density(m, f.rgb.shape[:2], readout) for m, f in zip(maps, frames)]
        return [p / p.max() for p in densities]

    constants = readout._asdict()
    return predictor._replace(predict=predict, readout=constants, raw=predictor)
