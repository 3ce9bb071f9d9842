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


def expected_gain(weight: np.ndarray, truth: np.ndarray) -> float:
    """What the weights gain at high rate, in dB of PSNR under the truth.

    Weights make the squared error go as 1 / q at the same rate, if every pixel has its
    full share of bits (reverse water-filling, where all components are above the
    water). By p this is -10 log10(AM(p / q) GM(q)): the bound 10 log10(AM(p) / GM(p))
    for q = p (Martinian, Wornell, Zamir, IEEE Transactions on Information Theory,
    2008). Arguments as `information`.
    """
    q, p = _densities(weight, truth)
    return float(-10 * np.log10((p / q).mean() * np.exp(np.log(q).mean())))


def _densities(weight: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight and truth at a mean of 1; the weight, which divides, nowhere 0."""
    q = np.maximum(weight / weight.mean(), _LEAST)
    return q / q.mean(), truth / truth.mean()
