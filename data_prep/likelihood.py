"""How likely recorded fixations are under a readout, and the readout that is best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from data_prep.readout import Readout, logarithms
from salcomp.files import saliency_maps

LONG_SIDE = 128  # of the cells at which the likelihood is taken; a degree is several
BLURS = (0.0, 0.01, 0.02, 0.03, 0.04)  # in longer sides of the picture
_DIGITS = 3
_START = 1.0, 0.1, 0.05
# A blur that is worth less than this, in bit per fixation, is left out.
_WORTH_A_BLUR = 0.005


class Scene(NamedTuple):
    """One picture: a map of it, and where people looked.

    Attributes:
      saliency: float32 [h, w] in 0..1, 128 cells on the longer side.
      picture_size: (height, width) in pixels.
      cells: flat indices of the cells that were fixated.
      fixations: how often each was.
    """

    saliency: np.ndarray
    picture_size: tuple[int, int]
    cells: np.ndarray
    fixations: np.ndarray

    @classmethod
    def of(cls, saliency: np.ndarray, counts: np.ndarray) -> Scene:
        """Makes the scene of a map and the fixations at each pixel, int [H, W]."""
        scale = LONG_SIDE / max(counts.shape)
        height, width = (max(1, round(scale * length)) for length in counts.shape)
        y, x = np.nonzero(counts)
        row = (y + 0.5) * height // counts.shape[0]
        column = (x + 0.5) * width // counts.shape[1]
        cells = (row * width + column).astype(int)
        small = saliency_maps.resize(saliency, height, width)
        return cls(small, counts.shape, cells, counts[y, x])


class Fit(NamedTuple):
    """A readout, and the mean information of a fixation under it.

    Attributes:
      readout: with constants rounded to three digits.
      bits: bit per fixation over the uniform density.
    """

    readout: Readout
    bits: float


class _Terms(NamedTuple):
    u: np.ndarray  # log of the map, [cells]
    c: np.ndarray  # log of the centre prior, [cells]
    cells: np.ndarray
    fixations: np.ndarray


def variants(scenes: Sequence[Scene]) -> dict[str, Fit]:
    """Fits the readout with more and more of its parts; by what they are, in words."""
    found = {}
    plain = _terms(scenes, 0.0)
    raw = Readout(1.0, 0.0, 0.0, 0.0)
    found["the map as it is"] = Fit(raw, _bits(plain, raw))
    center = Readout(0.0, 1.0, 0.0, 0.0)
    found["the centre prior"] = Fit(center, _bits(plain, center))
    found["exponent, uniform"] = _fit(plain, 0.0, center=False)
    for blur in BLURS:
        terms = _terms(scenes, blur)
        found[_blurred(blur)] = _fit(terms, blur)
    return found


def _blurred(blur: float) -> str:
    blurred = f", blur {blur:g}" if blur else ""
    return f"exponent, uniform, center{blurred}"


def best(fits: dict[str, Fit]) -> Fit:
    """The likeliest of `variants`, without a blur that is worth next to nothing."""
    plain = fits[_blurred(0.0)]
    likeliest = max(fits.values(), key=lambda fit: fit.bits)
    return likeliest if likeliest.bits > plain.bits + _WORTH_A_BLUR else plain


def standard_errors(
    scenes: Sequence[Scene], fit: Fit, draws: Iterable[int], seed: int
) -> list[float]:
    """Standard errors of exponent, center and uniform: a bootstrap over pictures.

    The blur stays as it is.
    """
    generator = np.random.default_rng(seed)
    terms = _terms(scenes, fit.readout.blur)
    found = []
    for _ in draws:
        drawn = generator.integers(len(terms), size=len(terms))
        times = np.bincount(drawn, minlength=len(terms))
        found.append(_maximum(terms, fit.readout[:3], fit.readout.center > 0, times))
    return np.std(found, axis=0, ddof=1).tolist()


def _terms(scenes: Sequence[Scene], blur: float) -> list[_Terms]:
    found = []
    for scene in scenes:
        u, c = logarithms(scene.saliency, scene.picture_size, blur)
        found.append(_Terms(u.ravel(), c.ravel(), scene.cells, scene.fixations))
    return found


def _fit(terms: list[_Terms], blur: float, center: bool = True) -> Fit:
    found = _maximum(terms, _START, center, np.ones(len(terms), int))
    readout = Readout(*(round(float(value), _DIGITS) for value in found), blur)
    return Fit(readout, _bits(terms, readout))


def _bits(terms: list[_Terms], readout: Readout) -> float:
    weights = np.ones(len(terms), int)
    return -_negative_bits(np.array(readout[:3]), terms, weights)[0]


def _maximum(terms, start, center: bool, times) -> np.ndarray:
    """Exponent, center and uniform of the greatest likelihood, float64 [3].

    The exponents are not negative: pictures differ in how far people look from the
    centre, and a set that has much off it must not teach to shun it.
    """
    exponent, by_center, uniform = start

    def objective(theta):
        a, b, t = theta
        e = expit(t)
        value, gradient = _negative_bits(np.array([a, b, e]), terms, times)
        return value, gradient * (1, 1, e * (1 - e))

    start = exponent, by_center if center else 0.0, logit(uniform)
    bounds = (0, None), (0, None if center else 0), (-12, 12)
    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-10, "gtol": 1e-7},
    )
    a, b, t = found.x
    return np.array([a, b, expit(t)])


def _negative_bits(theta: np.ndarray, terms, times) -> tuple[float, np.ndarray]:
    """Bit per fixation under uniform, and its gradient in exponent, center, uniform."""
    used = [(one, n) for one, n in zip(terms, times) if n]
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(lambda pair: pair[1] * _log_likelihood(theta, pair[0]), used)
        total = np.sum(list(parts), axis=0)  # log-likelihood, its gradient, fixations
    return -total[0] / total[4] / np.log(2), -total[1:4] / total[4] / np.log(2)


def _log_likelihood(theta: np.ndarray, terms: _Terms) -> np.ndarray:
    """Of a picture, [5]: sum of log(p cells), its gradient, number of fixations."""
    a, b, e = theta
    u, c, cells, n = terms
    logits = np.float32(a) * u + np.float32(b) * c
    q = np.exp(logits - logits.max(), dtype=np.float64)
    q /= q.sum()
    at = q[cells] * q.size  # softmax over uniform at the fixations
    p = (1 - e) * at + e
    pull = n * (1 - e) * at / p
    return np.array(
        [
            n @ np.log(p),
            pull @ (u[cells] - q @ u),
            pull @ (c[cells] - q @ c),
            n @ ((1 - at) / p),
            n.sum(),
        ]
    )
