"""How well a saliency map predicts where people looked.

The definitions are of Bylinskii, Judd, Oliva, Torralba, Durand: What do different
evaluation metrics tell us about saliency models?, PAMI 41(3), 2019. A map P is compared
with the pixels that were fixated, F, each once (`auc_judd`, `nss`), with all fixations
(`information_gain`), or with a density of them, Q (`cc`, `kl`, `sim`). None depends on
the scale of the map. All work in float64, and none draws random numbers.
"""

from __future__ import annotations

import numpy as np

# Of `kl` and `information_gain`: MATLAB's eps, as in the code of the MIT benchmark.
EPSILON = 2.0**-52


def auc_judd(saliency: np.ndarray, fixated: np.ndarray) -> float:
    """Area under the ROC curve of the map as a classifier of fixated pixels.

    P(p > q) + P(p = q) / 2, of the value p of a fixated pixel and that of another, q.
    This is the exact area. The benchmark's code breaks ties by noise, and puts
    thresholds only at the values of fixated pixels, which adds up to 1 / (2 |F|).

    Args:
      saliency: [H, W].
      fixated: bool [H, W].

    Returns:
      0..1, .5 for a constant map; NaN where no pixel, or every one, is fixated.
    """
    positives, negatives = saliency[fixated], np.sort(saliency[~fixated])
    pairs = positives.size * negatives.size
    if not pairs:
        return float("nan")
    lower = np.searchsorted(negatives, positives, "left").sum()
    not_higher = np.searchsorted(negatives, positives, "right").sum()
    return float((lower + not_higher) / (2 * pairs))


def nss(saliency: np.ndarray, fixated: np.ndarray) -> float:
    """Normalised scanpath saliency: the mean of (P - mean P) / std P over F.

    Args:
      saliency: [H, W].
      fixated: bool [H, W].

    Returns:
      In standard deviations of the map; 0 for a constant map. NaN where no pixel is
      fixated.
    """
    if not fixated.any():
        return float("nan")
    return float(_standardised(saliency)[fixated].mean())


def information_gain(
    saliency: np.ndarray, baseline: np.ndarray, counts: np.ndarray
) -> float:
    """Information gain over a baseline B: the mean over fixations of log2 P - log2 B.

    Kuemmerer, Wallis, Bethge: Information-theoretic model comparison unifies saliency
    metrics, PNAS 112(52), 2015.

    Args:
      saliency, baseline: [H, W], not negative; scaled to sums of 1 here. One that is
        zero everywhere counts as uniform. Both have eps, which is 2^-52, as a floor
        after that, so that a fixation where one is zero counts a finite number of bits.
      counts: integers [H, W], the fixations of each pixel; each of them counts.

    Returns:
      In bit per fixation; negative where the baseline is better. NaN where there is no
      fixation.
    """
    if not counts.any():
        return float("nan")
    fixated = counts > 0
    p, b = (
        np.maximum(_distribution(values)[fixated], EPSILON)
        for values in (saliency, baseline)
    )
    return float(np.average(np.log2(p) - np.log2(b), weights=counts[fixated]))


def cc(saliency: np.ndarray, density: np.ndarray) -> float:
    """Pearson's correlation of P and Q, both [H, W]: -1..1, 0 if one is constant."""
    return float((_standardised(saliency) * _standardised(density)).mean())


def kl(saliency: np.ndarray, density: np.ndarray) -> float:
    """Kullback-Leibler divergence of P from Q: sum Q log(eps + Q / (eps + P)).

    Args:
      saliency, density: [H, W], not negative; scaled to sums of 1 here. One that is
        zero everywhere counts as uniform.

    Returns:
      In nats, 0 where P = Q; eps, which is 2^-52, bounds it where P is zero.
    """
    p, q = _distribution(saliency), _distribution(density)
    return float((q * np.log(EPSILON + q / (EPSILON + p))).sum())


def sim(saliency: np.ndarray, density: np.ndarray) -> float:
    """Similarity, or histogram intersection: sum min(P, Q).

    Args:
      saliency, density: [H, W], not negative; scaled to sums of 1 here. One that is
        zero everywhere counts as uniform. (The benchmark's code first subtracts the
        minimum of each, which the definition does not.)

    Returns:
      0..1, 1 where P = Q.
    """
    return float(np.minimum(_distribution(saliency), _distribution(density)).sum())


def _standardised(values: np.ndarray) -> np.ndarray:
    """Of zero mean and unit variance; zero if constant."""
    values = np.asarray(values, np.float64)
    if not np.ptp(values):
        return np.zeros_like(values)
    return (values - values.mean()) / values.std()


def _distribution(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    total = values.sum()
    return values / total if total else np.full_like(values, 1 / values.size)
