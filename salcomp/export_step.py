"""Exports the training step for accelerators that TensorFlow 2.14 cannot drive.

    python -m salcomp.export_step --output=step --preset=blog

Writes the step as a program of XLA, which `python -m salcomp.run_step` runs where JAX
is and TensorFlow is not. One export serves every lambda, weighting, learning rate,
schedule, number of steps and seed; whether the encoder sees the map, N, dilation,
distortion, crops and batch size are part of the program.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from absl import flags

from salcomp import cli
from salcomp.accelerator import exported_step
from salcomp.accelerator.exported_step import CHECKED_STEPS, ExportedStep, Inputs
from salcomp.accelerator.program import PureStep
from salcomp.config import weighting
from salcomp.config.config import STRIDE, Config
from salcomp.data import sampling
from salcomp.errors import InputError
from salcomp.export import initial_model
from salcomp.files import disk
from salcomp.model.saliency_codec import SaliencyCodec, named_variables
from salcomp.runs.state import TrainingState
from salcomp.training import flags as config_flags

FLAGS = flags.FlagValues()
config_flags.define_flags(FLAGS)
flags.DEFINE_string("output", None, "Folder of the exported step.", flag_values=FLAGS)
flags.DEFINE_string(
    "init_from",
    None,
    "Workdir, exported model, or name of a model that comes with salcomp, to take the "
    "initial weights from.",
    flag_values=FLAGS,
)


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
    latents = (batch, side // STRIDE, side // STRIDE, config.num_filters)
    rng = np.random.default_rng(step)
    blocks = rng.integers(0, 256, (batch, side // STRIDE, side // STRIDE, 4), np.uint8)
    rgba = np.kron(blocks, np.ones((1, STRIDE, STRIDE, 1), np.uint8))
    divisor = np.linspace(0.5, 1, batch, dtype=np.float32)
    return Inputs(
        rgba,
        divisor,
        sampling.noise(config.seed, step, 0, latents),
        np.float32(config.learning_rate),
        np.float32(config.lmbda),
        np.float32(weighting.coefficients(config)),
        np.bool_(config.weight_distortion),
        np.int32(step + 1),
    )


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.output:
        raise InputError("--output is needed: a folder for the exported step")
    config = config_flags.from_flags(FLAGS)
    if config.layers != "2019":
        raise InputError(
            f"the layers {config.layers}, which --preset=stock_v2 has, are there to "
            "compare with, and are not exported; take another preset"
        )
    output = disk.make_folder("output", FLAGS.output)
    model = initial_model(config, FLAGS.init_from)
    exported_step.save(output, export_step(model))
    print(output)


if __name__ == "__main__":
    cli.run(main)
