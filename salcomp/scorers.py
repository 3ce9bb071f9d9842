"""What scores each image of an evaluation: a map, annotated regions, and their origin.

Saliency-weighted numbers mean nothing without the map behind them, so it is named
in every result file and figure. Scoring with the map that the encoder had is
circular; maps from elsewhere and annotated regions are not.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from salcomp import images, saliency_maps
from salcomp.errors import InputError


class Subject(NamedTuple):
    """An image to code, and what it is scored with.

    Attributes:
      path: the image file.
      saliency, score_saliency: specifications, as `saliency_maps.saliency_for` takes
        them, of the encoder's map and the scorer's.
      boxes: annotated regions, rows [left, top, right, bottom] in pixels.
    """

    path: Path
    saliency: str
    score_saliency: str
    boxes: list[list[float]]

    def load(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """RGB uint8 [H, W, 3]; the encoder's map, the scorer's, float32 [H, W].

        Raises:
          InputError: the image or a map cannot be read.
        """
        image = images.read_image(self.path)
        given, _ = saliency_maps.saliency_for(self.saliency, self.path, image)
        score, _ = saliency_maps.saliency_for(self.score_saliency, self.path, image)
        return image.rgb, given, score

    def origins(self) -> tuple[str, str]:
        """In words, where the encoder's map and the scorer's are from.

        Raises:
          InputError: as `load`.
        """
        image = images.read_image(self.path)
        return tuple(
            saliency_maps.saliency_for(spec, self.path, image)[1]
            for spec in (self.saliency, self.score_saliency)
        )


class Scoring(NamedTuple):
    """In words, what the numbers of this evaluation rest on.

    Attributes:
      images: how many.
      encoder_map, scorer_map: where the maps are from.
      weigher: the series whose training weight "ewpsnr-train" has, or None.
      boxes: the annotated regions' file and how many of the images have any, or None.
    """

    images: int
    encoder_map: str
    scorer_map: str
    weigher: str | None
    boxes: str | None

    def of(self, metric: str) -> str:
        """The map, weight or boxes behind one metric; empty for plain ones."""
        if metric in ("psnr-rgb", "ms-ssim-rgb-db"):
            return ""
        if metric == "ewpsnr-train":
            return f"weight that {self.weigher} was trained with, {self.encoder_map}"
        if "boxes" in metric:
            return f"boxes: {self.boxes}"
        return f"map that scores: {self.scorer_map}"

    def title(self, metric: str) -> str:
        """For the figure of a metric."""
        return "; ".join(filter(None, (f"{self.images} images", self.of(metric))))

    def description(self, parameter: str) -> str:
        """For the file of a series with this parameter, "lambda" or "quality"."""
        encoder_map = self.encoder_map if parameter == "lambda" else "none"
        parts = [
            f"{self.images} images at a fixed {parameter} per point",
            "bpp of whole files, dB averaged in dB, regions over the images with any",
            f"map given to the encoder: {encoder_map}",
            self.of("ewpsnr"),
        ]
        if self.weigher:
            parts.append(f"ewpsnr-train: {self.of('ewpsnr-train')}")
        if self.boxes:
            parts.append(self.of("boxes-psnr"))
        return "; ".join(parts)


def scored(
    paths: list[Path],
    saliency: str,
    score_saliency: str,
    boxes_file: str | None = None,
    weigher: str | None = None,
) -> tuple[list[Subject], Scoring]:
    """Images with their scorers.

    Opens every image and map, so that the last one's absence is found at once.

    Args:
      paths: the images.
      saliency, score_saliency, weigher: as in `Subject` and `Scoring`.
      boxes_file: as `read_boxes` takes it.

    Raises:
      InputError: a file cannot be used, or the boxes are of other images.
    """
    boxes = read_boxes(boxes_file) if boxes_file else {}
    if boxes_file and not any(path.name in boxes for path in paths):
        raise InputError(
            f"{boxes_file}: has boxes for none of the images, such as {paths[0].name}"
        )
    subjects = [
        Subject(path, saliency, score_saliency, boxes.get(path.name, []))
        for path in paths
    ]
    encoder, scorer = zip(*(subject.origins() for subject in subjects))
    scoring = Scoring(
        len(subjects),
        _origin(saliency, encoder),
        _origin(score_saliency, scorer),
        weigher,
        _boxes_origin(boxes_file, subjects) if boxes_file else None,
    )
    return subjects, scoring


def _origin(spec: str, descriptions: tuple[str, ...]) -> str:
    """One description for all images, with counts where they differ."""
    if spec not in ("auto", "center", "uniform"):
        given = Path(spec).expanduser().resolve()
        # By its last name: the folders above mean nothing to another reader.
        return f"mask{'s in' if given.is_dir() else ''} {given.name}"
    counts = Counter(descriptions).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return ", ".join(f"{text} ({count})" for text, count in counts)


def _boxes_origin(boxes_file: str, subjects: list[Subject]) -> str:
    annotated = sum(bool(subject.boxes) for subject in subjects)
    return f"{Path(boxes_file).name}, {annotated} images with any"


def read_boxes(path: str) -> dict[str, list[list[float]]]:
    """Annotated regions: image file name -> rows [left, top, right, bottom].

    Args:
      path: JSON, {name: [[left, top, right, bottom], ...]} in pixels of the image;
        or each row an object with that list under "box", and whatever else.

    Raises:
      InputError: the file is missing, not JSON, or has a box without area.
    """
    try:
        annotated = json.loads(Path(path).read_text())
        boxes = {
            name: [
                [float(v) for v in (row["box"] if isinstance(row, dict) else row)]
                for row in rows
            ]
            for name, rows in annotated.items()
        }
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path}: not JSON of the form "
            '{"image name": [[left, top, right, bottom], ...]}'
        ) from error
    for name, rows in boxes.items():
        for row in rows:
            if len(row) != 4 or not (row[0] < row[2] and row[1] < row[3]):
                raise InputError(
                    f"{path}: {name} has a box {row}, not left < right and top < bottom"
                )
    return boxes
