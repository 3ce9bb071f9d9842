"""What made a result: command, seed, versions and date, to be kept beside it."""

from __future__ import annotations

import datetime
import json
import os
import platform
import shlex
from importlib import metadata

from salcomp.files.disk import write_file

_PACKAGES = ("tensorflow", "tensorflow-compression", "numpy", "pillow")


def what_made(experiment: str, argv: list[str], **found) -> dict[str, object]:
    """What made a result, and what was found, as JSON values.

    Args:
      experiment: the module's name within `experiments`.
      argv: as `main` got it.
      **found: further JSON values, such as the seed that the results depend on.
    """
    return {
        "command": shlex.join(["python", "-m", f"experiments.{experiment}", *argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        **found,
    }


def write_record(
    path: str | os.PathLike, experiment: str, argv: list[str], **found
) -> None:
    """Writes `what_made` a result as a JSON file.

    Raises:
      InputError: the file cannot be written.
    """
    made = what_made(experiment, argv, **found)
    write_file(path, (json.dumps(made, indent=2) + "\n").encode())
