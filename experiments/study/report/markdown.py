"""The words of a page, and Markdown tables."""

from __future__ import annotations

from importlib import resources

from experiments.study.report.comparisons import MIN_OVERLAP
from experiments.study.report.numbers import with_interval
from salcomp.metrics.bd_rate import Comparison


def fill(name: str, values: dict, package: str = "experiments.study.report") -> str:
    """The text of a file `NAME.md` of a package, with values in its braces."""
    path = resources.files(package) / f"{name}.md"
    return path.read_text("utf-8").format_map(values)


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is left-aligned, the others right."""
    marks = ["---", *["---:"] * (len(header) - 1)]
    lines = [header, marks, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def bd_rate(found: Comparison | None) -> str:
    """A BD-rate with its interval; a dagger where the curves share too little."""
    if found is None:
        return with_interval(None)
    mark = "" if found.overlap >= MIN_OVERLAP else " †"
    return with_interval(found.rate) + mark
