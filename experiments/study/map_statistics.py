"""What the maps alone say: how much a codec that knows their weights can gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from salcomp.files import disk, images, saliency_maps
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
    counts = sum(
        saliency_maps.level_counts(images.read_frame(frame)[..., 3]) for frame in paths
    )
    share, values = counts / counts.sum(), np.arange(256) / 255
    rows = [
        {
            "frames": len(paths),
            "mean_saliency": float(share @ values),
            "floor": floor,
            "mean_weight": float(share @ np.maximum(values, floor)),
            "bound_db": saliency_maps.weighting_bound(counts, floor),
        }
        for floor in FLOORS
    ]
    write_csv(path, rows)
