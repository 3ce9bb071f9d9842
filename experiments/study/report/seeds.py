"""What seeds alone change: the rate of a run at its quality, seed by seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.study.report.comparisons import Score
from experiments.study.report.records import StudyRecords


class SeedSpread(NamedTuple):
    """One arm over its seeds.

    Attributes:
      series: the arm.
      offsets: a row per seed: mean over the rate points of how many percent more bits
        the run takes than the arm's curve at seed 0 has at the run's quality.
      points: how many rate points each seed has.
    """

    series: str
    offsets: np.ndarray
    points: int

    @property
    def deviation(self) -> float:
        """Standard deviation over the seeds, in percent of the rate."""
        return float(self.offsets.std(ddof=1))


def spreads(records: StudyRecords, score: Score) -> list[SeedSpread]:
    """Of every arm that has three seeds or more at the same lambdas."""
    found = []
    for series in dict.fromkeys(run.series for run in records.runs.values()):
        first = records.series(series)
        runs = [run for run in records.runs.values() if not run.is_start]
        others = [run for run in runs if run.series == series and run.seed]
        seeds = (0, *sorted({run.seed for run in others}))
        lambdas = sorted({run.lmbda for run in others})
        runs = {(run.seed, run.lmbda): run.name for run in (*first, *others)}
        complete = all((seed, lmbda) in runs for seed in seeds for lmbda in lambdas)
        if len(first) > 1 and len(seeds) > 2 and complete:
            points = _points(records, list(runs.values()), score)
            curve = np.array([points[run.name] for run in first])
            offsets = [
                np.mean([_offset(points[runs[seed, x]], curve) for x in lambdas])
                for seed in seeds
            ]
            found.append(SeedSpread(series, np.array(offsets), len(lambdas)))
    return found


def largest(found: list[SeedSpread]) -> float | None:
    """The standard deviation of a difference of two arms, by the noisiest one."""
    if not found:
        return None
    return float(np.sqrt(2) * max(one.deviation for one in found))


def _points(
    records: StudyRecords, names: list[str], score: Score
) -> dict[str, np.ndarray]:
    """Rate and quality of runs, over the images where all have the quality."""
    images = records.images(score.set_name, names)
    rate, quality = (
        records.table(score.set_name, names, images, metric)
        for metric in ("bpp", score.metric)
    )
    usable = np.isfinite(quality).all(0)
    means = rate[:, usable].mean(1), quality[:, usable].mean(1)
    return dict(zip(names, np.transpose(means)))


def _offset(point: np.ndarray, curve: np.ndarray) -> float:
    """Percent of bits above a curve (rows of rate and quality) at a point's quality."""
    rate, quality = point
    at_quality = np.exp(np.interp(quality, curve[:, 1], np.log(curve[:, 0])))
    return float(100 * (rate / at_quality - 1))
