"""Visible tests: a first look at each criterion. The hidden tests ask the same rules with other numbers, and more."""

import json
import math

import pytest
import solution
import torch
from solution import EarlyStopping, evaluate, train
from torch import nn


class Counter(nn.Module):
    """Its weight counts optimizer steps, its buffer counts training batches."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        if self.training:
            self.batches += 1
        return self.weight + 0 * x


class Script:
    """A training run of one batch an epoch whose validation losses are given."""

    def __init__(self, *losses):
        self.losses = losses
        self.model = Counter()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1.0)
        self.train_loader = [(torch.zeros(2, 1, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64))]
        self.val_loader = [(torch.zeros(2, 1, dtype=torch.float64), torch.ones(2, 1, dtype=torch.float64))]

    def loss_fn(self, outputs, targets):
        if targets.sum() == 0:
            return -outputs.mean()  # a gradient of -1: each step adds 1 to the weight
        return outputs.new_tensor(self.losses[round(outputs.mean().item()) - 1])

    def train(self, **options):
        return train(self.model, self.train_loader, self.val_loader, self.loss_fn, self.optimizer, **options)


LOSSES = (1.0, 0.80, 0.81, 0.79, 0.795, 0.80, 0.81, 0.50)


@pytest.mark.criterion("stop_rule")
def test_step_says_stop_after_patience_steps_without_improvement():
    stopper = EarlyStopping(patience=2)
    assert (stopper.best, stopper.best_step) == (math.inf, -1)
    assert [stopper.step(loss) for loss in LOSSES[:6]] == [False, False, False, False, False, True]
    assert (stopper.best, stopper.best_step) == (0.79, 3)


@pytest.mark.criterion("stop_rule")
@pytest.mark.parametrize(
    ("patience", "min_delta", "epochs_run", "best_epoch"),
    [(1, 0.0, 3, 1), (2, 0.0, 6, 3), (3, 0.0, 7, 3), (2, 0.02, 4, 1)],
)
def test_training_stops_in_time(patience, min_delta, epochs_run, best_epoch):
    result = Script(*LOSSES).train(max_epochs=8, patience=patience, min_delta=min_delta)
    assert (result.epochs_run, result.best_epoch, result.stopped_early) == (epochs_run, best_epoch, True)
    assert result.best_val_loss == pytest.approx(LOSSES[best_epoch])


@pytest.mark.criterion("stop_rule")
def test_arguments_out_of_range_are_refused():
    with pytest.raises(ValueError):  # noqa: PT011
        EarlyStopping(patience=0)


@pytest.mark.criterion("restores_best")
@pytest.mark.parametrize("patience", [2, 5])
def test_best_weights_and_buffers_come_back(patience):
    run = Script(0.9, 0.5, 0.6, 0.7)
    run.train(max_epochs=4, patience=patience)
    assert run.model.weight.item() == 2.0
    assert run.model.batches.item() == 2


@pytest.mark.criterion("trajectory")
def test_two_batches_of_sgd_with_momentum():
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.ones_(model.weight)
    x, y = torch.tensor([[1.0], [2.0]], dtype=torch.float64), torch.tensor([[3.0], [4.0]], dtype=torch.float64)
    loader = [(x[:1], y[:1]), (x[1:], y[1:])]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    train(model, loader, loader, nn.functional.mse_loss, optimizer, max_epochs=1, patience=1)
    # Gradients: 2 * 1 * (1 - 3) = -4, then at weight 1.4: 2 * 2 * (2.8 - 4) = -4.8; velocities: -4, then -6.8.
    assert model.weight.item() == pytest.approx(1.0 + 0.1 * 4 + 0.1 * 6.8)


@pytest.mark.criterion("validation_hygiene")
def test_evaluate_weighs_samples_and_restores_the_mode():
    x, y = torch.zeros(4, 1), torch.tensor([[0.0], [0.0], [0.0], [10.0]])
    model = nn.Sequential(nn.Linear(1, 1), nn.Dropout(0.5))
    loss = evaluate(model, [(x[:3], y[:3]), (x[3:], y[3:])], lambda outputs, targets: targets.mean())
    assert loss == pytest.approx(2.5)
    assert model.training
    with pytest.raises(ValueError):  # noqa: PT011
        evaluate(model, [], nn.functional.mse_loss)


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("plain_history")
def test_history_is_made_of_plain_numbers():
    history = Script(0.9, 0.8).train(max_epochs=2, patience=2).history
    assert [record["epoch"] for record in history] == [0, 1]
    assert all(type(record[key]) is float for record in history for key in ("train_loss", "val_loss"))
    json.dumps(history)


def line_of(rows):
    """Return a model y = w * x with w = 1, and rows of x and y."""
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.ones_(model.weight)
    x = torch.arange(1.0, rows + 1, dtype=torch.float64).reshape(-1, 1)
    return model, x, x + 2


@pytest.mark.levels("senior")
@pytest.mark.criterion("validation_hygiene")
def test_frozen_part_stays_in_eval_mode():
    model = nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    model[1].eval()
    evaluate(model, [(torch.zeros(3, 1), torch.zeros(3, 1))], nn.functional.mse_loss)
    assert [module.training for module in model] == [True, False, True]


@pytest.mark.levels("senior")
@pytest.mark.criterion("resume")
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_broken_run_ends_like_one_in_a_single_piece(cut):
    def run(states, max_epochs, state=None):
        model, x, y = line_of(4)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
        options = {"max_epochs": max_epochs, "patience": 9, "state": state, "save": states.append}
        loaders = [(x, y)], [(x, 1.25 * x)]  # training moves w from 1 to 5 / 3, and validation wants 1.25
        return model, solution.train_resumable(model, *loaders, nn.functional.mse_loss, optimizer, **options)

    states, later, other = [], [], []
    run(states, cut)
    assert len(states) == cut
    model, result = run(later, 4, states[-1])
    whole, expected = run(other, 4)
    assert model.weight.item() == pytest.approx(whole.weight.item(), rel=1e-9)
    assert model.weight.item() > 1.0
    assert [record["epoch"] for record in result.history] == [0, 1, 2, 3]
    losses = [record["val_loss"] for record in expected.history]
    assert [record["val_loss"] for record in result.history] == pytest.approx(losses, rel=1e-9)
    assert result.best_epoch == expected.best_epoch == 1


@pytest.mark.levels("senior")
@pytest.mark.criterion("accumulation")
def test_two_batches_make_one_step():
    model, x, y = line_of(3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = [(x[:2], y[:2]), (x[2:], y[2:])]
    loss = solution.accumulate_epoch(model, loader, nn.functional.mse_loss, optimizer, group=2)
    # Every row is off by 2, so the loss is 4. Gradients of the rows: 2 * x * -2 for x = 1, 2, 3; their mean is -8.
    assert loss == pytest.approx(4.0)
    assert model.weight.item() == pytest.approx(1.0 + 0.1 * 8)
