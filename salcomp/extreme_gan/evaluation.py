"""How well the GAN does on frames it trains on, and on frames it does not.

Whole frames, cropped at the right and bottom to multiples of 16, as 8-bit images.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from salcomp.config.config import STRIDE
from salcomp.extreme_gan.model import ExtremeGan
from salcomp.extreme_gan.quantizer import entropy, histogram
from salcomp.metrics import quality as metrics
from salcomp.metrics.ms_ssim import ms_ssim
from salcomp.runs import metrics_file
from salcomp.zoo import exported

SETS = ("train", "held_out")
_MEASURES = ("mse", "psnr", "ms_ssim", "bpp")
# What is logged of each evaluation; NaN of a set that there is none of.
TERMS = tuple(f"{name}_{measure}" for name in SETS for measure in _MEASURES)
_IMAGES_SHOWN = 2


def whole(frame: np.ndarray) -> np.ndarray:
    """A frame [H, W, 4], cropped at the right and bottom to multiples of 16."""
    height, width = (side // STRIDE * STRIDE for side in frame.shape[:2])
    return frame[:height, :width]


class Evaluation:
    """Measures a model during training, and keeps the best on held-out frames."""

    def __init__(self, model: ExtremeGan, training, held_out, most, workdir, writer):
        """Reads the frames.

        Args:
          held_out: frames; None if there are none.
          most: frames to use of each set, from the first.
          workdir: of the run; the best is exported there, if the configuration says
            that frames are held out.
        """
        self._model = model
        self._sets = {
            name: [frames[i] for i in range(min(most, len(frames)))]
            for name, frames in zip(SETS, (training, held_out))
            if frames is not None
        }
        self._workdir = Path(workdir)
        self._writer = writer

    def __call__(self, step: int) -> dict[str, float]:
        """Measures, writes to TensorBoard, and exports a model that is the best yet.

        Returns:
          By the names in TERMS: squared error on the 0..255 scale, PSNR [dB] and
          MS-SSIM, means over the frames; and the empirical entropy of the codes of all
          frames, bit per pixel.
        """
        means = dict.fromkeys(TERMS, math.nan)
        with self._writer.as_default(step):
            for name, frames in self._sets.items():
                for measure, value in self._measure(name, frames).items():
                    means[f"{name}_{measure}"] = value
                    tf.summary.scalar(f"{name}/{measure}", value)
        if self._model.config.held_out:
            output = self._workdir / "model"
            # The row of this step is not there yet.
            if means["held_out_mse"] < best(self._workdir)[1] or not output.exists():
                exported.save(self._model, step, output)
        return means

    def _measure(self, name: str, frames: list[np.ndarray]) -> dict[str, float]:
        rows, codes = [], []
        for i, frame in enumerate(map(whole, frames)):
            decoded, code = self._model.reconstruct(frame[None])
            x, x_hat = frame[..., :3], decoded[0].numpy()
            measures = metrics.mse, metrics.psnr, ms_ssim
            rows.append([measure(x, x_hat) for measure in measures])
            codes.append(tf.reshape(code, (1, 1, -1, code.shape[-1])))
            if i < _IMAGES_SHOWN:
                tf.summary.image(f"{name}/original/{i}", x[None])
                tf.summary.image(f"{name}/reconstruction/{i}", x_hat[None])
        codes = tf.concat(codes, axis=2)
        tf.summary.histogram(f"{name}/codes", codes)
        bpp = entropy(histogram(codes)) / STRIDE**2
        return dict(zip(_MEASURES, (*map(float, np.mean(rows, axis=0)), float(bpp))))


def history(workdir: str | os.PathLike) -> list[dict[str, float]]:
    """The rows of a run's validation.csv, as numbers."""
    return metrics_file.read_rows(Path(workdir) / "validation.csv")


def best(workdir: str | os.PathLike) -> tuple[int, float]:
    """The step of a run with the least error on held-out frames, and that MSE.

    0 and infinity if there was no evaluation yet.
    """
    found = [(row["held_out_mse"], int(row["step"])) for row in history(workdir)]
    error, step = min(found, default=(math.inf, 0))
    return step, error
