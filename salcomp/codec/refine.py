"""Refinement at encoding time: better latents for one image, same decoder.

The decoder is blind, so any encoder may serve it. Starting from y = g_a(...), the
latents are improved by gradient descent on R + lambda D, with the D of the model's
training, decoder and prior frozen (Campos et al., "Content adaptive optimization for
neural image compression", CVPR workshops 2019). In place of the rounding stands
stochastic Gumbel annealing (Yang, Bamler, Mandt, "Improving inference for neural image
compression", NeurIPS 2020): each latent is drawn between the two values of the lattice
around it, softly at first, and harder and closer to the rounding as it cools.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from salcomp.codec.base import Encoded
from salcomp.codec.codec import Codec
from salcomp.errors import InputError
from salcomp.model.distortion import distortion

# Steps of Adam: this rate for the first two thirds, then a third of it.
_LEARNING_RATE = 0.03
_LATE_FRACTION, _LATE_FACTOR = 2 / 3, 1 / 3
# Temperature of the draws, by the share t of the steps that is done: .5 at most, and
# later .5 exp(-cooling (t - start)). Chosen on photographs of EyeCrowd, by R + lambda D
# under uniform weights: results/measurements.md.
_WARMEST, _COOLING, _COOLING_START = 0.5, 1.6, 0.3
_CHECK_EVERY = 10  # steps between roundings
_NEXT_DRAW = 2**30  # more than the steps of any refinement
_EPSILON = 1e-5  # keeps logarithms finite


class Refiner:
    """Refines the latents of images with one model, lambda and number of steps.

    The step is compiled anew where an image has another size than the one before. It
    holds the feature maps of the whole image: half a GB per megapixel at N = 128.
    Several threads may refine, each an image of its own: for small ones, whose step
    leaves cores idle, the fastest.

    Attributes:
      codec: whose latents these are.
      steps: of gradient descent per image.
      lmbda: trade-off in bit per pixel per squared 8-bit level.
    """

    def __init__(self, codec: Codec, steps: int, lmbda: float | None, seed: int):
        """Makes a refiner.

        Args:
          steps: of gradient descent, at least 1.
          lmbda: trade-off in bit per pixel per squared 8-bit level; the model's own
            if None.
          seed: of the noise, 0..2**31 - 1.

        Raises:
          InputError: lambda or the number of steps is out of range, or the codec has no
            rate to descend on.
        """
        if not isinstance(codec, Codec):
            raise InputError(
                "refinement is for models with a prior, which a GAN lacks; leave it out"
            )
        lmbda = codec.lmbda if lmbda is None else lmbda
        if not 0 < lmbda < np.inf:
            raise InputError(f"lambda must be more than 0 and finite, not {lmbda}")
        if steps < 1:
            raise InputError(f"refinement takes at least 1 step, not {steps}")
        self.codec = codec
        self.steps = steps
        self.lmbda = lmbda
        self._seed = seed
        self._own = threading.local()

    def refine(
        self,
        rgb: np.ndarray,
        saliency: np.ndarray,
        weight: np.ndarray,
        progress: Callable[[], None] = lambda: None,
        lmbda: float | None = None,
    ) -> np.ndarray:
        """The best rounded latents seen, never worse than those of the encoder.

        They are as the codec's `quantize` gives them.

        Args:
          rgb: uint8 [H, W, 3].
          saliency: float32 [H, W], 0..1, which the encoder starts from.
          weight: float32 [H, W], of the distortion; divided by its mean here.
          progress: called after each step.
          lmbda: trade-off in the place of the refiner's, more than 0; a model of
            several rates goes to the one that is closest.

        Raises:
          InputError: the image is too small for the model's distortion.
        """
        lmbda = self.lmbda if lmbda is None else lmbda
        codec = self.codec.at_lambda(lmbda)
        start = codec.analyze(rgb, saliency)
        problem = self._problem_of(rgb.shape[:2], start)
        problem.begin(rgb, weight / weight.mean(), start, codec.gain, lmbda)
        best = codec.quantize(start)
        best_cost = problem.cost(best)
        for step in range(self.steps):
            late = step >= _LATE_FRACTION * self.steps
            rate = _LEARNING_RATE * (_LATE_FACTOR if late else 1)
            temperature = _temperature(step / self.steps)
            problem.step(tf.constant([self._seed, step]), rate, temperature)
            if (step + 1) % _CHECK_EVERY == 0 or step + 1 == self.steps:
                rounded = codec.quantize(problem.values())
                cost = problem.cost(rounded)
                if cost < best_cost:
                    best, best_cost = rounded, cost
            progress()
        return best

    def _problem_of(self, size: tuple[int, int], latents) -> _Problem:
        """This thread's problem, with variables of the image's size."""
        if getattr(self._own, "size", None) != size:
            self._own.problem = _Problem(self.codec, size, latents)
            self._own.size = size
        return self._own.problem


class Refinement(NamedTuple):
    """A refiner and the weight that it minimises under.

    Attributes:
      refiner: of a model.
      weight_of: the weight of the distortion at a map, float32 [H, W] to float32
        [H, W], of which only the proportions count; uniform if None.
    """

    refiner: Refiner
    weight_of: Callable[[np.ndarray], np.ndarray] | None

    def encode(
        self,
        rgb: np.ndarray,
        saliency: np.ndarray,
        lmbda: float | None = None,
        progress: Callable[[], None] = lambda: None,
    ) -> Encoded:
        """Compresses an image by refined latents; arguments as `Refiner.refine`."""
        weight = (self.weight_of or np.ones_like)(saliency)
        refiner = self.refiner
        lmbda = refiner.lmbda if lmbda is None else lmbda
        latents = refiner.refine(rgb, saliency, weight, progress, lmbda)
        return refiner.codec.at_lambda(lmbda).encode_latents(latents, rgb.shape[:2])


def _temperature(done: float) -> float:
    """Of the draws, where a share of the steps is done."""
    return _WARMEST * min(1.0, math.exp(-_COOLING * (done - _COOLING_START)))


class _Problem:
    """R + lambda D of one image as a function of its latents, and Adam on it."""

    def __init__(self, codec: Codec, size: tuple[int, int], latents):
        """Makes the variables, those of the latents shaped as the given ones."""
        height, width = size
        self._codec = codec
        self._lmbda = tf.Variable(0.0, trainable=False)
        self._gain = tf.Variable(tf.zeros(codec.gain.shape), trainable=False)
        self._distortion = distortion(codec.config.distortion)
        self._rgb = tf.Variable(tf.zeros((1, height, width, 3)), trainable=False)
        self._weight = tf.Variable(tf.zeros((1, height, width)), trainable=False)
        self._latents = tf.nest.map_structure(tf.Variable, latents)
        self._optimizer = tf.keras.optimizers.Adam()
        self._optimizer.build(tf.nest.flatten(self._latents))

    def begin(self, rgb, weight, latents, gain, lmbda) -> None:
        """Sets the image, its weight of mean 1, the latents to start from, lambda.

        The decoder divides the latents by the gain.
        """
        self._rgb.assign(rgb[None].astype(np.float32))
        self._weight.assign(weight[None])
        tf.nest.map_structure(lambda v, y: v.assign(y), self._latents, latents)
        self._gain.assign(gain)
        self._lmbda.assign(lmbda)
        for variable in self._optimizer.variables:
            variable.assign(tf.zeros_like(variable))

    def values(self):
        """The latents as they are."""
        return tf.nest.map_structure(lambda v: v.numpy(), self._latents)

    def _lagrangian(self, y, bits):
        _, height, width, _ = self._rgb.shape
        x_hat = self._codec.model.decode(y / self._gain)[:, :height, :width]
        distorted = self._distortion(self._rgb, x_hat, self._weight)[0]
        return bits[0] / (height * width) + self._lmbda * distorted

    @tf.function(autograph=False)
    def cost(self, latents):
        """R + lambda D of quantised latents."""
        return self._lagrangian(*self._codec.rated(latents))

    def step(self, seed, learning_rate, temperature) -> None:
        """One step of Adam on latents drawn with the given seed, int32 [2]."""
        self._optimizer.learning_rate = learning_rate
        self._descend(seed, tf.constant(temperature, tf.float32))

    @tf.function(autograph=False)
    def _descend(self, seed, temperature):
        variables = tf.nest.flatten(self._latents)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            draw = _Draw(seed, temperature)
            loss = self._lagrangian(*self._codec.relaxed(self._latents, draw))
        gradients = tape.gradient(loss, variables)
        self._optimizer.apply_gradients(zip(gradients, variables))


class _Draw:
    """Draws latents between the two lattice points around each, towards one.

    The two have logits -atanh(r) / T and -atanh(1 - r) / T, r being the latent's
    distance from the lower one, and are mixed by a Gumbel softmax of temperature T.
    With two of them, the difference of the Gumbels is one logistic number.
    """

    def __init__(self, seed: tf.Tensor, temperature: tf.Tensor):
        """Begins with a seed, int32 [2]; each call has numbers of its own."""
        self._seed, self._temperature = seed, temperature

    def __call__(self, latents: tf.Tensor, offset) -> tf.Tensor:
        """Draws around the whole numbers, moved by an offset."""
        y = latents - offset
        lower = tf.floor(y)
        r = tf.clip_by_value(y - lower, _EPSILON, 1 - _EPSILON)
        logit = (tf.atanh(r) - tf.atanh(1 - r)) / self._temperature
        uniform = tf.random.stateless_uniform(
            y.shape, self._seed, _EPSILON, 1 - _EPSILON
        )
        logistic = tf.math.log(uniform) - tf.math.log1p(-uniform)
        upper = tf.sigmoid((logit + logistic) / self._temperature)
        self._seed += [0, _NEXT_DRAW]  # in the place of the step
        return lower + upper + offset
