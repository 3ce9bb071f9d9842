"""What a saliency mask costs on disk: the anecdote of 2019, measured.

The write-up found masks "surprisingly large when saved in npz format, perhaps due to
the lack of compression", and moved them into the alpha channel of PNGs. This predicts
maps of frames, saves each in several ways, and writes the bytes per mask as a table and
a bar chart.

    python -m experiments.mask_storage --images='frames/*.png' \\
        --predictor=attention-center --weights=attention_center.tflite
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from experiments.record import write_record
from salcomp import cli
from salcomp.errors import InputError
from salcomp.files import disk, figures, images, predictors, saliency_maps
from salcomp.files.results import write_csv
from salcomp.flags import Flags
from salcomp.progress import Progress

REASON = (
    "np.savez does not compress: a mask costs 4 bytes a pixel whatever it shows. To a "
    "compressor the low bits of a float look random; rounding to 8 bits drops them. "
    "PNG stores each pixel's difference from its neighbours, which are alike in a "
    "smooth map; as alpha, each byte of the map stands between three of the colours."
)

FLAGS = Flags()
FLAGS.string(
    "images", None, "Pattern or folder of frames, whose colours alone are used."
)
FLAGS.string(
    "predictor",
    "attention-center",
    f"Where the maps come from. One of {', '.join(predictors.names())}.",
)
FLAGS.string("weights", None, "What the predictor reads, if anything.")
FLAGS.string(
    "output_dir", "results/mask_storage", "Folder for table, chart and record."
)


def stored_bytes(rgb: np.ndarray, saliency: np.ndarray) -> dict[str, int]:
    """The bytes of a mask by the way of storing it.

    Args:
      rgb: uint8 [H, W, 3], the frame.
      saliency: float32 [H, W] in 0..1, its map.
    """
    grey = np.rint(255 * saliency).astype(np.uint8)
    rgb_png = len(images.encode_png(rgb))
    rgba_png = len(images.encode_png(np.dstack([rgb, grey])))
    half = saliency.astype(np.float16)
    return {
        "np.savez, float32": _npz(np.savez, saliency),
        "np.savez, float16": _npz(np.savez, half),
        "np.savez_compressed, float32": _npz(np.savez_compressed, saliency),
        "np.savez_compressed, float16": _npz(np.savez_compressed, half),
        "grey PNG, 8 bit": len(images.encode_png(grey)),
        "alpha channel of the PNG": rgba_png - rgb_png,
        "(the RGB PNG itself)": rgb_png,
    }


def _npz(save, array: np.ndarray) -> int:
    buffer = io.BytesIO()
    save(buffer, array)
    return buffer.getbuffer().nbytes


def _draw(path: Path, means: dict[str, float], title: str) -> None:
    figure = figures.new(8, 3.6)
    axes = figure.add_subplot()
    colours = ["0.75" if name.startswith("(") else "tab:blue" for name in means]
    kilobytes = [value / 1000 for value in means.values()]
    bars = axes.barh(list(means), kilobytes, color=colours)
    axes.bar_label(bars, [f"{value:.1f}" for value in kilobytes], padding=3)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * max(kilobytes))
    axes.set_xlabel("kB per mask (1 kB = 1000 bytes), mean")
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figures.write(path, figure)


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not FLAGS.images:
        raise InputError("--images is needed: a pattern or folder of frames")
    paths = disk.expand_inputs([FLAGS.images])
    predictor = predictors.load(FLAGS.predictor, FLAGS.weights, readout=False)
    rows, sizes = [], set()
    for path in Progress(paths, "frames", unit="frame"):
        rgb = images.read_image(path).rgb
        height, width = rgb.shape[:2]
        sizes.add(f"{width}x{height}")
        frame = predictors.Frame.whole(rgb, str(path))
        saliency = saliency_maps.resize(predictor.predict([frame])[0], height, width)
        rows.append({"frame": path.name, **stored_bytes(rgb, saliency)})
    names = [name for name in rows[0] if name != "frame"]
    means = {name: float(np.mean([row[name] for row in rows])) for name in names}
    output = disk.make_folder("output_dir", FLAGS.output_dir)
    write_csv(output / "per_frame.csv", rows)
    table = [{"stored as": name, "bytes": value} for name, value in means.items()]
    write_csv(output / "table.csv", table)
    title = (
        f"Saliency maps of {len(paths)} frames, {' and '.join(sorted(sizes))} pixels; "
        f"predictor: {FLAGS.predictor}"
    )
    _draw(output / "figure.png", means, title)
    found = {"frames": len(paths), "mean_bytes": means, "reason": REASON}
    write_record(output / "record.json", "mask_storage", argv, **found)
    for name, value in means.items():
        print(f"{name:30}{value:12,.0f} bytes")
    print(REASON)


if __name__ == "__main__":
    cli.run(main)
