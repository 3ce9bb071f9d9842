"""What made a result: command, seed, versions and date, to be kept beside it."""

from __future__ import annotations

import datetime
import platform
import shlex
from importlib import metadata

_PACKAGES = ("tensorflow", "tensorflow-compression", "numpy", "pillow")


def record(experiment: str, argv: list[str], seed: int) -> dict[str, object]:
    """JSON values for a file of results.

    Args:
      experiment: the module's name within `experiments`.
      argv: as `main` got it.
      seed: that the results depend on.
    """
    return {
        "command": shlex.join(["python", "-m", f"experiments.{experiment}", *argv[1:]]),
        "seed": seed,
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in _PACKAGES},
    }
