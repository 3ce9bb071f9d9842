"""Reads the weights that SAM's authors publish, and converted ones; writes the latter.

The published files (sam-vgg_salicon_weights.pkl, sam-resnet_salicon_weights.pkl,
sam-resnet_salicon2017_weights.pkl) are HDF5, whatever their suffix says, as Keras 1.1
writes it: the root, or the group `model_weights` if a whole model was saved, lists its
layers in the attribute `layer_names`; each layer is a group that lists its tensors in
`weight_names`. Nothing in the file is executed.

A converted file is an uncompressed .npz of the tensors in the layout of this package,
under the names of its variables, with `network` and the `sha256` of the original.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import h5py
import numpy as np
import tensorflow as tf

from data_prep.predictors.sam.attentive_convlstm import CONVOLUTIONS
from data_prep.predictors.sam.model import NETWORKS, RECURRENT
from salcomp.errors import InputError
from salcomp.files import disk, npz
from salcomp.files.disk import sha256

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
_PUBLISHED = "the authors' sam-vgg_*_weights.pkl or sam-resnet_*_weights.pkl"

# More elements than any tensor of SAM has.
_TOO_LARGE = 2**24

# Layers that only one of the networks has.
_TELLTALES = {"block1_conv1": "sam-vgg", "res2a_branch2a": "sam-resnet"}

# Our names of the layers that Keras named by class and a running number: it depends on
# what else the authors' process had built, so that only the order counts.
_NUMBERED = {
    "attentiveconvlstm": [RECURRENT],
    "learningprior": ["prior_1", "prior_2"],
    "atrousconvolution2d": ["head_1", "head_2"],
}
_NUMBERED_CONVOLUTIONS = {
    "sam-vgg": ["saliency"],
    "sam-resnet": ["adapter", "saliency"],
}

# Ends of tensors' names, and our variables. Keras 1's "running_std" is a variance.
_VARIABLES = {
    "_W": "kernel",
    "_b": "bias",
    "_gamma": "gamma",
    "_beta": "beta",
    "_running_mean": "moving_mean",
    "_running_std": "moving_variance",
}
_RECURRENT_VARIABLES = [
    f"{name}_{variable}"
    for name in CONVOLUTIONS
    for variable in ("kernel", "bias")
    if (name, variable) != ("v_a", "bias")
]


class Tensor(NamedTuple):
    """A tensor of a file.

    Attributes:
      name: in the file.
      place: name of the variable that it belongs to; None if there is none.
      values: float32, kernels as [height, width, in, out].
    """

    name: str
    place: str | None
    values: np.ndarray


class Weights(NamedTuple):
    """What a file of weights holds.

    Attributes:
      path: of the file, for messages.
      network: "sam-vgg" or "sam-resnet".
      tensors: in the order of the file.
      sha256: hexadecimal, of the published file, also if a converted one was read.
    """

    path: str
    network: str
    tensors: list[Tensor]
    sha256: str


def read(path: str, network: str | None = None) -> Weights:
    """Reads a published or a converted file.

    Args:
      path: the file.
      network: that the tensors are for; by default what the file holds.

    Raises:
      InputError: the file is missing, damaged, or not one of these.
    """
    try:
        with open(path, "rb") as file:
            start = file.read(512)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give {_PUBLISHED}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if start.startswith(_HDF5):
        return _read_published(path, network)
    if start.startswith(_ZIP):
        return _read_converted(path)
    if start.startswith(_PICKLE):
        raise InputError(
            f"{path}: is a Python pickle, which could run any code, and is not loaded; "
            f"{_PUBLISHED} are HDF5 files in spite of their suffix"
        )
    if not start:
        raise InputError(f"{path}: is empty; download the file again")
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        raise InputError(f"{path}: a web page, not weights; download the file again")
    raise InputError(f"{path}: neither HDF5 nor a converted model; give {_PUBLISHED}")


@contextlib.contextmanager
def _intact(path: str, remedy: str) -> Iterator[None]:
    """Refuses a damaged file, of which h5py, numpy and zipfile raise all kinds."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        fault = f"{path}: damaged or cut short ({reason}); {remedy}"
        raise InputError(fault) from error


def _read_published(path: str, network: str | None) -> Weights:
    with _intact(path, "download the file again"), h5py.File(path, "r") as file:
        root = file
        if "layer_names" not in file.attrs and "model_weights" in file:
            root = file["model_weights"]
        layers = _names(root, "layer_names")
        held = _network_of(path, layers)
        tensors = [
            Tensor(name, place, _channels_last(path, name, root[layer][name]))
            for layer, name, place in _placed(root, layers, network or held)
        ]
    return Weights(path, held, tensors, sha256(path))


def _names(group: h5py.Group, attribute: str) -> list[str]:
    """The names in an attribute, which of a weightless layer is an array of floats."""
    values = np.ravel(group.attrs.get(attribute, []))
    names = [v.decode() if isinstance(v, bytes) else str(v) for v in values]
    odd = [name for name in names if not name.isprintable()]
    if odd:
        path = group.file.filename
        raise InputError(f"{path}: has a name like none of SAM's, {odd[0]!r}")
    return names


