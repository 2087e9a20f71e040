"""Models, loaders, losses and spies that live beside the candidate's code. No expected value stands here."""

from inside.graphs import CountingNet, count_graphs
from inside.loaders import Bare, Batches, OneShot, Orders, data_loader, grad_enabled
from inside.losses import mean_of_targets, mse, uneven_mse
from inside.nets import (
    Net,
    fill_gradients,
    frozen_flags,
    gradients,
    load_arrays,
    make_sgd,
    make_step_lr,
    parameter_ids,
    snapshot,
    velocities,
    warm_up,
)
from inside.scripted import ScriptedRun
from inside.spies import DeviceSpy, ModeSpy, note_devices, note_modes
from inside.steps import show

__all__ = [
    "Bare",
    "Batches",
    "CountingNet",
    "DeviceSpy",
    "ModeSpy",
    "Net",
    "OneShot",
    "Orders",
    "ScriptedRun",
    "count_graphs",
    "data_loader",
    "fill_gradients",
    "frozen_flags",
    "grad_enabled",
    "gradients",
    "load_arrays",
    "make_sgd",
    "make_step_lr",
    "mean_of_targets",
    "mse",
    "note_devices",
    "note_modes",
    "parameter_ids",
    "show",
    "snapshot",
    "uneven_mse",
    "velocities",
    "warm_up",
]
