"""The twelve tests, once, for every grader that runs them beside the submission.

The assignment's own hidden tests (`assignment/hidden`) ask the same with the same inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a check asks of its two expressions."""

    NEAR = "near"
    SAME = "same"
    TRUE = "true"
    RAISES = "raises"


@dataclass(frozen=True)
class Check:
    """One question; `left` is an expression, `right` another one or an exception's name."""

    kind: Kind
    left: str
    right: str = ""


@dataclass(frozen=True)
class Case:
    """One test: statements that arrange it, then what is asked.

    Attributes:
        function: what it tests.
        hidden: candidates do not see it.
    """

    name: str
    function: str
    points: int
    hidden: bool
    arrange: tuple[str, ...]
    checks: tuple[Check, ...]


# What every rendering starts with, after the submission's names are there.
HELPERS = """\
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, TensorDataset


def frame():
    ramp = np.arange(10.0)
    return pd.DataFrame({"a": ramp, "b": 2 * ramp, "t": 3 * ramp + 1})


def linear_run(sign):
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((128, 3)).astype(np.float32))
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.1
    torch.manual_seed(0)
    train = DataLoader(TensorDataset(x[:96], y[:96]), batch_size=16)
    val = DataLoader(TensorDataset(x[96:], sign * y[96:]), batch_size=16)
    return torch.nn.Linear(3, 1), train, val
"""

_DRAWN = (
    "draw = np.random.default_rng(7)",
    "truth, guess = draw.integers(0, 2, 200), draw.integers(0, 2, 200)",
    "expected = 2 * int((truth & guess).sum()) / int(truth.sum() + guess.sum())",
)
_RISING = ("model, train, val = linear_run(-1)", "history = train_early_stopping(model, train, val, 3, 50)")


def _f1(name: str, points: int, *checks: Check, hidden: bool = False, arrange: tuple[str, ...] = ()) -> Case:
    return Case(f"f1_{name}", "f1_score", points, hidden, arrange, checks)


def _windows(name: str, points: int, call: str, *checks: Check, hidden: bool = False) -> Case:
    return Case(f"windows_{name}", "make_windows", points, hidden, (f"X, y = make_windows({call})",), checks)


def _training(name: str, points: int, arrange: tuple[str, ...], check: Check, *, hidden: bool = False) -> Case:
    return Case(f"training_{name}", "train_early_stopping", points, hidden, arrange, (check,))


CASES = (
    _f1("perfect", 5, Check(Kind.NEAR, "f1_score([1, 0, 1, 1], [1, 0, 1, 1])", "1.0")),
    _f1("mixed", 10, Check(Kind.NEAR, "f1_score([1, 1, 1, 0, 0, 0, 1, 0], [1, 0, 1, 0, 1, 0, 1, 0])", "0.75")),
    _f1("no_predicted_one", 5, Check(Kind.NEAR, "f1_score([0, 0, 1], [0, 0, 0])", "0.0")),
    _f1("unequal_lengths", 5, Check(Kind.RAISES, "f1_score([1, 0], [1])", "ValueError")),
    _f1("random", 10, Check(Kind.NEAR, "f1_score(truth, guess)", "expected"), hidden=True, arrange=_DRAWN),
    _windows(
        "shapes",
        5,
        'frame(), 3, 1, "t"',
        Check(Kind.SAME, "X.shape", "(7, 3, 2)"),
        Check(Kind.SAME, "y.shape", "(7,)"),
    ),
    _windows(
        "values",
        10,
        'frame(), 3, 1, "t"',
        Check(Kind.TRUE, 'np.array_equal(X[0], frame()[["a", "b"]].to_numpy()[:3])'),
        Check(Kind.NEAR, "y[0]", "10.0"),
    ),
    _windows(
        "horizon",
        10,
        'frame(), 3, 4, "t"',
        Check(Kind.SAME, "len(X)", "4"),
        Check(Kind.SAME, "[float(value) for value in y]", "[19.0, 22.0, 25.0, 28.0]"),
        hidden=True,
    ),
    _windows(
        "too_short",
        5,
        'frame().head(3), 3, 1, "t"',
        Check(Kind.SAME, "len(X)", "0"),
        Check(Kind.SAME, "len(y)", "0"),
    ),
    _training(
        "learns",
        10,
        ("model, train, val = linear_run(1)", "history = train_early_stopping(model, train, val, 5, 30)"),
        Check(Kind.TRUE, 'history["val_loss"][-1] < 0.5 * history["val_loss"][0]'),
    ),
    _training("stops", 10, _RISING, Check(Kind.SAME, 'len(history["val_loss"])', 'history["best_epoch"] + 4')),
    _training(
        "restores",
        15,
        (
            *_RISING,
            "x, y = val.dataset.tensors",
            "loss = torch.nn.functional.mse_loss(model(x), y).item()",
        ),
        Check(Kind.TRUE, 'abs(loss - min(history["val_loss"])) < 1e-4'),
        hidden=True,
    ),
)
POINTS = sum(case.points for case in CASES)
FUNCTIONS = tuple(dict.fromkeys(case.function for case in CASES))
