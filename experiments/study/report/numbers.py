"""Numbers in words: the one place where the report rounds.

Processors differ in the last bit of a logarithm or of a product of matrices (numpy and
BLAS choose their kernels by the processor), so that no number may hang on it: neither
on which side of a rounding edge it lies, nor on the sign of what rounds to zero.
"""

from __future__ import annotations

import numpy as np

from salcomp.metrics.bd_rate import Interval


def number(value: float, spec: str) -> str:
    """A number as it stands on the page.

    Args:
      value: first rounded to eight significant digits, as the records keep it.
      spec: of Python's `format`; a sign is left out where zero is left.
    """
    text = format(float(f"{value:.8g}"), spec)
    return text if float(text) else text.lstrip("+-")


def percent(value: float) -> str:
    """A change in percent, with its sign."""
    return f"{number(value, '+.1f')} %"


def with_interval(found: Interval | None, spec: str = "+.1f", unit: str = "") -> str:
    """A value with its 95 % interval; a dash where there is none.

    Args:
      found: the value, or None.
      spec: as `number` takes it.
      unit: what follows the value, with the space before it.
    """
    if found is None:
        return "–"
    value, low, high = (number(one, spec) for one in found)
    interval = "(no interval)" if np.isnan(found.low) else f"[{low}, {high}]"
    return f"{value}{unit} {interval}"
