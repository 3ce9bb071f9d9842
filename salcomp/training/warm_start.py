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
    if _prior_shapes(weights) != _prior_shapes(current):
        own = {name: current[name] for name in _prior_shapes(current)}
        kept = set(weights) - set(_prior_shapes(weights))
        weights = {**{name: weights[name] for name in kept}, **own}
    left_over = sorted(set(weights) - set(current))
    if left_over:
        raise InputError(f"the other model has a tensor {left_over[0]!r}, this has not")
    return {name: _fit(name, weights.get(name), own) for name, own in current.items()}


def _prior_shapes(weights: dict[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """The shapes of a prior's tensors, by which its kind is told."""
    return {n: value.shape for n, value in weights.items() if n.startswith("prior/")}


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
