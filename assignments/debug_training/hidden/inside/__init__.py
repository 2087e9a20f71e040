"""Models, loaders and looks at them that live beside the candidate's code. No expected value stands here."""

from inside import gpt_probe as gpt
from inside.gpu import evaluate_on_gpu, fit_on_gpu, train_on_gpu
from inside.graphs import CountingModel, count_graphs
from inside.loaders import Batches, passes
from inside.models import (
    Halves,
    Line,
    Resting,
    Rows,
    cross_entropy,
    give_gradient,
    gradients,
    load_arrays,
    modes,
    parameters,
    snapshot,
)
from inside.runs import batches_of_fit, is_recording_after, loaders_of, rates_of_fit
from inside.steps import MatricesAndVectors, grouped_step, infinite_loss, mean_output, sgd, step_on_model

__all__ = [
    "Batches",
    "CountingModel",
    "Halves",
    "Line",
    "MatricesAndVectors",
    "Resting",
    "Rows",
    "batches_of_fit",
    "count_graphs",
    "cross_entropy",
    "evaluate_on_gpu",
    "fit_on_gpu",
    "give_gradient",
    "gpt",
    "gradients",
    "grouped_step",
    "infinite_loss",
    "is_recording_after",
    "load_arrays",
    "loaders_of",
    "mean_output",
    "modes",
    "parameters",
    "passes",
    "rates_of_fit",
    "sgd",
    "snapshot",
    "step_on_model",
    "train_on_gpu",
]
