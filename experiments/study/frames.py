"""What the runs of a study are measured on, and what scores them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from experiments.study import control_frames
from experiments.study.plan import Run
from salcomp.errors import InputError
from salcomp.evaluation import subjects as scorers
from salcomp.files import disk


class EvaluationSet(NamedTuple):
    """Images with maps for the encoder, and what scores the results.

    Attributes:
      name: "test", "fixations" or "kodak".
      folder: of the images, RGBA with the encoder's map, or RGB without one.
      scorer: what scores, as `saliency_maps.saliency_for` takes it: "auto", the
        encoder's own map, or a folder of maps from elsewhere.
      boxes: JSON file of annotated regions, or None.
      arms: that are measured on it; None for all.
    """

    name: str
    folder: Path
    scorer: str = "auto"
    boxes: str | None = None
    arms: tuple[str, ...] | None = None

    def measures(self, run: Run) -> bool:
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
          maps: of which kind the encoder's are, as `arms.Arm` has it.
          count: of images at most, at equal distances through the set.
          scratch: folder for frames with other maps.

        Raises:
          InputError: a file cannot be used.
        """
        paths = spread(disk.files_in(self.folder), count)
        given = {"own": "auto", "scorer": self.scorer}.get(maps)
        if given is None:
            folder = scratch / f"{self.name}-{maps}"
            given = str(control_frames.make(maps, self.folder, folder))
        boxes = scorers.read_boxes(self.boxes) if self.boxes else {}
        if self.boxes and not any(path.name in boxes for path in paths):
            raise InputError(f"{self.boxes}: has boxes for no image of {self.folder}")
        return [
            scorers.Subject(path, given, self.scorer, boxes.get(path.name, []), None)
            for path in paths
        ]


def spread(paths: list[Path], count: int) -> list[Path]:
    """At most `count` of the paths, at equal distances."""
    if len(paths) <= count:
        return paths
    return [paths[i * len(paths) // count] for i in range(count)]
