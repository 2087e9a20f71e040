"""The nine tests that a candidate sees."""

import numpy as np
import pandas as pd
import pytest
import torch
from solution import f1_score, make_windows, train_early_stopping
from torch.utils.data import DataLoader, TensorDataset


def frame():
    ramp = np.arange(10.0)
    return pd.DataFrame({"a": ramp, "b": 2 * ramp, "t": 3 * ramp + 1})


def train(sign, patience, max_epochs):
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((128, 3)).astype(np.float32))
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.1
    torch.manual_seed(0)
    loaders = [
        DataLoader(TensorDataset(x[part], factor * y[part]), batch_size=16)
        for part, factor in ((slice(96), 1), (slice(96, None), sign))
    ]
    return train_early_stopping(torch.nn.Linear(3, 1), *loaders, patience, max_epochs)


@pytest.mark.criterion("f1")
def test_f1_of_a_perfect_guess():
    assert f1_score([1, 0, 1, 1], [1, 0, 1, 1]) == pytest.approx(1.0)


@pytest.mark.criterion("f1")
def test_f1_of_a_mixed_guess():
    assert f1_score([1, 1, 1, 0, 0, 0, 1, 0], [1, 0, 1, 0, 1, 0, 1, 0]) == pytest.approx(0.75)


@pytest.mark.criterion("f1")
def test_f1_without_a_predicted_one():
    assert f1_score([0, 0, 1], [0, 0, 0]) == 0.0


@pytest.mark.criterion("f1")
def test_f1_refuses_unequal_lengths():
    with pytest.raises(ValueError):  # noqa: PT011 - the message is yours
        f1_score([1, 0], [1])


@pytest.mark.criterion("windows")
def test_windows_have_their_shapes():
    X, y = make_windows(frame(), 3, 1, "t")
    assert X.shape == (7, 3, 2)
    assert y.shape == (7,)


@pytest.mark.criterion("windows")
def test_windows_hold_the_right_values():
    X, y = make_windows(frame(), 3, 1, "t")
    assert np.array_equal(X[0], frame()[["a", "b"]].to_numpy()[:3])
    assert y[0] == pytest.approx(10.0)


@pytest.mark.criterion("windows")
def test_windows_of_too_short_a_frame_are_empty():
    X, y = make_windows(frame().head(3), 3, 1, "t")
    assert (len(X), len(y)) == (0, 0)


@pytest.mark.criterion("early_stopping")
def test_training_lowers_the_validation_loss():
    val_loss = train(1, 5, 30)["val_loss"]
    assert val_loss[-1] < 0.5 * val_loss[0]


@pytest.mark.criterion("early_stopping")
def test_training_stops_when_patience_is_used_up():
    history = train(-1, 3, 50)
    assert len(history["val_loss"]) == history["best_epoch"] + 4
