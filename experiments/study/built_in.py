"""What the smoke study is made on: drawn scenes, and a second set to score them with.

The second set stands where human fixations do: its encoder's maps are a predictor's
(spectral residual), and what scores are maps that the encoder never had (those of
the drawing).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from data_prep.predictors import spectral_residual
from experiments.study.frames import EvaluationSet
from salcomp.data import scenes
from salcomp.files import disk, images, saliency_maps

_SEED = 0
_TRAIN, _TEST = 24, 8


def make(folder: Path) -> tuple[Path, list[EvaluationSet]]:
    """Draws the scenes, unless they are there already.

    Args:
      folder: to write, whole or not at all.

    Returns:
      The folder of the training frames, and the sets to measure on.

    Raises:
      InputError: a file cannot be written.
    """
    if not folder.is_dir():
        scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
        for name in ("train", "test", "predicted"):
            (scratch / name).mkdir(parents=True, exist_ok=True)
        boxes = {}
        for i in range(_TRAIN + _TEST):
            scene, seen = scenes.draw(_SEED, i)
            file = f"scene{i:03}.png"
            signs = [box for kind, box in seen if kind == "sign"]
            boxes[file] = [[float(edge) for edge in box] for box in signs]
            images.write_png(
                scratch / ("train" if i < _TRAIN else "test") / file, scene
            )
            if i >= _TRAIN:
                images.write_png(scratch / "predicted" / file, _predicted(scene))
        text = json.dumps(boxes, indent=2) + "\n"
        disk.write_file(scratch / "boxes.json", text.encode())
        os.rename(scratch, folder)
    test = folder / "test"
    boxes = str(folder / "boxes.json")
    return folder / "train", [
        EvaluationSet("test", test, boxes=boxes),
        EvaluationSet("fixations", folder / "predicted", scorer=str(test)),
    ]


def _predicted(scene: np.ndarray) -> np.ndarray:
    """The scene with the map of the predictor, uint8 [H, W, 4]."""
    rgb = scene[..., :3]
    saliency = saliency_maps.resize(spectral_residual.saliency(rgb), *rgb.shape[:2])
    return np.dstack([rgb, np.round(255 * saliency).astype(np.uint8)])
