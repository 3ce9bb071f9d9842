"""What all command lines share: flags, help, one-line errors, signals, and times.

absl is imported where it is used: `run_step` runs where it is missing.
"""

from __future__ import annotations

import contextlib
import logging as standard_logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from salcomp.errors import InputError, SalcompError

if TYPE_CHECKING:
    from salcomp.flags import Flags


def parse(
    flag_values: Flags, argv: list[str], doc: str, files: bool = False
) -> list[str]:
    """Parses `argv` into `flag_values` and returns the positional arguments.

    Values of an earlier call in the same process are forgotten. `--help` prints
    the tool's flags and exits with status 0.

    Args:
      flag_values: the flags that the tool defines, and no others.
      argv: the program's name, then its arguments.
      doc: what `--help` prints above the flags: the tool's docstring.
      files: whether the tool takes positional arguments.

    Raises:
      InputError: a flag is unknown or has a value that it cannot take, or there are
        arguments that the tool has no use for.
    """
    from absl import flags

    if "help" not in flag_values:
        flag_values.boolean("help", False, "Print this help and exit.")
    for name in flag_values:
        flag_values[name].unparse()
    try:
        positional = flag_values(argv)[1:]
    except flags.Error as error:
        message = " ".join(str(error).split())
        raise InputError(f"{message} (--help lists the flags)") from error
    if flag_values.help:
        # absl groups flags by the module that defines them, which is one for all.
        _, listed = flag_values.get_help().strip().split("\n", 1)
        print(f"{doc.strip()}\n\nFlags:\n{listed}")
        raise SystemExit(0)
    if positional and not files:
        raise InputError(
            f"{positional[0]!r} is no flag, and flags are all that this tool takes "
            "(--help lists them)"
        )
    return positional


def numbers(flag_values: Flags, name: str, kind: type = float) -> list:
    """The values of a list flag, as numbers.

    Args:
      flag_values: has the flag.
      name: of the flag.
      kind: float or int.

    Raises:
      InputError: one is no such number, or there are none.
    """
    try:
        found = [kind(value) for value in flag_values[name].value]
    except ValueError as error:
        what = "whole numbers" if kind is int else "numbers"
        raise InputError(f"--{name} must be {what}: {error}") from error
    if not found:
        raise InputError(f"--{name} is empty; give one number or more")
    return found


def define_output_flags(flag_values: Flags, outputs: str) -> None:
    """Defines the flags of a tool that turns image files into others, or back.

    Args:
      flag_values: to define them in.
      outputs: what --output_dir is the folder of, and where outputs go without it.
    """
    flag_values.string(
        "output_dir",
        None,
        f"Folder of {outputs} Folders within those that are given are kept.",
    )
    flag_values.boolean("overwrite", False, "Whether to replace outputs that exist.")
    flag_values.integer(
        "max_pixels",
        None,
        "Refuse images with more pixels: by default 67,108,864, and 4,194,304 with a "
        "GAN or a recurrent model.",
        lower_bound=1,
    )


def run(main: Callable[[list[str]], int | None]) -> None:
    """Runs a tool's `main(argv)` as a process, with absl's log on standard error."""
    from absl import flags, logging

    flags.FLAGS(sys.argv[:1])  # absl's logging waits for its own flags
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().setFormatter(
        standard_logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    )
    run_process(main)


def run_process(main: Callable[[list[str]], int | None]) -> None:
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


def duration(seconds: float) -> str:
    """A span of time in its largest fitting unit, such as "2.5 hours"."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
