"""How true a map is, and what a true one is worth by theory.

A map is here the weight that an encoder gives each pixel, q, of mean 1; what is true is
the weight that scores, p, of mean 1 too: the density of human fixations, say.
"""

from __future__ import annotations

import numpy as np

_LEAST = 1e-6  # of a weight's mean: what is 0 has no logarithm


def information(weight: np.ndarray, truth: np.ndarray) -> float:
    """The information of a fixation under the weights, in bit, over uniform weights.

    Mean of p log2 q: 0 for uniform weights, largest for q = p, negative for weights
    that are worse than none (Kuemmerer, Wallis, Bethge, PNAS 2015, for points).

    Args:
      weight: [H, W], at least 0; its mean does not matter.
      truth: [H, W], likewise.
    """
    q, p = _densities(weight, truth)
    return float((p * np.log2(q)).mean())


def elasticity(bpp: np.ndarray, quality: np.ndarray) -> float:
    """How the rate of a codec follows lambda, d ln R / d ln lambda, from its curve.

    Where R goes as lambda^a, and dD = -dR / lambda, the distortion goes as R^(1 - 1/a).

    Args:
      bpp: rates, [points].
      quality: in dB of PSNR, likewise.
    """
    slope = np.polyfit(np.log(bpp), quality, 1)[0] * np.log(10) / 10  # -d ln D / d ln R
    return float(1 / (1 + slope))


def expected_saving(weight: np.ndarray, truth: np.ndarray, elasticity: float) -> float:
    """The logarithm of the share of its bits that a codec needs with the weights.

    At equal PSNR under the truth, against uniform weights; negative saves. What a codec
    would save that spent at every pixel what it spends on whole pictures at lambda q,
    R ~ (lambda q)^a: with D ~ (lambda q)^(a - 1) the ratio of the rates is
    AM(q^a) AM(p q^(a - 1))^(a / (1 - a)). (At high rate, where a goes to
    0, the gain in dB is bounded by the ratio of means of p: Martinian, Wornell, Zamir,
    IEEE Transactions on Information Theory, 2008.)

    Args:
      weight, truth: as `information` takes them.
      elasticity: a, between 0 and 1.
    """
    q, p = _densities(weight, truth)
    a = elasticity
    within = np.log((p * q ** (a - 1)).mean())
    return float(np.log((q**a).mean()) + a / (1 - a) * within)


def _densities(weight: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight and truth at a mean of 1; the weight, which divides, nowhere 0."""
    q = np.maximum(weight / weight.mean(), _LEAST)
    return q / q.mean(), truth / truth.mean()
