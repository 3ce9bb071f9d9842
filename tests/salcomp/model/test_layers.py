"""Tests of salcomp.model.layers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_compression as tfc

from salcomp.model.layers import (
    GDN,
    Conv,
    DFTKernel,
    dft_basis,
    dilated_conv,
    downsampling_conv,
    upsampling_conv,
)

pytestmark = pytest.mark.kernels

# Support and stride of the codec's convolutions.
KINDS = pytest.mark.parametrize(("support", "stride"), [(9, 4), (5, 2), (3, 1)])


def normal(*shape, seed=0):
    values = np.random.default_rng(seed).normal(size=shape)
    return tf.constant(values, tf.float32)


def value_and_gradients(function, inputs):
    """The value, and the gradients of a fixed random projection of it."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = function(*inputs)
        loss = tf.reduce_sum(value * normal(*value.shape, seed=9))
    return [value, *tape.gradient(loss, inputs)]


def assert_all_close(actual, expected, tolerance=1e-5):
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected):
        scale = np.abs(e).max()
        np.testing.assert_allclose(a, e, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("support", [1, 3, 5, 9])
def test_dft_basis_is_orthonormal(support):
    basis = dft_basis(support).astype(np.float64)
    identity = np.eye(support**2)
    np.testing.assert_allclose(basis.T @ basis, identity, atol=1e-6)


@pytest.mark.parametrize("support", [3, 5, 9])
def test_dft_coefficients_are_those_of_numpys_real_dft(support):
    kernel = np.random.default_rng(0).normal(size=(support, support))
    spectrum = np.fft.fft2(kernel) / support
    coefficients = dft_basis(support).T @ kernel.ravel()
    expected = [spectrum[0, 0].real]
    for v in np.fft.fftfreq(support, 1 / support).astype(int):
        for u in np.fft.fftfreq(support, 1 / support).astype(int):
            if v > 0 or (v == 0 and u > 0):
                bin_ = spectrum[v, u] * np.sqrt(2)
                expected += [bin_.real, -bin_.imag]
    np.testing.assert_allclose(coefficients, expected, atol=1e-5)


def test_kernel_starts_with_the_variance_of_tensorflows_initializer():
    kernel = DFTKernel(5, 64, 64)().numpy()
    assert np.var(kernel) == pytest.approx(1 / (25 * 64), rel=0.05)


def test_kernel_is_the_basis_times_its_coefficients():
    kernel = DFTKernel(5, 3, 2)
    coefficients = kernel.coefficients.numpy().reshape(25, 6)
    expected = (dft_basis(5) @ coefficients).reshape(5, 5, 3, 2)
    np.testing.assert_allclose(kernel(), expected, atol=1e-6)


def test_step_in_the_coefficients_is_a_step_in_the_kernel_of_the_same_length():
    kernel = DFTKernel(5, 2, 2)
    before = kernel().numpy()
    step = normal(25, 2, 2)
    kernel.coefficients.assign_add(step)
    moved = np.linalg.norm(kernel().numpy() - before)
    assert moved == pytest.approx(np.linalg.norm(step), rel=1e-4)


@KINDS
def test_downsampling_conv_is_a_centred_correlation(support, stride):
    x = normal(1, 2 * stride, 3 * stride, 2).numpy()
    kernel = normal(support, support, 2, 3, seed=1).numpy()
    actual = downsampling_conv(tf.constant(x), tf.constant(kernel), stride)
    margin = support // 2
    padded = np.pad(x[0], [(margin, margin), (margin, margin), (0, 0)])
    for i in range(2):
        for j in range(3):
            top, left = i * stride, j * stride
            window = padded[top : top + support, left : left + support]
            expected = np.einsum("abc,abcd->d", window, kernel)
            np.testing.assert_allclose(actual[0, i, j], expected, atol=1e-4)


@KINDS
def test_upsampling_conv_spreads_each_sample_as_the_kernel(support, stride):
    x = normal(1, 3, 2, 2).numpy()
    kernel = normal(support, support, 2, 3, seed=1).numpy()
    actual = upsampling_conv(tf.constant(x), tf.constant(kernel), stride)
    margin = support // 2
    height, width = 3 * stride, 2 * stride
    spread = np.zeros((height + support, width + support, 3))
    for i in range(3):
        for j in range(2):
            top, left = i * stride, j * stride
            spread[top : top + support, left : left + support] += np.einsum(
                "c,abcd->abd", x[0, i, j], kernel
            )
    expected = spread[margin : margin + height, margin : margin + width]
    np.testing.assert_allclose(actual[0], expected, atol=1e-4)


def signal_conv(kernel, **options):
    """`tfc.SignalConv2D` with a given kernel, as a function of its input."""
    layer = tfc.SignalConv2D(
        kernel.shape[3],
        kernel.shape[0],
        padding="same_zeros",
        use_bias=False,
        kernel_parameter=lambda: kernel,
        **options,
    )
    return layer


@KINDS
@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (4, 7), (1, 1)])
def test_downsampling_conv_and_its_gradients_equal_tfcs(
    support, stride, inputs, outputs
):
    x = normal(2, 4 * stride, 3 * stride, inputs)
    kernel = normal(support, support, inputs, outputs, seed=1)

    def reference(x, kernel):
        return signal_conv(kernel, corr=True, strides_down=stride)(x)

    assert_all_close(
        value_and_gradients(lambda x, k: downsampling_conv(x, k, stride), [x, kernel]),
        value_and_gradients(reference, [x, kernel]),
    )


