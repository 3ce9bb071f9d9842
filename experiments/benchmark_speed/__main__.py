"""Times training steps, the input pipeline and compression; prints ratios.

    python -m experiments.benchmark_speed

The layers of 2019 against tensorflow-compression's own in one process, on the same
batches, by turns; then the step on the input pipeline's batches against the step on a
constant one; then `compress` on many files against transform and range coder alone, on
images in memory, one after another and as many at a time as `compress` has; then the
saliency networks against their plain forms (`sam`). Times are medians: on a
shared machine only the ratios mean something.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from data_prep.predictors.sam import model as sam
from experiments.benchmark_speed import sam as sam_speed
from experiments.record import write_record
from salcomp import cli
from salcomp.codec import encoders
from salcomp.codec import files as file_jobs
from salcomp.codec.codec import Codec
from salcomp.config.config import PRESETS, STRIDE, Config
from salcomp.config.geometry import CONVOLUTIONS
from salcomp.data import batches, frames
from salcomp.files import images, map_sources
from salcomp.flags import Flags
from salcomp.model.saliency_codec import SaliencyCodec
from salcomp.zoo import exported

_MATMUL_SIDE = 2048
_WARM_UP = 3
_BLOCKS = 5
_PIPELINE_PRESETS = ("blog", "cpu")

FLAGS = Flags()
FLAGS.integer("steps", 20, "Steps to time of each kind.", lower_bound=3)
FLAGS.string("output", None, "JSON file to write the figures to as well.")
FLAGS.integer("images", 64, "Images to time the codec on.", lower_bound=2)
FLAGS.integer(
    "sam_rounds",
    3,
    "Batches to time of each form of the saliency networks.",
    lower_bound=1,
)


def step_flops(config: Config) -> float:
    """Floating-point operations of a training step, multiplications and additions.

    Counts the convolutions and GDN's matrix products, which are 97 % of all: forward,
    and twice that backward, but for the first convolution, whose input needs no
    gradient.
    """
    n = config.num_filters
    pixels = config.batchsize * config.patchsize**2
    first = 4 if config.encoder_conditioning == "concat" else 3
    total = 0.0
    reduction = 1
    for i, (support, stride) in enumerate(CONVOLUTIONS):
        reduction *= stride
        positions = pixels / reduction**2
        kernel = 2 * support**2 * n * positions
        down = kernel * (first if i == 0 else n)
        up = kernel * (3 if i == 0 else n)
        total += (2 if i == 0 else 3) * down + 3 * up
        if reduction < STRIDE:
            total += 2 * 3 * 2 * n * n * positions  # GDN and inverse GDN
    return total


def matmul_peak() -> float:
    """Float32 operations per second of a large matrix product, the best of several."""
    x = tf.random.normal((_MATMUL_SIDE, _MATMUL_SIDE))
    product = tf.function(tf.matmul)
    best = min(_timed(lambda: product(x, x).numpy()) for _ in range(10))
    return 2 * _MATMUL_SIDE**3 / best


def _timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _compiled_step(config: Config):
    """A function of a batch that takes a step of a fresh model, and waits for it."""
    tf.keras.utils.set_random_seed(config.seed)
    model = SaliencyCodec(config)
    adam = tf.keras.optimizers.Adam(config.learning_rate, epsilon=config.adam_epsilon)
    model.compile(adam)
    step = tf.function(model.train_step)
    return lambda batch: step(batch)["loss"].numpy()


def _config(preset: str) -> Config:
    return Config(preset=preset, **PRESETS[preset])


def time_steps(count: int) -> dict[str, float]:
    """Median seconds of a step of `blog` and of `stock_v2`, taken by turns."""
    configs = {name: _config(name) for name in ("blog", "stock_v2")}
    scenes = frames.from_scenes(0, 8)
    context = tf.distribute.InputContext()
    source = iter(batches.dataset(scenes, configs["blog"], 0, context))
    steps = {name: _compiled_step(config) for name, config in configs.items()}
    seconds = {name: [] for name in steps}
    for i in range(_WARM_UP + count):
        batch = next(source)
        for name, step in steps.items():
            taken = _timed(lambda: step(batch))  # noqa: B023 - called at once
            if i >= _WARM_UP:
                seconds[name].append(taken)
    return {name: statistics.median(values) for name, values in seconds.items()}


def time_pipeline(preset: str, count: int) -> tuple[float, float]:
    """Seconds of a step on a constant batch, and on the pipeline's batches.

    Medians over blocks of steps, taken by turns.
    """
    config = dataclasses.replace(_config(preset), last_step=10**6)
    scenes = frames.from_scenes(0, 16)
    source = iter(batches.dataset(scenes, config, 0, tf.distribute.InputContext()))
    constant = next(source)
    step = _compiled_step(config)

    def block(next_batch) -> float:
        """Seconds per step; longer than what the pipeline can hold in advance."""
        return _timed(lambda: [step(next_batch()) for _ in range(count)]) / count

    block(lambda: next(source))
    times = [
        (block(lambda: constant), block(lambda: next(source))) for _ in range(_BLOCKS)
    ]
    return tuple(map(statistics.median, zip(*times)))


def time_codec(count: int) -> dict[str, float]:
    """Seconds per image of `compress` ("files") and of its transform and range coder.

    The latter "alone", one after another, and as many "at_once" as `compress` has.
    """
    config = _config("cpu")
    scenes = frames.from_scenes(0, min(count, 16))
    with tempfile.TemporaryDirectory() as folder:
        tf.keras.utils.set_random_seed(0)
        exported.save(SaliencyCodec(config), 0, f"{folder}/model")
        for i in range(count):
            images.write_png(f"{folder}/{i:03}.png", scenes[i % len(scenes)])
        codec = Codec.load(f"{folder}/model")
        rgba = [scenes[i % len(scenes)] for i in range(count)]
        maps = [frame[..., 3].astype(np.float32) / 255 for frame in rgba]
        codec.encode(rgba[0][..., :3], maps[0])

        rgb = [frame[..., :3] for frame in rgba]

        def bare(workers):
            with ThreadPoolExecutor(workers) as pool:
                list(pool.map(codec.encode, rgb, maps))

        def whole():
            sources = {path: Path(path.name) for path in Path(folder).glob("*.png")}
            jobs = file_jobs.plan(sources, ".salc", f"{folder}/out", overwrite=True)
            maps = map_sources.from_spec("auto")
            file_jobs.compress_files(encoders.Plain(codec), jobs, maps)

        kinds = (lambda: bare(1), lambda: bare(file_jobs.WORKERS), whole)
        rounds = [[_timed(kind) for kind in kinds] for _ in range(_BLOCKS)]
    medians = [statistics.median(times) / count for times in zip(*rounds)]
    return dict(zip(("alone", "at_once", "files"), medians))


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    logging.set_verbosity(logging.WARNING)
    peak = matmul_peak()
    print(f"float32 matmul peak of this machine: {peak / 1e9:.0f} GFLOP/s")
    seconds = time_steps(FLAGS.steps)
    found = {"matmul_peak_flops": peak, "seconds_per_step": seconds}
    for name, value in seconds.items():
        flops = step_flops(_config(name))
        print(
            f"{name:9} {value * 1e3:7.1f} ms/step {1 / value:6.2f} steps/s "
            f"{flops / 1e9:6.1f} GFLOP/step {flops / value / peak:6.1%} of the peak"
        )
    found["step_rate_ratio"] = seconds["stock_v2"] / seconds["blog"]
    print(f"blog takes {found['step_rate_ratio']:.2f} times the steps of stock_v2")
    for preset in _PIPELINE_PRESETS:
        constant, piped = time_pipeline(preset, FLAGS.steps)
        found[f"pipeline_share_{preset}"] = constant / piped
        print(
            f"input pipeline, {preset}: {constant * 1e3:.1f} ms/step on a constant "
            f"batch, {piped * 1e3:.1f} with it: {constant / piped:.1%} of the rate"
        )
    coding = time_codec(FLAGS.images)
    found["seconds_per_image"] = coding
    print(
        f"compress, {FLAGS.images} images of 512x256: {coding['files'] * 1e3:.1f} ms "
        f"each from file to file; transform and range coder one after another "
        f"{coding['alone'] * 1e3:.1f} ms, {file_jobs.WORKERS} at a time "
        f"{coding['at_once'] * 1e3:.1f} ms: {coding['alone'] / coding['files']:.1%} "
        f"and {coding['at_once'] / coding['files']:.1%} of the rate"
    )
    found["sam"] = {}
    for network in sam.NETWORKS:
        found["sam"][network] = sam_speed.time_sam(network, FLAGS.sam_rounds)
        sam_speed.report(network, found["sam"][network])
    if FLAGS.output:
        seed = _config("blog").seed
        write_record(FLAGS.output, "benchmark_speed", argv, seed=seed, **found)


if __name__ == "__main__":
    cli.run(main)
