"""Tests of salcomp.model.transforms."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_compression as tfc

from salcomp.model.transforms import AnalysisTransform, Modulation, SynthesisTransform

pytestmark = pytest.mark.kernels

CONDITIONINGS = pytest.mark.parametrize("conditioning", [None, "concat", "modulate"])
LAYERS = pytest.mark.parametrize("stock", [False, True])


def picture(height=64, width=80, seed=0):
    """RGB and saliency of one random image in 0..1."""
    rng = np.random.default_rng(seed)
    rgb = rng.uniform(size=(1, height, width, 3)).astype(np.float32)
    return rgb, rng.uniform(size=(1, height, width, 1)).astype(np.float32)


@CONDITIONINGS
@LAYERS
def test_analysis_gives_a_latent_per_16_by_16_pixels(conditioning, stock):
    y = AnalysisTransform(6, conditioning, stock)(*picture(48, 80))
    assert y.shape == (1, 3, 5, 6)


@LAYERS
def test_synthesis_gives_16_by_16_pixels_per_latent(stock):
    rgb = SynthesisTransform(6, stock)(tf.zeros((2, 3, 5, 6)))
    assert rgb.shape == (2, 48, 80, 3)


def test_synthesis_takes_nothing_but_the_latents():
    assert list(inspect.signature(SynthesisTransform.call).parameters) == ["self", "y"]


def test_analysis_without_condition_ignores_the_map():
    analysis = AnalysisTransform(4, None, False)
    rgb, saliency = picture()
    assert (analysis(rgb, saliency) == analysis(rgb, 1 - saliency)).numpy().all()
    assert (analysis(rgb, saliency) == analysis(rgb)).numpy().all()


@LAYERS
def test_map_of_a_concatenating_analysis_changes_the_latents(stock):
    analysis = AnalysisTransform(4, "concat", stock)
    rgb, saliency = picture()
    change = analysis(rgb, saliency) - analysis(rgb, 1 - saliency)
    assert np.abs(change).max() > 1e-3


def copy_weights(source, target):
    """Gives the convolutions and GDNs of one transform to another."""
    targets, sources = target.convs + target.gdns, source.convs + source.gdns
    for ours, theirs in zip(targets, sources):
        for a, b in zip(ours.trainable_variables, theirs.trainable_variables):
            a.assign(b)


@LAYERS
def test_modulation_starts_as_the_unconditioned_encoder(stock):
    plain = AnalysisTransform(5, None, stock)
    modulated = AnalysisTransform(5, "modulate", stock)
    copy_weights(plain, modulated)
    rgb, saliency = picture()
    np.testing.assert_allclose(modulated(rgb, saliency), plain(rgb), atol=1e-6)


def test_every_modulation_reaches_the_latents():
    analysis = AnalysisTransform(5, "modulate", False)
    rgb, saliency = picture()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(analysis(rgb, saliency) ** 2)
    outputs = [m.output_conv.kernel for m in analysis.modulations]
    assert len(outputs) == 3
    assert all(np.abs(g).max() > 0 for g in tape.gradient(loss, outputs))


def test_modulation_scales_and_shifts_by_the_map_averaged_over_each_feature():
    modulation = Modulation(2, 4, "modulation")
    kernel = np.zeros((3, 3, 1, 32), np.float32)
    kernel[1, 1, 0, 0] = 1  # the first hidden feature is the map itself
    modulation.hidden.kernel.assign(kernel)
    output = np.zeros((1, 1, 32, 4), np.float32)
    output[0, 0, 0] = [2, 3, 5, 7]  # two scales, two shifts
    modulation.output_conv.kernel.assign(output)
    saliency = picture(8, 4)[1]
    x = np.ones((1, 2, 1, 2), np.float32)
    mean = saliency.reshape(2, 4, 4).mean(axis=(1, 2))[:, None]
    expected = 1 + mean * [2, 3] + mean * [5, 7]
    np.testing.assert_allclose(modulation(x, saliency)[0, :, 0], expected, rtol=1e-5)


def reach(conditioning, of_map=False):
    """Rows of the input that one latent in the middle depends on."""
    tf.random.set_seed(0)
    analysis = AnalysisTransform(4, conditioning, False)
    for modulation in analysis.modulations:
        modulation.output_conv.kernel.assign(
            tf.random.normal(modulation.output_conv.kernel.shape)
        )
    rgb, saliency = (tf.constant(part) for part in picture(160, 160))
    source = saliency if of_map else rgb
    with tf.GradientTape() as tape:
        tape.watch(source)
        loss = tf.reduce_sum(analysis(rgb, saliency)[0, 5, 5])
    rows = np.abs(tape.gradient(loss, source)).max(axis=(0, 2, 3))
    return np.flatnonzero(rows)


def test_receptive_field_of_a_latent_is_57_pixels_around_its_place():
    rows = reach(None)
    assert (rows[0], rows[-1], len(rows)) == (80 - 28, 80 + 28, 57)


def test_modulated_latent_sees_no_more_than_the_rows_that_tiling_adds():
    rows = reach("modulate", of_map=True)
    assert rows[0] >= 80 - 64 and rows[-1] < 80 + 16 + 64


def test_pixel_depends_on_latents_less_than_two_rows_away():
    synthesis = SynthesisTransform(4, False)
    y = tf.constant(np.random.default_rng(0).normal(size=(1, 9, 9, 4)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(y)
        loss = tf.reduce_sum(synthesis(y)[0, 64:80, 64:80])  # of the middle latent
    rows = np.flatnonzero(np.abs(tape.gradient(loss, y)).max(axis=(0, 2, 3)))
    assert rows[0] >= 4 - 2 and rows[-1] <= 4 + 2


def test_dilated_layers_stand_at_an_eighth_of_the_size_and_are_mirrored():
    rates = (2, 4)
    analysis = AnalysisTransform(4, None, False, rates)
    synthesis = SynthesisTransform(4, False, rates)
    rgb = picture(64, 96)[0]

    def conv_and_gdn(x, layer, rate, power):
        y = tf.nn.conv2d(x, layer.conv.kernel(), 1, "SAME", dilations=rate)
        y += layer.conv.bias
        pool = tf.square(y) @ layer.gdn.gamma() + layer.gdn.beta()
        return y * pool**power

    x = rgb
    for conv, gdn in zip(analysis.convs[:2], analysis.gdns):
        x = gdn(conv(x))
    for layer, rate in zip(analysis.dilated, rates):
        x = conv_and_gdn(x, layer, rate, -0.5)
    y = analysis.convs[2](x)
    np.testing.assert_allclose(analysis(rgb), y, atol=1e-5)
    x = synthesis.gdns[0](synthesis.convs[0](y))
    for layer, rate in zip(synthesis.dilated, reversed(rates)):
        x = conv_and_gdn(x, layer, rate, 0.5)
    x = synthesis.convs[2](synthesis.gdns[1](synthesis.convs[1](x)))
    np.testing.assert_allclose(synthesis(y), x, atol=1e-5)


def test_stock_layers_are_tfcs_own():
    analysis, synthesis = AnalysisTransform(4, None, True), SynthesisTransform(4, True)
    convs, gdns = analysis.convs + synthesis.convs, analysis.gdns + synthesis.gdns
    assert {type(conv) for conv in convs} == {tfc.SignalConv2D}
    assert all(
        isinstance(gdn, tfc.GDN) and gdn.call.__func__ is tfc.GDN.call for gdn in gdns
    )
    assert all(isinstance(c.kernel_parameter, tfc.RDFTParameter) for c in convs)
    x = tf.constant([[[[-1.0, 2, 3, 0]]]])  # y = x / (1 + 0.1 |x|) at the start
    np.testing.assert_allclose(gdns[0](x), x / (1 + 0.1 * np.abs(x)), rtol=1e-5)


def test_analysis_is_the_sequence_of_tfc_layers_that_2019_had():
    analysis = AnalysisTransform(5, None, False)
    reference = tf.keras.Sequential()
    for i, stride in enumerate((4, 2, 2)):
        conv = analysis.convs[i]
        reference.add(
            tfc.SignalConv2D(
                5,
                conv.kernel().shape[0],
                corr=True,
                strides_down=stride,
                padding="same_zeros",
                use_bias=conv.bias is not None,
                kernel_parameter=conv.kernel,
            )
        )
        if i < 2:
            reference.add(
                tfc.GDN(
                    alpha_parameter=2,
                    epsilon_parameter=0.5,
                    beta_parameter=analysis.gdns[i].beta,
                    gamma_parameter=analysis.gdns[i].gamma,
                )
            )
    rgb = picture()[0]
    np.testing.assert_allclose(analysis(rgb), reference(rgb), atol=1e-5)


def test_only_the_last_convolution_of_the_analysis_has_no_bias():
    analysis = AnalysisTransform(4, None, False)
    synthesis = SynthesisTransform(4, False)
    assert [conv.bias is not None for conv in analysis.convs] == [True, True, False]
    assert all(conv.bias is not None for conv in synthesis.convs)


@pytest.mark.parametrize(("conditioning", "channels"), [(None, 3), ("concat", 4)])
def test_number_of_parameters_is_that_of_2019(conditioning, channels):
    analysis = AnalysisTransform(128, conditioning, False)
    transforms = analysis, SynthesisTransform(128, False)
    count = sum(
        int(tf.size(v)) for part in transforms for v in part.trainable_variables
    )
    assert count == 1_767_171 + (channels - 3) * 81 * 128
