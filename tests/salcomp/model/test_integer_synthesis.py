"""Tests of salcomp.model.integer_synthesis."""

from __future__ import annotations

import numpy as np
import pytest

from salcomp.errors import InputError
from salcomp.model.integer_synthesis import PRECISIONS, IntegerSynthesis
from tests.fixtures import run_python
from tests.salcomp.model.test_hyperprior import M, made

pytestmark = pytest.mark.kernels


def side_latents():
    return np.round(np.random.default_rng(0).normal(0, 6, (1, 3, 5, M)))


def test_means_and_widths_are_nearly_those_of_the_network():
    prior = made()
    z = side_latents()
    normal = prior.densities(z.astype(np.float32), 12, 20)
    exact = prior.exact_normal(prior.integer_synthesis(PRECISIONS), z)
    assert np.abs(normal.mean).max() > 3
    np.testing.assert_allclose(exact.mean, normal.mean, atol=0.01)
    assert (exact.mean.numpy() * 2**8 % 1 == 0).all()
    assert np.abs(exact.index - normal.index.numpy()).max() < 0.51
    assert (exact.index.numpy() % 1 == 0).all()


def test_outputs_are_those_of_whole_numbers_of_any_size():
    """Python's own, which have no last digit to lose."""
    rng = np.random.default_rng(1)
    kernels = [rng.normal(0, 1, (3, 3, 2, 2)) for _ in range(2)]
    biases = [rng.normal(0, 1, 2) for _ in range(2)]
    network = IntegerSynthesis(list(zip(kernels, biases)), PRECISIONS, (1, 1))
    z = np.round(rng.normal(0, 9, (1, 4, 4, 2)))
    weight_bits, feature_bits = PRECISIONS
    x, bits = z.astype(int).astype(object)[0], 0
    for i, (kernel, bias) in enumerate(zip(kernels, biases)):
        kernel = np.round(kernel * 2**weight_bits).astype(int).astype(object)
        sums = np.full((4, 4, 2), 0, object)
        sums += np.round(bias * 2.0 ** (weight_bits + bits)).astype(int).astype(object)
        for row, column, p, q in np.ndindex(4, 4, 3, 3):
            r, c = row - p + 1, column - q + 1
            if 0 <= r < 4 and 0 <= c < 4:
                sums[row, column] += x[r, c].dot(kernel[p, q])
        shift, bits = weight_bits + bits - feature_bits, feature_bits
        x = np.maximum((sums + (1 << shift - 1)) >> shift, 0) if i == 0 else sums
    assert network.bits == weight_bits + feature_bits
    assert (network(z).numpy()[0].astype(int) == x).all()


_HASH = """
import hashlib
from salcomp.model.integer_synthesis import PRECISIONS
from tests.salcomp.model.test_integer_synthesis import made, side_latents
outputs = made().integer_synthesis(PRECISIONS)(side_latents())
print(hashlib.sha256(outputs.numpy().tobytes()).hexdigest())
"""


@pytest.mark.long
def test_other_kernels_and_threads_give_the_same_outputs():
    variants = (
        {},
        {"ONEDNN_MAX_CPU_ISA": "AVX2"},
        {"TF_ENABLE_ONEDNN_OPTS": "0", "TF_NUM_INTRAOP_THREADS": "1"},
    )
    hashes = {run_python("-c", _HASH, **variant).stdout for variant in variants}
    assert len(hashes) == 1 and len(hashes.pop()) == 65


def test_weights_too_large_for_exact_sums_are_refused():
    prior = made()
    prior.synthesis[1].kernel.assign(1e6 * prior.synthesis[1].kernel)
    with pytest.raises(InputError, match="too large for exact sums"):
        prior.tables()
