"""The figures of the page, from the records alone."""

from __future__ import annotations

import numpy as np

from experiments import windows
from experiments.recurrent import pictures
from experiments.recurrent.records import CodedImages
from experiments.study.reconstructions import WINDOW
from experiments.study.report import rd_curves
from experiments.study.report.comparisons import Score
from experiments.study.report.numbers import number
from salcomp.files import figures, images

# Colour by codec and way of stopping; broken lines have no map, or another's.
_STYLES = {
    "jpeg-optimized": {"color": "0.6", "linestyle": "-"},
    "iterations": {"color": "tab:cyan", "linestyle": "--"},
    "adaptive": {"color": "tab:blue", "linestyle": "--"},
    "adaptive-map": {"color": "tab:blue", "linestyle": "-"},
    "adaptive-shuffled": {"color": "tab:blue", "linestyle": ":"},
    "trained": {"color": "tab:cyan", "linestyle": "-"},
    "trained-adaptive": {"color": "tab:purple", "linestyle": "-"},
    "baseline": {"color": "tab:orange", "linestyle": "--"},
    "concat": {"color": "tab:orange", "linestyle": "-"},
    "modulate": {"color": "tab:green", "linestyle": "-"},
    "refine-uniform on baseline": {"color": "tab:red", "linestyle": "--"},
    "refine-saliency on baseline": {"color": "tab:red", "linestyle": "-"},
}


def draw(records: CodedImages, scores: list[Score]) -> list[str]:
    """Draws what the records have; returns the names of the files in their folder."""
    drawn = []
    for name, function in (
        ("curves.png", lambda figure: _curves(figure, records, scores)),
        ("stops.png", lambda figure: _stops(figure, records)),
        ("iterations.png", lambda figure: _iterations(figure, records)),
        ("training.png", lambda figure: _training(figure, records)),
    ):
        figure = figures.new(8, 4.5)
        if function(figure):
            figures.write(records.folder / name, figure)
            drawn.append(name)
    return drawn


def _curves(figure, records: CodedImages, scores: list[Score]) -> bool:
    """Rate-distortion curves, over the pictures that all arms coded."""
    return rd_curves.draw(figure, records, scores, _STYLES)


def _stops(figure, records: CodedImages) -> bool:
    """Beside each picture its map, where blocks stop, and windows of what results."""
    rows = records.rows(pictures.TABLE)
    sets = list(dict.fromkeys(row["set"] for row in rows))
    if not sets:
        return False
    most = max(int(row["of"]) for row in rows if row["kind"] == "iterations")
    figure.set_size_inches(16, 2.6 * len(sets))
    grid = figure.subplots(len(sets), 6, squeeze=False)
    for line, set_name in zip(grid, sets):
        shown = {(r["kind"], r["of"]): r for r in rows if r["set"] == set_name}
        original = shown["original", ""]
        _show(line[0], records, original, original["image"])
        windows.outline(line[0], int(original["top"]), int(original["left"]), *WINDOW)
        _show(line[1], records, shown["map", ""], "map")
        for i, arm in enumerate(pictures.STOPPING):
            stops = images.read_image(records.folder / shown["stops", arm]["file"])
            found = line[2 + i].imshow(stops.rgb[..., 0], vmin=1, vmax=most)
            line[2 + i].set_title(f"iterations, {arm}", fontsize=8)
            line[2 + i].set_axis_off()
            coded = shown["coded", arm]
            _show(line[4 + i], records, coded, f"{arm}: {_values(coded)}")
        figure.colorbar(found, ax=line[3], ticks=range(1, most + 1))
    return True


def _iterations(figure, records: CodedImages) -> bool:
    """Windows of pictures after each iteration."""
    rows = [r for r in records.rows(pictures.TABLE) if r["kind"] == "iterations"]
    sets = list(dict.fromkeys(row["set"] for row in rows))
    if not sets:
        return False
    counts = sorted({int(row["of"]) for row in rows})
    columns = min(4, len(counts))
    lines = -(-len(counts) // columns)
    figure.set_size_inches(4 * columns, 2.5 * lines * len(sets))
    grid = figure.subplots(lines * len(sets), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for i, set_name in enumerate(sets):
        cells = grid[lines * i : lines * (i + 1)].flat
        for axes, row in zip(cells, (r for r in rows if r["set"] == set_name)):
            _show(axes, records, row, f"{row['of']}: {_values(row)}")
    return True


def _training(figure, records: CodedImages) -> bool:
    """Loss and PSNR of held-out frames over the steps of each training."""
    rows = records.rows("training.csv")
    pair = figure.subplots(1, 2)
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        steps = np.array([int(row["step"]) for row in own])
        for axes, column in zip(pair, ("loss", "psnr")):
            axes.plot(steps, [float(row[column]) for row in own], label=model)
    for axes, title in zip(pair, ("Loss (8-bit levels)", "PSNR, all iterations (dB)")):
        axes.set(xlabel="Step", ylabel=title)
        axes.grid(True, color="0.85")
    if rows:
        pair[1].legend()
    return bool(rows)


def _show(axes, records: CodedImages, row: dict[str, str], title: str) -> None:
    windows.show(axes, images.read_image(records.folder / row["file"]).rgb)
    axes.set_title(title, fontsize=8)
    axes.set_axis_off()


def _values(row: dict[str, str]) -> str:
    """Rate and quality of a picture, in words."""
    bpp, psnr, weighted = (float(row[key]) for key in ("bpp", "psnr-rgb", "ewpsnr"))
    return (
        f"{number(bpp, '.3f')} bpp\nPSNR {number(psnr, '.2f')} dB, "
        f"EWPSNR {number(weighted, '.2f')} dB"
    )
