"""How likely recorded fixations are under a readout, and the readout that is best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
_START_AT_LEAST = 0.1, 0.0, 1e-3  # of a search that starts at another's result
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
    """What the likelihood is computed of: all scenes in a row.

    Attributes:
      u, c: logarithms of maps and centre priors, float32 [cells of all scenes]; not
        positive, so that their exponentials need no care.
      starts: where each scene's cells begin, int [scenes].
      sizes: how many they are, int [scenes].
      cells: indices in u of the cells that were fixated.
      owners: the scene of each.
      fixations: how often each was.
    """

    u: np.ndarray
    c: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    cells: np.ndarray
    owners: np.ndarray
    fixations: np.ndarray


def variants(scenes: Sequence[Scene]) -> dict[str, Fit]:
    """Fits the readout with more and more of its parts; by what they are, in words."""
    found = {}
    plain = _terms(scenes, 0.0)
    raw = Readout(1.0, 0.0, 0.0, 0.0)
    found["the map as it is"] = Fit(raw, _of_terms(plain, raw))
    center = Readout(0.0, 1.0, 0.0, 0.0)
    found["the centre prior"] = Fit(center, _of_terms(plain, center))
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
    terms, count = _terms(scenes, fit.readout.blur), len(scenes)
    start = np.maximum(fit.readout[:3], _START_AT_LEAST)
    found = []
    for _ in draws:
        times = np.bincount(generator.integers(count, size=count), minlength=count)
        center = fit.readout.center > 0
        found.append(_maximum(terms, start, center, times, tolerance=1e-7))
    return np.std(found, axis=0, ddof=1).tolist()


def _terms(scenes: Sequence[Scene], blur: float) -> _Terms:
    logs = [logarithms(one.saliency, one.picture_size, blur) for one in scenes]
    u, c = (np.concatenate([array.ravel() for array in part]) for part in zip(*logs))
    sizes = np.array([one.saliency.size for one in scenes])
    starts = np.cumsum(sizes) - sizes
    owners = np.repeat(np.arange(len(scenes)), [one.cells.size for one in scenes])
    cells = np.concatenate([one.cells for one in scenes]) + starts[owners]
    fixations = np.concatenate([one.fixations for one in scenes])
    return _Terms(u, c, starts, sizes, cells, owners, fixations)


def _fit(terms: _Terms, blur: float, center: bool = True) -> Fit:
    found = _maximum(terms, _START, center)
    readout = Readout(*(round(float(value), _DIGITS) for value in found), blur)
    return Fit(readout, _of_terms(terms, readout))


def bits(scenes: Sequence[Scene], readout: Readout) -> float:
    """Bit per fixation over the uniform density, of a readout of the scenes' maps."""
    return _of_terms(_terms(scenes, readout.blur), readout)


def _of_terms(terms: _Terms, readout: Readout) -> float:
    return -_negative_bits(np.array(readout[:3]), terms)[0]


def _maximum(
    terms: _Terms, start, center: bool, times=None, tolerance: float = 1e-10
) -> np.ndarray:
    """Exponent, center and uniform of the greatest likelihood, float64 [3].

    The exponents are not negative: pictures differ in how far people look from the
    centre, and a set that has much off it must not teach to shun it.

    Args:
      start: where the search starts.
      center: whether the centre prior takes part.
      times: how often each scene counts, int [scenes]; once if None.
      tolerance: of the likelihood, relative.
    """

    def objective(theta):
        a, b, t = theta
        e = expit(t)
        value, gradient = _negative_bits(np.array([a, b, e]), terms, times)
        return value, gradient * (1, 1, e * (1 - e))

    exponent, by_center, uniform = start
    found = minimize(
        objective,
        (exponent, by_center if center else 0.0, logit(uniform)),
        jac=True,
        method="L-BFGS-B",
        bounds=((0, None), (0, None if center else 0), (-12, 12)),
        options={"ftol": tolerance, "gtol": 1e-7},
    )
    a, b, t = found.x
    return np.array([a, b, expit(t)])


def _negative_bits(theta, terms: _Terms, times=None) -> tuple[float, np.ndarray]:
    """Bit per fixation under uniform, and its gradient in exponent, center, uniform."""
    a, b, e = theta
    u, c, cells, owners = terms.u, terms.c, terms.cells, terms.owners
    powers = np.exp(np.float32(a) * u + np.float32(b) * c)  # [cells of all scenes]

    def sums(values):
        return np.add.reduceat(values, terms.starts, dtype=np.float64)  # [scenes]

    total = sums(powers)
    mean_u, mean_c = sums(powers * u) / total, sums(powers * c) / total
    # The softmax over the uniform density, at the fixations.
    at = powers[cells] * (terms.sizes / total)[owners]
    p = (1 - e) * at + e
    n = terms.fixations if times is None else terms.fixations * times[owners]
    pull = n * (1 - e) * at / p
    gradient = (
        pull @ (u[cells] - mean_u[owners]),
        pull @ (c[cells] - mean_c[owners]),
        n @ ((1 - at) / p),
    )
    unit = -1 / (n.sum() * np.log(2))
    return unit * (n @ np.log(p)), unit * np.array(gradient)
