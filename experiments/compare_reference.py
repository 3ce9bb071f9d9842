"""Shows that the `stock_v2` preset is tensorflow/compression's bls2017.py.

Loads that file, copies the weights of its model into ours, and compares loss, rate,
distortion and reconstruction on one batch with rounded latents.

    git clone https://github.com/tensorflow/compression
    python -m experiments.compare_reference --reference=compression/models/bls2017.py
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import tensorflow as tf

from salcomp import cli
from salcomp.config.config import PRESETS, Config
from salcomp.data import scenes
from salcomp.errors import InputError, SalcompError
from salcomp.flags import Flags
from salcomp.model.base import to_uint8
from salcomp.model.prior import quantize
from salcomp.model.saliency_codec import Objective, SaliencyCodec

_TOLERANCE = 1e-5  # relative; float32 sums in another order
# Untrained latents all round to 0; at this scale they spread over several integers.
_LATENT_SCALE = 10.0

FLAGS = Flags()
FLAGS.string("reference", None, "Path of bls2017.py in a checkout.")
FLAGS.integer(
    "num_filters",
    PRESETS["stock_v2"]["num_filters"],
    "Channels of both models; 128 in bls2017.py.",
    lower_bound=1,
)


def load_reference(path: str):
    """The module of a bls2017.py.

    Raises:
      InputError: there is no such file, or it does not run or lacks the model.
    """
    if not Path(path).is_file():
        raise InputError(f"--reference={path}: no such file")
    spec = importlib.util.spec_from_file_location("bls2017", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        module.BLS2017Model  # noqa: B018 - must exist
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"--reference={path} is not tensorflow/compression's bls2017.py: {reason}"
        ) from error
    return module


def copy_weights(reference, ours: SaliencyCodec) -> None:
    """Gives `ours`, of the stock_v2 preset, the weights of a BLS2017Model."""
    for source, target in (
        (reference.analysis_transform, ours.analysis),
        (reference.synthesis_transform, ours.synthesis),
    ):
        convs = [layer for layer in source.layers if hasattr(layer, "kernel_parameter")]
        gdns = [conv.activation for conv in convs if conv.activation is not None]
        for theirs, conv in zip(convs, target.convs):
            conv.kernel_parameter.set_weights(theirs.kernel_parameter.get_weights())
            if conv.use_bias:
                conv.bias_parameter.assign(theirs.bias_parameter)
        for theirs, gdn in zip(gdns, target.gdns):
            gdn.beta_parameter.set_weights(theirs.beta_parameter.get_weights())
            gdn.gamma_parameter.set_weights(theirs.gamma_parameter.get_weights())
    base = reference.prior.base
    for theirs, variables in (
        (base._matrices, ours.prior.matrices),
        (base._biases, ours.prior.biases),
        (base._factors, ours.prior.factors),
    ):
        for source, target in zip(theirs, variables):
            target.assign(source)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.reference:
        raise InputError("--reference is needed: bls2017.py of tensorflow/compression")
    tf.keras.utils.set_random_seed(0)
    preset = dict(PRESETS["stock_v2"], num_filters=FLAGS.num_filters)
    ours = SaliencyCodec(Config(preset="stock_v2", **preset))
    module = load_reference(FLAGS.reference)
    reference = module.BLS2017Model(ours.config.lmbda, ours.config.num_filters)
    for variable in reference.analysis_transform.layers[-1].trainable_variables:
        variable.assign(variable * _LATENT_SCALE)
    copy_weights(reference, ours)

    rgba = np.stack([scenes.scene(0, i)[:, :256] for i in range(2)])  # [2, 256, 256, 4]
    x = tf.constant(rgba[..., :3])
    expected = dict(zip(("loss", "bpp", "mse"), reference(x, training=False)))
    # The reference solves for the medians less exactly than ours, which moves a few
    # latents across a rounding: both are given its offsets.
    entropy_model = module.tfc.ContinuousBatchedEntropyModel(
        reference.prior, coding_rank=3, compression=False
    )
    offset = entropy_model.quantization_offset
    y = reference.analysis_transform(tf.cast(x, tf.float32))
    x_hat = reference.synthesis_transform(quantize(y, offset))
    weight_mean = tf.ones(len(rgba))
    objective = Objective.of(ours.config)
    sums = ours.sums(rgba, weight_mean, lambda y: quantize(y, offset), objective)
    pixels = tf.cast(tf.size(rgba[..., 0]), tf.float32)
    found = ours.terms(sums, pixels, objective)

    print(f"{'':6}{'bls2017.py':>14}{'stock_v2':>14}{'relative':>12}")
    worst = 0.0
    for name, value in expected.items():
        difference = abs(float(found[name] / value) - 1)
        worst = max(worst, difference)
        print(f"{name:6}{value:14.6f}{found[name]:14.6f}{difference:12.1e}")
    differing = np.mean(to_uint8(sums["reconstruction"]) != to_uint8(x_hat))
    print(f"latents that are not 0: {np.mean(tf.round(y) != 0):.1%}")
    print(f"reconstructed 8-bit samples that differ: {differing:.2%}")
    if worst > _TOLERANCE or differing:
        raise SalcompError("the two models differ")
    print("equal")


if __name__ == "__main__":
    cli.run(main)
