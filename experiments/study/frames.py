"""The frames of a study: sets to measure on, controls with other maps, and drawn ones.

What the maps alone say is how much a codec that knows their weights can gain. At high
rate, knowing the weights w is worth 10 log10(AM/GM) dB of weighted PSNR, with the
arithmetic and geometric means of w over all pixels (from Shannon's lower bound;
Martinian, Wornell, Zamir, "Source coding with distortion side information", IEEE
Transactions on Information Theory, 2008).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from data_prep.predictors import spectral_residual
from experiments.study.plan import PlannedRun
from salcomp.data import scenes
from salcomp.errors import InputError
from salcomp.evaluation import subjects as scorers
from salcomp.files import disk, images, map_sources, saliency_maps
from salcomp.files.results import write_csv

FLOORS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
_SHUFFLING_SEED = 0  # of the order of the maps among the frames
_SCENES_SEED, _TRAIN, _TEST = 0, 24, 8


class EvaluationSet(NamedTuple):
    """Images with maps for the encoder, and what scores the results.

    Attributes:
      name: "test", "fixations", "drivers" or "kodak".
      folder: of the images, RGBA with the encoder's map, or RGB without one.
      scorer: what scores, as `map_sources.from_spec` takes it: "auto", the encoder's
        own map, or a folder of maps from elsewhere.
      boxes: JSON file of annotated regions, or None.
      arms: that are measured on it; None for all.
      own: the encoder's own map, likewise: "auto", that in the frames, or "center" for
        images that have none.
    """

    name: str
    folder: Path
    scorer: str = "auto"
    boxes: str | None = None
    arms: tuple[str, ...] | None = None
    own: str = "auto"

    def measures(self, run: PlannedRun) -> bool:
        """Whether a run is measured on it.

        Encoding with the scorer's maps is another thing only where they are not the
        encoder's own.
        """
        if run.of_arm.maps == "scorer" and self.scorer == "auto":
            return False
        return self.arms is None or run.arm in self.arms

    def subjects(self, maps: str, count: int, scratch: Path) -> list[scorers.Subject]:
        """Images to code, and what scores them.

        Args:
          maps: of which kind the encoder's are, as `plan.Arm` has it.
          count: of images at most, at equal distances through the set.
          scratch: folder for frames with other maps.

        Raises:
          InputError: a file cannot be used.
        """
        paths = spread(disk.files_in(self.folder), count)
        given = {"own": self.own, "scorer": self.scorer}.get(maps)
        if given is None:
            folder = scratch / f"{self.name}-{maps}"
            given = str(with_other_maps(maps, self.folder, folder))
        boxes = scorers.read_boxes(self.boxes) if self.boxes else {}
        if self.boxes and not any(path.name in boxes for path in paths):
            raise InputError(f"{self.boxes}: has boxes for no image of {self.folder}")
        told, score = map(map_sources.from_spec, (given, self.scorer))
        return [
            scorers.Subject(path, told, score, boxes.get(path.name, []), None)
            for path in paths
        ]


def judged(
    name: str, kind: str, frames: str | None, maps: str | None
) -> list[EvaluationSet]:
    """The set of the flags --KIND_frames and --KIND_maps; none where neither is given.

    Raises:
      InputError: only one of them is given.
    """
    if bool(frames) != bool(maps):
        raise InputError(f"--{kind}_frames and --{kind}_maps go together")
    return [EvaluationSet(name, Path(frames), maps)] if frames else []


def spread(paths: list[Path], count: int) -> list[Path]:
    """Picks at most `count` of the paths, at equal distances, the last one left out.

    The committed results are of the images that this picks.
    """
    if len(paths) <= count:
        return paths
    return [paths[i * len(paths) // count] for i in range(count)]


def with_other_maps(kind: str, source: Path, folder: Path) -> Path:
    """Writes RGBA frames with other maps, unless they are there already.

    Args:
      kind: "shuffled": each frame has the map of another one, each map serves once;
        "center": all have the centre prior.
      source: folder of RGBA frames; shuffled ones get maps of frames of their size.
      folder: to write, whole or not at all.

    Returns:
      `folder`.

    Raises:
      InputError: a frame has no map, or is the only one of its size.
    """
    if folder.is_dir():
        return folder
    paths = disk.files_in(source)
    frames = [images.read_image(path) for path in paths]
    for path, frame in zip(paths, frames):
        if frame.alpha is None:
            raise InputError(f"{path} has no map in its alpha channel")
    if kind == "shuffled":
        maps = _of_others([frame.alpha for frame in frames], source)
    else:
        maps = [_centre(*frame.alpha.shape) for frame in frames]
    scratch = folder.with_name(f".{folder.name}-{os.getpid()}")
    scratch.mkdir(parents=True)
    for path, frame, alpha in zip(paths, frames, maps):
        images.write_png(scratch / f"{path.stem}.png", np.dstack([frame.rgb, alpha]))
    os.rename(scratch, folder)
    logging.info("%s: %d frames with %s maps", folder, len(paths), kind)
    return folder


def _of_others(maps: list[np.ndarray], source: Path) -> list[np.ndarray]:
    """The maps, each at another place than its own, where the size is the same."""
    taken = {}
    for size in sorted({alpha.shape for alpha in maps}):
        places = [i for i, alpha in enumerate(maps) if alpha.shape == size]
        if len(places) < 2:
            height, width = size
            raise InputError(
                f"{source}: to shuffle maps takes two frames or more of a size, and "
                f"one alone is of {width}x{height}"
            )
        order = np.random.default_rng(_SHUFFLING_SEED).permutation(places)
        # Round a circle, so that none stays where it was.
        taken.update(zip(order, np.roll(order, 1)))
    return [maps[taken[i]] for i in range(len(maps))]


def _centre(height: int, width: int) -> np.ndarray:
    return np.round(255 * saliency_maps.center_prior(height, width)).astype(np.uint8)


def draw(folder: Path) -> tuple[Path, list[EvaluationSet]]:
    """Draws scenes to train and measure on, unless they are there already.

    A second set stands where human fixations do: its encoder's maps are a predictor's
    (spectral residual), and what scores are maps that the encoder never had (those of
    the drawing).

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
            scene, seen = scenes.draw(_SCENES_SEED, i)
            file = f"scene{i:03}.png"
            signs = [box for kind, box in seen if kind == "sign"]
            boxes[file] = [[float(edge) for edge in box] for box in signs]
            name = "train" if i < _TRAIN else "test"
            images.write_png(scratch / name / file, scene)
            if name == "test":
                images.write_png(scratch / "predicted" / file, _predicted(scene))
        text = json.dumps(boxes, indent=2) + "\n"
        disk.write_file(scratch / "boxes.json", text.encode())
        os.rename(scratch, folder)
    test = EvaluationSet("test", folder / "test", boxes=str(folder / "boxes.json"))
    fixations = EvaluationSet("fixations", folder / "predicted", str(test.folder))
    return folder / "train", [test, fixations]


def _predicted(scene: np.ndarray) -> np.ndarray:
    """The scene with the map of the predictor, uint8 [H, W, 4]."""
    rgb = scene[..., :3]
    saliency = saliency_maps.resize(spectral_residual.saliency(rgb), *rgb.shape[:2])
    return np.dstack([rgb, np.round(255 * saliency).astype(np.uint8)])


def write_map_statistics(folder: Path, path: Path) -> None:
    """Writes a row per floor: mean weight, and the bound in dB.

    Args:
      folder: of RGBA frames.
      path: of the CSV; columns frames, mean_saliency, floor, mean_weight, bound_db.

    Raises:
      InputError: a file cannot be read or written.
    """
    paths = disk.files_in(folder)
    maps = (images.read_frame(frame)[..., 3] for frame in paths)
    counts = sum(map(saliency_maps.level_counts, maps))
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
