"""Convolutions, and the recurrent cells made of them.

A state is a tuple of tensors [B, h, w, C], of which the first is the cell's output.
"""

from __future__ import annotations

import tensorflow as tf

State = tuple


class Conv(tf.Module):
    """A zero-padded convolution, [B, H, W, inputs] to [B, H/stride, W/stride, outputs].

    Attributes:
      kernel: variable [support, support, inputs, outputs].
      bias: variable [outputs], or None.
    """

    def __init__(
        self, inputs: int, outputs: int, support: int, stride: int = 1, bias=False
    ):
        """Makes the variables; `support` is the side of the kernel."""
        super().__init__()
        self._stride = stride
        shape = (support, support, inputs, outputs)
        self.kernel = tf.Variable(tf.keras.initializers.GlorotUniform()(shape))
        self.bias = tf.Variable(tf.zeros(outputs)) if bias else None

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        y = tf.nn.conv2d(x, self.kernel, self._stride, "SAME")
        return y if self.bias is None else tf.nn.bias_add(y, self.bias)


class _Cell(tf.Module):
    """A cell that gates what it sees against what it remembers.

    Attributes:
      channels: C, of the state.
      stride: of the input's positions.
    """

    gates: int
    tensors: int
    """How many make a state."""

    def __init__(
        self, inputs: int, channels: int, support: int, hidden: int, stride: int
    ):
        """Makes the variables.

        Args:
          support, hidden: sides of the kernels on the input and on the state.
        """
        super().__init__()
        self.channels, self.stride = channels, stride
        self.input = Conv(inputs, self.gates * channels, support, stride, bias=True)
        self._make_hidden(hidden)

    def start(self, batch, rows, columns) -> State:
        """The state before the first input: zeros [batch, rows, columns, C]."""
        zeros = tf.zeros((batch, rows, columns, self.channels))
        return (zeros,) * self.tensors


class Gru(_Cell):
    """Gated recurrent unit (Cho et al. 2014), with convolutions.

    z, r = sigmoid(W x + U h)
    h' = (1 - z) h + z tanh(W x + U (r h))
    """

    gates, tensors = 3, 1

    def _make_hidden(self, support: int) -> None:
        self.gate = Conv(self.channels, 2 * self.channels, support)
        self.candidate = Conv(self.channels, self.channels, support)

    def __call__(self, x: tf.Tensor, state: State) -> State:
        (h,) = state
        # Split, not sliced: the gradient of slices takes a fifth of a training step.
        sizes = 2 * self.channels, self.channels
        gates, fresh = tf.split(self.input(x), sizes, axis=-1)
        z, r = tf.split(tf.sigmoid(gates + self.gate(h)), 2, axis=-1)
        fresh = tf.tanh(fresh + self.candidate(r * h))
        return (h + z * (fresh - h),)


class Lstm(_Cell):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), with convolutions.

    f, i, o = sigmoid(W x + U h)    j = tanh(W x + U h)
    c' = f c + i j                  h' = o tanh(c')
    """

    gates, tensors = 4, 2

    def _make_hidden(self, support: int) -> None:
        self.gate = Conv(self.channels, 4 * self.channels, support)

    def __call__(self, x: tf.Tensor, state: State) -> State:
        h, c = state
        sizes = 3 * self.channels, self.channels
        gates, fresh = tf.split(self.input(x) + self.gate(h), sizes, axis=-1)
        f, i, o = tf.split(tf.sigmoid(gates), 3, axis=-1)
        c = f * c + i * tf.tanh(fresh)
        return o * tf.tanh(c), c


CELLS = {"gru": Gru, "lstm": Lstm}


def held(active: tf.Tensor | None, factor: int, fresh: State, old: State) -> State:
    """The fresh state of blocks that go on, and the old one of those that have stopped.

    Args:
      active: bool [B, h, w, 1], the blocks that go on; None for all.
      factor: positions of the state per block, along each side.
    """
    if active is None:
        return fresh
    where = tf.repeat(tf.repeat(active, factor, axis=1), factor, axis=2)
    return tuple(tf.where(where, new, kept) for new, kept in zip(fresh, old))
