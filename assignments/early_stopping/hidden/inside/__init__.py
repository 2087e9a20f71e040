"""Models, loaders, losses and spies that live beside the candidate's code. No expected value stands here."""

from inside.graphs import CountingNet, count_graphs
from inside.lives import Bench, Disk, live, live_plain, revive, revive_in_place, revive_twice
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
from inside.probes import Idle, Mixed, StepCounter, Torn, count_steps, fail_inside, look_inside, modes, spoil_gradients
from inside.scripted import ScriptedRun
from inside.spies import DeviceSpy, ModeSpy, note_devices, note_modes
from inside.steps import show

__all__ = [
    "Bare",
    "Batches",
    "Bench",
    "CountingNet",
    "DeviceSpy",
    "Disk",
    "Idle",
    "Mixed",
    "ModeSpy",
    "Net",
    "OneShot",
    "Orders",
    "ScriptedRun",
    "StepCounter",
    "Torn",
    "count_graphs",
    "count_steps",
    "data_loader",
    "fail_inside",
    "fill_gradients",
    "frozen_flags",
    "grad_enabled",
    "gradients",
    "live",
    "live_plain",
    "load_arrays",
    "look_inside",
    "make_sgd",
    "make_step_lr",
    "mean_of_targets",
    "modes",
    "mse",
    "note_devices",
    "note_modes",
    "parameter_ids",
    "revive",
    "revive_in_place",
    "revive_twice",
    "show",
    "snapshot",
    "spoil_gradients",
    "uneven_mse",
    "velocities",
    "warm_up",
]
