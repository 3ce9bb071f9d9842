"""How far the weights' effect on lambda alone predicts an arm's rate.

The loss R + lambda E[w e] has the rate of R + lambda' E[e] with lambda' = lambda
E[w e] / E[e], if the weights did nothing else. The baseline's own rates over lambda
then tell an arm's rate in advance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from experiments.study.plan import ARMS
from experiments.study.report.comparisons import BLOG_ARM
from experiments.study.report.records import FinishedRun, StudyRecords


class Prediction(NamedTuple):
    """A run's rate as predicted and as measured on the test frames, in bit/pixel.

    `within` tells whether the effective lambda lies within the baseline's.
    """

    run: FinishedRun
    effective_lambda: float
    predicted: float
    measured: float
    within: bool

    @property
    def error(self) -> float:
        """Of the prediction, relative."""
        return self.predicted / self.measured - 1


def example_pair(records: StudyRecords) -> tuple[str, str] | None:
    """Names of the baseline's and the 2019 arm's run at one lambda, the highest."""
    curves = [
        {run.lmbda: run.name for run in records.series(arm)}
        for arm in ("baseline", BLOG_ARM)
    ]
    common = curves[0].keys() & curves[1].keys()
    return tuple(curve[max(common)] for curve in curves) if common else None


def elasticity(records: StudyRecords) -> float:
    """d ln bpp / d ln lambda of the baseline, over its curve."""
    rates = _baseline(records)
    return float(np.polyfit(*np.log(rates).T, 1)[0])


def predictions(records: StudyRecords) -> list[Prediction]:
    """Of all runs with weighted errors from the common start, at seed 0."""
    lambdas, bpps = _baseline(records).T
    if len(lambdas) < 2:
        return []
    return [
        Prediction(
            run,
            run.final["effective_lambda"],
            _interpolate(run.final["effective_lambda"], lambdas, bpps),
            records.mean("test", run.name, "bpp"),
            lambdas[0] <= run.final["effective_lambda"] <= lambdas[-1],
        )
        for run in records.runs.values()
        if ARMS[run.arm].weighted and run.seed == 0 and run.start
    ]


def _baseline(records: StudyRecords) -> np.ndarray:
    """Rows (lambda, bit/pixel) of the baseline on the test frames."""
    runs = records.series("baseline")
    points = [(run.lmbda, records.mean("test", run.name, "bpp")) for run in runs]
    return np.array(points).reshape(-1, 2)


def _interpolate(lmbda: float, lambdas: np.ndarray, bpps: np.ndarray) -> float:
    """Log-log, along the outer segments beyond the curve's ends."""
    x, y = np.log(lambdas), np.log(bpps)
    i = int(np.clip(np.searchsorted(x, np.log(lmbda)) - 1, 0, len(x) - 2))
    slope = (y[i + 1] - y[i]) / (x[i + 1] - x[i])
    return float(np.exp(y[i] + slope * (np.log(lmbda) - x[i])))
