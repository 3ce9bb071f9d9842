"""Arrays by name as the bytes of an uncompressed `.npz`, and back."""

from __future__ import annotations

import io
import zipfile

import numpy as np

from salcomp.errors import InputError


def dumps(arrays: dict[str, np.ndarray]) -> bytes:
    """Encodes some arrays as a file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def loads(data: bytes, name: str) -> dict[str, np.ndarray]:
    """Decodes the arrays of a file, `name` in messages; nothing in it is executed.

    Raises InputError if it is damaged, or no such file.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return dict(file)
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{name}: damaged, or no .npz file ({reason})") from error
    except TypeError as error:  # np.load gave one array, of a .npy file
        raise InputError(f"{name}: no .npz file") from error
