"""The figures of the report."""

from __future__ import annotations

import numpy as np
from PIL import Image

from experiments import windows
from experiments.study.reconstructions import WINDOW
from experiments.study.report import (
    classical,
    comparisons,
    effective_lambda,
    floor_bound,
    rd_curves,
    spread,
)
from experiments.study.report.comparisons import Comparisons
from experiments.study.report.numbers import number
from experiments.study.report.rd_curves import POINTS, RATE, finish
from experiments.study.report.records import StudyRecords
from salcomp.files import figures
from salcomp.metrics.bd_rate import Interval

# The main arms keep their colours from figure to figure; the first two are those of
# the figure of 2019.
_COLORS = {
    "baseline": "tab:orange",
    "concat": "tab:blue",
    "concat-0.1": "tab:cyan",
    "concat-shuffled": "0.5",
    "modulate": "tab:green",
    "refine-uniform on baseline": "tab:brown",
    "refine-saliency on baseline": "tab:red",
    "refine-saliency on modulate": "tab:purple",
}


def draw(records: StudyRecords, compared: Comparisons) -> list[str]:
    """Draws what the records have; returns the names of the files in their folder."""
    drawn = []
    for name, function in (
        ("answer.png", lambda figure: _answer(figure, records)),
        ("bd_rate.png", lambda figure: _bd_rates(figure, compared)),
        ("bpp_curves.png", lambda figure: _bpp_curves(figure, records)),
        ("reconstructions.png", lambda figure: _reconstructions(figure, records)),
        ("effective_lambda.png", lambda figure: _predictions(figure, records)),
        ("bound.png", lambda figure: _bound(figure, records, compared)),
        ("spread.png", lambda figure: _spread(figure, records)),
        ("classical.png", lambda figure: _classical(figure, records)),
    ):
        figure = figures.new(10, 5)
        if function(figure):
            figures.write(records.folder / name, figure)
            drawn.append(name)
    return drawn


def smoothed(values: np.ndarray, weight: float = 0.6) -> np.ndarray:
    """TensorBoard's smoothing: an exponential mean, corrected for its start."""
    mean, norm, found = 0.0, 0.0, []
    for value in values:
        mean = weight * mean + (1 - weight) * value
        norm = weight * norm + (1 - weight)
        found.append(mean / norm)
    return np.array(found)


def _answer(figure, records: StudyRecords) -> bool:
    """Rate-distortion curves in the scores that decide, the circular one, and PSNR."""
    judges = [
        one for one in comparisons.JUDGES.values() if one.set_name in records.sets
    ]
    scores = (*judges, comparisons.CIRCULAR, comparisons.PSNR)
    styles = {
        label: {"color": color, "linestyle": "--" if "shuffled" in label else "-"}
        for label, color in _COLORS.items()
    }
    return rd_curves.draw(figure, records, scores, styles)


def _bd_rates(figure, compared: Comparisons) -> bool:
    """BD-rates with their intervals: those that decide, and the circular one."""
    pairs = compared.pairs()
    figure.set_size_inches(10, 1.6 + 0.45 * len(pairs))
    axes = figure.add_subplot()
    colors = dict(zip(comparisons.JUDGES, ("tab:blue", "tab:purple", "tab:green")))
    shown = [(one, colors[name]) for name, one in compared.judges.items()]
    for j, (score, color) in enumerate([*shown, (comparisons.CIRCULAR, "0.6")]):
        for i, pair in enumerate(pairs):
            found = compared.of(pair.series, pair.twin, score)
            if found is not None:
                place, whole = i + 0.22 * (j - 1), found.overlap
                hollow = whole < comparisons.MIN_OVERLAP or np.isnan(found.rate.low)
                _interval(axes, found.rate, place, color, score.title, hollow)
    axes.axvline(0, color="black", linewidth=0.8)
    names = [f"{pair.series}\nagainst {pair.twin}" for pair in pairs]
    axes.set_yticks(range(len(pairs)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(
        "BD-rate (%), 95 % interval over images; left of 0 saves bits; hollow: curves "
        "that share little"
    )
    axes.grid(True, axis="x", color="0.85")
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles))
    axes.legend(unique.values(), unique.keys(), fontsize=8)
    return bool(pairs)


