"""What the maps alone say: how much a codec that knows their weights can gain.

At high rate, knowing the weights w is worth 10 log10(AM/GM) dB of weighted PSNR, with
the arithmetic and geometric means of w over all pixels (from Shannon's lower bound;
Martinian, Wornell, Zamir, "Source coding with distortion side information", IEEE
Transactions on Information Theory, 2008).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from salcomp.files import disk, images
from salcomp.files.results import write_csv

FLOORS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)


def write(folder: Path, path: Path) -> None:
    """Writes a row per floor: mean weight, and the bound in dB.

    Args:
      folder: of RGBA frames.
      path: of the CSV; columns frames, mean_saliency, floor, mean_weight, bound_db.

    Raises:
      InputError: a file cannot be read or written.
    """
    paths = disk.files_in(folder)
    counts = np.zeros(256, np.int64)
    for frame in paths:
        alpha = images.read_image(frame).alpha
        counts += np.bincount(alpha.ravel(), minlength=256)
    share, values = counts / counts.sum(), np.arange(256) / 255
    rows = []
    for floor in FLOORS:
        weight = np.maximum(values, floor)
        mean = share @ weight
        bound = 10 * (np.log10(mean) - share @ np.log10(weight))
        rows.append(
            {
                "frames": len(paths),
                "mean_saliency": float(share @ values),
                "floor": floor,
                "mean_weight": float(mean),
                "bound_db": float(bound),
            }
        )
    write_csv(path, rows)
