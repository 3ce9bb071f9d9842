"""Trains the model of a run, by salcomp.train in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from experiments.study.plan import Run
from salcomp.errors import SalcompError


def is_trained(folder: Path) -> bool:
    """Whether a run's folder has the model that it ends with."""
    return (folder / "model" / "fingerprint.txt").is_file()


def train(run: Run, folder: Path, frames: Path, flags: tuple[str, ...]) -> None:
    """Trains a run to its end, from where it was left.

    Args:
      run: of an arm that trains.
      folder: of the run; that of the run it starts from lies beside.
      frames: folder of the training frames.
      flags: of the budget.

    Raises:
      SalcompError: the training failed; its log is in `FOLDER.log`.
    """
    command = [sys.executable, "-m", "salcomp.train", *arguments(run, folder, flags)]
    command.append(f"--train_glob={frames / '*.png'}")
    log = folder.with_name(f"{folder.name}.log")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
        try:
            status = process.wait()
        except BaseException:  # Ctrl-C: let it save its last step
            process.terminate()
            process.wait()
            raise
    if status:
        last = log.read_text().splitlines()[-1:]
        raise SalcompError(f"training {run.name} failed: {''.join(last)} (see {log})")


def arguments(run: Run, folder: Path, flags: tuple[str, ...]) -> list[str]:
    """The flags of salcomp.train that a run stands for, save those of the frames."""
    found = [
        *flags,
        *run.of_arm.flags,
        f"--lambda={run.lmbda:g}",
        f"--seed={run.seed}",
        f"--last_step={run.steps}",
        f"--learning_rate={run.learning_rate:g}",
        f"--workdir={folder}",
    ]
    if run.floor is not None:
        found.append(f"--saliency_floor={run.floor:g}")
    if run.weighting is not None:
        found.append(f"--saliency_weighting={run.weighting}")
    if run.normalization is not None:
        found.append(f"--weight_normalization={run.normalization}")
    if run.start is not None:
        found.append(f"--init_from={folder.parent / run.start}")
    return found
