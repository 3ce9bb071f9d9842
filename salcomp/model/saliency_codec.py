"""The codec as a trainable model: the rate-distortion loss and its training step."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from salcomp.config import weighting
from salcomp.config.config import Config
from salcomp.model.base import Model, to_uint8
from salcomp.model.distortion import distortion
from salcomp.model.gains import Gains
from salcomp.model.hyperprior import HyperPrior
from salcomp.model.prior import Prior
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
    """Analysis transform, prior and synthesis transform of one configuration.

    Attributes:
      gains: of the latents, if the model has several rates; else None.
    """

    config_class = Config
    parts = ("analysis", "synthesis", "prior", "gains")
    step_terms = TERMS

    def __init__(self, config: Config):
        super().__init__(name="salcomp")
        self.config = config
        stock, rates = config.layers == "tfc2", config.dilation_rates
        self.analysis = AnalysisTransform(
            config.num_filters, config.encoder_conditioning, stock, rates
        )
        self.synthesis = SynthesisTransform(config.num_filters, stock, rates)
        self.prior = _prior(config)
        self.gains = None
        if config.rates > 1:
            self.gains = Gains(config.rates, config.num_filters, config.lambda_span)

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

    def sums(self, rgba, divisor, code, objective: Objective, levels=None):
        """Bits and distortions of a batch, summed over its pixels.

        Args:
          rgba: uint8 [B, H, W, 4], H and W multiples of 16; alpha is the map.
          divisor: [B], or one for all: what the raw weights are divided by.
          code: from y to y~, with noise or rounded, and the bits of each example, [B].
          objective: what to weight, and how.
          levels: [B] in 0..Q - 1, of a model of several rates.

        Returns:
          "bits"; "error" and "weighted_error": per pixel the mean over RGB of
          (x - x^)^2, unweighted and times w(s); "distortion", the D of the objective,
          each example's times its lambda over the objective's; "plain_distortion", the
          same unweighted; and "reconstruction" [B, H, W, 3].
        """
        x = tf.cast(rgba[..., :3], tf.float32)
        saliency = tf.cast(rgba[..., 3:], tf.float32) / 255.0  # [B, H, W, 1]
        y, scale = self.encode(x, saliency), 1.0
        if self.gains is None:
            y, bits = code(y)
        else:
            gains = self.gains(levels)
            y, bits = code(y * gains.before)
            y = y / gains.after
            scale = self.lambda_factor(levels)[:, None, None]
        x_hat = self.decode(y)
        error = tf.reduce_mean(tf.math.squared_difference(x, x_hat), axis=-1)
        divisor = tf.reshape(divisor, (-1, 1, 1))
        weight = weighting.normalized(
            objective.weighting, saliency[..., 0], divisor, tf.maximum
        )  # [B, H, W]
        sums = {
            "bits": tf.reduce_sum(bits),
            "error": tf.reduce_sum(error),
            "weighted_error": tf.reduce_sum(weight * error),
            "reconstruction": x_hat,
        }
        if self.config.distortion == "mse":
            plain = tf.reduce_sum(scale * error)
            weighted = tf.reduce_sum(scale * weight * error)
            used = tf.where(objective.weight_distortion, weighted, plain)
        else:
            weight = tf.where(objective.weight_distortion, weight, 1.0)
            used = self._distortion_sum(x, x_hat, weight, scale)
            ones = tf.ones_like(weight)
            plain = self._distortion_sum(x, tf.stop_gradient(x_hat), ones, scale)
        return {**sums, "distortion": used, "plain_distortion": plain}

    def lambda_factor(self, levels):
        """lambda over the least, of levels in 0..Q - 1; of any shape."""
        return self.config.lambda_span ** (levels / (self.config.rates - 1.0))

    def _distortion_sum(self, x, x_hat, weight, scale):
        """The sum over all pixels whose mean is the distortion of the batch."""
        pixels = tf.cast(tf.size(x[0, ..., 0]), tf.float32)
        measure = distortion(self.config.distortion)
        scale = tf.reshape(scale, (-1,))
        return pixels * tf.reduce_sum(scale * measure(x, x_hat, weight))

    def gradients(self, rgba, divisor, noise, objective: Objective, pixels):
        """Terms of the loss, and its gradients, of one batch with additive noise.

        The terms are as `terms` returns them; there is a gradient per trainable
        variable.

        Args:
          rgba: uint8 [b, P, P, 4].
          divisor: [b], or one for all: what the raw weights are divided by.
          noise: [b, P/16, P/16, C] in -1/2..1/2, C the configuration's
            `noise_channels`.
          pixels: float, to take the means over: those of the whole batch, of which
            this may be a part.
        """
        with tf.GradientTape() as tape:
            sums = self.sums(
                rgba,
                divisor,
                lambda y: self.prior.noisy(y, noise),
                objective,
                self._drawn_levels(noise),
            )
            terms = self.terms(sums, pixels, objective)
        return terms, tape.gradient(terms["loss"], self.trainable_variables)

    def _drawn_levels(self, noise):
        """A level for each example of a batch, [b], 0, 1, ..., Q - 1 alike often.

        None for a model of one rate.
        """
        if self.gains is None:
            return None
        draws = tf.floor((noise[:, 0, 0, -1] + 0.5) * self.config.rates)
        return tf.minimum(draws, self.config.rates - 1.0)

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
          batch: "rgba" uint8 [b, P, P, 4], "image_mean" [b], and "noise", as
            `gradients` takes it.
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

    @property
    def tables_class(self) -> type[NamedTuple]:
        return type(self.prior).tables_class

    def tables(self) -> NamedTuple:
        return self.prior.tables()

    @tf.function(reduce_retracing=True, autograph=False)
    def validate(self, rgba, image_mean) -> dict[str, tf.Tensor]:
        """The terms of one batch with the latents rounded, as the codec does.

        As `terms`, at the middle of several rates, and "reconstruction", uint8 [B, H,
        W, 3].
        """
        objective = Objective.of(self.config)
        divisor = weighting.divisor(self.config, image_mean)
        levels = tf.fill(tf.shape(rgba)[:1], (self.config.rates - 1) / 2)
        sums = self.sums(rgba, divisor, self.prior.rounded, objective, levels)
        pixels = tf.cast(tf.size(rgba[..., 0]), tf.float32)
        terms = self.terms(sums, pixels, objective)
        return {**terms, "reconstruction": to_uint8(sums["reconstruction"])}


def _prior(config: Config) -> Prior | HyperPrior:
    if config.prior == "factorized":
        return Prior(config.num_filters, config.prior_filters)
    return HyperPrior(
        config.num_filters,
        config.hyper_channels,
        config.prior_filters,
        has_means=config.prior == "hyper",
    )


def with_effective_lambda(terms: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The terms that are logged, of those of `SaliencyCodec.terms`.

    "effective_lambda" is the lambda that D without weights would need for the same
    distortion term; of several rates, the least of theirs.
    """
    terms = dict(terms)
    distortion_term = terms["loss"] - terms["bpp"]
    terms["effective_lambda"] = distortion_term / terms.pop("plain_distortion")
    return terms
