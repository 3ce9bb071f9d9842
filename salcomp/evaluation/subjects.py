"""What scores each image of an evaluation: a map, annotated regions, and their origin.

Saliency-weighted numbers mean nothing without the map behind them, so it is named
in every result file and figure. Scoring with the map that the encoder had is
circular; maps from elsewhere and annotated regions are not.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp.errors import InputError
from salcomp.files import images, map_sources, masks
from salcomp.progress import Progress


class Scene(NamedTuple):
    """A picture and what scores it, in memory.

    Attributes:
      rgb: uint8 [H, W, 3].
      saliency, score_saliency: the encoder's map and the scorer's, float32 [H, W].
      boxes: annotated regions, rows [left, top, right, bottom] in pixels.
      mask: another annotated region, bool [H, W], or None.
    """

    rgb: np.ndarray
    saliency: np.ndarray
    score_saliency: np.ndarray
    boxes: list[list[float]]
    mask: np.ndarray | None


class Subject(NamedTuple):
    """An image to code, and what it is scored with.

    Attributes:
      path: the image file.
      saliency, score_saliency: where the encoder's map and the scorer's come from.
      boxes: as in `Scene`.
      roi_masks: where the mask of its region is, as `masks.region_for` takes it, or
        None.
    """

    path: Path
    saliency: map_sources.Source
    score_saliency: map_sources.Source
    boxes: list[list[float]]
    roi_masks: str | None

    def load(self) -> Scene:
        """Reads the picture and what scores it.

        Raises InputError if the image, a map or the mask cannot be read.
        """
        image = images.read_image(self.path)
        given, score = (found.saliency for found in self._maps(image))
        return Scene(image.rgb, given, score, self.boxes, self._region(image))

    def _maps(self, image: images.Image) -> tuple[map_sources.Map, map_sources.Map]:
        """The encoder's map and the scorer's, made once where they are one."""
        given = self.saliency.of(self.path, image)
        if self.score_saliency is self.saliency:
            return given, given
        return given, self.score_saliency.of(self.path, image)

    def _region(self, image: images.Image) -> np.ndarray | None:
        if self.roi_masks is None:
            return None
        return masks.region_for(self.roi_masks, self.path, image)

    def origins(self) -> tuple[str, str]:
        """Tells where the encoder's map and the scorer's are from.

        Raises InputError if the image, a map or the mask cannot be read.
        """
        image = images.read_image(self.path)
        self._region(image)
        given, score = self._maps(image)
        return given.origin, score.origin


class Scoring(NamedTuple):
    """In words, what the numbers of this evaluation rest on.

    Attributes:
      images: how many.
      encoder_map, scorer_map: where the maps are from.
      weigher: the series whose training weight "ewpsnr-train" has, or None.
      boxes: the annotated regions' file and how many of the images have any, or None.
      masks: the folder of the regions' masks, or None.
      left_out: how many of the images do not count, a codec having failed on them.
    """

    images: int
    encoder_map: str
    scorer_map: str
    weigher: str | None
    boxes: str | None
    masks: str | None
    left_out: int = 0

    def of(self, metric: str) -> str:
        """Names the map, weight or boxes behind one metric; empty for plain ones."""
        if metric in ("psnr-rgb", "ms-ssim-rgb-db"):
            return ""
        if metric == "ewpsnr-train":
            return f"weight that {self.weigher} was trained with, {self.encoder_map}"
        if "boxes" in metric:
            return f"boxes: {self.boxes}"
        if "mask" in metric:
            return f"regions: {self.masks}"
        return f"map that scores: {self.scorer_map}"

    def title(self, metric: str, counted: int) -> str:
        """Titles the figure of a metric, for which so many images count."""
        return "; ".join(filter(None, (self._of_all(counted), self.of(metric))))

    def _of_all(self, counted: int) -> str:
        of = f"{counted} of " if counted < self.images else ""
        return f"{of}{self.images} image{'s' * (self.images != 1)}"

    def description(self, parameter: str, counted: int) -> str:
        """Describes what the file of a series holds, over `counted` of the images.

        The parameter is that of the series; "quality" is that of codecs that get no
        map.
        """
        encoder_map = "none" if parameter == "quality" else self.encoder_map
        parts = [
            f"{self._of_all(counted)} at a fixed {parameter} per point, the same for "
            "all series, metrics and rates",
            "bpp of whole files, dB averaged in dB",
            f"map given to the encoder: {encoder_map}",
            self.of("ewpsnr"),
        ]
        if self.weigher:
            parts.append(f"ewpsnr-train: {self.of('ewpsnr-train')}")
        if self.boxes:
            parts.append(self.of("boxes-psnr"))
        if self.masks:
            parts.append(self.of("mask-psnr"))
        if self.left_out:
            parts.append(f"{self.left_out} left out, which a codec failed on")
        lacking = self.images - self.left_out - counted
        if lacking:
            reason = "which some series has no finite value of"
            parts.append(f"{lacking} left out, {reason}")
        return "; ".join(parts)


def scored(
    paths: list[Path],
    saliency: str,
    score_saliency: str,
    boxes_file: str | None = None,
    roi_masks: str | None = None,
    weigher: str | None = None,
) -> tuple[list[Subject], Scoring]:
    """Gives images their scorers.

    Opens every image, map and mask, with a progress bar, so that the last one's
    absence is found at once. Maps that are predicted are kept for later.

    Args:
      saliency, score_saliency: as `map_sources.from_spec` takes them.
      roi_masks, weigher: as in `Subject` and `Scoring`.
      boxes_file: as `read_boxes` takes it.

    Raises:
      InputError: a file cannot be used, the boxes are of other images, or there are
        boxes or masks and two images of one file name, which is what these go by.
    """
    name, count = Counter(path.name for path in paths).most_common(1)[0]
    if (boxes_file or roi_masks) and count > 1:
        raise InputError(
            f"{count} images are called {name}, the name that boxes and masks go by; "
            "evaluate them apart"
        )
    boxes = read_boxes(boxes_file) if boxes_file else {}
    if boxes_file and not any(path.name in boxes for path in paths):
        raise InputError(
            f"{boxes_file}: has boxes for none of the images, such as {paths[0].name}"
        )
    given = score = map_sources.from_spec(saliency, keep=True)
    if score_saliency != saliency:
        score = map_sources.from_spec(score_saliency, "score_saliency", keep=True)
    subjects = [
        Subject(path, given, score, boxes.get(path.name, []), roi_masks)
        for path in paths
    ]
    bar = Progress(subjects, "maps", unit="image")
    encoder, scorer = zip(*(subject.origins() for subject in bar))
    scoring = Scoring(
        len(subjects),
        _origin(given, encoder),
        _origin(score, scorer),
        weigher,
        _boxes_origin(boxes_file, subjects) if boxes_file else None,
        masks.label(roi_masks) if roi_masks else None,
    )
    return subjects, scoring


def _origin(source: map_sources.Source, descriptions: tuple[str, ...]) -> str:
    """Describes the maps of all images, with counts where origins differ."""
    if source.label is not None:
        return source.label
    counts = Counter(descriptions).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return ", ".join(f"{text} ({count})" for text, count in counts)


def _boxes_origin(boxes_file: str, subjects: list[Subject]) -> str:
    annotated = sum(bool(subject.boxes) for subject in subjects)
    return f"{Path(boxes_file).name}, {annotated} images with any"


def read_boxes(path: str) -> dict[str, list[list[float]]]:
    """Reads annotated regions: image file name -> rows [left, top, right, bottom].

    Args:
      path: JSON, {name: [[left, top, right, bottom], ...]} in pixels of the image;
        or each row an object with that list under "box", and whatever else.

    Raises:
      InputError: the file is missing, not JSON, or has a box without area, at
        negative or at infinite coordinates.
    """
    try:
        annotated = json.loads(Path(path).expanduser().read_text())
        boxes = {
            name: [
                [float(v) for v in (row["box"] if isinstance(row, dict) else row)]
                for row in rows
            ]
            for name, rows in annotated.items()
        }
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: not JSON of the form "
            '{"image name": [[left, top, right, bottom], ...]}'
        ) from error
    for name, rows in boxes.items():
        for row in rows:
            if not _is_box(row):
                raise InputError(
                    f"{path}: {name} has a box {row}, not four pixel coordinates "
                    "0 <= left < right, 0 <= top < bottom"
                )
    return boxes


def _is_box(row: list[float]) -> bool:
    if len(row) != 4:
        return False
    left, top, right, bottom = row
    return 0 <= left < right < math.inf and 0 <= top < bottom < math.inf
