"""Reconstructions of a few fixed frames as training goes on, for people to look at.

workdir/samples/originals/NAME.png
workdir/samples/step_00001000/NAME.png
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from salcomp.data.frames import Frames
from salcomp.extreme_gan.evaluation import whole
from salcomp.files.images import write_png
from salcomp.training.loop import StepCounter


class Samples(StepCounter):
    """Writes samples before the first step, every so many steps, and after the last."""

    def __init__(self, start: int, model, workdir, frames: Frames, count: int, every):
        """Writes the originals and, before the first step, the first samples.

        Args:
          model: an `ExtremeGan`.
          count: how many, from the first.
          every: steps between samples.
        """
        super().__init__(start)
        self.set_model(model)
        self._folder = Path(workdir) / "samples"
        self._every = every
        chosen = range(min(count, len(frames)))
        self._frames = {
            name: whole(frames[i])
            for i, name in enumerate(file_names([frames.names[i] for i in chosen]))
        }
        if not start:
            originals = {name: f[..., :3] for name, f in self._frames.items()}
            self._write("originals", originals)
            self.after_step({})

    def after_step(self, terms):
        if self.step % self._every and self.step != self.model.config.last_step:
            return
        decoded = {
            name: self.model.reconstruct(frame[None])[0][0].numpy()
            for name, frame in self._frames.items()
        }
        self._write(f"step_{self.step:08}", decoded)

    def _write(self, name: str, pictures) -> None:
        """A folder of pictures; what has its name is of the same run, and replaced."""
        self._folder.mkdir(exist_ok=True)
        fresh = self._folder / f".{name}"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        for file, picture in pictures.items():
            write_png(fresh / f"{file}.png", picture)
        shutil.rmtree(self._folder / name, ignore_errors=True)
        os.rename(fresh, self._folder / name)


def file_names(frames: list[str]) -> list[str]:
    """A name without suffix for each frame, from the frame's own; all different."""
    stems = [Path(name).stem.replace(" ", "_") for name in frames]
    if len(set(stems)) == len(stems):
        return stems
    return [f"{i}_{stem}" for i, stem in enumerate(stems)]
