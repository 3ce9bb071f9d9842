"""The attentive ConvLSTM: four looks at the same features, each where attention says.

Paper, section III-A; marcellacornia/sam, `attentive_convlstm.py`, from which it differs
only in how the work is laid out. With X the features, h and c the state, both 0 at
first, `*` for convolutions and `.` for products of elements, each step computes

    e = V_a * tanh(W_a * h + U_a * X)
    a = softmax of e over all positions
    i, f, o = sigmoid(W_k * (a . X) + U_k * h)   for k = i, f, o
    g = tanh(W_c * (a . X) + U_c * h)
    c = f . c + i . g
    h = o . tanh(c)

That is 40 convolutions. These identities leave the work of 9:

- U_a * X is the same in all steps.
- h is 0 in the first step.
- a is a number per position, so W_k * (a . X) at p is the sum, over the nine taps t of
  the kernel, of a(p + t) times what tap t makes of X(p + t). The latter are the same in
  all steps.
- What acts on h (W_a and the four U_k) is one convolution, of enough channels for
  `winograd` to take a quarter of the multiplications.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from data_prep.predictors.sam import winograd

STEPS = 4

# In the order of the published files. The paper has W_a act on X and U_a on h; the
# code, and so the files, the other way round.
CONVOLUTIONS = tuple("w_a u_a v_a w_i u_i w_f u_f w_c u_c w_o u_o".split())
_GATES = "ifco"


class FusedKernels(NamedTuple):
    """The layer's kernels in the form that `attentive_convlstm` computes with.

    Attributes:
      features: U_a, [3, 3, C, C].
      features_bias: [C].
      score: V_a, [3, 3, C, 1].
      taps: W_i, W_f, W_c and W_o side by side, one matrix per tap: [9, C, 4 C].
      state: W_a, U_i, U_f, U_c and U_o side by side, for `winograd`: [36, C, 5 C].
      state_bias: theirs, plus those of the W that they are added to, [5 C].
    """

    features: tf.Tensor
    features_bias: tf.Tensor
    score: tf.Tensor
    taps: tf.Tensor
    state: tf.Tensor
    state_bias: tf.Tensor


class AttentiveConvLSTM(tf.keras.layers.Layer):
    """Features [B, H, W, C] to the state h after the last step, [B, H, W, C] in -1..1.

    Attributes:
      kernels: by the names in `CONVOLUTIONS`, variables [3, 3, C, C]; `v_a` is
        [3, 3, C, 1].
      biases: by the same names, variables [C]; `v_a` has none.
    """

    def build(self, input_shape):
        channels = input_shape[-1]
        self.kernels, self.biases = {}, {}
        for name in CONVOLUTIONS:
            outputs = 1 if name == "v_a" else channels
            self.kernels[name] = self.add_weight(
                f"{name}_kernel",
                (3, 3, channels, outputs),
                initializer=_initializer(name),
            )
            if name != "v_a":
                self.biases[name] = self.add_weight(
                    f"{name}_bias", (channels,), initializer="zeros"
                )
        super().build(input_shape)

    def fused_kernels(self) -> FusedKernels:
        """The kernels as `attentive_convlstm` takes them; gradients pass."""
        kernels, biases = self.kernels, self.biases
        channels = kernels["u_a"].shape[2]
        on_state = ["w_a", *(f"u_{gate}" for gate in _GATES)]
        on_input = [f"w_{gate}" for gate in _GATES]
        taps = tf.concat([kernels[name] for name in on_input], axis=3)
        state = tf.concat([kernels[name] for name in on_state], axis=3)
        input_bias = [tf.zeros_like(biases["w_a"]), *(biases[k] for k in on_input)]
        return FusedKernels(
            tf.convert_to_tensor(kernels["u_a"]),
            tf.convert_to_tensor(biases["u_a"]),
            tf.convert_to_tensor(kernels["v_a"]),
            tf.reshape(taps, (9, channels, 4 * channels)),
            winograd.transform_kernel(state),
            tf.concat([biases[name] for name in on_state], axis=0)
            + tf.concat(input_bias, axis=0),
        )

    def call(self, x):
        return attentive_convlstm(x, self.fused_kernels())


def _initializer(name: str):
    """Of the kernel of a name; not to be shared, for it would draw the same again."""
    if name == "v_a":
        return "zeros"
    if name in ("u_i", "u_f", "u_c", "u_o"):
        return tf.keras.initializers.Orthogonal(gain=1.1)
    return tf.keras.initializers.RandomNormal(stddev=0.05)


def attentive_convlstm(x: tf.Tensor, kernels: FusedKernels) -> tf.Tensor:
    """The state h after the last step, [B, H, W, C] in -1..1.

    Args:
      x: features, [B, H, W, C].
      kernels: of the layer.
    """
    channels = x.shape[-1]
    from_x = tf.nn.conv2d(x, kernels.features, 1, "SAME") + kernels.features_bias
    products = _tap_products(x, kernels.taps)
    from_h = tf.reshape(kernels.state_bias, (1, 1, 1, -1))  # as h is 0
    h = c = tf.zeros_like(x)
    for step in range(STEPS):
        if step > 0:
            from_h = winograd.convolve(h, kernels.state) + kernels.state_bias
        for_attention, for_gates = tf.split(from_h, [channels, 4 * channels], axis=3)
        e = tf.nn.conv2d(tf.tanh(for_attention + from_x), kernels.score, 1, "SAME")
        a = softmax_over_positions(e)  # [B, H, W, 1]
        h, c = _update(_shifted(a), products, for_gates, c)
    return h


# In one pass: memory is what these operations wait for.
@tf.function(jit_compile=True, autograph=False)
def _update(attention, products, gates, c):
    """The state after a step.

    Args:
      attention: what each tap sees of a, nine [B, H, W, 1].
      products: of `_tap_products`, nine [B, H, W, 4 C].
      gates: what comes of h, biases included, to be broadcast to [B, H, W, 4 C].
      c: [B, H, W, C].

    Returns:
      h and c, [B, H, W, C].
    """
    for a, product in zip(attention, products):
        gates += a * product
    i, f, g, o = tf.split(gates, 4, axis=3)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(c), c


def softmax_over_positions(e: tf.Tensor) -> tf.Tensor:
    """The softmax over all H * W positions of each image: [B, H, W, 1] to the same."""
    flat = tf.reshape(e, (-1, e.shape[1] * e.shape[2]))
    return tf.reshape(tf.nn.softmax(flat), (-1, *e.shape[1:]))


def _shifted(x: tf.Tensor) -> list[tf.Tensor]:
    """What each of the nine taps of a 3x3 kernel sees of [B, H, W, C], row by row."""
    height, width = x.shape[1:3]
    padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return [
        padded[:, top : top + height, left : left + width]
        for top in range(3)
        for left in range(3)
    ]


def _tap_products(x: tf.Tensor, taps: tf.Tensor) -> list[tf.Tensor]:
    """What each tap makes of [B, H, W, C]: nine of [B, H, W, 4 C].

    Convolution sums these. They take 88 MB for an image at 30x40.
    """
    return [tf.tensordot(seen, taps[k], 1) for k, seen in enumerate(_shifted(x))]
