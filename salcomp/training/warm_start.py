"""The weights of one model for another, which may see the map as that one did not.

It may also have another prior, or several rates.
"""

from __future__ import annotations

import numpy as np

from salcomp.errors import InputError

_FIRST_CONVOLUTION = "analysis/convs/0/"


def fitted(
    weights: dict[str, np.ndarray], current: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Weights of the shapes that a model has, by name for each of `current`.

    A four-channel encoder takes a three-channel one's kernel with zeros for the map,
    and modulations that the other model lacks stay as they are: both then compute
    what the other model computed. So do gains, and a prior of another kind, which
    begins afresh.

    Raises:
      InputError: a tensor is missing, left over, or of another shape; named.
    """
    if _names_of_prior(weights) != _names_of_prior(current):
        kept = set(weights) - _names_of_prior(weights)
        weights = {name: weights[name] for name in kept}
        fresh = _names_of_prior(current)
        weights.update((name, current[name]) for name in fresh)
    left_over = sorted(set(weights) - set(current))
    if left_over:
        raise InputError(f"the other model has a tensor {left_over[0]!r}, this has not")
    return {name: _fit(name, weights.get(name), own) for name, own in current.items()}


def _names_of_prior(weights: dict[str, np.ndarray]) -> set[str]:
    return {name for name in weights if name.startswith("prior/")}


def _fit(name: str, value: np.ndarray | None, own: np.ndarray) -> np.ndarray:
    if value is None and ("/modulations/" in name or name.startswith("gains/")):
        return own
    if value is None:
        raise InputError(f"the other model has no tensor {name!r}")
    if name.startswith(_FIRST_CONVOLUTION) and value.ndim == own.ndim:
        # Zeros for the map, on the axis of the input channels.
        added = np.subtract(own.shape, value.shape)
        if sorted(added) == [0] * (value.ndim - 1) + [1] and 3 in value.shape:
            value = np.pad(value, [(0, count) for count in added])
    if value.shape != own.shape:
        raise InputError(
            f"tensor {name!r} is {value.shape} in the other model and "
            f"{own.shape} in this one"
        )
    return value
