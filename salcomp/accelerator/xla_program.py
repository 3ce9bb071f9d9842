"""Runs a serialised HLO module, such as TensorFlow's, as a function in JAX.

JAX has public functions to export, keep and call programs, `jax.export`, but none to
take one that it did not make. The module's text in StableHLO, which JAX's own converter
gives, is put in the place of a program of the same signature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import jax
import numpy as np
from jax import export

from salcomp.accelerator.exported_step import Tensor
from salcomp.errors import InputError


def load(
    hlo: bytes, parameters: Sequence[Tensor], results: Sequence[Tensor]
) -> Callable[..., list[jax.Array]]:
    """A function of the program's parameters that gives its results, both in order.

    It may be called within `jax.jit`, and runs on whatever device that runs on. The
    program is a serialised `HloModuleProto`. Raises InputError if this version of JAX
    cannot read it.
    """
    arguments, values = (
        [jax.ShapeDtypeStruct(t.shape, np.dtype(t.dtype)) for t in tensors]
        for tensors in (parameters, results)
    )

    def same_signature(*inputs):
        # Every parameter is used, or JAX would drop it.
        total = sum(x.astype(np.float32).sum() for x in inputs)
        return [jax.numpy.full(v.shape, total, v.dtype) for v in values]

    try:
        jitted = jax.jit(same_signature, keep_unused=True)
        exporter = export.export(jitted, platforms=(jax.default_backend(),))
        template, code = exporter(*arguments), _to_stablehlo(hlo)
    except (AttributeError, ImportError, RuntimeError, ValueError, TypeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"JAX {jax.__version__} cannot read the exported step ({reason}); the "
            "versions that were tried are in the README"
        ) from error
    return dataclasses.replace(template, mlir_module_serialized=code).call


def _to_stablehlo(hlo: bytes) -> bytes:
    """The program in StableHLO. The converter has had several names and places."""
    from jax._src.lib import xla_client
    from jax._src.lib.mlir.dialects import hlo as stablehlo

    try:
        from jax._src.lib import _jax

        converters = _jax.mlir
    except ImportError:
        converters = xla_client._xla.mlir
    if hasattr(converters, "hlo_to_stablehlo"):
        module = converters.hlo_to_stablehlo(hlo)
    else:
        computation = xla_client.XlaComputation(hlo)
        module = converters.xla_computation_to_mlir_module(computation)
    version = stablehlo.get_current_version()
    return converters.serialize_portable_artifact(module, version)
