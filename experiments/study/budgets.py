"""How much a study computes: the size of its models, and how much it measures."""

from __future__ import annotations

from typing import NamedTuple


class Budget(NamedTuple):
    """The settings of a study beside its table of runs.

    Attributes:
      flags: of salcomp.train, for all runs.
      scored: that many images of each set at most, at equal distances through it.
      refined: likewise for runs that refine each image, which takes seconds.
    """

    flags: tuple[str, ...]
    scored: int
    refined: int


BUDGETS = {
    # Minutes on built-in scenes: shows that the chain works, and nothing else.
    "smoke": Budget(("--preset=smoke",), 6, 2),
    # Hours on two cores.
    "street": Budget(("--preset=cpu",), 100, 40),
    # The size of 2019, for a machine with an accelerator.
    "full": Budget(("--preset=cpu", "--num_filters=128", "--patchsize=256"), 100, 100),
}