def _interval(axes, rate: Interval, place: float, color, label: str, hollow: bool):
    """A value with its interval, if there is one, in a line of its own."""
    fill = "none" if hollow else color
    axes.plot(rate.value, place, "o", markersize=4, color=color, mfc=fill, label=label)
    if not np.isnan(rate.low):
        axes.plot([rate.low, rate.high], [place, place], color=color)


def _bpp_curves(figure, records: StudyRecords) -> bool:
    """Training rate over steps from scratch, as the figure of 2019 has it."""
    arms = {
        "blog-baseline": ("tab:orange", "baseline"),
        "blog-clip": ("tab:blue", "saliency-conditioned, max(s, 0.1)"),
        "blog-affine": ("tab:cyan", "saliency-conditioned, 0.1 + 0.9 s"),
        "blog-additive": ("tab:purple", "saliency-conditioned, 1 + s"),
    }
    figure.set_size_inches(8, 5)
    axes = figure.add_subplot()
    rows = records.rows("curves.csv")
    drawn = False
    for arm, (color, label) in arms.items():
        points = [(row["step"], row["bpp"]) for row in rows if row["run"] == arm]
        curve = np.array(points, float)
        if curve.size:
            axes.plot(*curve.T, color=color, alpha=0.25)
            axes.plot(curve[:, 0], smoothed(curve[:, 1]), color=color, label=label)
            drawn = True
    if drawn:
        axes.set_title(
            "From scratch, weights not normalised; smoothed as in TensorBoard (0.6)",
            fontsize=10,
        )
        axes.set_ylim(bottom=0)
        finish(axes, "Step", "Rate of the training batches (bit/pixel)", None)
    return drawn


def _reconstructions(figure, records: StudyRecords) -> bool:
    """Windows of pictures: original, map, and what the arms make of them."""
    if not (records.folder / "reconstructions.csv").exists():
        return False
    rows = records.rows("reconstructions.csv")
    frames = list(dict.fromkeys(row["image"] for row in rows))
    kinds = list(dict.fromkeys(row["kind"] for row in rows))[1:]  # the first is given
    coded = len(rows) // len(frames) - 3
    lines = len(kinds)
    # With one kind the map has a column of its own, with two it is below the original.
    columns = 3 - lines // 2 + coded // lines
    figure.set_size_inches(3.4 * columns, 1.95 * lines * len(frames))
    widths = (1.2, *[1] * (columns - 1))
    shape = lines * len(frames), columns
    grid = figure.subplots(*shape, squeeze=False, width_ratios=widths)
    for i, image in enumerate(frames):
        found = [row for row in rows if row["image"] == image]
        frame, original, own_map = found[:3]
        cells = grid[lines * i : lines * (i + 1)]
        _show(cells[0, 0], records, frame, image)
        windows.outline(cells[0, 0], int(frame["top"]), int(frame["left"]), *WINDOW)
        _show(cells[0, 1], records, original, "original")
        _show(cells[1, 1] if lines > 1 else cells[0, 2], records, own_map, "map")
        for axes in cells[1:, 0]:
            axes.set_axis_off()
        for axes, row in zip(cells[:, 4 - lines :].flat, found[3:]):
            _show(axes, records, row, _title(row))
    return True


def _title(row: dict[str, str]) -> str:
    """What a window shows, and what its picture has."""
    specs = {"bpp": ".3f", "psnr-rgb": ".2f", "ewpsnr": ".2f"}
    bpp, psnr, ewpsnr = (number(float(row[k]), specs[k]) for k in specs)
    name = {"saliency": "saliency (concat)"}.get(row["arm"], row["arm"])
    rate = f", {row['kind']} rate" if row["kind"] == "own" else ""
    return f"{name}{rate}: {bpp} bpp\nPSNR {psnr}, by the map {ewpsnr} dB"


def _show(axes, records: StudyRecords, row: dict[str, str], title: str) -> None:
    with Image.open(records.folder / row["file"]) as picture:
        windows.show(axes, np.asarray(picture))
    axes.set_title(title, fontsize=9)
    axes.set_axis_off()


