"""A training state from elsewhere, put into a model and its optimizer."""

from __future__ import annotations

from salcomp import export
from salcomp.model.saliency_codec import SaliencyCodec, named_variables
from salcomp.runs.state import TrainingState


def assign(model: SaliencyCodec, state: TrainingState) -> None:
    """Makes a compiled model go on where a run has stopped.

    Args:
      model: compiled with Keras' Adam.
      state: of the run, whose configuration has the model's architecture.

    Raises:
      InputError: a tensor is missing, left over, or of another shape; named.
    """
    export.assign(model, state.variables)
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(state.step)
    names = {v.ref(): name for name, v in named_variables(model).items()}
    # Keras keeps the moments in the order of the variables, under no public names.
    for variable, first, second in zip(
        model.trainable_variables, optimizer._momentums, optimizer._velocities
    ):
        first.assign(state.first[names[variable.ref()]])
        second.assign(state.second[names[variable.ref()]])
