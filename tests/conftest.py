"""Fixtures that all tests share."""

from __future__ import annotations

import os
import pathlib

import pytest

from tests.fixtures import codec, frames_glob, workdir  # noqa: F401

# Set before any test module imports TensorFlow, whose C++ side is noisy.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

_SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """The `shared` folder beside the checkout: real images, golden numbers."""
    if not _SHARED.is_dir():
        pytest.skip(f"needs real images: no folder {_SHARED.name}/ beside the checkout")
    return _SHARED
