"""Draws what a map is worth: bits saved over how true the map is.

    python -m experiments.map_worth --records=results/refinement

A point per map that `experiments.refinement` has refined under: its BD-rate against
uniform weights, by the map that scores, over the information that the weights have of
that map. The line is what theory lets expect of the same weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import figures
from salcomp.files.results import write_csv
from salcomp.flags import Flags
from salcomp.metrics.bd_rate import Interval

# Names of arms where those of the command line say too little.
_LABELS = {
    "uniform": "uniform weights",
    "auto": "the fixations that score",
    "center": "centre prior",
    "shuffled-unisal": "unisal, of another photograph",
    "observers": "half of the observers, by the other half",
}

FLAGS = Flags()
FLAGS.list(
    "records",
    ["results/refinement"],
    "Folders that experiments.refinement wrote, the first for the line.",
)
FLAGS.string("output", "results/refinement/map_worth.png", "The figure to write.")


class Point(NamedTuple):
    """One map.

    Attributes:
      label: for the figure.
      information: of a scoring fixation under the weights, in bit over uniform ones.
      bd_rate: by the map that scores, in percent against uniform weights.
      expected: the same by theory, in percent.
    """

    label: str
    information: Interval
    bd_rate: Interval
    expected: float


def points(folder: Path) -> list[Point]:
    """Reads the points of a folder of records, the control among them, by information.

    Raises:
      InputError: there are no records.
    """
    path = folder / "summary.json"
    try:
        arms = json.loads(path.read_text())["arms"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: no summary of experiments.refinement, which makes it"
        ) from error
    found = []
    for name, arm in arms.items():
        if "information" in arm:
            rate = arm.get("bd_rate_ewpsnr", {"value": 0.0, "low": 0.0, "high": 0.0})
            saving = arm["expected_log_ratio"]["value"]
            found.append(
                Point(
                    _LABELS.get(name, name.partition(":")[0]),
                    Interval(**arm["information"]),
                    Interval(*(rate[key] for key in Interval._fields)),
                    100 * (np.exp(saving) - 1),
                )
            )
    return sorted(found, key=lambda point: point.information.value)


def draw(folders: list[Path], output: Path) -> list[Point]:
    """Draws the points of some folders of records, and gives them."""
    first = points(folders[0])
    controls = {_LABELS["uniform"]}
    others = [p for f in folders[1:] for p in points(f) if p.label not in controls]
    figure = figures.new(9, 6)
    axes = figure.add_subplot()
    axes.plot(
        [point.information.value for point in first],
        [point.expected for point in first],
        color="0.6",
        label="expected, if the rate followed the weight at every pixel",
    )
    for point in (*first, *others):
        x, y = point.information, point.bd_rate
        axes.plot([x.low, x.high], [y.value] * 2, color="tab:blue", linewidth=1)
        axes.plot([x.value] * 2, [y.low, y.high], color="tab:blue", linewidth=1)
        axes.plot(x.value, y.value, "o", color="tab:blue", markersize=4)
        place = {"textcoords": "offset points", "xytext": (6, 5), "fontsize": 9}
        axes.annotate(point.label, (x.value, y.value), **place)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(
        "Information of the weights (bit per scoring fixation, over uniform weights)"
    )
    axes.set_ylabel(
        "BD-rate by the scoring fixations (%), against uniform weights;\n"
        "below 0 saves bits"
    )
    axes.grid(True, color="0.85")
    axes.legend()
    figures.write(output, figure)
    return [*first, *others]


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    output = Path(FLAGS.output)
    found = draw([Path(folder) for folder in FLAGS.records], output)
    rows = [
        {
            "map": point.label,
            "information": point.information.value,
            "bd_rate_percent": point.bd_rate.value,
            "expected_percent": point.expected,
        }
        for point in found
    ]
    write_csv(output.with_suffix(".csv"), rows)
    print(output)


if __name__ == "__main__":
    cli.run(main)
