"""The arms of the study: what each trains with, and what its encoder is told."""

from __future__ import annotations

from typing import NamedTuple


class Arm(NamedTuple):
    """A way to train, or only to encode.

    Attributes:
      description: in a few words, for tables.
      flags: of salcomp.train; none where nothing is trained.
      maps: which map the encoder (and the loss) gets: "own", that of another frame
        ("shuffled"), the centre prior ("center"), or the very map that scores
        ("scorer").
      refinement: what the latents are refined under, "uniform" or "saliency" weights,
        by the model that the run starts from; None without refinement.
    """

    description: str
    flags: tuple[str, ...] = ()
    maps: str = "own"
    refinement: str | None = None

    @property
    def trains(self) -> bool:
        """Whether a run of it makes a model."""
        return self.refinement is None

    @property
    def weighted(self) -> bool:
        """Whether the training weights the squared error."""
        return "--weight_distortion" in self.flags


_CONCAT = ("--condition_encoder", "--weight_distortion")
_MODULATE = (*_CONCAT, "--conditioning=modulate")

ARMS = {
    "baseline": Arm("no map, uniform error", ("--nosaliency",)),
    "map-in": Arm(
        "map as fourth channel, uniform error",
        ("--condition_encoder", "--noweight_distortion"),
    ),
    "weighted": Arm(
        "no map in, weighted error", ("--nocondition_encoder", "--weight_distortion")
    ),
    "concat": Arm("map as fourth channel, weighted error, floor 0.01", _CONCAT),
    "concat-0.1": Arm("map as fourth channel, weighted error, floor 0.1", _CONCAT),
    "modulate": Arm(
        "map scales and shifts features, weighted error, floor 0.01", _MODULATE
    ),
    "concat-shuffled": Arm("concat with maps of other frames", _CONCAT, "shuffled"),
    "modulate-shuffled": Arm(
        "modulate with maps of other frames", _MODULATE, "shuffled"
    ),
    "concat-0.1-shuffled": Arm(
        "concat-0.1 with maps of other frames", _CONCAT, "shuffled"
    ),
    "concat-center": Arm("concat with the centre prior", _CONCAT, "center"),
    "refine-uniform": Arm("refined, uniform weights", refinement="uniform"),
    "refine-saliency": Arm(
        "refined, weights of the map, floor 0.01", refinement="saliency"
    ),
    "refine-shuffled": Arm(
        "refined, weights of another frame's map", (), "shuffled", "saliency"
    ),
    "refine-mild": Arm("refined, weights of the map, floor 0.1", refinement="saliency"),
    "refine-fixations": Arm(
        "refined, weights of the map that scores", (), "scorer", "saliency"
    ),
    "blog-baseline": Arm("no map, uniform error, from scratch", ("--nosaliency",)),
    "blog-clip": Arm("max(s, floor), from scratch", _CONCAT),
    "blog-affine": Arm("floor + (1 - floor) s, from scratch", _CONCAT),
    "blog-additive": Arm("1 + s, from scratch", _CONCAT),
    "none-clip": Arm("concat, max(s, floor) as it is", _CONCAT),
    "none-affine": Arm("concat, floor + (1 - floor) s as it is", _CONCAT),
    "none-additive": Arm("concat, 1 + s as it is", _CONCAT),
}
