"""What an arm gains by the weights of its own training, beside the bound of its floor.

The bound is 10 log10(AM/GM) of the weights max(s, floor), which the study's record of
the maps has (`experiments.study.frames`).
"""

from __future__ import annotations

from experiments.study.report.comparisons import BLOG_ARM, Comparisons, Score
from experiments.study.report.records import StudyRecords
from salcomp.metrics.bd_rate import Interval

# Arms whose gain stands beside the bound.
ARMS = (BLOG_ARM, "concat", "modulate")


def gain(
    arm: str, records: StudyRecords, compared: Comparisons
) -> tuple[float, Interval] | None:
    """Floor of an arm's weights, and its gain over the baseline in dB by them.

    None if the arm has not been measured, or a share of its weights is uniform.
    """
    runs = records.series(arm)
    if not runs or runs[0].uniform_share > 0:
        return None
    floor = runs[0].floor
    score = Score("test", f"ewpsnr-floor-{floor}", "")
    found = compared.of(arm, "baseline", score)
    return found and (floor, found.quality)
