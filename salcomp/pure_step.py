"""The training step as a pure function: state and batch in, state and terms out.

What `SaliencyCodec.train_step` does, without a state of its own: Adam is written out
as tensor code (Kingma and Ba, ICLR 2015, in the form of Keras 2.14), and learning rate,
lambda and weighting are inputs. Compiled by XLA it is a program that other runtimes
than TensorFlow can run.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from salcomp.config import STRIDE, Config
from salcomp.model import (
    Objective,
    SaliencyCodec,
    effective_lambda,
    named_variables,
)
from salcomp.weighting import Coefficients

BETA_1, BETA_2 = 0.9, 0.999
TERMS = ("loss", "bpp", "mse", "weighted_mse", "effective_lambda")


class Inputs(NamedTuple):
    """What a step takes beside the state; arrays or tensors.

    Attributes:
      rgba: uint8 [B, P, P, 4], crops; alpha is the map.
      divisor: float32 [B], what the raw weights of each crop are divided by.
      noise: float32 [B, P/16, P/16, N] in -1/2..1/2.
      learning_rate: float32 [].
      lmbda: float32 [], bit / pixel per squared 8-bit level.
      weighting: float32 [4], the `Coefficients` of the raw weight.
      weight_distortion: bool [], whether the squared error is weighted.
      step: int32 [], number of this step, from 1.
    """

    rgba: tf.Tensor
    divisor: tf.Tensor
    noise: tf.Tensor
    learning_rate: tf.Tensor
    lmbda: tf.Tensor
    weighting: tf.Tensor
    weight_distortion: tf.Tensor
    step: tf.Tensor


def input_specs(config: Config) -> Inputs:
    """The shapes and types of the inputs, as `tf.TensorSpec`."""
    side, batch = config.patchsize, config.batchsize
    latents = (batch, side // STRIDE, side // STRIDE, config.num_filters)
    return Inputs(
        tf.TensorSpec((batch, side, side, 4), tf.uint8),
        tf.TensorSpec((batch,), tf.float32),
        tf.TensorSpec(latents, tf.float32),
        tf.TensorSpec((), tf.float32),
        tf.TensorSpec((), tf.float32),
        tf.TensorSpec((len(Coefficients._fields),), tf.float32),
        tf.TensorSpec((), tf.bool),
        tf.TensorSpec((), tf.int32),
    )


class PureStep:
    """The step of one configuration's architecture, crops and batch size.

    Attributes:
      names: of the variables, in the order of the states' tensors.
      function: compiled; see `__call__`.
    """

    def __init__(self, model: SaliencyCodec):
        """Traces the step.

        Args:
          model: whose variables are parameters of the program; they are not changed.
        """
        self._model = model
        self._variables = named_variables(model)
        self.names = list(self._variables)
        self.function = tf.function(self._step, jit_compile=True)

    def __call__(self, variables, first, second, inputs: Inputs):
        """Takes a step.

        Args:
          variables: the values of the model's variables, in the order of `names`.
          first, second: Adam's moments, likewise.
          inputs: of this step.

        Returns:
          New variables, first and second moments; and the terms, float32 [5], in the
          order of `TERMS`.
        """
        for name, value in zip(self.names, variables):
            self._variables[name].assign(value)
        return self.function(first, second, inputs)

    def _step(self, first, second, inputs: Inputs):
        pixels = np.prod(inputs.rgba.shape[:3])
        terms, gradients = self._model.gradients(
            inputs.rgba,
            inputs.divisor,
            inputs.noise,
            Objective(
                inputs.lmbda,
                Coefficients(*tf.unstack(inputs.weighting)),
                inputs.weight_distortion,
            ),
            float(pixels),
        )
        trained = self._model.trainable_variables
        by_variable = {v.ref(): g for v, g in zip(trained, gradients)}
        gradients = [by_variable[self._variables[name].ref()] for name in self.names]
        step = tf.cast(inputs.step, tf.float32)
        rate = inputs.learning_rate * tf.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
        epsilon = self._model.config.adam_epsilon
        first = [m + (g - m) * (1 - BETA_1) for m, g in zip(first, gradients)]
        second = [
            v + (tf.square(g) - v) * (1 - BETA_2) for v, g in zip(second, gradients)
        ]
        variables = [
            self._variables[name] - m * rate / (tf.sqrt(v) + epsilon)
            for name, m, v in zip(self.names, first, second)
        ]
        terms["effective_lambda"] = effective_lambda(terms)
        return variables, first, second, tf.stack([terms[name] for name in TERMS])
