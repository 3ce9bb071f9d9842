"""The codec as a trainable model: the rate-distortion loss and its training step."""

from __future__ import annotations

import tensorflow as tf

from salcomp.config import Config
from salcomp.prior import Prior, quantize
from salcomp.transforms import AnalysisTransform, SynthesisTransform
from salcomp.weighting import normalized_weight


class SaliencyCodec(tf.keras.Model):
    """Analysis transform, prior and synthesis transform of one configuration."""

    def __init__(self, config: Config):
        super().__init__(name="salcomp")
        self.config = config
        stock = config.layers == "tfc2"
        self.analysis = AnalysisTransform(
            config.num_filters, config.encoder_conditioning, stock
        )
        self.synthesis = SynthesisTransform(config.num_filters, stock)
        self.prior = Prior(config.num_filters, config.prior_filters)

    def encode(self, rgb: tf.Tensor, saliency: tf.Tensor) -> tf.Tensor:
        """y = g_a.

        Args:
          rgb: [B, H, W, 3], 0..255, H and W multiples of 16.
          saliency: [B, H, W, 1], 0..1; not used by an unconditioned encoder.

        Returns:
          [B, H/16, W/16, N], latents before quantisation.
        """
        return self.analysis(rgb / 255.0, saliency)

    def decode(self, y: tf.Tensor) -> tf.Tensor:
        """x^ = 255 g_s, from [B, h, w, N] to [B, 16 h, 16 w, 3], not clipped."""
        return 255.0 * self.synthesis(y)

    def sums(self, rgba, image_mean, perturb) -> dict[str, tf.Tensor]:
        """Bits and squared errors of a batch, summed over its pixels.

        Args:
          rgba: uint8 [B, H, W, 4], H and W multiples of 16; alpha is the map.
          image_mean: [B], mean of the raw weight over each whole image.
          perturb: from y to y~: adds noise, or rounds.

        Returns:
          "bits", and "error" and "weighted_error": per pixel the mean over RGB of
          (x - x^)^2, unweighted and times w(s); and "reconstruction" [B, H, W, 3].
        """
        x = tf.cast(rgba[..., :3], tf.float32)
        saliency = tf.cast(rgba[..., 3:], tf.float32) / 255.0  # [B, H, W, 1]
        y = perturb(self.encode(x, saliency))
        x_hat = self.decode(y)
        error = tf.reduce_mean(tf.math.squared_difference(x, x_hat), axis=-1)
        weight = normalized_weight(  # [B, H, W]
            saliency[..., 0], self.config, image_mean[:, None, None]
        )
        return {
            "bits": tf.reduce_sum(self.prior.bits(y)),
            "error": tf.reduce_sum(error),
            "weighted_error": tf.reduce_sum(weight * error),
            "reconstruction": x_hat,
        }

    def terms(self, sums, pixels) -> dict[str, tf.Tensor]:
        """The loss R + lambda D and its terms, from sums over `pixels` pixels.

        Returns:
          "loss", "bpp" [bit / pixel], "mse" and "weighted_mse" [8-bit levels²].
        """
        bpp = sums["bits"] / pixels
        mse = sums["error"] / pixels
        weighted_mse = sums["weighted_error"] / pixels
        distortion = weighted_mse if self.config.weight_distortion else mse
        loss = bpp + self.config.lmbda * distortion
        return {"loss": loss, "bpp": bpp, "mse": mse, "weighted_mse": weighted_mse}

    def train_step(self, batch) -> dict[str, tf.Tensor]:
        """One step of Adam on this replica's share of a batch.

        The loss of a replica is its part of the mean over the pixels of the global
        batch, so that the sum of the replicas' gradients does not depend on their
        number.

        Args:
          batch: "rgba" uint8 [b, P, P, 4], "image_mean" [b], and "noise"
            [b, P/16, P/16, N] in -1/2..1/2.

        Returns:
          The terms of the whole batch, and "effective_lambda": the lambda that the
          unweighted errors would need for the same distortion term.
        """
        replicas = tf.distribute.get_replica_context()
        pixels = tf.size(batch["rgba"][..., 0]) * replicas.num_replicas_in_sync
        with tf.GradientTape() as tape:
            sums = self.sums(
                batch["rgba"], batch["image_mean"], lambda y: y + batch["noise"]
            )
            terms = self.terms(sums, tf.cast(pixels, tf.float32))
        variables = self.trainable_variables
        gradients = tape.gradient(terms["loss"], variables)
        self.optimizer.apply_gradients(zip(gradients, variables))
        terms = replicas.all_reduce(tf.distribute.ReduceOp.SUM, terms)
        effective_lambda = (terms["loss"] - terms["bpp"]) / terms["mse"]
        return {**terms, "effective_lambda": effective_lambda}

    @tf.function(reduce_retracing=True)
    def validate(self, rgba, image_mean) -> dict[str, tf.Tensor]:
        """The terms of one batch with the latents rounded, as the codec does.

        Returns:
          As `terms`, and "reconstruction", uint8 [B, H, W, 3].
        """
        offset = self.prior.quantization_offset()
        sums = self.sums(rgba, image_mean, lambda y: quantize(y, offset))
        pixels = tf.cast(tf.size(rgba[..., 0]), tf.float32)
        terms = self.terms(sums, pixels)
        return {**terms, "reconstruction": to_uint8(sums["reconstruction"])}


def to_uint8(rgb: tf.Tensor) -> tf.Tensor:
    """Rounds and clips float RGB to 8 bits."""
    return tf.saturate_cast(tf.round(rgb), tf.uint8)


def named_variables(model: SaliencyCodec) -> dict[str, tf.Variable]:
    """The trainable variables by their path, such as `analysis/gdns/0/reparam_beta`."""
    names, seen = {}, set()
    view = tf.train.TrackableView(model)
    parts = ("analysis", "synthesis", "prior")
    level = [(part, getattr(model, part)) for part in parts]
    while level:  # breadth first: a variable gets its shortest path
        children = []
        for path, node in level:
            if id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, tf.Variable):
                names[path] = node
            else:
                children += [
                    (f"{path}/{name.strip('_')}", child)
                    for name, child in view.children(node).items()
                ]
        level = children
    return names
