"""Small examples with answers that you can check by hand. The hidden tests ask the same questions of other data."""

import math

import numpy as np
import pytest
import solution
import torch
from torch import nn


class Score(nn.Module):
    """The logit is one number per row, times a weight that starts at 1; in train mode it is garbage."""

    def __init__(self, *, column):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.column = column

    def forward(self, X):
        logits = X * self.weight if not self.training else torch.full_like(X, float("nan"))
        return logits if self.column else logits[:, 0]


# weighted loss --------------------------------------------------------------------------------------------------------


@pytest.mark.criterion("weighted_loss")
@pytest.mark.parametrize("y", [torch.tensor([0, 1, 0, 0]), np.array([False, True, False, False])])
def test_weight_is_negatives_over_positives(y):
    weight = solution.compute_pos_weight(y)
    assert isinstance(weight, torch.Tensor)
    assert (weight.shape, weight.dtype) == ((), torch.float32)
    assert weight.item() == pytest.approx(3.0)


@pytest.mark.criterion("weighted_loss")
@pytest.mark.parametrize("y", [[0, 0], [1, 1], [0, 0, 1, 2]])
def test_labels_without_a_weight_are_refused(y):
    with pytest.raises(ValueError):  # noqa: PT011
        solution.compute_pos_weight(torch.tensor(y))


@pytest.mark.criterion("weighted_loss")
def test_loss_weighs_the_positive_sample():
    loss = solution.make_loss(torch.tensor([0, 0, 0, 0, 1]))
    # Two samples at probability 1/2: (4 ln 2 + ln 2) / 2.
    assert float(loss(torch.zeros(2), torch.tensor([1.0, 0.0]))) == pytest.approx(2.5 * math.log(2))


@pytest.mark.criterion("weighted_loss")
def test_loss_holds_far_from_zero():
    loss = solution.make_loss(torch.tensor([0, 0, 0, 0, 1]))
    assert float(loss(torch.tensor([-200.0]), torch.tensor([1.0]))) == pytest.approx(800.0)


# training loop --------------------------------------------------------------------------------------------------------


@pytest.mark.criterion("training_loop")
@pytest.mark.parametrize("column", [False, True])
def test_two_steps_by_hand(column):
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    batches = [(torch.full((3, 1), 2.0), torch.tensor([1, 1, 1])), (torch.full((2, 1), 4.0), torch.tensor([0, 0]))]
    network = model if column else nn.Sequential(model, nn.Flatten(0))
    mean_loss = solution.train_epoch(
        network, batches, nn.BCEWithLogitsLoss(), torch.optim.SGD(model.parameters(), lr=1.0)
    )
    # Gradient of the first batch: 2 * (1/2 - 1) = -1, so the weight becomes 1. Of the second: 4 * sigmoid(4).
    assert model.weight.item() == pytest.approx(1 - 4 / (1 + math.exp(-4)), rel=1e-4)
    assert mean_loss == pytest.approx((3 * math.log(2) + 2 * math.log(1 + math.exp(4))) / 5, rel=1e-4)


@pytest.mark.criterion("training_loop")
def test_model_trains_in_train_mode():
    model = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1)).eval()
    batches = [(torch.tensor([[1.0], [3.0]]), torch.tensor([0, 1]))]
    solution.train_epoch(model, batches, nn.BCEWithLogitsLoss(), torch.optim.SGD(model.parameters(), lr=0.1))
    # Batch norm keeps 0.1 of the batch's mean, which is 2, in train mode only.
    assert model[0].running_mean.item() == pytest.approx(0.2)


# evaluation -----------------------------------------------------------------------------------------------------------

# Probabilities 0.88, 0.73, 0.5, 0.27, 0.12; labels 1, 0, 1, 0, 1; in two batches.
BATCHES = [
    (torch.tensor([[2.0], [1.0]]), torch.tensor([1, 0])),
    (torch.tensor([[0.0], [-1.0], [-2.0]]), torch.tensor([1, 0, 1])),
]
AVERAGE_PRECISION = (1 / 1 + 2 / 3 + 3 / 5) / 3


