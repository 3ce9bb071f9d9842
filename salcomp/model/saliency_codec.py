"""The codec as a trainable model: the rate-distortion loss and its training step."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from salcomp.config import weighting
from salcomp.config.config import Config
from salcomp.model.base import Model, to_uint8
from salcomp.model.distortion import distortion
from salcomp.model.prior import Prior, Tables, quantize
from salcomp.model.terms import TERMS
from salcomp.model.transforms import AnalysisTransform, SynthesisTransform


class Objective(NamedTuple):
    """What a training step minimises: R + lambda D.

    Numbers or scalar tensors, so that one compiled step serves any of them.

    Attributes:
      lmbda: bit / pixel per squared 8-bit level.
      weighting: of the distortion.
      weight_distortion: whether D is weighted.
    """

    lmbda: float
    weighting: weighting.Coefficients
    weight_distortion: bool

    @classmethod
    def of(cls, config: Config) -> Objective:
        """The objective of a configuration."""
        coefficients = weighting.coefficients(config)
        return cls(config.lmbda, coefficients, config.weight_distortion)


class SaliencyCodec(Model):
    """Analysis transform, prior and synthesis transform of one configuration."""

    config_class = Config
    parts = ("analysis", "synthesis", "prior")
    step_terms = TERMS

    def __init__(self, config: Config):
        super().__init__(name="salcomp")
        self.config = config
        stock, rates = config.layers == "tfc2", config.dilation_rates
        self.analysis = AnalysisTransform(
            config.num_filters, config.encoder_conditioning, stock, rates
        )
        self.synthesis = SynthesisTransform(config.num_filters, stock, rates)
        self.prior = Prior(config.num_filters, config.prior_filters)

    def encode(self, rgb: tf.Tensor, saliency: tf.Tensor) -> tf.Tensor:
        """y = g_a: latents before quantisation, [B, H/16, W/16, N].

        Args:
          rgb: [B, H, W, 3], 0..255, H and W multiples of 16.
          saliency: [B, H, W, 1], 0..1; not used by an unconditioned encoder.
        """
        return self.analysis(rgb / 255.0, saliency)

    def decode(self, y: tf.Tensor) -> tf.Tensor:
        """x^ = 255 g_s, from [B, h, w, N] to [B, 16 h, 16 w, 3], not clipped."""
        return 255.0 * self.synthesis(y)

    def sums(self, rgba, divisor, perturb, objective: Objective):
        """Bits and distortions of a batch, summed over its pixels.

        Args:
          rgba: uint8 [B, H, W, 4], H and W multiples of 16; alpha is the map.
          divisor: [B], or one for all: what the raw weights are divided by.
          perturb: from y to y~: adds noise, or rounds.
          objective: what to weight, and how.

        Returns:
          "bits"; "error" and "weighted_error": per pixel the mean over RGB of
          (x - x^)^2, unweighted and times w(s); "distortion", the D of the objective,
          and "plain_distortion", the same unweighted; and "reconstruction"
          [B, H, W, 3].
        """
        x = tf.cast(rgba[..., :3], tf.float32)
        saliency = tf.cast(rgba[..., 3:], tf.float32) / 255.0  # [B, H, W, 1]
        y = perturb(self.encode(x, saliency))
        x_hat = self.decode(y)
        error = tf.reduce_mean(tf.math.squared_difference(x, x_hat), axis=-1)
        divisor = tf.reshape(divisor, (-1, 1, 1))
        weight = weighting.normalized(
            objective.weighting, saliency[..., 0], divisor, tf.maximum
        )  # [B, H, W]
        plain, weighted = tf.reduce_sum(error), tf.reduce_sum(weight * error)
        sums = {
            "bits": tf.reduce_sum(self.prior.bits(y)),
            "error": plain,
            "weighted_error": weighted,
            "reconstruction": x_hat,
        }
        if self.config.distortion == "mse":
            used = tf.where(objective.weight_distortion, weighted, plain)
        else:
            weight = tf.where(objective.weight_distortion, weight, 1.0)
            used = self._distortion_sum(x, x_hat, weight)
            ones = tf.ones_like(weight)
            plain = self._distortion_sum(x, tf.stop_gradient(x_hat), ones)
        return {**sums, "distortion": used, "plain_distortion": plain}

    def _distortion_sum(self, x, x_hat, weight):
        """The sum over all pixels whose mean is the distortion of the batch."""
        pixels = tf.cast(tf.size(x[0, ..., 0]), tf.float32)
        measure = distortion(self.config.distortion)
        return pixels * tf.reduce_sum(measure(x, x_hat, weight))

    def gradients(self, rgba, divisor, noise, objective: Objective, pixels):
        """Terms of the loss, and its gradients, of one batch with additive noise.

        The terms are as `terms` returns them; there is a gradient per trainable
        variable.

        Args:
          rgba: uint8 [b, P, P, 4].
          divisor: [b], or one for all: what the raw weights are divided by.
          noise: [b, P/16, P/16, N] in -1/2..1/2.
          pixels: float, to take the means over: those of the whole batch, of which
            this may be a part.
        """
        with tf.GradientTape() as tape:
            sums = self.sums(rgba, divisor, lambda y: y + noise, objective)
            terms = self.terms(sums, pixels, objective)
        return terms, tape.gradient(terms["loss"], self.trainable_variables)

    def terms(self, sums, pixels, objective: Objective) -> dict[str, tf.Tensor]:
        """The loss R + lambda D and its terms, from sums over `pixels` pixels.

        "loss", "bpp" [bit / pixel]; "mse", "weighted_mse" and "plain_distortion" [8-bit
        levels²], the last being D without weights.
        """
        bpp = sums["bits"] / pixels
        return {
            "loss": bpp + objective.lmbda * (sums["distortion"] / pixels),
            "bpp": bpp,
            "mse": sums["error"] / pixels,
            "weighted_mse": sums["weighted_error"] / pixels,
            "plain_distortion": sums["plain_distortion"] / pixels,
        }

    @tf.autograph.experimental.do_not_convert  # converting takes longer than tracing
    def train_step(self, batch) -> dict[str, tf.Tensor]:
        """One step of Adam on this replica's share of a batch.

        Returns the terms of the whole batch, and "effective_lambda".

        The loss of a replica is its part of the mean over the pixels of the global
        batch, so that the sum of the replicas' gradients does not depend on their
        number.

        Args:
          batch: "rgba" uint8 [b, P, P, 4], "image_mean" [b], and "noise"
            [b, P/16, P/16, N] in -1/2..1/2.
        """
        replicas = tf.distribute.get_replica_context()
        pixels = tf.size(batch["rgba"][..., 0]) * replicas.num_replicas_in_sync
        divisor = weighting.divisor(self.config, batch["image_mean"])
        objective, pixels = Objective.of(self.config), tf.cast(pixels, tf.float32)
        terms, gradients = self.gradients(
            batch["rgba"], divisor, batch["noise"], objective, pixels
        )
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return with_effective_lambda(
            replicas.all_reduce(tf.distribute.ReduceOp.SUM, terms)
        )

    def tables(self) -> Tables:
        return self.prior.tables()

    @tf.function(reduce_retracing=True, autograph=False)
    def validate(self, rgba, image_mean) -> dict[str, tf.Tensor]:
        """The terms of one batch with the latents rounded, as the codec does.

        As `terms`, and "reconstruction", uint8 [B, H, W, 3].
        """
        offset = self.prior.quantization_offset()
        objective = Objective.of(self.config)
        divisor = weighting.divisor(self.config, image_mean)
        sums = self.sums(rgba, divisor, lambda y: quantize(y, offset), objective)
        pixels = tf.cast(tf.size(rgba[..., 0]), tf.float32)
        terms = self.terms(sums, pixels, objective)
        return {**terms, "reconstruction": to_uint8(sums["reconstruction"])}


def with_effective_lambda(terms: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The terms that are logged, of those of `SaliencyCodec.terms`.

    "effective_lambda" is the lambda that D without weights would need for the same
    distortion term.
    """
    terms = dict(terms)
    distortion_term = terms["loss"] - terms["bpp"]
    terms["effective_lambda"] = distortion_term / terms.pop("plain_distortion")
    return terms
