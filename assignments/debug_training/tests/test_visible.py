"""Visible test: one whole run against the same run written in NumPy. It says that something is wrong, and not where.

One batch an epoch and no dropout, so nothing but the split and the first weights is at random. The hidden tests look at
each rule on its own.
"""

import numpy as np
import pytest

pytestmark = pytest.mark.levels("junior", "mid")

MOMENTUM, HALVE_EVERY = 0.9, 5


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def forward(parameters, x):
    hidden = [x]
    for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        hidden.append(np.maximum(hidden[-1] @ weight.T + bias, 0))
    return hidden, hidden[-1] @ parameters[-2].T + parameters[-1]


def gradients(parameters, x, y):
    hidden, logits = forward(parameters, x)
    slope = np.exp(log_softmax(logits))
    slope[np.arange(len(y)), y] -= 1
    slope /= len(y)
    found = []
    for weight, h in zip(parameters[-2::-2], reversed(hidden), strict=True):
        found = [slope.T @ h, slope.sum(axis=0), *found]
        slope = (slope @ weight) * (h > 0)
    return found


@pytest.mark.criterion("end_to_end")
def test_a_whole_run_is_the_one_in_numpy():
    from solution import fit, make_loaders

    rng = np.random.default_rng(8)
    X, y = rng.normal(5, 3, size=(80, 4)), np.arange(80) % 3
    options = {"batch_size": 80, "val_fraction": 0.25, "seed": 6}
    settings = {"lr": 0.12, "weight_decay": 0.1, "max_norm": 0.1, "dropout": 0.0}
    [(x_train, y_train)], [(x_val, y_val)] = (list(loader) for loader in make_loaders(X.copy(), y, **options))

    start = fit(X.copy(), y, epochs=0, **options, **settings).model
    parameters = [p.detach().double().numpy().copy() for p in start.parameters()]
    velocity = [np.zeros_like(p) for p in parameters]
    expected = []
    for epoch in range(8):
        lr = settings["lr"] / 2 ** (epoch // HALVE_EVERY)
        slopes = gradients(parameters, x_train.double().numpy(), y_train.numpy())
        norm = np.sqrt(sum((slope**2).sum() for slope in slopes))
        for i, slope in enumerate(slopes):
            decay = settings["weight_decay"] * parameters[i] if parameters[i].ndim > 1 else 0
            velocity[i] = MOMENTUM * velocity[i] + slope * min(1, settings["max_norm"] / norm) + decay
            parameters[i] = parameters[i] - lr * velocity[i]
        _, logits = forward(parameters, x_val.double().numpy())
        expected.append(-log_softmax(logits)[np.arange(len(y_val)), y_val.numpy()].mean())

    history = fit(X.copy(), y, epochs=8, **options, **settings).history
    assert [record["val_loss"] for record in history] == pytest.approx(expected, rel=1e-3)
