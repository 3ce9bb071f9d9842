"""An exported step on a device of JAX: frames, crops, noise and state stay there."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from salcomp.accelerator import xla_program
from salcomp.accelerator.exported_step import ExportedStep, Inputs
from salcomp.config import weighting
from salcomp.config.config import STRIDE, Config
from salcomp.data import sampling
from salcomp.data.frame_set import FrameSet
from salcomp.runs.state import TrainingState


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
        """Loads the program; raises InputError if this JAX cannot read it."""
        self._names = [tensor.name for tensor in exported.parameters]
        self._results = [tensor.name for tensor in exported.results]
        self._call = xla_program.load(
            exported.program, exported.parameters, exported.results
        )
        self._side = exported.config.patchsize
        batch, latents = exported.config.batchsize, self._side // STRIDE
        self._latents = (batch, latents, latents, exported.config.noise_channels)
        self._advance = jax.jit(self._scan, donate_argnums=0)

    def step(self, state: dict, inputs: dict) -> tuple[dict, jax.Array]:
        """Takes one step.

        Gives the new state, and the terms, float32 [5], in the order of `TERMS`.

        Args:
          state: arrays by "variables/NAME", "first/NAME" and "second/NAME".
          inputs: the other parameters of the program, by name.
        """
        given = {**state, **inputs}
        results = self._call(*(given[name] for name in self._names))
        found = dict(zip(self._results, results))
        terms = found.pop("terms")
        return found, terms

    def check(self, exported: ExportedStep) -> dict[str, float]:
        """Takes the steps of the self-check.

        Returns:
          The largest relative errors: of the "terms"; of Adam's "moments" after the
          last step, by norms; and of the "updates", what the steps have changed in the
          variables, by norms. The last are the roughest: the sign of a gradient that
          rounding alone decides moves a variable by the whole learning rate.
        """
        state, terms = to_device(exported.start), []
        step = jax.jit(self.step)
        for i in range(len(exported.check["terms"])):
            given = exported.check
            inputs = {name: given[f"inputs/{i}/{name}"] for name in Inputs._fields}
            state, found = step(state, inputs)
            terms.append(np.asarray(found))
        ratios = np.stack(terms) / exported.check["terms"]
        errors = {"terms": np.abs(ratios - 1), "moments": [], "updates": []}
        for name, start in exported.start.tensors().items():
            kind = "updates" if name.startswith("variables/") else "moments"
            error = _relative(np.asarray(state[name]), exported.check[name], start)
            errors[kind].append(error)
        return {kind: float(np.max(found)) for kind, found in errors.items()}

    def advance(
        self, state: dict, frames: FrameSet, image_means, config: Config, step, count
    ):
        """Takes the steps `step` + 1 to `step` + `count` of a run.

        The frames are on the device. Gives the new state, and the terms, float32
        [count, 5].

        Args:
          state: as `step` takes it; its arrays are used up.
          image_means: float32 [F], means of the run's raw weight over the frames.
          count: steps to take; each count is compiled once.
        """
        settings = {
            "lmbda": np.float32(config.lmbda),
            "weighting": np.float32(weighting.coefficients(config)),
            "weight_distortion": np.bool_(config.weight_distortion),
        }
        draws = _draws(frames, image_means, config, step, count)
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

        # XLA's CPU backend takes twenty times as long for a convolution in a loop.
        if len(draws.step) == 1:
            state, terms = body(state, jax.tree.map(lambda x: x[0], draws))
            return state, terms[None]
        return jax.lax.scan(body, state, draws)


def _draws(frames: FrameSet, image_means, config: Config, step: int, count: int):
    """The `_Draws` of `count` steps, those that `batches` of the trainer has."""
    rows, size = [], config.batchsize
    for i in range(step, step + count):
        crops = sampling.crops(config.seed, i, size, frames.sizes, config.crop)
        divisor = weighting.divisor(config, image_means[crops.frames])
        rows.append(
            _Draws(
                *(x.astype(np.int32) for x in crops),
                np.broadcast_to(np.float32(divisor), size),
                sampling.noise_keys(config.seed, i),
                np.float32(config.learning_rate_of(i + 1)),
                np.int32(i + 1),
            )
        )
    return _Draws(*map(np.stack, zip(*rows)))


def to_device(state: TrainingState) -> dict[str, jax.Array]:
    """The tensors of a state, by name, on the device."""
    return jax.device_put(state.tensors(), jax.devices()[0])


def _relative(actual: np.ndarray, expected: np.ndarray, start) -> float:
    """The norm of an error as a fraction of that of the change from `start`."""
    change = max(np.linalg.norm(expected - start), np.finfo(np.float32).tiny)
    return float(np.linalg.norm(actual - expected) / change)
