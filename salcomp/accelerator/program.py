"""The training step as a pure function: state and batch in, state and terms out.

What `SaliencyCodec.train_step` does, without a state of its own: Adam is written out
as tensor code (Kingma and Ba, ICLR 2015, in the form of Keras 2.14), and learning rate,
lambda and weighting are inputs. Compiled by XLA it is a program that other runtimes
than TensorFlow can run.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from salcomp.accelerator.exported_step import (
    CHECKED_STEPS,
    ExportedStep,
    Inputs,
    Tensor,
)
from salcomp.config import weighting
from salcomp.config.config import STRIDE, Config
from salcomp.config.weighting import Coefficients
from salcomp.data import sampling
from salcomp.model.base import named_variables
from salcomp.model.saliency_codec import Objective, SaliencyCodec, with_effective_lambda
from salcomp.model.terms import TERMS
from salcomp.runs.state import TrainingState

BETA_1, BETA_2 = 0.9, 0.999


class PureStep:
    """The step of one architecture, crops and batch size.

    Attributes:
      names: of the variables, in the order of the states' tensors.
    """

    def __init__(self, model: SaliencyCodec):
        """Makes the step; it is compiled when it is first called.

        The model's variables are parameters of the program. A call sets them.
        """
        self._model = model
        self._variables = named_variables(model)
        self.names = list(self._variables)
        self._compiled = tf.function(self._step, jit_compile=True, autograph=False)

    def __call__(self, variables, first, second, inputs: Inputs):
        """Takes a step.

        The values of the model's variables, and Adam's first and second moments of
        each, come and go in the order of `names`; the terms, float32 [5], go in that of
        `TERMS`.
        """
        for name, value in zip(self.names, variables):
            self._variables[name].assign(value)
        return self._compiled(first, second, inputs)

    def program(self) -> tuple[bytes, list[Tensor], list[Tensor]]:
        """The step as a serialised HLO module, its parameters, and its results.

        Variables are parameters "variables/NAME", moments "first/NAME" and
        "second/NAME", inputs go by their names.
        """
        shapes = [v.shape.as_list() for v in self._variables.values()]
        # Only the shapes and types of the arguments matter.
        moments = [tf.zeros(shape) for shape in shapes]
        inputs = Inputs(*map(tf.constant, _check_inputs(self._model.config, 0)))
        traced = self._compiled.get_concrete_function(moments, moments, inputs)
        names = {v.handle.ref(): name for name, v in self._variables.items()}
        captured = [names[handle.ref()] for handle in traced.captured_inputs]

        def tensors(group: str, order: list[str]) -> list[Tensor]:
            kinds = dict(zip(self.names, shapes))
            return [Tensor(f"{group}/{n}", "float32", kinds[n]) for n in order]

        parameters = [
            *tensors("first", self.names),
            *tensors("second", self.names),
            *(
                Tensor(name, value.dtype.name, value.shape.as_list())
                for name, value in inputs._asdict().items()
            ),
            *tensors("variables", captured),
        ]
        results = [
            *tensors("variables", self.names),
            *tensors("first", self.names),
            *tensors("second", self.names),
            Tensor("terms", "float32", [len(TERMS)]),
        ]
        compiler = self._compiled.experimental_get_compiler_ir(moments, moments, inputs)
        return compiler(stage="hlo_serialized"), parameters, results

    def _step(self, first, second, inputs: Inputs):
        pixels = float(np.prod(inputs.rgba.shape[:3]))
        weights = Coefficients(*tf.unstack(inputs.weighting))
        objective = Objective(inputs.lmbda, weights, inputs.weight_distortion)
        terms, gradients = self._model.gradients(
            inputs.rgba, inputs.divisor, inputs.noise, objective, pixels
        )
        trained = self._model.trainable_variables
        by_variable = {v.ref(): g for v, g in zip(trained, gradients)}
        gradients = [by_variable[self._variables[name].ref()] for name in self.names]
        if self._model.config.clip_norm:
            gradients, _ = tf.clip_by_global_norm(
                gradients, self._model.config.clip_norm
            )
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
        terms = with_effective_lambda(terms)
        return variables, first, second, tf.stack([terms[name] for name in TERMS])


def export_step(model: SaliencyCodec) -> ExportedStep:
    """The step of a model, with the model's weights as the start.

    The self-check takes its steps in TensorFlow.
    """
    variables = {name: v.numpy() for name, v in named_variables(model).items()}
    start = TrainingState.initial(model.config, variables)
    step = PureStep(model)
    program, parameters, results = step.program()
    values, first, second = (list(group.values()) for group in start[2:])
    check, terms = {}, []
    for i in range(CHECKED_STEPS):
        inputs = _check_inputs(model.config, i)
        for name, value in inputs._asdict().items():
            check[f"inputs/{i}/{name}"] = np.asarray(value)
        tensors = Inputs(*map(tf.constant, inputs))
        values, first, second, found = step(values, first, second, tensors)
        terms.append(found.numpy())
    check["terms"] = np.stack(terms)
    groups = [dict(zip(step.names, group)) for group in (values, first, second)]
    check.update(TrainingState(model.config, CHECKED_STEPS, *groups).tensors())
    return ExportedStep(program, model.config, parameters, results, start, check)


def _check_inputs(config: Config, step: int) -> Inputs:
    """Made-up crops and the noise of a step, as numpy arrays."""
    side, batch = config.patchsize, config.batchsize
    latents = (batch, side // STRIDE, side // STRIDE, config.noise_channels)
    rng = np.random.default_rng(step)
    blocks = rng.integers(0, 256, (batch, side // STRIDE, side // STRIDE, 4), np.uint8)
    return Inputs(
        np.kron(blocks, np.ones((1, STRIDE, STRIDE, 1), np.uint8)),
        np.linspace(0.5, 1, batch, dtype=np.float32),
        sampling.noise(config.seed, step, 0, latents),
        np.float32(config.learning_rate),
        np.float32(config.lmbda),
        np.float32(weighting.coefficients(config)),
        np.bool_(config.weight_distortion),
        np.int32(step + 1),
    )
