"""What all command lines share: flag parsing, help, and one-line errors."""

from __future__ import annotations

import logging as standard_logging
import sys

from absl import flags, logging

from salcomp import process
from salcomp.errors import InputError


def parse(
    flag_values: flags.FlagValues, argv: list[str], doc: str, files: bool = False
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
    if "help" not in flag_values:
        flags.DEFINE_boolean(
            "help", False, "Print this help and exit.", flag_values=flag_values
        )
    for name in flag_values:
        flag_values[name].unparse()
    try:
        positional = flag_values(argv)[1:]
    except flags.Error as error:
        message = " ".join(str(error).split())
        raise InputError(f"{message} (--help lists the flags)") from error
    if flag_values.help:
        print(f"{doc.strip()}\n\nFlags:\n{flag_values.get_help()}")
        raise SystemExit(0)
    if positional and not files:
        raise InputError(
            f"{positional[0]!r} is no flag, and flags are all that this tool takes "
            "(--help lists them)"
        )
    return positional


def numbers(flag_values: flags.FlagValues, name: str, kind: type = float) -> list:
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


def run(main) -> None:
    """Runs a tool's `main(argv)` as a process, with absl's log on standard error."""
    flags.FLAGS(sys.argv[:1])  # absl's logging waits for its own flags
    logging.use_absl_handler()
    logging.set_verbosity(logging.INFO)
    logging.get_absl_handler().setFormatter(
        standard_logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    )
    process.run(main)
