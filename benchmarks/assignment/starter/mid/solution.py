"""F1 score, sliding windows, and training that stops in time."""

import numpy as np
import pandas as pd
import torch
from torch import nn


def f1_score(y_true, y_pred) -> float:
    """Return the F1 score of class 1; 0.0 where neither sequence holds a 1. Raises ValueError on unequal lengths."""
    raise NotImplementedError


def make_windows(df: pd.DataFrame, window: int, horizon: int, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Return X of shape (n, window, features) and y of shape (n,), the target `horizon` rows after each window."""
    raise NotImplementedError


def train_early_stopping(
    model: nn.Module,
    train_loader: torch.utils.data.DataLoader,
    val_loader: torch.utils.data.DataLoader,
    patience: int,
    max_epochs: int,
) -> dict:
    """Train until `patience` epochs bring no new minimum; return the losses, with the model at its best epoch."""
    raise NotImplementedError
