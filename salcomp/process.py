"""What every command line does with errors and signals."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

from salcomp.errors import SalcompError


def run(main: Callable[[list[str]], int | None]) -> None:
    """Runs a tool's `main(argv)` as a process: one line per error, status 0 or 1."""
    try:
        sys.exit(main(sys.argv))
    except SalcompError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # as in `... --help | head`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - until the process ends
        sys.exit(1)


@contextlib.contextmanager
def stopped_between_steps(
    on_stop: Callable[[], None] = lambda: None,
) -> Iterator[list[int]]:
    """Lets Ctrl-C and SIGTERM end a training between steps, so that the last is whole.

    Args:
      on_stop: called when a signal comes.

    Yields:
      A list that is empty until a signal has come.
    """
    received: list[int] = []

    def stop(number, frame):
        if received:  # again: whatever holds the step up shall not hold up the user
            raise KeyboardInterrupt
        received.append(number)
        on_stop()

    previous = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
