"""An exported step on a device of JAX: frames, crops, noise and state stay there."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from salcomp import sampling, weighting, xla_program
from salcomp.config import STRIDE, Config
from salcomp.exported_step import ExportedStep
from salcomp.frame_set import FrameSet
from salcomp.training_state import TrainingState

_STATE = ("variables", "first", "second")


class _Draws(NamedTuple):
    """What steps need of the host: each array has a row per step.

    Attributes:
      frames, tops, lefts: int32 [K, B], of the crops.
      divisor: float32 [K, B].
      keys: uint32 [K, 2], of the noise.
      learning_rate: float32 [K].
      step: int32 [K], from 1.
    """

    frames: np.ndarray
    tops: np.ndarray
    lefts: np.ndarray
    divisor: np.ndarray
    keys: np.ndarray
    learning_rate: np.ndarray
    step: np.ndarray


class DeviceStep:
    """The program of an exported step, compiled for JAX's default device."""

    def __init__(self, exported: ExportedStep):
        """Loads the program.

        Raises:
          InputError: this version of JAX cannot read it.
        """
        self._names = [tensor.name for tensor in exported.parameters]
        self._results = [tensor.name for tensor in exported.results]
        self._call = xla_program.load(
            exported.program, exported.parameters, exported.results
        )
        self._side = exported.config.patchsize
        batch, latents = exported.config.batchsize, self._side // STRIDE
        self._latents = (batch, latents, latents, exported.config.num_filters)
        self._advance = jax.jit(self._scan, donate_argnums=0)

    def step(self, state: dict, inputs: dict) -> tuple[dict, jax.Array]:
        """Takes one step.

        Args:
          state: arrays by "variables/NAME", "first/NAME" and "second/NAME".
          inputs: the other parameters of the program, by name.

        Returns:
          The new state, and the terms, float32 [5], in the order of `TERMS`.
        """
        given = {**state, **inputs}
        results = self._call(*(given[name] for name in self._names))
        found = dict(zip(self._results, results))
        terms = found.pop("terms")
        return found, terms

    def check(self, exported: ExportedStep) -> tuple[float, float]:
        """Takes the steps of the self-check.

        Returns:
          The largest relative error of a term; and, of the tensors after the last
          step, the largest ratio of the norm of the error to that of the tensor.
        """
        state, term_error = to_device(exported.start), 0.0
        step = jax.jit(self.step)
        for i, expected in enumerate(exported.check["terms"]):
            prefix = f"inputs/{i}/"
            inputs = {
                name[len(prefix) :]: value
                for name, value in exported.check.items()
                if name.startswith(prefix)
            }
            state, terms = step(state, inputs)
            errors = np.abs(np.asarray(terms) / expected - 1)
            term_error = max(term_error, float(errors.max()))
        state_error = max(
            float(np.linalg.norm(state[name] - value) / np.linalg.norm(value))
            for name, value in exported.check.items()
            if name in state
        )
        return term_error, state_error

    def advance(self, state: dict, frames: FrameSet, config: Config, step: int, count):
        """Takes the steps `step` + 1 to `step` + `count` of a run.

        Args:
          state: as of `step`; its arrays are used up.
          frames: on the device.
          config: of the run.
          step: steps taken.
          count: steps to take; each count is compiled once.

        Returns:
          The new state, and the terms, float32 [count, 5].
        """
        settings = {
            "lmbda": np.float32(config.lmbda),
            "weighting": np.float32(weighting.coefficients(config)),
            "weight_distortion": np.bool_(config.weight_distortion),
        }
        draws = _draws(frames, config, step, count)
        return self._advance(state, frames.pixels, settings, draws)

    def _scan(self, state, pixels, settings, draws: _Draws):
        counters = jnp.arange(np.prod(self._latents), dtype=jnp.uint32)
        shape = (1, self._side, self._side, 4)

        def crop(frame, top, left):
            return jax.lax.dynamic_slice(pixels, (frame, top, left, 0), shape)[0]

        def body(state, draw: _Draws):
            noise = sampling.noise_of(draw.keys, counters).reshape(self._latents)
            inputs = {
                "rgba": jax.vmap(crop)(draw.frames, draw.tops, draw.lefts),
                "divisor": draw.divisor,
                "noise": noise,
                "learning_rate": draw.learning_rate,
                "step": draw.step,
                **settings,
            }
            return self.step(state, inputs)

        if len(draws.step) == 1:  # a loop of one costs XLA's CPU backend its threads
            state, terms = body(state, jax.tree.map(lambda x: x[0], draws))
            return state, terms[None]
        return jax.lax.scan(body, state, draws)


def _draws(frames: FrameSet, config: Config, step: int, count: int) -> _Draws:
    """The draws of `count` steps, those that `batches` of the trainer has."""
    rows, image_means = [], frames.image_means(config)
    for i in range(step, step + count):
        crops = sampling.crops(
            config.seed, i, config.batchsize, frames.sizes, config.patchsize
        )
        divisor = weighting.divisor(config, image_means[crops.frames])
        rows.append(
            _Draws(
                *(x.astype(np.int32) for x in crops),
                np.broadcast_to(np.float32(divisor), config.batchsize),
                sampling.noise_keys(config.seed, i),
                np.float32(config.learning_rate_of(i + 1)),
                np.int32(i + 1),
            )
        )
    return _Draws(*map(np.stack, zip(*rows)))


def to_device(state: TrainingState) -> dict[str, jax.Array]:
    """The tensors of a state, by "variables/NAME", "first/NAME" and "second/NAME"."""
    return {
        f"{group}/{name}": jnp.asarray(value)
        for group in _STATE
        for name, value in getattr(state, group).items()
    }


def from_device(config: Config, step: int, tensors: dict) -> TrainingState:
    """The state of a run between two steps, with its tensors on the host."""
    groups = {group: {} for group in _STATE}
    for key, value in tensors.items():
        group, name = key.split("/", 1)
        groups[group][name] = np.asarray(value)
    return TrainingState(config, step, **groups)
