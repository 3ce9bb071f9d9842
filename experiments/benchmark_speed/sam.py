"""Times SAM for inference against its plain layer-by-layer form.

    python -m experiments.benchmark_speed.sam

Both take the same images with the same random weights in one process, by turns. Times
are medians: on a shared machine only the ratios mean something.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import tensorflow as tf

from data_prep.predictors.sam import model as sam
from data_prep.predictors.sam.attentive_convlstm import (
    STEPS,
    AttentiveConvLSTM,
    softmax_over_positions,
)
from data_prep.predictors.sam.predict import compiled
from salcomp import cli
from salcomp.flags import Flags

_BATCH = 8

FLAGS = Flags()
FLAGS.integer("rounds", 5, "Batches to time of each kind.", lower_bound=1)


def plain_attentive_convlstm(x: tf.Tensor, layer: AttentiveConvLSTM) -> tf.Tensor:
    """The state after the last step, by the formulas of `AttentiveConvLSTM`.

    That is the ten convolutions and the attention of each of the steps, one after the
    other.

    Args:
      x: features, [B, H, W, C].
      layer: whose variables are used.

    Returns:
      [B, H, W, C].
    """

    def conv(x, name):
        y = tf.nn.conv2d(x, layer.kernels[name], 1, "SAME")
        return tf.nn.bias_add(y, layer.biases[name]) if name in layer.biases else y

    h = c = tf.zeros_like(x)
    for _ in range(STEPS):
        e = conv(tf.tanh(conv(h, "w_a") + conv(x, "u_a")), "v_a")
        attended = x * softmax_over_positions(e)
        i = tf.sigmoid(conv(attended, "w_i") + conv(h, "u_i"))
        f = tf.sigmoid(conv(attended, "w_f") + conv(h, "u_f"))
        g = tf.tanh(conv(attended, "w_c") + conv(h, "u_c"))
        o = tf.sigmoid(conv(attended, "w_o") + conv(h, "u_o"))
        c = f * c + i * g
        h = o * tf.tanh(c)
    return h


def plain(model: tf.keras.Model):
    """SAM layer by layer, as the paper has it, with a model's variables.

    Backbone, priors and head are those of `data_prep.predictors.sam`.

    Returns:
      A compiled function of images [B, H, W, 3] to maps.
    """
    backbone, layer, head = sam.parts(model)

    @tf.function(reduce_retracing=True)
    def network(images):
        features = backbone(images, training=False)
        return head(plain_attentive_convlstm(features, layer), training=False)

    return network


def time_sam(network: str, rounds: int) -> dict[str, float]:
    """Seconds per image of 240x320, and how far the outputs are apart.

    Args:
      network: "sam-vgg" or "sam-resnet".
      rounds: that the medians are over; one more comes first, untimed.

    Returns:
      Seconds of "plain_batch_1", "plain_batch_8", "ours_batch_1" and "ours_batch_8";
      the ratios "speedup_batch_1" and "speedup_batch_8"; and "difference": the largest,
      as a fraction of the largest output.
    """
    tf.keras.utils.set_random_seed(0)
    model = sam.build(network)
    # As drawn, this kernel is 0 and attention the same everywhere.
    kernel = model.get_layer(sam.RECURRENT).kernels["v_a"]
    kernel.assign(tf.random.normal(kernel.shape, stddev=0.05))
    images = tf.random.uniform((_BATCH, *model.input_shape[1:]), -124, 152)
    singles = [images[i : i + 1] for i in range(_BATCH)]
    slow, fast = plain(model), compiled(model)
    forms = {
        "plain_batch_1": lambda: slow(singles[0]),
        "plain_batch_8": lambda: slow(images),
        "ours_batch_1": lambda: fast(singles[0]),
        "ours_batch_8": lambda: tf.concat([fast(single) for single in singles], 0),
    }
    seconds = {name: [] for name in forms}
    for turn in range(1 + rounds):
        outputs = {}
        for name, form in forms.items():
            start = time.perf_counter()
            outputs[name] = form().numpy()
            if turn > 0:
                taken = time.perf_counter() - start
                seconds[name].append(taken / len(outputs[name]))
    found = {name: statistics.median(values) for name, values in seconds.items()}
    for size in (1, _BATCH):
        ratio = found[f"plain_batch_{size}"] / found[f"ours_batch_{size}"]
        found[f"speedup_batch_{size}"] = ratio
    expected = outputs["plain_batch_8"]
    difference = np.abs(outputs["ours_batch_8"] - expected).max() / expected.max()
    return {**found, "difference": float(difference)}


def report(network: str, found: dict[str, float]) -> None:
    """Prints what `time_sam` found."""
    for size in (1, _BATCH):
        print(
            f"{network}, batch {size}: plain {found[f'plain_batch_{size}'] * 1e3:.0f} "
            f"ms/image, ours {found[f'ours_batch_{size}'] * 1e3:.0f}: "
            f"{found[f'speedup_batch_{size}']:.2f} times as fast"
        )
    print(f"{network}: outputs within {found['difference']:.1e} of the largest")


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    for network in sam.NETWORKS:
        report(network, time_sam(network, FLAGS.rounds))


if __name__ == "__main__":
    cli.run(main)
