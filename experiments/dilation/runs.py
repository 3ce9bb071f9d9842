"""A training of experiments.dilation, and what its codec makes of held-out frames."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.dilation import checkerboard
from salcomp.codec.codec import Codec
from salcomp.config import geometry as receptive_field
from salcomp.metrics import quality as metrics
from salcomp.metrics.ms_ssim import ms_ssim, similarity_db
from salcomp.progress import Progress


class Training(NamedTuple):
    """A training.

    Attributes:
      folder: of the workdirs of all trainings.
      arm: "plain" or "dilated".
      seed: of the training.
      lmbda: in bit per pixel per squared 8-bit level.
    """

    folder: Path
    arm: str
    seed: int
    lmbda: float

    @property
    def workdir(self) -> Path:
        return self.folder / f"{self.arm}-{self.lmbda:g}-seed{self.seed}"


class Measured:
    """What one model makes of the held-out frames.

    Attributes:
      config: of the model.
      rows: bpp of the file and the metrics, by name, for each frame.
      decoded: reconstructions, uint8 [H, W, 3].
      spectra: of their errors, as of `checkerboard.power_spectrum`.
    """

    def __init__(self, folder: Path, held_out: dict[str, np.ndarray]):
        codec = Codec.load(folder)
        self.config = codec.config
        self.rows, self.decoded, self.spectra = [], [], []
        for rgb in Progress(held_out.values(), folder.name, leave=False):
            encoded = codec.encode(rgb, np.ones(rgb.shape[:2], np.float32))
            x_hat = codec.decode(encoded.data)
            row = {"bpp": 8 * len(encoded.data) / (rgb.size // 3)}
            row["psnr-rgb"] = metrics.psnr(rgb, x_hat)
            row["ms-ssim-rgb-db"] = similarity_db(ms_ssim(rgb, x_hat))
            self.rows.append(row)
            self.decoded.append(x_hat)
            error = x_hat.astype(np.float64) - rgb
            self.spectra.append(checkerboard.power_spectrum(error))

    def column(self, name: str) -> np.ndarray:
        """A value of each frame, [frames]."""
        return np.array([row[name] for row in self.rows])

    def grid(self, between: bool = False) -> float:
        """`checkerboard.grid_ratio` over all frames."""
        return checkerboard.grid_ratio(self.spectra, between)

    def summary(self) -> dict[str, float]:
        """A row of the table."""
        return {
            "receptive field": receptive_field.of_latent(self.config.dilation_rates),
            **{name: float(self.column(name).mean()) for name in self.rows[0]},
            "checkerboard": self.grid(),
            "its control": self.grid(between=True),
        }
