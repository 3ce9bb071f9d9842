"""The recurrent codec as a trainable model: its iterations, loss and training step.

    b_t = sign(E(x - x_(t-1), s))          bits, stochastic in training
    x_t = D(b_t)                           one-shot
    x_t = x_(t-1) + D(b_t)                 additive
    loss = mean over t and pixels of w(s) * mean over RGB of |x - x_t|

with x_0 = 0, mid-grey. The loss is in 8-bit levels. The rate has no term in it: a
network of its own (`prior`) learns the code length of the bits beside the codec, and
has no say in what they are.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from salcomp.config import weighting
from salcomp.config.geometry import STRIDE
from salcomp.model.base import Model, to_uint8
from salcomp.recurrent.cells import State, held
from salcomp.recurrent.config import RecurrentConfig
from salcomp.recurrent.contexts import ContextTables
from salcomp.recurrent.networks import Decoder, Encoder, binarize, signs
from salcomp.recurrent.prior import ContextPrior


class Memory(NamedTuple):
    """What is left of all iterations so far.

    Attributes:
      encoder, decoder: states of the cells.
      picture: [B, H, W, 3], about -1..1.
    """

    encoder: list[State]
    decoder: list[State]
    picture: tf.Tensor


class RecurrentCoder(Model):
    """Encoder, decoder, and the prior of the bits."""

    config_class = RecurrentConfig
    tables_class = ContextTables
    parts = ("encoder", "decoder", "prior")
    step_terms = ("loss", "bpp", "mse", "weighted_mse")

    def __init__(self, config: RecurrentConfig):
        super().__init__(name="recurrent")
        self.config = config
        bits = config.bits_per_block
        channels = 4 if config.condition_encoder else 3
        self.encoder = Encoder(channels, bits, config.width, config.cell)
        self.decoder = Decoder(bits, config.width, config.cell)
        self.prior = ContextPrior(bits, config.iterations)

    def start(self, batch, rows, columns) -> Memory:
        """The memory before the first iteration on a batch of so many blocks."""
        size = batch, rows, columns
        picture = tf.zeros((batch, STRIDE * rows, STRIDE * columns, 3))
        return Memory(self.encoder.start(*size), self.decoder.start(*size), picture)

    def encode(self, x, saliency, memory: Memory, first: bool, active=None):
        """The numbers [B, h, w, C] in -1..1 whose signs are the bits of an iteration.

        Gives them and the encoder's states.

        Args:
          x: RGB [B, 16 h, 16 w, 3] in -1..1.
          saliency: [B, 16 h, 16 w, 1] in 0..1; not used by an unconditioned encoder.
          first: whether it is the first iteration, which primes the states.
          active: as `cells.held` takes it.
        """
        left, states = x - memory.picture, memory.encoder
        if self.config.condition_encoder:
            left = tf.concat([left, saliency], axis=-1)  # [B, H, W, 4]
        for _ in range(self.config.priming if first else 0):
            _, states = self.encoder(left, states, active)
        return self.encoder(left, states, active)

    def decode(self, bits, memory: Memory, first: bool, active=None):
        """The picture [B, 16 h, 16 w, 3] after an iteration, and the decoder's states.

        Blocks that have stopped keep what they show, and their states.

        Args:
          bits: [B, h, w, C], -1 and 1; 0 in blocks that have stopped.
          first, active: as for `encode`.
        """
        states = memory.decoder
        for _ in range(self.config.priming if first else 0):
            _, states = self.decoder(bits, states, active)
        decoded, states = self.decoder(bits, states, active)
        if self.config.reconstruction == "additive":
            decoded += memory.picture
        (picture,) = held(active, STRIDE, (decoded,), (memory.picture,))
        return picture, states

    def sums(self, rgba, divisor, noise=None):
        """Code length and errors of a batch, summed over its pixels.

        Args:
          rgba: uint8 [B, H, W, 4], H and W multiples of 16; alpha is the map.
          divisor: [B], or one for all: what the raw weights are divided by.
          noise: [B, H/16, W/16, T C] in -1/2..1/2, of the bits of each iteration; None
            for bits without noise.

        Returns:
          "bits"; "error" and "weighted_error": per pixel the mean over RGB of
          (x - x_T)^2, unweighted and times w(s); "distortion", whose mean over the
          pixels is the loss; and "reconstruction" [B, H, W, 3]. In 8-bit levels.
        """
        x, saliency = to_unit(rgba)
        shape = tf.shape(rgba)
        memory = self.start(shape[0], shape[1] // STRIDE, shape[2] // STRIDE)
        coefficients = weighting.coefficients(self.config)
        divisor = tf.reshape(divisor, (-1, 1, 1))
        weight = weighting.normalized(
            coefficients, saliency[..., 0], divisor, tf.maximum
        )  # [B, H, W]
        loss_weight = weight if self.config.weight_distortion else 1.0
        count, bits = self.config.iterations, self.config.bits_per_block
        planes, distortion = [], 0.0
        for t in range(count):
            values, encoder = self.encode(x, saliency, memory, t == 0)
            planes.append(tf.stop_gradient(signs(values)))
            sent = planes[-1]
            if noise is not None:
                sent = binarize(values, noise[..., t * bits : (t + 1) * bits])
            picture, decoder = self.decode(sent, memory, t == 0)
            memory = Memory(encoder, decoder, picture)
            error = 127.5 * tf.reduce_mean(tf.abs(x - picture), axis=-1)
            distortion += tf.reduce_sum(loss_weight * error) / count
        error = tf.math.squared_difference(x, picture)
        error = 127.5**2 * tf.reduce_mean(error, axis=-1)  # [B, H, W]
        return {
            "bits": self.prior.bits(tf.stack(planes)),
            "error": tf.reduce_sum(error),
            "weighted_error": tf.reduce_sum(weight * error),
            "distortion": distortion,
            "reconstruction": from_unit(picture),
        }

    @staticmethod
    def terms(sums, pixels) -> dict[str, tf.Tensor]:
        """What is logged, from sums over `pixels` pixels.

        "loss" [8-bit levels]; "bpp" [bit / pixel], "mse" and "weighted_mse" [8-bit
        levels²], of all iterations.
        """
        return {
            "loss": sums["distortion"] / pixels,
            "bpp": sums["bits"] / pixels,
            "mse": sums["error"] / pixels,
            "weighted_mse": sums["weighted_error"] / pixels,
        }

    @tf.autograph.experimental.do_not_convert  # converting takes longer than tracing
    def train_step(self, batch) -> dict[str, tf.Tensor]:
        """One step of Adam on this replica's share of a batch; the whole batch's terms.

        Args:
          batch: "rgba" uint8 [b, P, P, 4], "image_mean" [b], and "noise"
            [b, P/16, P/16, T C] in -1/2..1/2.
        """
        replicas = tf.distribute.get_replica_context()
        pixels = tf.size(batch["rgba"][..., 0]) * replicas.num_replicas_in_sync
        divisor = weighting.divisor(self.config, batch["image_mean"])
        with tf.GradientTape() as tape:
            sums = self.sums(batch["rgba"], divisor, batch["noise"])
            terms = self.terms(sums, tf.cast(pixels, tf.float32))
            objective = terms["loss"] + terms["bpp"]  # no variable has both
        gradients = tape.gradient(objective, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return replicas.all_reduce(tf.distribute.ReduceOp.SUM, terms)

    def tables(self) -> ContextTables:
        return self.prior.tables()

    @tf.function(reduce_retracing=True, autograph=False)
    def validate(self, rgba, image_mean) -> dict[str, tf.Tensor]:
        """The terms of one batch with the bits as the codec has them.

        As `terms`, and "reconstruction", uint8 [B, H, W, 3].
        """
        divisor = weighting.divisor(self.config, image_mean)
        sums = self.sums(rgba, divisor)
        pixels = tf.cast(tf.size(rgba[..., 0]), tf.float32)
        picture = to_uint8(sums["reconstruction"])
        return {**self.terms(sums, pixels), "reconstruction": picture}


def to_unit(rgba: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """RGB in -1..1, [B, H, W, 3], and the map in 0..1, [B, H, W, 1], of uint8 RGBA."""
    values = tf.cast(rgba, tf.float32)
    return values[..., :3] / 127.5 - 1, values[..., 3:] / 255


def from_unit(rgb: tf.Tensor) -> tf.Tensor:
    """RGB in -1..1 as 0..255, neither rounded nor clipped."""
    return 127.5 * (rgb + 1)
