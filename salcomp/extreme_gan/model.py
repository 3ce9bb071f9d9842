"""The GAN as a trainable model: its loss and its training step.

    L_g = mean (D(x^) - 1)^2 + feature matching + distortion weight * d(x, x^, s)
    L_d = sum over scales of mean (D(x) - 1)^2 + mean D(x^)^2

with x^ = G(quantized E(x, s), noise). The rate has no term: the number of code
channels bounds it.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_compression as tfc

from salcomp.config import weighting
from salcomp.config.config import STRIDE
from salcomp.extreme_gan import losses, networks
from salcomp.extreme_gan.config import GanConfig
from salcomp.extreme_gan.losses import distortion
from salcomp.extreme_gan.quantizer import CENTERS, entropy, histogram, nearest, quantize
from salcomp.model.base import Model, named_variables, to_uint8
from salcomp.model.prior import Tables

# What is logged of each step, beside the share of each centre.
SHARES = tuple(f"share_of_{center}" for center in CENTERS)
TERMS = (
    "loss",
    "adversarial",
    "feature_matching",
    "distortion",
    "discriminator_loss",
    "mse",
    "bpp",
    "bpp_bound",
    "encoder_gradient_norm",
    *SHARES,
)
_NOT_CODING = ("discriminators",)
_BETA_1, _EPSILON = 0.5, 1e-8
# Of the counts of codes from step to step: some hundred batches have a say.
_COUNT_DECAY = 0.99
_PRECISION = 16


class ExtremeGan(Model):
    """Encoder, quantizer, noise net, generator and discriminators."""

    config_class = GanConfig
    step_terms = TERMS

    def __init__(self, config: GanConfig):
        super().__init__(name="extreme_gan")
        self.config = config
        channels, width = config.code_channels, config.width
        self.encoder = networks.Encoder(
            4 if config.condition_encoder else 3, channels, width, config.final_relu
        )
        self.noise_net = None
        if config.noise:
            self.noise_net = networks.NoiseNet(
                channels, width, config.crop, config.noise_norm
            )
        self.generator = networks.Generator(
            2 * channels if config.noise else channels, width
        )
        self.discriminators = networks.Discriminators(width)
        self.code_counts = tf.Variable(
            tf.zeros((channels, len(CENTERS))), trainable=False
        )
        """How often training took each centre lately, [C, L]."""
        noise_net = ("noise_net",) if config.noise else ()
        self.parts = ("encoder", *noise_net, "generator", *_NOT_CODING, "code_counts")

    @property
    def coding_variables(self) -> list[tf.Variable]:
        """The variables of encoder, noise net and generator."""
        found = self.encoder.trainable_variables + self.generator.trainable_variables
        return found + (self.noise_net.trainable_variables if self.noise_net else [])

    def compile(self):
        """Makes the two optimizers, Adam with beta_1 0.5."""
        super().compile(optimizer=self._adam(self.config.learning_rate))
        self.discriminator_optimizer = self._adam(
            self.config.discriminator_learning_rate
        )
        for optimizer, variables in self.optimizers().values():
            optimizer.build(variables)

    @staticmethod
    def _adam(learning_rate: float) -> tf.keras.optimizers.Adam:
        return tf.keras.optimizers.Adam(learning_rate, _BETA_1, epsilon=_EPSILON)

    def optimizers(self) -> dict[str, tuple]:
        if getattr(self, "optimizer", None) is None:
            return {}
        discriminators = self.discriminators.trainable_variables
        return {
            "optimizer": (self.optimizer, self.coding_variables),
            "discriminator_optimizer": (self.discriminator_optimizer, discriminators),
        }

    def exported_variables(self) -> dict[str, tf.Variable]:
        return {
            name: variable
            for name, variable in named_variables(self).items()
            if not name.startswith(_NOT_CODING)
        }

    def encode(self, rgb: tf.Tensor, saliency: tf.Tensor) -> tf.Tensor:
        """The code before quantisation, [B, H/16, W/16, C].

        Args:
          rgb: [B, H, W, 3] in -1..1, H and W multiples of 16 and at least 32.
          saliency: [B, H, W, 1] in 0..1; not used by an unconditioned encoder.
        """
        if self.config.condition_encoder:
            rgb = tf.concat([rgb, saliency], axis=-1)  # [B, H, W, 4]
        return self.encoder(rgb)

    def decode(self, codes: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """The reconstruction, [B, 16 h, 16 w, 3] in -1..1.

        Args:
          codes: [B, h, w, C], quantised.
          noise: [B, 128], standard normal; without effect if the model has no noise.
        """
        if self.noise_net is not None:
            size = tf.shape(codes)[1:3]
            channels = self.noise_net(noise, size[0], size[1])
            codes = tf.concat([codes, channels], axis=-1)  # [B, h, w, 2 C]
        return self.generator(codes)

    def generator_step(self, rgba, image_mean, noise):
        """Terms of the generator's loss, and its gradients.

        The terms have "codes" [B, P/16, Q/16, C] among them; the gradients are those of
        `coding_variables`, None for a variable that the loss does not reach.

        Args:
          rgba: uint8 [B, P, Q, 4]; alpha is the map.
          image_mean: [B], mean of the raw weight over each crop's whole frame.
          noise: [B, 128].
        """
        x, saliency = to_unit(rgba)
        weight = self._weight(saliency[..., 0], image_mean)
        real = self.discriminators(x)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.coding_variables)
            w = self.encode(x, saliency)
            codes = quantize(w, self.config.quantizer_gradient)
            x_hat = self.decode(codes, noise)
            fake = self.discriminators(x_hat)
            adversarial = losses.adversarial_loss(fake)
            matching = losses.feature_matching_loss(real, fake)
            error = tf.reduce_mean(distortion(self.config.distortion, x, x_hat, weight))
            loss = adversarial + matching + self.config.distortion_weight * error
        terms = {
            "loss": loss,
            "adversarial": adversarial,
            "feature_matching": matching,
            "distortion": error,
            "mse": tf.reduce_mean(tf.math.squared_difference(x, x_hat)) * 127.5**2,
            "codes": codes,
        }
        return terms, tape.gradient(loss, self.coding_variables)

    def discriminator_step(self, rgba, noise):
        """The discriminators' loss, and its gradients, one per variable.

        Of crops, uint8 [B, P, Q, 4] with the map as alpha, and noise [B, 128].
        """
        x, saliency = to_unit(rgba)
        x_hat = self.decode(nearest(self.encode(x, saliency)), noise)
        variables = self.discriminators.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            real, fake = self.discriminators(x), self.discriminators(x_hat)
            loss = losses.discriminator_loss(real, fake)
        return loss, tape.gradient(loss, variables)

    @tf.autograph.experimental.do_not_convert  # converting takes longer than tracing
    def train_step(self, batch) -> dict[str, tf.Tensor]:
        """An update of the generator, then one of the discriminators on other crops.

        The batch is "rgba" uint8 [2 B, P, Q, 4], "image_mean" [2 B] and "noise" [2 B,
        128]; the first half is the generator's. Returns the terms, by the names in
        `TERMS`.
        """
        size = self.config.batchsize
        terms, gradients = self.generator_step(
            batch["rgba"][:size], batch["image_mean"][:size], batch["noise"][:size]
        )
        pairs = list(zip(gradients, self.coding_variables))
        encoder = {v.ref() for v in self.encoder.trainable_variables}
        reached = [g for g, v in pairs if v.ref() in encoder and g is not None]
        norm = tf.linalg.global_norm([tf.zeros(()), *reached])
        self.optimizer.apply_gradients([(g, v) for g, v in pairs if g is not None])
        loss, gradients = self.discriminator_step(
            batch["rgba"][size:], batch["noise"][size:]
        )
        self.discriminator_optimizer.apply_gradients(
            zip(gradients, self.discriminators.trainable_variables)
        )
        counts = histogram(terms.pop("codes"))
        self.code_counts.assign(_COUNT_DECAY * self.code_counts + counts)
        shares = tf.reduce_sum(counts, axis=0) / tf.reduce_sum(counts)
        return {
            **terms,
            "discriminator_loss": loss,
            "bpp": entropy(counts) / STRIDE**2,
            "bpp_bound": tf.constant(rate_bound(self.config)),
            "encoder_gradient_norm": norm,
            **dict(zip(SHARES, tf.unstack(shares))),
        }

    @tf.function(reduce_retracing=True, autograph=False)
    def reconstruct(self, rgba) -> tuple[tf.Tensor, tf.Tensor]:
        """What images are coded as, and decoded to: uint8 [B, H, W, 3].

        The images are uint8 [B, H, W, 4], H and W multiples of 16 and at least 32; the
        codes, the second result, are float32 [B, H/16, W/16, C].
        """
        codes = nearest(self.encode(*to_unit(rgba)))
        noise = tf.repeat(networks.decoding_noise(), tf.shape(rgba)[0], axis=0)
        return from_unit(self.decode(codes, noise)), codes

    def tables(self) -> Tables:
        """The range coder's tables: the shares of each centre in training, lately."""
        shares = self.code_counts.numpy() + 1
        shares /= shares.sum(axis=1, keepdims=True)
        cdf = []
        for channel in shares:
            quantized = tfc.pmf_to_quantized_cdf(channel, precision=_PRECISION)
            cdf += [[_PRECISION], quantized.numpy()]
        channels = self.config.code_channels
        return Tables(
            np.concatenate(cdf).astype(np.int32),
            np.full(channels, CENTERS[0], np.int32),
            np.full(channels, len(CENTERS), np.int32),
            np.zeros(channels, np.float32),
        )

    def _weight(self, saliency, image_mean):
        """The weight of each pixel's distortion, [B, H, W]."""
        if not self.config.weight_distortion:
            return tf.ones_like(saliency)
        divisor = weighting.divisor(self.config, image_mean)
        return weighting.normalized(
            weighting.coefficients(self.config),
            saliency,
            tf.reshape(divisor, (-1, 1, 1)),
            tf.maximum,
        )


def rate_bound(config: GanConfig) -> float:
    """dim(w) log2 L over the pixels, bit per pixel, for any size of image."""
    return config.code_channels * float(np.log2(len(CENTERS))) / STRIDE**2


def to_unit(rgba: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """RGB in -1..1, [B, H, W, 3], and the map in 0..1, [B, H, W, 1], of uint8 RGBA."""
    values = tf.cast(rgba, tf.float32)
    return values[..., :3] / 127.5 - 1, values[..., 3:] / 255


def from_unit(rgb: tf.Tensor) -> tf.Tensor:
    """RGB in -1..1 as uint8."""
    return to_uint8(127.5 * (rgb + 1))
