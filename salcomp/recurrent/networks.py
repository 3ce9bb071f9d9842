"""The two networks as Toderici et al. 2017 publish them (figure 1), of any width.

    encoder    3x3 /2, 64; cells /2 of 256, 512, 512; 1x1 to the bits, tanh
    decoder    1x1, 512; cells of 512, 512, 256, 128, each followed by depth-to-space
               x2; 1x1 to RGB

All cells have kernels of 3x3 on their inputs. On their states those of the encoder and
the first two of the decoder have 1x1, the others 3x3.
"""

from __future__ import annotations

import tensorflow as tf

from salcomp.config.geometry import STRIDE
from salcomp.recurrent import cells
from salcomp.recurrent.cells import Conv, State, held

_STEM = 64
_ENCODER = (256, 512, 512)
_CODE_STEM = 512
# Channels, and side of the kernel on the state.
_DECODER = ((512, 1), (512, 1), (256, 3), (128, 3))
_SUPPORT = 3
_STEM_STRIDE = 2


def _scaled(channels: int, width: float) -> int:
    """Channels of a layer: a multiple of 4, which depth-to-space needs."""
    return 4 * max(1, round(width * channels / 4))


class Encoder(tf.Module):
    """From what is left of a picture to numbers whose signs are the bits."""

    def __init__(self, inputs: int, bits: int, width: float, cell: str):
        """Makes the variables.

        Args:
          inputs: channels of the input.
          bits: per block of 16x16 pixels.
          width: factor on all hidden channels.
          cell: a key of `cells.CELLS`.
        """
        super().__init__()
        make, before = cells.CELLS[cell], _scaled(_STEM, width)
        self.stem = Conv(inputs, before, _SUPPORT, _STEM_STRIDE)
        self.cells = []
        for channels in _ENCODER:
            channels = _scaled(channels, width)
            self.cells.append(make(before, channels, _SUPPORT, hidden=1, stride=2))
            before = channels
        self.binarizer = Conv(before, bits, 1)

    def start(self, batch, rows, columns) -> list[State]:
        """The states before the first iteration on a batch of so many blocks."""
        factors = self._factors()
        return [
            cell.start(batch, factor * rows, factor * columns)
            for cell, factor in zip(self.cells, factors)
        ]

    def _factors(self) -> list[int]:
        """Positions per block, along each side, of the output of each cell."""
        found, factor = [], STRIDE // _STEM_STRIDE
        for cell in self.cells:
            factor //= cell.stride
            found.append(factor)
        return found

    def __call__(self, x, states: list[State], active=None):
        """One iteration.

        Args:
          x: [B, H, W, inputs], H and W multiples of 16.
          active: as `cells.held` takes it.

        Returns:
          [B, H/16, W/16, bits] in -1..1, and the states after it.
        """
        x, fresh = self.stem(x), []
        for cell, factor, old in zip(self.cells, self._factors(), states):
            fresh.append(held(active, factor, cell(x, old), old))
            x = fresh[-1][0]
        return tf.tanh(self.binarizer(x)), fresh


class Decoder(tf.Module):
    """From bits to a picture, or to what is added to one."""

    def __init__(self, bits: int, width: float, cell: str):
        """Makes the variables; arguments as those of `Encoder`."""
        super().__init__()
        make, before = cells.CELLS[cell], _scaled(_CODE_STEM, width)
        self.stem = Conv(bits, before, 1)
        self.cells = []
        for channels, hidden in _DECODER:
            channels = _scaled(channels, width)
            self.cells.append(make(before, channels, _SUPPORT, hidden, stride=1))
            before = channels // 4
        self.rgb = Conv(before, 3, 1, bias=True)

    def start(self, batch, rows, columns) -> list[State]:
        """The states before the first iteration on a batch of so many blocks."""
        return [
            cell.start(batch, 2**i * rows, 2**i * columns)
            for i, cell in enumerate(self.cells)
        ]

    def __call__(self, bits, states: list[State], active=None):
        """One iteration.

        Args:
          bits: [B, h, w, bits], -1 and 1; 0 in blocks that have stopped.
          active: as `cells.held` takes it.

        Returns:
          [B, 16 h, 16 w, 3], about -1..1, and the states after it.
        """
        x, fresh = self.stem(bits), []
        for i, (cell, old) in enumerate(zip(self.cells, states)):
            fresh.append(held(active, 2**i, cell(x, old), old))
            x = tf.nn.depth_to_space(fresh[-1][0], 2)
        return self.rgb(x), fresh


def binarize(values: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """-1 or 1 at random, 1 with probability (1 + value) / 2; passes gradients on.

    Args:
      values: in -1..1.
      noise: of the same shape, uniform in -1/2..1/2.
    """
    return values + tf.stop_gradient(signs(values + 2 * noise) - values)


def signs(values: tf.Tensor) -> tf.Tensor:
    """-1 where a value is below 0, else 1."""
    return tf.where(values < 0, -1.0, 1.0)
