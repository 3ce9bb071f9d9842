"""Markdown tables of the report, and the numbers in them."""

from __future__ import annotations

import numpy as np

from salcomp.metrics.bd_rate import Interval


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is left-aligned, the others right."""
    marks = ["---", *["---:"] * (len(header) - 1)]
    lines = [header, marks, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def percent(value: float, digits: int = 1) -> str:
    """A change in percent, with its sign."""
    return f"{value:+.{digits}f} %"


def percent_interval(found: Interval | None) -> str:
    """A BD-rate with its 95 % interval; a dash where there is none."""
    if found is None:
        return "–"
    if np.isnan(found.low):
        return f"{found.value:+.1f} (no interval)"
    return f"{found.value:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
