"""Schedules of the learning rate, as factors on it."""

from __future__ import annotations

import math

SCHEDULES = ("constant", "stepped", "cosine")
# Where the stepped schedule lowers the rate, as a fraction of all steps, and to what.
_STEPS = ((0.6, 0.3), (0.85, 0.1))
# Over how many steps the cosine schedule rises; at most this fraction of all steps.
_WARM_UP_STEPS, _WARM_UP_FRACTION = 200, 0.1


def factor(schedule: str, step: int, last_step: int) -> float:
    """The factor on the learning rate of a step, counted from 1.

    `schedule` is one of `SCHEDULES`.
    """
    if schedule == "cosine":
        warm_up = min(_WARM_UP_STEPS, int(_WARM_UP_FRACTION * last_step))
        if step <= warm_up:
            return step / warm_up
        done = (step - 1 - warm_up) / (last_step - warm_up)
        return (1 + math.cos(math.pi * done)) / 2
    found = 1.0
    if schedule == "stepped":
        for fraction, later in _STEPS:
            if step > round(fraction * last_step) + 1:
                found = later
    return found
