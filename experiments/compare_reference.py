"""Shows that our models are tensorflow/compression's: bls2017.py and bmshj2018.py.

Loads such a file, copies the weights of its model into ours, and compares loss, rate,
distortion and reconstruction on one batch with rounded latents: of bls2017.py with the
`stock_v2` preset; of bmshj2018.py with --prior=scale, where both have our transforms
g_a and g_s, which are of 2017.

    git clone https://github.com/tensorflow/compression
    python -m experiments.compare_reference --reference=compression/models/bls2017.py
    python -m experiments.compare_reference --reference=compression/models/bmshj2018.py
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from salcomp import cli
from salcomp.config.config import CODEC, PRESETS
from salcomp.data import scenes
from salcomp.errors import InputError, SalcompError
from salcomp.flags import Flags
from salcomp.model.base import to_uint8
from salcomp.model.hyperprior import LARGEST_WIDTH, LEAST_WIDTH, WIDTHS
from salcomp.model.prior import Prior, quantize
from salcomp.model.saliency_codec import Objective, SaliencyCodec

_TOLERANCE = 1e-5  # relative; float32 sums in another order
# Untrained latents all round to 0; at this scale they spread over several integers.
_LATENT_SCALE = 10.0

FLAGS = Flags()
FLAGS.string("reference", None, "Path of bls2017.py or bmshj2018.py in a checkout.")
FLAGS.integer(
    "num_filters",
    PRESETS["stock_v2"]["num_filters"],
    "Channels of both models; 128 in bls2017.py.",
    lower_bound=1,
)


class Pair(NamedTuple):
    """A model of theirs, and ours with its weights.

    Attributes:
      reference: theirs.
      ours: likewise.
      code: our latents to rounded ones, and bits, as `SaliencyCodec.sums` takes it.
    """

    reference: tf.keras.Model
    ours: SaliencyCodec
    code: Callable


def load_reference(path: str) -> ModuleType:
    """The module of a bls2017.py or bmshj2018.py.

    Raises:
      InputError: there is no such file, or it does not run or lacks the model.
    """
    if not Path(path).is_file():
        raise InputError(f"--reference={path}: no such file")
    spec = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        if not any(hasattr(module, name) for name in _PAIRS):
            raise InputError(f"it has none of {', '.join(_PAIRS)}")
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"--reference={path} is not tensorflow/compression's bls2017.py or "
            f"bmshj2018.py: {reason}"
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
    copy_density(reference.prior, ours.prior)


def copy_density(reference, ours: Prior) -> None:
    """Gives a prior the weights of a `tfc.NoisyDeepFactorized`."""
    base = reference.base
    for theirs, variables in (
        (base._matrices, ours.matrices),
        (base._biases, ours.biases),
        (base._factors, ours.factors),
    ):
        for source, target in zip(theirs, variables):
            target.assign(source)


def _ours(**changes) -> SaliencyCodec:
    return SaliencyCodec(
        CODEC.make("stock_v2", num_filters=FLAGS.num_filters, **changes)
    )


def _of_2017(module: ModuleType) -> Pair:
    ours = _ours()
    reference = module.BLS2017Model(ours.config.lmbda, ours.config.num_filters)
    for variable in reference.analysis_transform.layers[-1].trainable_variables:
        variable.assign(variable * _LATENT_SCALE)
    copy_weights(reference, ours)
    # The reference solves for the medians less exactly than ours, which moves a few
    # latents across a rounding: both are given its offsets.
    entropy_model = module.tfc.ContinuousBatchedEntropyModel(
        reference.prior, coding_rank=3, compression=False
    )
    offset = entropy_model.quantization_offset

    def code(y):
        y = quantize(y, offset)
        return y, ours.prior.bits(y)

    return Pair(reference, ours, code)


def _of_2018(module: ModuleType) -> Pair:
    ours = _ours(prior="scale")
    reference = module.BMSHJ2018Model(
        ours.config.lmbda, ours.config.num_filters, WIDTHS, LEAST_WIDTH, LARGEST_WIDTH
    )
    for variable in ours.analysis.convs[-1].trainable_variables:
        variable.assign(variable * _LATENT_SCALE)
    reference.analysis_transform = lambda x: ours.encode(x, None)
    reference.synthesis_transform = ours.decode
    # With their medians at 0 theirs are rounded to whole numbers, as ours always are.
    for bias in reference.hyperprior.base._biases:
        bias.assign(tf.zeros_like(bias))
    prior = ours.prior
    for theirs, layers in (
        (reference.hyper_analysis_transform, prior.analysis),
        (reference.hyper_synthesis_transform, prior.synthesis),
    ):
        for source, target in zip(theirs.layers, layers):
            target.kernel.assign(source.kernel)
            if source.use_bias:
                # At 0 all widths would be the least.
                source.bias_parameter.assign(source.bias_parameter + 1.0)
                target.bias.assign(source.bias)
    copy_density(reference.hyperprior, prior.side)
    return Pair(reference, ours, prior.rounded)


_PAIRS = {"BLS2017Model": _of_2017, "BMSHJ2018Model": _of_2018}


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.reference:
        raise InputError(
            "--reference is needed: bls2017.py or bmshj2018.py of "
            "tensorflow/compression"
        )
    tf.keras.utils.set_random_seed(0)
    module = load_reference(FLAGS.reference)
    name = next(name for name in _PAIRS if hasattr(module, name))
    reference, ours, code = _PAIRS[name](module)

    rgba = np.stack([scenes.scene(0, i)[:, :256] for i in range(2)])  # [2, 256, 256, 4]
    x = tf.cast(rgba[..., :3], tf.float32)
    expected = dict(zip(("loss", "bpp", "mse"), reference(x, training=False)))
    objective = Objective.of(ours.config)
    sums = ours.sums(rgba, tf.ones(len(rgba)), code, objective)
    pixels = tf.cast(tf.size(rgba[..., 0]), tf.float32)
    found = ours.terms(sums, pixels, objective)

    print(f"{'':6}{'reference':>14}{'ours':>14}{'relative':>12}")
    worst = 0.0
    for name, value in expected.items():
        difference = abs(float(found[name] / value) - 1)
        worst = max(worst, difference)
        print(f"{name:6}{value:14.6f}{found[name]:14.6f}{difference:12.1e}")
    y = reference.analysis_transform(x)
    x_hat = reference.synthesis_transform(code(y)[0])
    differing = np.mean(to_uint8(sums["reconstruction"]) != to_uint8(x_hat))
    print(f"latents that are not 0: {np.mean(tf.round(y) != 0):.1%}")
    print(f"reconstructed 8-bit samples that differ: {differing:.2%}")
    if worst > _TOLERANCE or differing:
        raise SalcompError("the two models differ")
    print("equal")


if __name__ == "__main__":
    cli.run(main)
