"""F1 score, sliding windows, and training that stops in time."""

#: private
import copy

#: end
import numpy as np
import pandas as pd
import torch
from torch import nn


def f1_score(y_true, y_pred) -> float:
    """Return the F1 score of class 1; 0.0 where neither sequence holds a 1. Raises ValueError on unequal lengths."""
    #: task
    truth, guess = np.asarray(y_true), np.asarray(y_pred)
    if truth.shape != guess.shape:
        raise ValueError(f"{truth.shape} true values and {guess.shape} predicted ones")
    hits = int(np.count_nonzero((truth == 1) & (guess == 1)))
    ones = int(np.count_nonzero(truth == 1)) + int(np.count_nonzero(guess == 1))
    return 2 * hits / ones if ones else 0.0
    #: end


def make_windows(df: pd.DataFrame, window: int, horizon: int, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Return X of shape (n, window, features) and y of shape (n,), the target `horizon` rows after each window."""
    #: task
    features, goal = df.drop(columns=[target]).to_numpy(), df[target].to_numpy()
    count = max(0, len(df) - window - horizon + 1)
    rows = np.arange(count)[:, None] + np.arange(window)
    return features[rows], goal[np.arange(count) + window + horizon - 1]
    #: end


def train_early_stopping(
    model: nn.Module,
    train_loader: torch.utils.data.DataLoader,
    val_loader: torch.utils.data.DataLoader,
    patience: int,
    max_epochs: int,
) -> dict:
    """Train until `patience` epochs bring no new minimum; return the losses, with the model at its best epoch."""
    #: task
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    history = {"train_loss": [], "val_loss": [], "best_epoch": -1}
    best_loss, best_weights = float("inf"), None
    for epoch in range(max_epochs):
        model.train()
        total = rows = 0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            total, rows = total + loss.item() * len(x), rows + len(x)
        history["train_loss"].append(total / rows)
        model.eval()
        total = rows = 0
        with torch.no_grad():
            for x, y in val_loader:
                total, rows = total + nn.functional.mse_loss(model(x), y).item() * len(x), rows + len(x)
        history["val_loss"].append(total / rows)
        if history["val_loss"][-1] < best_loss:
            best_loss, best_weights = history["val_loss"][-1], copy.deepcopy(model.state_dict())
            history["best_epoch"] = epoch
        elif epoch - history["best_epoch"] >= patience:
            break
    if best_weights is not None:
        model.load_state_dict(best_weights)
    return history
    #: end