@KINDS
@pytest.mark.parametrize(("inputs", "outputs"), [(5, 3), (7, 4), (1, 1)])
def test_upsampling_conv_and_its_gradients_equal_tfcs(support, stride, inputs, outputs):
    x = normal(2, 4, 3, inputs)
    kernel = normal(support, support, inputs, outputs, seed=1)

    def reference(x, kernel):
        return signal_conv(kernel, corr=False, strides_up=stride)(x)

    assert_all_close(
        value_and_gradients(lambda x, k: upsampling_conv(x, k, stride), [x, kernel]),
        value_and_gradients(reference, [x, kernel]),
    )


def test_upsampling_conv_takes_sizes_known_only_at_run_time():
    kernel = normal(5, 5, 2, 3)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 2))])
    def upsample(x):
        return upsampling_conv(x, kernel, 2)

    for shape in ((1, 2, 5, 2), (3, 4, 1, 2)):
        x = normal(*shape)
        np.testing.assert_allclose(
            upsample(x), upsampling_conv(x, kernel, 2), atol=1e-5
        )


@pytest.mark.parametrize("rate", [1, 2, 5])
def test_dilated_conv_correlates_with_a_kernel_with_gaps(rate):
    x, kernel = normal(2, 7, 11, 3), normal(3, 3, 3, 2, seed=1)
    spread = np.zeros((2 * rate + 1, 2 * rate + 1, 3, 2), np.float32)
    spread[::rate, ::rate] = kernel
    found, expected = (
        value_and_gradients(function, [x])
        for function in (
            lambda x: dilated_conv(x, kernel, rate),
            lambda x: downsampling_conv(x, tf.constant(spread), 1),
        )
    )
    assert_all_close(found, expected)


