"""How far long work has come: a bar on a terminal, lines in the log elsewhere."""

from __future__ import annotations

import sys
import time

from absl import logging
from tqdm import tqdm

from salcomp.cli import duration

_SECONDS = 30  # between lines of the log


class Progress(tqdm):
    """tqdm's bar; where there is no terminal, a line in the log twice a minute.

    A line tells what is done, of how much, and how long is left. Work that ends before
    the first is due leaves none. Takes what tqdm takes.
    """

    def __init__(self, *args, **options):
        self._lines = not sys.stderr.isatty()
        self._told = time.monotonic()
        if self._lines:
            options |= {"mininterval": _SECONDS, "miniters": 1, "leave": False}
        super().__init__(*args, **options)

    def skip(self, count: int) -> None:
        """Counts what was done before, which tells nothing of the speed."""
        self.initial += count
        self.update(count)

    def display(self, msg=None, pos=None):
        """Draws the bar, or writes the line."""
        if not self._lines:
            return super().display(msg, pos)
        now = time.monotonic()
        done_now = self.n - self.initial
        unfinished = self.total and self.n < self.total
        if done_now and unfinished and now - self._told >= _SECONDS:
            self._told = now
            found = self.format_dict
            left = found["elapsed"] * (self.total - self.n) / done_now
            names = ": ".join(filter(None, (found["prefix"], found["postfix"])))
            done = f"{self.n} of {self.total}{_unit(found['unit'])}"
            what = f"{names}: {done}" if names else done
            logging.info("%s, about %s left", what, duration(left))
        return None

    def clear(self, nolock=False):
        """Removes the bar, if there is one."""
        if not self._lines:
            super().clear(nolock)


def _unit(unit: str) -> str:
    """tqdm's own unit is "it"."""
    return "" if unit == "it" else f" {unit}s"
