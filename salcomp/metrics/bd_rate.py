"""Bjontegaard deltas between two rate-distortion curves, with error bars.

Curves are averages over images at fixed settings, interpolated with Akima splines
over log rate and compared where both exist (Bjontegaard, VCEG-M33, 2001; Herglotz
et al., arXiv 2202.12565 for Akima). The error bars come from resampling images: in
pairs, both curves over the same images, since most of the spread is theirs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from salcomp.errors import InputError

MIN_POINTS = 4

_CELLS = (
    *("bd_rate_percent", "bd_rate_low", "bd_rate_high"),
    *("bd_quality_db", "bd_quality_low", "bd_quality_high"),
    *("overlap", "images"),
)


class Interval(NamedTuple):
    """A value and its 95 % confidence interval."""

    value: float
    low: float
    high: float


class Comparison(NamedTuple):
    """A test curve against an anchor.

    Attributes:
      rate: BD-rate in percent; negative: the test saves bits at equal quality.
      quality: BD-quality in the metric's unit (dB); positive: the test is better at
        equal rate. NaN where the curves share no rate.
      overlap: the common quality range over the range of both, 0..1. Under 0.75 the
        deltas describe a small part of the curves.
      images: the number of images behind the averages.
    """

    rate: Interval
    quality: Interval
    overlap: float
    images: int

    @classmethod
    def from_cells(cls, cells: dict[str, str]) -> Comparison:
        """Reads what `cells` gave back from a CSV, where an empty cell is NaN."""
        values = [float(cells[name] or "nan") for name in _CELLS]
        rate, quality = (Interval(*values[i : i + 3]) for i in (0, 3))
        return cls(rate, quality, values[6], int(values[7]))

    def cells(self) -> dict[str, float]:
        """Names the values as the columns of a CSV are named."""
        return dict(zip(_CELLS, (*self.rate, *self.quality, self.overlap, self.images)))


def bd_rate(anchor_rate, anchor_quality, rate, quality) -> float:
    """Computes the BD-rate of a curve against another, in percent, over common quality.

    Args:
      anchor_rate, rate: bit/pixel, [points] each, four or more, positive.
      anchor_quality, quality: dB, [points] each; must rise with the rate.

    Raises:
      InputError: a curve has too few points, does not rise, or shares no quality with
        the other.
    """
    anchor_rate, anchor_quality = _curve(anchor_rate, anchor_quality, "anchor")
    rate, quality = _curve(rate, quality, "test")
    if _overlap(anchor_quality, quality) <= 0:
        raise InputError(
            "the curves share no quality: "
            f"{_span(anchor_quality)} and {_span(quality)}; add rate points"
        )
    return _akima("bd_rate", anchor_rate, anchor_quality, rate, quality)


def bd_quality(anchor_rate, anchor_quality, rate, quality) -> float:
    """Computes the mean gain over the common log rate: BD-PSNR, or of another metric.

    Takes the arguments of `bd_rate`, and returns dB. Raises InputError if a curve has
    too few points, does not rise, or shares no rate with the other.
    """
    anchor_rate, anchor_quality = _curve(anchor_rate, anchor_quality, "anchor")
    rate, quality = _curve(rate, quality, "test")
    if _overlap(np.log(anchor_rate), np.log(rate)) <= 0:
        raise InputError(
            f"the curves share no rate: {_span(anchor_rate)} and {_span(rate)}; "
            "add rate points"
        )
    return _akima("bd_psnr", anchor_rate, anchor_quality, rate, quality)


def compare(
    anchor_rate: np.ndarray,
    anchor_quality: np.ndarray,
    rate: np.ndarray,
    quality: np.ndarray,
    resamples: int = 1000,
    seed: int = 0,
) -> Comparison:
    """Computes BD-rate and BD-quality, with a paired bootstrap over images.

    Images where any of the values is not finite (a region that the image lacks, a
    perfect reconstruction) are left out of both curves. Resamples that cannot be
    compared are left out; where they are more than 5 % the interval is NaN, for the
    curves then hang on single images, and where there is but one image.

    Args:
      anchor_rate, anchor_quality: [points, images], images in the same order as
      rate, quality: [other points, images].
      resamples: how many times images are drawn with replacement.
      seed: of the drawing; the same seed gives the same interval.

    Raises:
      InputError: `bd_rate` refuses the averages, or no image has all values.
    """
    arrays = [
        np.asarray(a, np.float64) for a in (anchor_rate, anchor_quality, rate, quality)
    ]
    if len({a.shape[1] for a in arrays}) != 1:
        raise InputError("the curves are not over the same images")
    usable = np.all([np.isfinite(a).all(0) for a in arrays], axis=0)
    if not usable.any():
        raise InputError("no image has a finite value at every rate point")
    arrays = [a[:, usable] for a in arrays]
    images = int(usable.sum())

    means = [a.mean(1) for a in arrays]
    value = bd_rate(*means)
    gain = _or_nan(bd_quality, means)

    rng = np.random.default_rng(seed)
    draws = np.full((resamples, 2), np.nan)
    for draw in draws if images > 1 else ():
        chosen = rng.integers(images, size=images)
        means_drawn = [a[:, chosen].mean(1) for a in arrays]
        draw[:] = _or_nan(bd_rate, means_drawn), _or_nan(bd_quality, means_drawn)
    return Comparison(
        Interval(value, *_confidence(draws[:, 0])),
        Interval(gain, *_confidence(draws[:, 1])),
        _overlap(means[1], means[3]),
        images,
    )


def _akima(name: str, *curves: np.ndarray) -> float:
    import bjontegaard  # imports matplotlib

    options = {"require_matching_points": False, "min_overlap": 0}
    return float(getattr(bjontegaard, name)(*curves, method="akima", **options))


def _curve(rate, quality, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Checks the points and sorts them by rate."""
    rate, quality = np.asarray(rate, np.float64), np.asarray(quality, np.float64)
    if rate.ndim != 1 or rate.shape != quality.shape:
        raise InputError(f"the {name} curve has unlike numbers of rates and qualities")
    if rate.size < MIN_POINTS:
        raise InputError(
            f"the {name} curve has {rate.size} points, a BD-rate takes {MIN_POINTS}"
        )
    if not (np.isfinite(rate).all() and np.isfinite(quality).all()):
        raise InputError(f"the {name} curve has points that are not finite")
    if rate.min() <= 0:
        raise InputError(f"the {name} curve has a rate that is not positive")
    order = np.argsort(rate, kind="stable")
    rate, quality = rate[order], quality[order]
    if np.diff(rate).min() <= 0 or np.diff(quality).min() <= 0:
        raise InputError(f"the {name} curve does not rise from point to point")
    return rate, quality


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Divides the length of the common range, or 0, by that of the joint one."""
    common = min(a.max(), b.max()) - max(a.min(), b.min())
    joint = max(a.max(), b.max()) - min(a.min(), b.min())
    return float(max(common, 0) / joint)


def _span(values: np.ndarray) -> str:
    return f"{values.min():.4g} to {values.max():.4g}"


def _or_nan(function, means: list[np.ndarray]) -> float:
    try:
        return function(*means)
    except InputError:
        return float("nan")


def _confidence(draws: np.ndarray) -> tuple[float, float]:
    if np.isnan(draws).mean() > 0.05:
        return float("nan"), float("nan")
    low, high = np.nanpercentile(draws, (2.5, 97.5))
    return float(low), float(high)