@pytest.mark.criterion("evaluation")
@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize(
    ("options", "precision", "recall", "f1"),
    [({}, 2 / 3, 2 / 3, 2 / 3), ({"threshold": 0.8}, 1.0, 1 / 3, 0.5), ({"threshold": 0.99}, 0.0, 0.0, 0.0)],
)
def test_metrics_by_hand(column, options, precision, recall, f1):
    metrics = solution.evaluate(Score(column=column).eval(), BATCHES, **options)
    assert set(metrics) == {"precision", "recall", "f1", "average_precision"}
    found = [float(metrics[name]) for name in ("precision", "recall", "f1", "average_precision")]
    assert found == pytest.approx([precision, recall, f1, AVERAGE_PRECISION], abs=1e-5)


@pytest.mark.criterion("evaluation")
@pytest.mark.parametrize("training", [True, False])
def test_model_is_evaluated_and_left_as_it_was(training):
    model = Score(column=True).train(training)
    assert solution.evaluate(model, BATCHES)["f1"] == pytest.approx(2 / 3, abs=1e-5)
    assert model.training is training


@pytest.mark.levels("senior")
@pytest.mark.criterion("evaluation")
def test_frozen_part_stays_frozen():
    model = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1)).train()
    model[0].eval()
    assert solution.evaluate(model, BATCHES)["recall"] >= 0
    assert [model.training, model[0].training, model[1].training] == [True, False, True]


@pytest.mark.levels("mid", "senior")
@pytest.mark.criterion("evaluation")
def test_best_threshold_by_hand():
    y_true, y_prob = np.array([0, 1, 0, 1, 1]), np.array([0.10, 0.20, 0.25, 0.30, 0.45])
    threshold, f1 = solution.best_f1_threshold(y_true, y_prob)
    # From 0.20 up: 3 of 3 positives found, 1 false alarm.
    assert 0.10 < threshold <= 0.20
    assert f1 == pytest.approx(6 / 7, abs=1e-5)


# senior ---------------------------------------------------------------------------------------------------------------


@pytest.mark.levels("senior")
@pytest.mark.criterion("focal_loss")
def test_focal_loss_by_hand():
    # p_t is 0.9, 0.9 and 0.5. With gamma 2 the cross-entropy counts 1 %, 1 % and 25 %.
    logits, targets = torch.tensor([math.log(9), -math.log(9), 0.0]), torch.tensor([1.0, 0.0, 1.0])
    expected = [-0.01 * math.log(0.9), -0.01 * math.log(0.9), 0.25 * math.log(2)]
    assert solution.focal_loss(logits, targets, reduction="none").tolist() == pytest.approx(expected, rel=1e-3)
    assert float(solution.focal_loss(logits, targets)) == pytest.approx(sum(expected) / 3, rel=1e-3)
    # alpha for the positives, 1 - alpha for the negative.
    expected = [0.2 * expected[0], 0.8 * expected[1], 0.2 * expected[2]]
    assert float(solution.focal_loss(logits, targets, alpha=0.2, reduction="sum")) == pytest.approx(
        sum(expected), rel=1e-3
    )


@pytest.mark.levels("senior")
@pytest.mark.criterion("focal_loss")
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_loss_far_from_zero(gamma):
    logits = torch.tensor([-200.0, 200.0], requires_grad=True)
    loss = solution.focal_loss(logits, torch.tensor([1.0, 1.0]), gamma=gamma, reduction="sum")
    loss.backward()
    assert float(loss) == pytest.approx(200.0)
    assert logits.grad.tolist() == pytest.approx([-1.0, 0.0])


@pytest.mark.levels("senior")
@pytest.mark.criterion("weighted_sampler")
def test_half_of_the_draws_are_positive():
    y = torch.zeros(1000, dtype=torch.int64)
    y[:50] = 1
    sampler = solution.make_weighted_sampler(y, generator=torch.Generator().manual_seed(0))
    drawn = list(sampler)
    assert len(drawn) == 1000
    # The standard deviation of this share is 0.016.
    assert y[drawn].float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert drawn == list(solution.make_weighted_sampler(y, generator=torch.Generator().manual_seed(0)))
