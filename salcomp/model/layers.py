"""The layers of the 2019 codec, in the forms that are fast on a CPU.

Each computes what `tensorflow_compression` v1.0 computed (`SignalConv2D` with zero
padding, `RDFTParameterizer`, `GDN`); the tests compare them with numpy formulas and
with tensorflow-compression's own layers. What differs is only how the work is laid
out: TensorFlow's CPU kernels for the gradients of a convolution are up to twice as
fast without explicit padding, and the gradient of GDN reuses what its forward pass
computed.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_compression as tfc

# The reparametrisation of GDN's parameters: Balle, "Efficient nonlinear transforms
# for lossy image compression" (PCS 2018), section 3.
_PEDESTAL = (2.0**-18) ** 2
_BETA_MIN = 1e-6


def dft_basis(support: int) -> np.ndarray:
    """The orthonormal basis of the real two-dimensional DFT.

    float32 [support**2, support**2], for a kernel whose side, the support, is odd. Its
    rows are positions in row-major order, its columns orthonormal: column 0 is
    constant; then come a cosine and a sine for each pair of conjugate frequencies, as
    in `RDFTParameterizer` of tensorflow-compression v1.0.
    """
    frequency = np.arange(support)
    frequency = np.where(frequency > support // 2, frequency - support, frequency)
    y, x = np.mgrid[:support, :support].reshape(2, -1)  # [S²] each
    columns = [np.full(support**2, 1.0 / support)]
    for v in frequency:
        for u in frequency:
            if v > 0 or (v == 0 and u > 0):  # one of each conjugate pair
                phase = 2 * np.pi * (v * y + u * x) / support
                columns += [f(phase) * np.sqrt(2) / support for f in (np.cos, np.sin)]
    return np.stack(columns, axis=1).astype(np.float32)


class DFTKernel(tf.Module):
    """A convolution kernel stored as coefficients in the orthonormal DFT basis.

    Attributes:
      coefficients: variable [support**2, inputs, outputs].
    """

    def __init__(self, support: int, inputs: int, outputs: int):
        super().__init__(name="kernel")
        self.shape = (support, support, inputs, outputs)
        kernel = tf.keras.initializers.VarianceScaling()(self.shape)
        self._basis = dft_basis(support)
        flat = tf.reshape(kernel, (support**2, -1))
        coefficients = tf.matmul(self._basis, flat, transpose_a=True)
        coefficients = tf.reshape(coefficients, (support**2, inputs, outputs))
        self.coefficients = tf.Variable(coefficients, name="coefficients")

    def __call__(self, dtype: tf.DType = tf.float32) -> tf.Tensor:
        """The kernel, [support, support, inputs, outputs], computed in a type."""
        flat = tf.reshape(self.coefficients, (self.shape[0] ** 2, -1))
        kernel = tf.matmul(tf.cast(self._basis, dtype), tf.cast(flat, dtype))
        return tf.reshape(kernel, self.shape)


def _pad(x: tf.Tensor, margin: int) -> tf.Tensor:
    return tf.pad(x, [[0, 0], [margin, margin], [margin, margin], [0, 0]])


def downsampling_conv(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Correlates with zero padding that centres the kernel, keeps every stride-th.

    From [B, H, W, inputs], H and W multiples of the stride, to [B, H / stride, W /
    stride, outputs], by a kernel [S, S, inputs, outputs], S odd.
    """
    return tf.nn.conv2d(_pad(x, kernel.shape[0] // 2), kernel, stride, "VALID")


def upsampling_conv(x: tf.Tensor, kernel: tf.Tensor, stride: int) -> tf.Tensor:
    """Puts stride - 1 zeros between samples and convolves: mirrors downsampling_conv.

    From [B, H, W, inputs] to [B, H * stride, W * stride, outputs], by a kernel [S, S,
    inputs, outputs], S odd.
    """
    margin = kernel.shape[0] // 2
    strides = [1, stride, stride, 1]
    shape = tf.shape(x)
    output_shape = tf.stack(
        [shape[0], shape[1] * stride, shape[2] * stride, kernel.shape[3]]
    )

    @tf.custom_gradient
    def transposed(x, kernel):  # kernel: [S, S, outputs, inputs]
        y = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=output_shape,
            filter=kernel,
            out_backprop=x,
            strides=strides,
            padding="EXPLICIT",
            explicit_paddings=[0, 0, margin, margin, margin, margin, 0, 0],
        )

        def gradient(dy):
            padded = _pad(dy, margin)
            dx = tf.nn.conv2d(padded, kernel, stride, "VALID")
            dkernel = tf.raw_ops.Conv2DBackpropFilter(
                input=padded,
                filter_sizes=kernel.shape,
                out_backprop=x,
                strides=strides,
                padding="VALID",
            )
            return dx, dkernel

        return y, gradient

    y = transposed(x, tf.transpose(kernel, (0, 1, 3, 2)))
    return tf.ensure_shape(y, (None, None, None, kernel.shape[3]))


def dilated_conv(x: tf.Tensor, kernel: tf.Tensor, rate: int) -> tf.Tensor:
    """Correlates with taps `rate` samples apart, with zeros around the image.

    From [B, H, W, inputs] to [B, H, W, outputs], by a kernel [S, S, inputs, outputs], S
    odd. As a convolution of the `rate`² interleaved parts of the image: TensorFlow has
    no gradient of the direct one on a CPU without oneDNN.
    """

    def convolve(parts, num_spatial_dims, padding):
        return tf.nn.conv2d(parts, kernel, 1, padding)

    # Last come the shape of the filter and the spatial axes.
    return tf.nn.with_space_to_batch(
        x, [rate, rate], "SAME", convolve, kernel.shape[:2], [1, 2]
    )


class Conv(tf.keras.layers.Layer):
    """A convolution of the transforms, with a DFT kernel.

    Computes in the type of its input.
    """

    def __init__(self, convolve, inputs, outputs, support, stride, use_bias, name):
        """Makes the variables.

        Args:
          convolve: `downsampling_conv`, `upsampling_conv` or `dilated_conv`.
          support: side of the kernel, odd.
          stride: factor of the down- or upsampling, or rate of the dilation.
          use_bias: whether a constant per output channel is added.
        """
        super().__init__(name=name, autocast=False)
        self._convolve = convolve
        self._stride = stride
        self.kernel = DFTKernel(support, inputs, outputs)
        self.bias = tf.Variable(tf.zeros(outputs), name="bias") if use_bias else None

    def call(self, x):
        y = self._convolve(x, self.kernel(x.dtype), self._stride)
        if self.bias is None:
            return y
        return tf.nn.bias_add(y, tf.cast(self.bias, x.dtype))


class GDN(tf.keras.layers.Layer):
    """Generalised divisive normalisation, y = x / sqrt(beta + sum_j gamma_j x_j²).

    Balle, Laparra, Simoncelli, "End-to-end optimized image compression" (ICLR 2017),
    equation 2; with `inverse`, y = x * sqrt(...) as in equation 3. The 2019 form:
    today's `tfc.GDN()` has no square and no root by default. Computes in the type of
    its input.
    """

    def __init__(self, channels: int, inverse: bool, name: str):
        super().__init__(name=name, autocast=False)
        self._inverse = inverse
        self.reparam_beta = tf.Variable(
            tf.sqrt(tf.ones(channels) + _PEDESTAL), name="reparam_beta"
        )
        self.reparam_gamma = tf.Variable(
            tf.sqrt(0.1 * tf.eye(channels) + _PEDESTAL), name="reparam_gamma"
        )

    def beta(self, dtype: tf.DType = tf.float32) -> tf.Tensor:
        """[channels], at least 1e-6."""
        return _parameter(self.reparam_beta, _BETA_MIN, dtype)

    def gamma(self, dtype: tf.DType = tf.float32) -> tf.Tensor:
        """[channels in the sum, channels out], at least 0."""
        return _parameter(self.reparam_gamma, 0.0, dtype)

    def call(self, x):
        channels = x.shape[-1]
        flat = tf.reshape(x, (-1, channels))  # [positions, C]
        beta, gamma = self.beta(x.dtype), self.gamma(x.dtype)
        y = _normalize(flat, beta, gamma, self._inverse)
        return tf.reshape(y, tf.shape(x))


def _parameter(reparam: tf.Variable, minimum: float, dtype: tf.DType) -> tf.Tensor:
    bound = (minimum + _PEDESTAL) ** 0.5
    bounded = tf.cast(tfc.lower_bound(reparam, bound), dtype)
    return tf.square(bounded) - _PEDESTAL


def _normalize(x, beta, gamma, inverse: bool):
    """x * (beta + x² gamma)^(1/2 or -1/2) for x [positions, C], with its gradient."""

    @tf.custom_gradient
    def normalize(x, beta, gamma):
        energy = tf.square(x)
        pool = tf.matmul(energy, gamma) + beta
        reciprocal = tf.math.rsqrt(pool)
        scale = pool * reciprocal if inverse else reciprocal
        y = x * scale

        def gradient(dy):
            # d scale / d pool = -+ reciprocal³ / 2 or reciprocal / 2
            if inverse:
                dpool = 0.5 * dy * x * reciprocal
            else:
                dpool = -0.5 * dy * y * tf.square(reciprocal)
            dx = dy * scale + 2 * x * tf.matmul(dpool, gamma, transpose_b=True)
            dgamma = tf.matmul(energy, dpool, transpose_a=True)
            return dx, tf.reduce_sum(dpool, axis=0), dgamma

        return y, gradient

    return normalize(x, beta, gamma)
