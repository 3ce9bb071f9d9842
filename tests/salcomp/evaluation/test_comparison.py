"""Tests of salcomp.evaluation.comparison."""

from __future__ import annotations

import math

import numpy as np
import pytest

from salcomp.evaluation import comparison
from salcomp.evaluation.series import Point, Series
from salcomp.metrics import quality as metrics


def rows_of(images: dict[str, dict], series=("a", "b")) -> list[dict]:
    """Rows of images at two points of each series, with all metrics 30 but these.

    Args:
      images: name -> {metric: value}; or {(series, metric): value} of one series.
    """
    return [
        {
            **{"image": name, "series": one, "point": point, "bpp": rate},
            **{"information_bpp": math.nan if one == "a" else rate - 0.01},
            **{"encode_seconds": 1.0, "decode_seconds": 2.0},
            **dict.fromkeys(metrics.METRICS, 30.0),
            **{key: value for key, value in values.items() if key in metrics.METRICS},
            **{key[1]: value for key, value in values.items() if key[0] == one},
        }
        for rate, (name, values) in enumerate(images.items(), 1)
        for one in series
        for point in range(2)
    ]


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_an_image_that_one_series_has_no_value_of_counts_for_none(value):
    rows = rows_of({"p": {}, "flat": {("b", "psnr-rgb"): value}, "q": {}})
    shared = comparison.having(rows, "psnr-rgb")
    assert [row["image"] for row in shared] == 4 * ["p"] + 4 * ["q"]
    for label in "ab":
        rate, quality = comparison.mean_curve(shared, label, "psnr-rgb")
        np.testing.assert_array_equal([rate, quality], [[2, 2], [30, 30]])
    assert comparison.having(rows, "mse") == rows


def test_json_is_over_the_images_with_every_metric_that_leaves_any():
    """Neither image has both an MS-SSIM and a finite PSNR; both have a squared error.

    PSNR, which comes first, decides; the other is left out.
    """
    small = {m: math.nan for m in metrics.METRICS if "ms-ssim" in m}
    flat = {m: math.inf for m in metrics.METRICS if "psnr" in m}
    rows = rows_of({"small": small, "flat": flat})
    complete, found = comparison.having_all(rows)
    assert {row["image"] for row in complete} == {"small"}
    assert found == [m for m in metrics.METRICS if "ms-ssim" not in m]
    points = [Point(setting, None, None) for setting in (1.0, 2.0)]
    for label in "ab":
        one = Series(label, "lambda", points, None)
        results = comparison.averages(complete, one, found)
        assert results["bpp"] == [1, 1] and results["psnr-rgb"] == [30, 30]
        assert "ms-ssim-rgb" not in results
        assert ("information_bpp" in results) == (label == "b")
