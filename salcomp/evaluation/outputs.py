"""What an evaluation leaves in its folder: rows, averages, BD-rates and figures."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from absl import logging

from salcomp.evaluation import comparison, rd_figure
from salcomp.evaluation.series import Series
from salcomp.evaluation.subjects import Scoring
from salcomp.files.disk import printable
from salcomp.files.results import signed, write_csv, write_json
from salcomp.metrics.quality import IN_DB


def keep(rows: Iterable[dict], path: Path) -> list[dict]:
    """Collects rows, and writes them into a CSV whatever ends the work, even Ctrl-C.

    Raises InputError if the file cannot be written.
    """
    kept = []
    try:
        for row in rows:
            kept.append(row)
    finally:
        if kept:
            write_csv(path, kept)
    return kept


def write(
    folder: Path,
    rows: list[dict],
    compared: list[Series],
    anchor: str,
    scoring: Scoring,
    resamples: int,
    figures: bool,
) -> list[dict]:
    """Writes averages, BD-rates and figures; logs where not all images count.

    Gives the BD-rates, as `comparison.against_anchor` gives them.

    Args:
      rows: of the images coded at every point of every series.
      anchor: label of the series that the others are compared with.
      resamples: draws of the bootstrap over images.

    Raises:
      InputError: a file cannot be written.
    """
    complete, metrics = comparison.having_all(rows)
    by_metric = {
        metric: comparison.having(rows, metric)
        for metric in IN_DB
        if not all(math.isnan(row[metric]) for row in rows)
    }
    _log_counts(rows, {**by_metric, "JSON": complete})
    by_metric = {metric: found for metric, found in by_metric.items() if found}
    for one in compared:
        write_json(
            folder / f"{file_name(one.label)}.json",
            one.label,
            scoring.description(one.parameter, comparison.count_images(complete)),
            comparison.averages(complete, one, metrics),
        )
    labels = [one.label for one in compared]
    deltas = comparison.against_anchor(by_metric, labels, anchor, resamples)
    if deltas:
        write_csv(folder / "bd_rate.csv", deltas)
    for metric, found in by_metric.items() if figures else ():
        rd_figure.draw(
            folder / f"{metric}.png",
            {label: comparison.mean_curve(found, label, metric) for label in labels},
            metric,
            scoring.title(metric, comparison.count_images(found)),
        )
    return deltas


def _log_counts(rows: list[dict], parts: dict[str, list[dict]]) -> None:
    total = comparison.count_images(rows)
    names = defaultdict(list)
    for name, part in parts.items():
        names[comparison.count_images(part)].append(name)
    names.pop(total, None)
    for count in sorted(names):
        logging.info(
            f"{', '.join(names[count])}: {count} of {total} images count, those with "
            "finite values in all series"
        )


def delta_table(deltas: list[dict]) -> str:
    """Lays BD-rates out as lines of text."""
    lines = [f"BD-rate against {deltas[0]['anchor']}, with 95 % interval over images"]
    for row in deltas:
        rate, low, high, gain = (
            signed(row[f"bd_{key}"])
            for key in ("rate_percent", "rate_low", "rate_high", "quality_db")
        )
        none = math.isnan(row["bd_rate_low"])
        interval = "(no interval)" if none else f"[{low}, {high}]"
        lines.append(
            f"{row['series']:16} {row['metric']:20} {rate:>7} % {interval}, "
            f"{gain} dB, overlap {row['overlap']:.0%}"
        )
    return printable("\n".join(lines))


def file_name(label: str) -> str:
    """Makes the name of a series one of a file."""
    return re.sub(r"[^\w.-]+", "_", label)
