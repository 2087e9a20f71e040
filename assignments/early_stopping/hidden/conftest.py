"""Fixtures of this assignment: training runs played through the candidate's `train`, checked for their types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from grading.judge import expect_bool, expect_float, expect_int, fetch

FLOAT = torch.float64


@dataclass(frozen=True)
class Played:
    """A finished call of `train`: what it returned, and the remote objects it worked on."""

    result: Any
    model: Any
    optimizer: Any
    state: dict[str, torch.Tensor]

    @property
    def epochs_run(self) -> int:
        return expect_int(self.result.epochs_run, "epochs_run")

    @property
    def best_epoch(self) -> int:
        return expect_int(self.result.best_epoch, "best_epoch")

    @property
    def best_val_loss(self) -> float:
        return expect_float(self.result.best_val_loss, "best_val_loss", allow_nan=True)

    @property
    def stopped_early(self) -> bool:
        return expect_bool(self.result.stopped_early, "stopped_early")

    @property
    def history(self) -> list[dict[str, Any]]:
        history = fetch(self.result.history)
        assert type(history) is list, "history is a list"
        records = [fetch(record) for record in history]
        assert all(type(record) is dict for record in records), "of dicts"
        return records


@pytest.fixture
def play_script(solution: Any, inside: Any) -> Callable[..., Played]:
    """Train with validation losses that are written down beforehand; keywords go to `train`, but for `assigns`."""

    def play(script: list[float], *, assigns: bool = False, **options: Any) -> Played:
        run = inside.ScriptedRun(script, assigns=assigns)
        model, optimizer = run.model, run.optimizer
        result = solution.train(model, run.train_loader, run.val_loader, run.loss_fn, optimizer, **options)
        return Played(result, model, optimizer, fetch(inside.snapshot(model)))

    return play


@pytest.fixture
def build(inside: Any) -> Callable[..., tuple[Any, Any]]:
    """Build the network and the optimizer of an oracle's problem in the worker."""

    def make(problem: Any, dropout: float = 0.0, network: str = "Net") -> tuple[Any, Any]:
        hidden, inputs = problem.arrays["first.weight"].shape
        options = {"norm": "norm.weight" in problem.arrays, "dropout": dropout} if network == "Net" else {}
        model = getattr(inside, network)([inputs, hidden], **options)
        inside.load_arrays(model, _tensors(problem.arrays), list(problem.frozen))
        settings = {"lr": problem.lr, "momentum": problem.momentum, "weight_decay": problem.weight_decay}
        optimizer = inside.make_sgd(model, dict(problem.factors), **settings)
        if problem.direction is not None:
            inside.warm_up(model, optimizer, _tensors(problem.direction))
        return model, optimizer

    return make


@pytest.fixture
def play(solution: Any, inside: Any, build: Callable[..., tuple[Any, Any]]) -> Callable[..., Played]:
    """Train an oracle's problem; keywords that are not about the set-up go to `train`."""

    def run(
        problem: Any,
        *,
        val_sizes: list[int] | None = None,
        training: bool = True,
        dropout: float = 0.0,
        loss: str = "mse",
        network: str = "Net",
        scheduled: bool = False,
        **options: Any,
    ) -> Played:
        model, optimizer = build(problem, dropout, network)
        model.train(training)
        if scheduled:
            options["scheduler"] = inside.make_step_lr(optimizer, problem.step_size, problem.gamma)
        x, y, x_val, y_val = (
            torch.tensor(a, dtype=FLOAT) for a in (problem.x, problem.y, problem.x_val, problem.y_val)
        )
        train_loader = inside.Orders(x, y, problem.orders, problem.batch)
        val_loader = inside.Batches(x_val, y_val, val_sizes or [len(x_val)])
        options = {"max_epochs": problem.epochs, "patience": problem.epochs + 1, **options}
        result = solution.train(
            model,
            train_loader,
            val_loader,
            getattr(inside, loss),
            optimizer,
            **options,
        )
        return Played(result, model, optimizer, fetch(inside.snapshot(model)))

    return run


def _tensors(arrays: Any) -> dict[str, torch.Tensor]:
    return {name: torch.as_tensor(value) for name, value in arrays.items()}
