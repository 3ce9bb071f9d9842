"""What refinement at encoding time gains: none, uniform and saliency-weighted.

Compresses images with the latents of the encoder, with latents refined under uniform
weights (the control), and refined under the map at a series of lambdas; prints and
writes bpp, PSNR and EWPSNR, and the rate that the map saves at equal EWPSNR.

    python -m experiments.refinement --model=runs/mine --images='test/*.png'
"""

from __future__ import annotations

import numpy as np
from absl import logging
from tqdm import tqdm

from experiments.record import write_record
from salcomp import cli
from salcomp.codec.codec import Codec
from salcomp.codec.refine import Refinement, Refiner
from salcomp.errors import InputError
from salcomp.files import disk, images, map_sources
from salcomp.files.results import write_csv
from salcomp.flags import Flags
from salcomp.metrics import quality as metrics

_COLUMNS = ("bpp", "psnr", "ewpsnr")
_BY_MAP = "saliency, lambda x"

FLAGS = Flags()
FLAGS.string(
    "model",
    None,
    "Workdir of a run, exported model folder, or name of a model that comes with "
    "salcomp.",
)
FLAGS.string("images", None, "Pattern of the images; the map is their alpha.")
FLAGS.string("output_dir", "results/refinement", "Folder for the table.")
FLAGS.integer("refine_steps", 150, "Steps of the refinement.", lower_bound=1)
FLAGS.list(
    "lambda_factors",
    ["1", "0.7", "0.5"],
    "Factors on the model's lambda for the refinement under the map: the lower ones "
    "reach the control's EWPSNR with fewer bits.",
)
FLAGS.float(
    "saliency_floor",
    None,
    "Smallest weight of the refinement, 0 to 1; the model's own by default.",
    lower_bound=0,
    upper_bound=1,
)
FLAGS.integer("seed", 0, "Seed of the refinement's noise.")


def measure(codec: Codec, refiners, image, saliency) -> dict[str, dict[str, float]]:
    """Bpp, PSNR, EWPSNR and R + lambda D of one image for each way of encoding it.

    Args:
      codec: of the model.
      refiners: `Refinement`s by name, None for the encoder's own latents.
      image: uint8 [H, W, 3].
      saliency: float32 [H, W], 0..1.
    """
    rows = {}
    for name, refinement in refiners.items():
        encode = refinement.encode if refinement else codec.encode
        encoded = encode(image, saliency)
        decoded = codec.decode(encoded.data)
        bpp = 8 * len(encoded.data) / saliency.size
        cost = bpp + codec.config.lmbda * metrics.mse(image, decoded)
        ewpsnr = metrics.ewpsnr(image, decoded, saliency)
        rows[name] = {"bpp": bpp, "psnr": metrics.psnr(image, decoded)}
        rows[name] |= {"ewpsnr": ewpsnr, "cost": cost}
    return rows


def saving(means: dict[str, dict[str, float]], control: str, curve: list[str]) -> float:
    """Rate saved at the control's EWPSNR, by log-linear interpolation along a curve.

    Returns:
      The fraction of the control's bpp; NaN if the curve does not reach its EWPSNR.
    """
    points = sorted((means[name]["ewpsnr"], means[name]["bpp"]) for name in curve)
    quality, rate = np.transpose(points)
    target = means[control]["ewpsnr"]
    if not quality[0] <= target <= quality[-1]:
        return float("nan")
    rate_there = np.exp(np.interp(target, quality, np.log(rate)))
    return 1 - float(rate_there / means[control]["bpp"])


def main(argv):
    cli.parse(FLAGS, argv, __doc__)
    if not (FLAGS.model and FLAGS.images):
        raise InputError("--model and --images are needed")
    sources = disk.expand_inputs([FLAGS.images])
    codec = Codec.load(FLAGS.model)
    steps, seed, floor = FLAGS.refine_steps, FLAGS.seed, FLAGS.saliency_floor
    control = Refiner(codec, steps, codec.config.lmbda, seed)
    refiners = {"none": None, "uniform": Refinement(control, "uniform", floor)}
    for factor in cli.numbers(FLAGS, "lambda_factors"):
        refiner = Refiner(codec, steps, factor * codec.config.lmbda, seed)
        refiners[f"{_BY_MAP} {factor:g}"] = Refinement(refiner, "saliency", floor)
    maps = map_sources.from_spec("auto")
    rows = []
    for path in tqdm(sources, "images", disable=None):
        image = images.read_image(path)
        saliency = maps.of(path, image).saliency
        for name, values in measure(codec, refiners, image.rgb, saliency).items():
            rows.append({"image": str(path), "refinement": name, **values})
    output = disk.make_folder("output_dir", FLAGS.output_dir)
    write_csv(output / "per_image.csv", rows)

    def column(name: str, metric: str) -> list[float]:
        return [row[metric] for row in rows if row["refinement"] == name]

    means = {
        name: {metric: float(np.mean(column(name, metric))) for metric in _COLUMNS}
        for name in refiners
    }
    lower = int(np.sum(np.less(column("uniform", "cost"), column("none", "cost"))))
    saved = saving(means, "uniform", [n for n in refiners if n.startswith(_BY_MAP)])
    summary = {
        "means": means,
        "rate_saved_at_equal_ewpsnr": None if np.isnan(saved) else saved,
        "uniform_lowers_cost_on": lower,
        "images": len(sources),
    }
    write_record(output / "summary.json", "refinement", argv, seed=seed, **summary)
    print(f"{'refinement':28}{'bpp':>10}{'PSNR/dB':>10}{'EWPSNR/dB':>11}")
    for name, values in means.items():
        print(f"{name:28}" + "{bpp:10.4f}{psnr:10.3f}{ewpsnr:11.3f}".format(**values))
    print(f"uniform weights lower R + lambda D on {lower} of {len(sources)} images")
    if np.isnan(saved):
        logging.info("the saliency curve does not span the control's EWPSNR")
    else:
        print(f"rate saved by the map at the control's EWPSNR: {saved:.1%}")


if __name__ == "__main__":
    cli.run(main)
