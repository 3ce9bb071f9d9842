"""The figures of experiments.dilation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.dilation.runs import Measured, Training
from salcomp.files import figures, saliency_maps
from salcomp.runs import metrics_file

# Rows and columns of the crop that the figure enlarges; no more than the checkerboard's
# measure asks a frame to have.
_ZOOM = (64, 96)


def draw_training(path: Path, runs: list[Training]) -> None:
    """Loss on validation frames against steps, an axis per lambda."""
    lambdas = sorted({run.lmbda for run in runs})
    arms = list(dict.fromkeys(run.arm for run in runs))
    figure = figures.new(3.4 * len(lambdas), 3.4)
    axes = figure.subplots(1, len(lambdas), squeeze=False)[0]
    for lmbda, axis in zip(lambdas, axes):
        for run in (run for run in runs if run.lmbda == lmbda):
            rows = metrics_file.read_rows(run.workdir / "validation.csv")
            style = {"marker": "o", "markersize": 3, "color": f"C{arms.index(run.arm)}"}
            label = run.arm if run.seed == runs[0].seed else None
            points = np.transpose([(row["step"], row["loss"]) for row in rows])
            axis.plot(*points, label=label, **style)
        axis.set_title(f"lambda {lmbda:g}", fontsize=10)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.supxlabel("steps")
    figure.supylabel("R + lambda D, held out [bit/pixel]")
    figures.write(path, figure)


def draw_frame(path: Path, original: np.ndarray, shown: dict, index: int) -> None:
    """Original, plain and dilated; below, a window of each, and the error's spectra."""
    pictures = {"original": (original, None)}
    for arm, one in shown.items():
        row = one.rows[index]
        title = (
            f"{arm}: {row['bpp']:.3f} bit/pixel, PSNR {row['psnr-rgb']:.2f} dB\n"
            f"checkerboard {one.grid():.2f}"
        )
        pictures[title] = one.decoded[index], one
    errors = [(one.decoded[index].astype(float) - original) for one in shown.values()]
    top, left = saliency_maps.heaviest(np.square(errors).sum((0, 3)), *_ZOOM)
    window = np.s_[top : top + _ZOOM[0], left : left + _ZOOM[1]]
    figure = figures.new(14, 10)
    axes = figure.subplots(3, len(pictures), height_ratios=(2, 3, 3))
    spectra = [_log_mean(one, index) for one in shown.values()]
    limits = {"vmin": np.min(spectra), "vmax": np.max(spectra)}
    for (title, (picture, one)), column in zip(pictures.items(), axes.T):
        column[0].imshow(picture, interpolation="nearest")
        column[0].set_title(title, fontsize=11)
        column[1].imshow(picture[window], interpolation="nearest")
        for axis in column:
            axis.set_axis_off()
        if one is not None:
            extent = (-0.5, 0.5, 0.5, -0.5)
            image = column[2].imshow(_log_mean(one, index), extent=extent, **limits)
            column[2].set_title("spectrum of the error", fontsize=10)
    scale = axes[2][0].inset_axes((0.85, 0.1, 0.04, 0.8))
    figure.colorbar(image, cax=scale, label="power [dB]", ticklocation="left")
    config = next(iter(shown.values())).config
    figure.supxlabel(
        f"A held-out frame at lambda {config.lmbda:g}, {config.last_step} steps, seed "
        f"{config.seed}, and its window of the largest error of both. The spectra are\n"
        "means over the held-out frames, from -1/2 to 1/2 cycle per pixel. "
        "Checkerboard: power at the harmonics of the 16-pixel grid over that beside.",
        fontsize=9,
    )
    figures.write(path, figure)


def _log_mean(one: Measured, index: int) -> np.ndarray:
    """Mean spectrum of the errors of all frames of one frame's size, in dB."""
    shape = one.spectra[index].shape
    mean = np.mean([s for s in one.spectra if s.shape == shape], axis=0)
    return 10 * np.log10(np.fft.fftshift(mean) + np.finfo(float).tiny)