def _predictions(figure, records: StudyRecords) -> bool:
    """Rates that the effective lambda alone predicts, beside those measured."""
    found = effective_lambda.predictions(records)
    if not found:
        return False
    figure.set_size_inches(7, 6)
    axes = figure.add_subplot()
    for i, series in enumerate(dict.fromkeys(one.run.series for one in found)):
        points = [(o.predicted, o.measured) for o in found if o.run.series == series]
        marker = "osD^vP*Xh<>p"[i % 12]
        axes.scatter(*np.transpose(points), marker=marker, label=series, s=35)
    limits = [0, 1.05 * max(max(one.predicted, one.measured) for one in found)]
    axes.plot(limits, limits, color="black", linewidth=0.8)
    x = "Predicted by the effective lambda and the baseline's curve (bit/pixel)"
    finish(axes, x, "Measured on the test frames (bit/pixel)")
    return True


def _bound(figure, records: StudyRecords, compared: Comparisons) -> bool:
    """What the floor allows at high rate, beside what was gained."""
    figure.set_size_inches(7, 4.5)
    axes = figure.add_subplot()
    rows = records.rows("maps.csv")
    floors = [float(row["floor"]) for row in rows]
    bounds = [float(row["bound_db"]) for row in rows]
    axes.plot(floors, bounds, color="black", marker="o", label="10 log10(AM/GM)")
    for arm in floor_bound.ARMS:
        gain = floor_bound.gain(arm, records, compared)
        if gain is not None:
            floor, (value, low, high) = gain
            label = f"{arm}: measured against the baseline"
            axes.plot(floor, value, "s", color=_COLORS[arm], label=label)
            axes.plot([floor, floor], [low, high], color=_COLORS[arm])
    axes.set_xscale("log")
    axes.axhline(0, color="black", linewidth=0.5)
    y = "Gain in weighted PSNR at equal rate (dB)"
    finish(axes, "Floor of the weights max(s, floor)", y)
    return True


def _spread(figure, records: StudyRecords) -> bool:
    """Gains of the arm of 2019 at equal rate, image by image."""
    found = spread.gains(records, comparisons.BLOG_ARM)
    if found is None:
        return False
    figure.set_size_inches(7, 5.5)
    axes = figure.add_subplot()
    usable = np.isfinite(found.boxes)
    x, y = found.own[usable], found.boxes[usable]
    axes.scatter(x, y, s=14)
    axes.scatter(x.mean(), y.mean(), marker="+", s=200, color="black", label="mean")
    axes.axhline(0, color="black", linewidth=0.5)
    axes.axvline(0, color="black", linewidth=0.5)
    count = usable.sum()
    axes.set_title(f"{found.run} against the baseline: {count} test frames with signs")
    x = "EWPSNR gained at equal rate (dB), encoder's own map"
    finish(axes, x, "PSNR gained in sign boxes at equal rate (dB)", None)
    return bool(usable.any())


def _classical(figure, records: StudyRecords) -> bool:
    """The baseline among the classical codecs, and beside published points."""
    names = [run.name for run in records.series("baseline")]
    if not names:
        return False
    figure.set_size_inches(12, 5)
    left, right = figure.subplots(1, 2)
    for codec in classical.CODECS:
        _curve(left, records, "test", records.classical(codec), codec, linestyle="--")
    ours = {"color": _COLORS["baseline"], "linewidth": 2}
    _curve(left, records, "test", names, "baseline", **ours)
    left.set_title("Street scenes, test frames")
    if records.images("kodak", names):
        _curve(right, records, "kodak", names, "baseline", **ours)
        style = {"label": "Balle et al. 2017, as published", "color": "black"}
        right.plot(*np.transpose(classical.PUBLISHED), **style, **POINTS)
        right.set_title("Kodak")
    for axes in (left, right):
        if not axes.lines:
            axes.set_axis_off()
            continue
        axes.set_xlim(0, 0.75)
        finish(axes, RATE, "PSNR, RGB (dB)")
    return True


def _curve(axes, records, set_name: str, names: list[str], label: str, **style) -> None:
    if names:
        points = classical.curve(records, set_name, names)
        axes.plot(*points, label=label, **POINTS, **style)
