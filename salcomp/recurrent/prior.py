"""The network of `contexts` as it is trained: the code length of bits, by gradient."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from salcomp.recurrent import contexts
from salcomp.recurrent.cells import Conv
from salcomp.recurrent.contexts import HIDDEN, SCALE, STEPS, SUPPORT


class ContextPrior(tf.Module):
    """P(bit) given the bits that are known when it is coded."""

    def __init__(self, bits: int, iterations: int):
        """Makes the variables for C bits per block and T iterations."""
        super().__init__()
        self.before = Conv(bits, HIDDEN, SUPPORT)
        self.known = Conv(bits, HIDDEN, SUPPORT)
        self.start = tf.Variable(tf.zeros((iterations, STEPS, HIDDEN)))
        self.out = tf.Variable(tf.keras.initializers.GlorotUniform()((HIDDEN, bits)))
        self.out_bias = tf.Variable(tf.zeros((iterations, bits)))

    def bits(self, planes: tf.Tensor) -> tf.Tensor:
        """The code length in bits of planes [T, B, h, w, C] of -1 and 1."""
        iterations, batch = planes.shape[0], tf.shape(planes)[1]
        rows, columns = tf.shape(planes)[2], tf.shape(planes)[3]
        earlier = tf.concat([tf.zeros_like(planes[:1]), planes[:-1]], axis=0)

        def flat(x):  # convolutions take four axes
            return tf.reshape(x, (iterations * batch, rows, columns, x.shape[-1]))

        def unflat(x):
            return tf.reshape(x, (iterations, batch, rows, columns, x.shape[-1]))

        before = unflat(self.before(flat(earlier)))  # [T, B, h, w, H]
        colours = (tf.range(rows)[:, None] + tf.range(columns)) % 2
        known, nats = tf.zeros_like(planes), 0.0
        for step in range(STEPS):
            seen = before + unflat(self.known(flat(known)))
            seen += self.start[:, step, None, None, None]
            group = contexts.group(step, planes.shape[-1])
            logits = tf.matmul(tf.nn.relu(seen), self.out[:, group])
            logits += self.out_bias[:, None, None, None, group]
            here = tf.cast(colours == contexts.colour(step), tf.float32)[..., None]
            coded = planes[..., group] * here  # [T, B, h, w, C / GROUPS]
            nats += tf.reduce_sum(here * tf.nn.softplus(-coded * logits))
            margins = [group.start, planes.shape[-1] - group.stop]
            known += tf.pad(coded, [[0, 0]] * 4 + [margins])
        return nats / math.log(2)

    def tables(self) -> contexts.ContextTables:
        """The network in integers."""

        def integers(variable: tf.Variable, scale: int) -> np.ndarray:
            return np.round(scale * np.float64(variable.numpy())).astype(np.int32)

        return contexts.ContextTables(
            contexts.probabilities_table(),
            integers(self.before.kernel, SCALE),
            integers(self.known.kernel, SCALE),
            integers(self.start, SCALE),
            integers(self.out, SCALE),
            integers(self.out_bias, SCALE**2),
        )
