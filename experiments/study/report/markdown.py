"""The words of a page, and Markdown tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import resources

from experiments.study.report.comparisons import MIN_OVERLAP, Comparisons, Score
from experiments.study.report.numbers import with_interval
from salcomp.metrics.bd_rate import Comparison

_DAGGER = "\n\n† The curves share less than half of their joint range of quality."


def fill(name: str, values: dict, package: str = "experiments.study.report") -> str:
    """The text of a file `NAME.md` of a package, with values in its braces."""
    path = resources.files(package) / f"{name}.md"
    return path.read_text("utf-8").format_map(values)


def sections(
    values: dict[str, dict | None],
    folder: str,
    package: str = "experiments.study.report",
) -> str:
    """A page of sections `FOLDER/NAME.md` with their values; none without is there."""
    return "\n".join(
        fill(f"{folder}/{name}", found, package)
        for name, found in values.items()
        if found is not None
    )


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is left-aligned, the others right."""
    marks = ["---", *["---:"] * (len(header) - 1)]
    lines = [header, marks, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def pairs_table(
    compared: Comparisons,
    pairs: Iterable[tuple[str, str]],
    scores: Sequence[Score],
    header: Sequence[str],
    described: Callable[[str], str],
) -> dict[str, str] | None:
    """A row of BD-rates for each pair that was measured, and the note on daggers.

    Gives the values "table" and "dagger" of a section; None without a row.

    Args:
      compared: the comparisons.
      pairs: labels of what is compared, and of what it is compared with.
      scores: a column for each.
      header: of the first two columns.
      described: what a label is, in words.
    """
    rows = []
    for label, anchor in pairs:
        found = [compared.of(label, anchor, score) for score in scores]
        if any(found):
            name = f"`{label}`: {described(label)}"
            rows.append([name, f"`{anchor}`", *map(bd_rate, found)])
    if not rows:
        return None
    titles = [*header, *(score.title for score in scores)]
    dagger = any("†" in cell for row in rows for cell in row)
    return {"table": table(titles, rows), "dagger": _DAGGER if dagger else ""}


def bd_rate(found: Comparison | None) -> str:
    """A BD-rate with its interval; a dagger where the curves share too little."""
    if found is None:
        return with_interval(None)
    mark = "" if found.overlap >= MIN_OVERLAP else " †"
    return with_interval(found.rate) + mark
