"""Packaging of salcomp; constraints.txt holds the exact versions to install."""

import re
from pathlib import Path

from setuptools import find_packages, setup

INIT = Path(__file__).parent / "salcomp" / "__init__.py"

setup(
    name="salcomp",
    version=re.search(r'__version__ = "(.+)"', INIT.read_text("utf-8")).group(1),
    description="An image codec that spends its bits where people look.",
    # TensorFlow 2.14, the last that tensorflow-compression works with, has wheels
    # for these.
    python_requires=">=3.9,<3.12",
    packages=find_packages(include=["salcomp*", "data_prep*", "experiments*"]),
    package_data={
        "salcomp": ["zoo/*.json", "zoo/*/*"],
        "salcomp.evaluation.compare_page": ["page.html", "page.css", "page.js"],
        "experiments": ["*.json"],
        "experiments.forger_game": ["page.html"],
        "experiments.recurrent": ["sections/*.md"],
        "experiments.study.report": ["*/*.md"],
        "experiments.study": ["*.csv"],
    },
    install_requires=[
        "tensorflow~=2.14.1",
        "tensorflow-compression==2.14.1",
        "tensorflow-datasets",
        # tensorflow-datasets imports it, and does not say so.
        "importlib_resources",
        # A plain install takes 1.16 or later, which needs protobuf 5. TensorFlow
        # 2.14 forbids that, and with protobuf 4 `import tensorflow_datasets` fails.
        "tensorflow-metadata<1.16",
        # TensorBoard 2.14 imports pkg_resources, which later ones do not have.
        "setuptools<81",
        "numpy<2",
        "scipy",
        # The first with AVIF in its wheels.
        "pillow>=11.3",
        # For data_prep. Later ones need numpy 2.
        "opencv-contrib-python-headless<4.12",
        # For data_prep. The last with wheels for Python 3.9.
        "onnxruntime~=1.19.2",
        "matplotlib",
        "absl-py",
        "tqdm",
        "bjontegaard",
    ],
    extras_require={
        "test": ["pytest", "pytest-xdist", "hypothesis", "ruff"],
        # Has no wheels for Python 3.9 that go with TensorFlow 2.14.
        "beam": ["apache-beam>=2.70 ; python_version >= '3.10'"],
        # All that salcomp.run_step needs. pip adds TensorFlow; to leave that out,
        # install these three, with jax[cuda12] for a GPU, and run from a checkout.
        # Earlier versions of JAX cannot load the program, or need absl.
        "accelerator": ["jax>=0.6", "numpy", "pillow"],
        # What `tensorflow[and-cuda]` 2.14.1 names, but for TensorRT, which salcomp does
        # not use and which has no wheel for Python 3.11.
        "gpu": [
            "nvidia-cublas-cu11==11.11.3.6",
            "nvidia-cuda-cupti-cu11==11.8.87",
            "nvidia-cuda-nvcc-cu11==11.8.89",
            "nvidia-cuda-runtime-cu11==11.8.89",
            "nvidia-cudnn-cu11==8.7.0.84",
            "nvidia-cufft-cu11==10.9.0.58",
            "nvidia-curand-cu11==10.3.0.86",
            "nvidia-cusolver-cu11==11.4.1.48",
            "nvidia-cusparse-cu11==11.7.5.86",
            "nvidia-nccl-cu11==2.16.5",
        ],
    },
    entry_points={
        "console_scripts": ["salcomp = salcomp.__main__:main"],
        "salcomp.predictors": [
            "unisal = data_prep.predictors.registry:unisal",
            "sam-resnet = data_prep.predictors.registry:sam_resnet",
            "sam-vgg = data_prep.predictors.registry:sam_vgg",
            "attention-center = data_prep.predictors.registry:attention_center",
            "spectral-residual = data_prep.predictors.registry:spectral_residual",
            "center = data_prep.predictors.registry:center",
            "fixations = data_prep.predictors.registry:recorded_fixations",
            "fixations-odd = data_prep.predictors.registry:odd_fixations",
            "fixations-even = data_prep.predictors.registry:even_fixations",
            "file = data_prep.predictors.registry:file",
        ],
    },
)
