"""The analysis transform g_a and the synthesis transform g_s.

    RGB ----+
            +--> g_a --> y --> quantise, code --> y^ --> g_s --> RGB
    map ----+
            |
            +  the map ends here: g_s has no input for it

g_a: 9x9 conv /4, GDN; 5x5 conv /2, GDN; 5x5 conv /2 without bias. g_s mirrors it
with inverse GDN (Balle, Laparra, Simoncelli, ICLR 2017; `bls2017.py` of
tensorflow/compression v1.0). Dilated 3x3 convolutions, each with its GDN, may stand
before the last convolution of g_a, and mirrored in g_s, as the 2019 experiment tried.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import tensorflow as tf
import tensorflow_compression as tfc

from salcomp.config.geometry import CONVOLUTIONS, DILATED_AFTER, DILATED_SUPPORT
from salcomp.model import layers

_MODULATION_HIDDEN = 32


class AnalysisTransform(tf.keras.layers.Layer):
    """g_a: [B, H, W, 3] RGB in 0..1 and, if conditioned, [B, H, W, 1] saliency.

    H and W are multiples of 16. The result is [B, H/16, W/16, N].
    """

    def __init__(
        self,
        num_filters: int,
        conditioning: str | None,
        stock: bool,
        dilation_rates: Sequence[int] = (),
    ):
        """Makes the layers.

        Args:
          num_filters: N.
          conditioning: None, "concat" (a fourth input channel) or "modulate" (a
            scale and a shift from the map after each convolution's layer).
          stock: whether the layers are tfc 2.14's own, as its bls2017.py has them.
          dilation_rates: of the dilated layers, in order.
        """
        super().__init__(name="analysis")
        self._conditioning = conditioning
        conv, normalization = _STOCK_DOWN if stock else _DOWN
        channels = 4 if conditioning == "concat" else 3
        self.convs, self.gdns = [], []
        for i, (support, stride) in enumerate(CONVOLUTIONS):
            last = i == len(CONVOLUTIONS) - 1
            self.convs.append(
                conv(channels, num_filters, support, stride, not last, f"conv_{i}")
            )
            if not last:
                self.gdns.append(normalization(num_filters, f"gdn_{i}"))
            channels = num_filters
        self.dilated = _dilated_layers(num_filters, dilation_rates, False)
        self.modulations = []
        if conditioning == "modulate":
            reduction = 1
            for i, (_, stride) in enumerate(CONVOLUTIONS):
                reduction *= stride
                self.modulations.append(
                    Modulation(num_filters, reduction, f"modulation_{i}")
                )

    def call(self, rgb, saliency=None):
        x = rgb
        if self._conditioning == "concat":
            x = tf.concat([rgb, saliency], axis=-1)  # [B, H, W, 4]
        for i, conv in enumerate(self.convs):
            x = conv(x)  # [B, H/4, W/4, N], then /8, then /16
            if i < len(self.gdns):
                x = self.gdns[i](x)
            if self.modulations:
                x = self.modulations[i](x, saliency)
            if i == DILATED_AFTER:
                for layer in self.dilated:
                    x = layer(x)
        return x


class SynthesisTransform(tf.keras.layers.Layer):
    """g_s: latents [B, h, w, N] to RGB in 0..1 (unclipped), [B, 16 h, 16 w, 3].

    Computes in the type of its input, float32 or float64; the stock layers of
    tensorflow-compression have float32 alone.
    """

    def __init__(
        self, num_filters: int, stock: bool, dilation_rates: Sequence[int] = ()
    ):
        """Makes the layers; arguments as `AnalysisTransform` takes them."""
        super().__init__(name="synthesis", autocast=False)
        conv, normalization = _STOCK_UP if stock else _UP
        self.convs, self.gdns = [], []
        for i, (support, stride) in enumerate(reversed(CONVOLUTIONS)):
            last = i == len(CONVOLUTIONS) - 1
            outputs = 3 if last else num_filters
            self.convs.append(
                conv(num_filters, outputs, support, stride, True, f"conv_{i}")
            )
            if not last:
                self.gdns.append(normalization(num_filters, f"igdn_{i}"))
        self.dilated = _dilated_layers(num_filters, dilation_rates[::-1], True)

    def call(self, y):
        x = y
        for i, conv in enumerate(self.convs):
            if i == len(self.convs) - 1 - DILATED_AFTER:
                for layer in self.dilated:
                    x = layer(x)
            x = conv(x)  # [B, 2h, 2w, N], then 4h, then [B, 16h, 16w, 3]
            if i < len(self.gdns):
                x = self.gdns[i](x)
        return x


class DilatedLayer(tf.keras.layers.Layer):
    """A dilated 3x3 convolution and its GDN, or inverse GDN, at one resolution.

    Computes in the type of its input.
    """

    def __init__(self, channels: int, rate: int, inverse: bool, name: str):
        super().__init__(name=name, autocast=False)
        sizes = channels, channels, DILATED_SUPPORT, rate
        self.conv = layers.Conv(layers.dilated_conv, *sizes, True, "conv")
        self.gdn = layers.GDN(channels, inverse, "gdn")

    def call(self, x):
        return self.gdn(self.conv(x))


def _dilated_layers(channels: int, rates: Sequence[int], inverse: bool):
    return [
        DilatedLayer(channels, rate, inverse, f"dilated_{i}")
        for i, rate in enumerate(rates)
    ]


class Modulation(tf.keras.layers.Layer):
    """Spatial feature transform: x * (1 + scale) + shift, both from the map.

    Song, Choi, Han, "Variable-rate deep image compression through spatially-adaptive
    feature transform" (ICCV 2021). The last kernel starts at zero: the identity.
    """

    def __init__(self, channels: int, reduction: int, name: str):
        """Makes the layers.

        A feature, of which there are `channels`, spans `reduction` image samples each
        way.
        """
        super().__init__(name=name)
        self._reduction = reduction
        self.hidden = tf.keras.layers.Conv2D(
            _MODULATION_HIDDEN, 3, padding="same", activation=tf.nn.leaky_relu
        )
        self.output_conv = tf.keras.layers.Conv2D(
            2 * channels, 1, kernel_initializer="zeros"
        )
        self.hidden.build((None, None, None, 1))
        self.output_conv.build((None, None, None, _MODULATION_HIDDEN))

    def call(self, x, saliency):
        size = self._reduction
        reduced = tf.nn.avg_pool2d(saliency, size, size, "VALID")  # [B, H/r, W/r, 1]
        scale, shift = tf.split(self.output_conv(self.hidden(reduced)), 2, axis=-1)
        return x * (1 + scale) + shift


def _stock_conv(corr, strides):
    """`tfc.SignalConv2D` with its default kernel parameter, `tfc.RDFTParameter`."""

    def make(inputs, outputs, support, stride, use_bias, name):
        layer = tfc.SignalConv2D(
            outputs,
            support,
            padding="same_zeros",
            use_bias=use_bias,
            name=name,
            corr=corr,
            **{strides: stride},
        )
        layer.build((None, None, None, inputs))
        return layer

    return make


class _StockGDN(tfc.GDN):
    """`tfc.GDN` with its default exponents: y = x / (beta + sum_j gamma_j |x_j|).

    They are Python's numbers: to branch on tensors takes AutoGraph.
    """

    alpha, epsilon = 1, 1


def _stock_gdn(inverse):
    def make(channels, name):
        layer = _StockGDN(inverse=inverse, name=name)
        layer.build((None, None, None, channels))
        return layer

    return make


def _gdn(inverse):
    return lambda channels, name: layers.GDN(channels, inverse, name)


_DOWN = functools.partial(layers.Conv, layers.downsampling_conv), _gdn(False)
_UP = functools.partial(layers.Conv, layers.upsampling_conv), _gdn(True)
_STOCK_DOWN = _stock_conv(corr=True, strides="strides_down"), _stock_gdn(False)
_STOCK_UP = _stock_conv(corr=False, strides="strides_up"), _stock_gdn(True)
