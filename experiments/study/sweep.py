"""The trainings of a plan as lists of runs for `salcomp.run_step`, elsewhere."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path

from experiments.study.plan import Budget, PlannedRun
from experiments.study.run import settings
from salcomp.accelerator.sweep import FIELDS
from salcomp.config.base import flag_name
from salcomp.config.config import Config
from salcomp.files.disk import write_file
from salcomp.flags import Flags
from salcomp.training import flags as config_flags


def write(
    runs: list[PlannedRun], budget: Budget, frames: dict[str, Path], folder: Path
) -> list[str]:
    """Writes a list for each step to export and set of frames: `FOLDER/ARM.json`.

    Args:
      runs: of the plan.
      budget: of the plan.
      frames: folder of the training frames, by the kind of their maps.
      folder: of the lists, named for the first arm of each, and of what they train.

    Returns:
      The commands that export the steps and train the runs, in order.

    Raises:
      InputError: a list cannot be written.
    """
    lists: dict[str, list[tuple[PlannedRun, Config]]] = {}
    for run in runs:
        if run.of_arm.trains:
            config = config_of(settings(run, budget.flags))
            fields = dataclasses.asdict(config).items()
            program = [field for field in fields if field[0] not in FIELDS]
            key = repr((program, run.of_arm.maps))
            lists.setdefault(key, []).append((run, config))
    commands = []
    for members in lists.values():
        first = members[0][0]
        step_flags = (*budget.flags, *first.of_arm.flags)
        exported = config_of(step_flags)
        names = {run.name for run, _ in members}
        entries = []
        for run, config in members:
            entry = {"name": run.name}
            if run.start:
                elsewhere = f"{folder / run.start / 'state.npz'}"
                entry["start"] = run.start if run.start in names else elsewhere
            for field in FIELDS:
                if getattr(config, field) != getattr(exported, field):
                    entry[flag_name(field)] = getattr(config, field)
            entries.append(entry)
        path, step = folder / f"{first.arm}.json", folder / "steps" / first.arm
        write_file(path, (json.dumps(entries, indent=2) + "\n").encode())
        glob = f"--train_glob={frames[first.of_arm.maps]}/*.png"
        on = (f"--step={step}", f"--runs={path}", glob, f"--output={folder}")
        commands.append(["export_step", *step_flags, f"--output={step}"])
        commands.append(["run_step", *on])
    return [
        shlex.join(["python", "-m", f"salcomp.{tool}", *arguments])
        for tool, *arguments in commands
    ]


def config_of(arguments: tuple[str, ...] | list[str]) -> Config:
    """The configuration that flags of salcomp.train give."""
    values = Flags()
    config_flags.define_config_flags(values)
    values(["train", *arguments])
    return config_flags.config_from_flags(values)
