"""Lines of the log, each once in a process: tools read a file several times."""

from __future__ import annotations

import functools
import logging


@functools.cache
def warn(message: str) -> None:
    """Logs a line, unless it was logged before."""
    logging.getLogger(__name__).warning("%s", message)