def test_gradient_of_dilated_conv_reaches_the_kernel():
    x, kernel = normal(1, 6, 6, 2), normal(3, 3, 2, 2, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = tf.reduce_sum(dilated_conv(x, kernel, 4))
    rows, columns = slice(0, 2), slice(4, 6)  # what the first row and last column see
    expected = tf.reduce_sum(x[0, rows, columns], axis=(0, 1))
    gradient = tape.gradient(loss, kernel)[0, 2]
    np.testing.assert_allclose(gradient[:, 0], expected, atol=1e-5)


def test_conv_adds_its_bias_to_each_channel():
    conv = Conv(downsampling_conv, 3, 2, 5, 2, True, "conv")
    x = normal(1, 8, 8, 3)
    without = conv(x)
    conv.bias.assign([1.0, -2.0])
    np.testing.assert_allclose(conv(x) - without, np.tile([1, -2], (1, 4, 4, 1)), 1e-4)


def random_gdn(inverse, channels=5):
    """A GDN with random positive parameters, and beta and gamma as numbers."""
    gdn = GDN(channels, inverse, "gdn")
    rng = np.random.default_rng(4)
    gdn.reparam_beta.assign(rng.uniform(0.5, 2, channels))
    gdn.reparam_gamma.assign(rng.uniform(0.1, 1, (channels, channels)))
    return gdn, gdn.beta().numpy(), gdn.gamma().numpy()


@pytest.mark.parametrize("inverse", [False, True])
def test_gdn_is_the_square_root_formula(inverse):
    gdn, beta, gamma = random_gdn(inverse)
    x = normal(2, 3, 4, 5).numpy()
    root = np.sqrt(beta + np.einsum("bhwj,ji->bhwi", x**2, gamma))
    np.testing.assert_allclose(gdn(x), x * root if inverse else x / root, rtol=1e-5)


@pytest.mark.parametrize("inverse", [False, True])
def test_gdn_and_its_gradients_equal_tfcs(inverse):
    x, beta = normal(2, 3, 4, 5), tf.constant([0.5, 1, 2, 0.1, 3])
    gamma = tf.abs(normal(5, 5, seed=2)) * 0.3

    def ours(x, beta, gamma):
        from salcomp.model.layers import _normalize

        flat = _normalize(tf.reshape(x, (-1, 5)), beta, gamma, inverse)
        return tf.reshape(flat, x.shape)

    def reference(x, beta, gamma):
        layer = tfc.GDN(
            inverse=inverse,
            alpha_parameter=2,
            epsilon_parameter=0.5,
            beta_parameter=lambda: beta,
            gamma_parameter=lambda: gamma,
        )
        return layer(x)

    assert_all_close(
        value_and_gradients(ours, [x, beta, gamma]),
        value_and_gradients(reference, [x, beta, gamma]),
    )


def test_gdn_starts_with_tfcs_parameters():
    ours, reference = GDN(4, False, "gdn"), tfc.GDN()
    reference.build((None, None, None, 4))
    np.testing.assert_allclose(ours.beta(), reference.beta, rtol=1e-6)
    np.testing.assert_allclose(ours.gamma(), reference.gamma, atol=1e-7)


@pytest.mark.parametrize("value", [-1.0, 0.0, 1e-4, 0.7])
@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_gdn_bounds_gamma_and_its_gradient_as_tfc_does(value, direction):
    ours = GDN(1, False, "gdn")
    ours.reparam_gamma.assign([[value]])
    reference = tfc.GDNParameter([[1.0]])
    reference.variable.assign([[value]])
    results = []
    for variable, gamma in (
        (ours.reparam_gamma, ours.gamma),
        (reference.variable, reference),
    ):
        with tf.GradientTape() as tape:
            bounded = gamma()
            loss = direction * tf.reduce_sum(bounded)
        results.append((bounded.numpy(), tape.gradient(loss, variable).numpy()))
    np.testing.assert_allclose(*results, atol=1e-9)


@pytest.mark.parametrize("value", [-1.0, 0.0, 5e-4, 0.7])
def test_gdn_bounds_beta_as_tfc_does(value):
    ours = GDN(1, False, "gdn")
    ours.reparam_beta.assign([value])
    reference = tfc.GDNParameter([1.0], minimum=1e-6)
    reference.variable.assign([value])
    np.testing.assert_allclose(ours.beta(), reference(), rtol=1e-6)


def test_gdn_of_zero_has_finite_gradients():
    gdn = GDN(3, False, "gdn")
    gdn.reparam_beta.assign([0.0, 0.0, 0.0])
    variables = [gdn.reparam_beta, gdn.reparam_gamma]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(gdn(tf.zeros((1, 2, 2, 3))))
    assert all(np.isfinite(g).all() for g in tape.gradient(loss, variables))
