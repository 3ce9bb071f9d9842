"""Results on disk: a CSV with a row per measurement, JSON as CompressAI writes it."""

from __future__ import annotations

import csv
import io
import json
import math
import os

from salcomp.files.disk import printable, write_file


def write_csv(path: str | os.PathLike, rows: list[dict]) -> None:
    """Writes rows under the keys of the first; NaN is an empty cell.

    File names among the values may be any: they are written as `printable` has them.
    Raises InputError if the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    write_file(path, text.getvalue().encode())


def write_json(
    path: str | os.PathLike, name: str, description: str, results: dict[str, list]
) -> None:
    """Writes {"name", "description", "results": {metric: [value per point]}}.

    What JSON has no number for, NaN and infinity, becomes null; file names within
    `name` and `description` are written as `printable` has them. Raises InputError if
    the file cannot be written.
    """
    document = {
        "name": printable(name),
        "description": printable(description),
        "results": {
            key: [value if math.isfinite(value) else None for value in values]
            for key, values in results.items()
        },
    }
    text = json.dumps(document, indent=2, allow_nan=False) + "\n"
    write_file(path, text.encode())


def signed(value: float, digits: int = 2) -> str:
    """Formats a change with its sign: "+0.00" if it rounds to 0, a dash for NaN."""
    if math.isnan(value):
        return "–"
    return f"{round(value, digits) + 0.0:+.{digits}f}"  # -0.0 + 0.0 is 0.0


def _cell(value):
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.8g}"
    return value
