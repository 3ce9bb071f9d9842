"""The figures of experiments.gan_overfitting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.gan_overfitting.table import read_frame
from salcomp.extreme_gan.codec import GanCodec
from salcomp.files import figures
from salcomp.metrics import quality as metrics

# Columns of an evaluation.
_MSE = ("train_mse", "held_out_mse")


def draw_curves(path: Path, rows: list[dict]) -> None:
    """Squared error against steps, an axis per arm, a pair of lines per seed.

    Args:
      path: of the PNG.
      rows: of the evaluations: those of `salcomp.extreme_gan.evaluation`, with their
        arm and seed.
    """
    from matplotlib import ticker

    runs = {}
    for row in rows:
        runs.setdefault((row["arm"], row["seed"]), []).append(row)
    arms = list(dict.fromkeys(arm for arm, _ in runs))
    columns = min(5, len(arms))
    lines = -(-len(arms) // columns)
    figure = figures.new(3.2 * columns, 2.6 * lines + 0.4)
    grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
    for axis in grid.flat:
        axis.set_axis_off()
    for axis, arm in zip(grid.flat, arms):
        axis.set_axis_on()
        axis.set_title(arm.replace("_", " "), fontsize=10)
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
        axis.yaxis.set_minor_formatter(ticker.NullFormatter())
        axis.grid(alpha=0.3, which="both")
    axes = dict(zip(arms, grid.flat))
    labels = "training frames", "validation frames"  # of the first lines alone
    for (arm, _), history in runs.items():
        for column, style, label in zip(_MSE, ("C0--", "C1-"), labels):
            points = np.transpose([(row["step"], row[column]) for row in history])
            axes[arm].plot(*points, style, linewidth=1.2, label=label)
        labels = None, None
    grid.flat[0].legend(fontsize=8)
    figure.supxlabel("steps; a pair of lines per seed")
    figure.supylabel("MSE [8-bit levels²]")
    figures.write(path, figure)


def draw_pairs(
    path: Path, title: str, shown: Sequence[Path], codecs: dict[str, GanCodec]
) -> None:
    """Original and reconstructions, a row per frame, a column per arm."""
    figure = figures.new(3.2 * (1 + len(codecs)), 1.9 * len(shown) + 0.5)
    axes = figure.subplots(len(shown), 1 + len(codecs), squeeze=False)
    for file, row in zip(shown, axes):
        rgb, saliency = read_frame(file)
        row[0].imshow(rgb)
        row[0].set_title("original", fontsize=10)
        for (arm, codec), axis in zip(codecs.items(), row[1:]):
            decoded = codec.encode(rgb, saliency).reconstruction
            axis.imshow(decoded)
            psnr = metrics.psnr(rgb, decoded)
            axis.set_title(f"{arm.replace('_', ' ')}: {psnr:.1f} dB", fontsize=10)
        for axis in row:
            axis.set_axis_off()
    config = next(iter(codecs.values())).config
    figure.suptitle(
        f"{title}. Left: original, right: reconstructions. "
        f"Width {config.width:g}, {config.last_step} steps, seed {config.seed}."
    )
    figures.write(path, figure)