def _network_of(path: str, layers: list[str]) -> str:
    for layer, network in _TELLTALES.items():
        if layer in layers:
            return network
    what = f"has layers of another network ({layers[0]})" if layers else "has no layers"
    raise InputError(f"{path}: an HDF5 file that {what}; give {_PUBLISHED}")


def _placed(root: h5py.Group, layers: list[str], network: str):
    """Yields layer, tensor's name and place for all tensors of a published file."""
    numbered = {**_NUMBERED, "convolution2d": _NUMBERED_CONVOLUTIONS[network]}
    remaining = {kind: iter(names) for kind, names in numbered.items()}
    for layer in layers:
        tensors = _names(root[layer], "weight_names")
        if not tensors:
            continue
        kind = layer.rsplit("_", 1)[0]
        ours = next(remaining[kind], None) if kind in remaining else layer
        for i, name in enumerate(tensors):
            variable = _variable(kind, name, i)
            yield layer, name, f"{ours}/{variable}" if ours and variable else None


def _variable(kind: str, tensor: str, index: int) -> str | None:
    """Our name of a tensor within its layer, given its name and index there."""
    if kind == "attentiveconvlstm":
        known = index < len(_RECURRENT_VARIABLES)
        return _RECURRENT_VARIABLES[index] if known else None
    if kind == "learningprior":
        return "parameters"
    ends = [end for end in _VARIABLES if tensor.endswith(end)]
    return _VARIABLES[ends[0]] if ends else None


def _channels_last(path: str, name: str, dataset: h5py.Dataset) -> np.ndarray:
    """A tensor, of a kernel (out, in, height, width) as (height, width, in, out).

    Theano's convolutions turn kernels by 180 degrees; TensorFlow's do not, so that the
    kernels are turned here.
    """
    if dataset.ndim not in (1, 4) or dataset.size > _TOO_LARGE:
        raise InputError(
            f"{path}: {name} has the shape {dataset.shape}, as nothing in SAM has; "
            f"give {_PUBLISHED}"
        )
    if dataset.dtype.kind != "f":
        raise InputError(f"{path}: {name} holds no floating-point numbers")
    with np.errstate(over="ignore"):  # infinity is refused later, in one line
        values = dataset[()].astype(np.float32, copy=False)
    if values.ndim == 1:
        return values
    return values[:, :, ::-1, ::-1].transpose(2, 3, 1, 0)


def _read_converted(path: str) -> Weights:
    again = "convert the weights again"
    with _intact(path, again), np.load(path, allow_pickle=False) as file:
        if "network" not in file or "sha256" not in file:
            raise InputError(
                f"{path}: not written by data_prep.convert_sam; give what it writes, "
                f"or {_PUBLISHED}"
            )
        held, digest = str(file["network"]), str(file["sha256"])
        names = [name for name in file.files if name not in ("network", "sha256")]
        tensors = [Tensor(name, name, file[name]) for name in names]
        if held not in NETWORKS or any(t.values.dtype != "f4" for t in tensors):
            fault = "of another kind than data_prep.convert_sam writes"
            raise InputError(f"{path}: {fault}; {again}")
    return Weights(path, held, tensors, digest)


def save_converted(path: str, weights: Weights) -> None:
    """Writes a converted file, whole or not at all.

    Raises:
      InputError: it cannot be written.
    """
    arrays = {tensor.place: tensor.values for tensor in weights.tensors}
    about = {"network": weights.network, "sha256": weights.sha256}
    disk.write_file(path, npz.dumps({**about, **arrays}))


def assign(model: tf.keras.Model, weights: Weights) -> None:
    """Gives a model the values of all its variables.

    Args:
      model: by `model.build`.
      weights: read for that network.

    Raises:
      InputError: a tensor has no place in the model, or a place no tensor, or shapes
        differ, or a value is not finite.
    """
    fault, other = f"{weights.path}: ", weights.network != model.name
    hint = f"; the file holds {weights.network}" if other else ""
    free = places(model)
    pairs = []
    for name, place, values in weights.tensors:
        if place not in free:
            raise InputError(f"{fault}{name} has no place in {model.name}{hint}")
        variable = free.pop(place)
        if values.shape != tuple(variable.shape):
            raise InputError(
                f"{fault}{name} has the shape {values.shape}, where {model.name} needs "
                f"{tuple(variable.shape)} (height, width, in, out){hint}"
            )
        if not np.isfinite(values).all():
            raise InputError(f"{fault}{name} holds values that are not finite")
        pairs.append((variable, values))
    if free:
        raise InputError(f"{fault}lacks {next(iter(free))} of {model.name}{hint}")
    for variable, values in pairs:
        variable.assign(values)


def places(model: tf.keras.Model) -> dict[str, tf.Variable]:
    """A model's variables by name, as converted files name them."""
    return {variable.name.split(":")[0]: variable for variable in model.weights}
