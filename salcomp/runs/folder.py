"""A run's folder: its configuration, checkpoints and metrics, and how it goes on.

workdir/config.json    what the run computes, and from which frames
workdir/checkpoints/   weights, optimizer state and step
workdir/metrics.csv    a row per step
workdir/validation.csv a row per validation
workdir/events.*       the same for TensorBoard, with images
workdir/model/         the export that compresses and decompresses
workdir/samples/       reconstructions as training goes on (a GAN's)
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

from salcomp.config.base import BaseConfig, flag_name
from salcomp.config.config import Config
from salcomp.errors import InputError
from salcomp.files import disk


@contextlib.contextmanager
def held(workdir: str | os.PathLike) -> Iterator[None]:
    """Makes the folder of a run, if need be, and holds it for this process.

    Raises InputError if it cannot be made, or another process is at work there.
    """
    try:
        Path(workdir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{workdir}: unfit for a run ({error.strerror})") from error
    with disk.locked(Path(workdir)):
        yield


def start(
    workdir: str,
    config: BaseConfig,
    data: dict[str, object],
    saved: str = "checkpoints",
) -> None:
    """Begins a run, or makes sure that an existing one is the same run.

    Args:
      workdir: of the run; made if need be.
      data: what the frames are, as JSON values.
      saved: name within the folder of what is there once a step has been saved.

    Raises:
      InputError: the folder holds another run; the message says what differs.
    """
    path = Path(workdir) / "config.json"
    wanted = {"config": dataclasses.asdict(config), "data": data}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # What is hidden is what a killed process left.
        others = [p for p in path.parent.iterdir() if not p.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{workdir}: unfit for a run ({error.strerror})") from error
    if not path.exists() and others:
        raise InputError(
            f"{workdir} is not empty and holds no run; choose another folder"
        )
    if not (path.parent / saved).exists():  # no step of it was ever saved
        disk.write_file(path, (json.dumps(wanted, indent=2) + "\n").encode())
        return
    found = _read(path)
    found["config"] = {**config.defaults(), **found["config"]}
    found["data"] = {**data, **found["data"]}  # earlier versions told less
    found, wanted = (json.loads(json.dumps(run)) for run in (found, wanted))
    differences = [
        f"{flag_name(name)} was {found[part].get(name)!r} and is now {value!r}"
        for part in ("config", "data")
        for name, value in wanted[part].items()
        if not _same(found[part].get(name), value)
    ]
    if differences:
        raise InputError(
            f"{workdir} holds another run: {'; '.join(differences)}; "
            "choose another folder for this one"
        )


def _same(found, wanted) -> bool:
    """Whether two JSON values agree; means may differ in how they were summed up."""
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-12)
    return found == wanted


def read_config(workdir: str, kind: type[BaseConfig] = Config) -> BaseConfig:
    """The configuration, of class `kind`, of the run in a folder.

    Raises InputError if the folder holds no run, or one of another kind of model or
    another version of salcomp.
    """
    path = Path(workdir) / "config.json"
    if not path.exists():
        raise InputError(f"{workdir} holds no run (no config.json)")
    return kind.from_dict(_read(path)["config"])


def _read(path: Path) -> dict:
    try:
        run = json.loads(path.read_text())
        if not (isinstance(run["config"], dict) and isinstance(run["data"], dict)):
            raise TypeError
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the config.json of a run") from error
    return run
