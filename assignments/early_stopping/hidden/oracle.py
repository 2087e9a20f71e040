"""What the README promises, computed a second time without torch: the stop rule by brute force, training by hand.

Nothing here follows the reference solution: the stop rule looks back over all values at every step, and the network's
gradients are written out in numpy.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Arrays = dict[str, np.ndarray]
EPS, BN_MOMENTUM = 1e-5, 0.1  # torch's defaults for BatchNorm1d


# the stop rule --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watch:
    """What an EarlyStopping shows after a step."""

    stop: bool
    best: float
    best_step: int


def watch(values: Sequence[float], patience: int, min_delta: float = 0.0, mode: str = "min") -> list[Watch]:
    """Return what each step must show, by reading all values up to it again."""
    return [_look_back(values[: i + 1], patience, min_delta, mode) for i in range(len(values))]


def _look_back(values: Sequence[float], patience: int, min_delta: float, mode: str) -> Watch:
    sign = 1.0 if mode == "min" else -1.0
    improvements = [(-1, math.inf)]
    for i, value in enumerate(values):
        if not math.isnan(value) and sign * value < improvements[-1][1] - min_delta:
            improvements.append((i, sign * value))
    best_step, best = improvements[-1]
    fruitless = len(values[best_step + 1 :])
    return Watch(fruitless >= patience, sign * best, best_step)


@dataclass(frozen=True)
class Run:
    """What a TrainResult must say."""

    epochs_run: int
    best_epoch: int
    best_val_loss: float
    stopped_early: bool


def run(script: Sequence[float], max_epochs: int, patience: int, min_delta: float = 0.0) -> Run:
    """Return the outcome of a training run with these validation losses."""
    seen = watch(script[:max_epochs], patience, min_delta)
    epochs = next((i + 1 for i, w in enumerate(seen) if w.stop), len(seen))
    last = seen[epochs - 1]
    return Run(epochs, last.best_step, last.best, last.stop)


def same(a: float, b: float) -> bool:
    """Tell whether two numbers are equal; infinities are."""
    return a == b or math.isclose(a, b, rel_tol=1e-6)


# the network ----------------------------------------------------------------------------------------------------------


def draw_arrays(rng: np.random.Generator, inputs: int, hidden: int, *, norm: bool = False) -> Arrays:
    """Draw parameters and buffers of `inside.Net`."""
    arrays = {
        "first.weight": rng.normal(size=(hidden, inputs)) / math.sqrt(inputs),
        "first.bias": 0.3 * rng.normal(size=hidden),
        "last.weight": rng.normal(size=(1, hidden)) / math.sqrt(hidden),
        "last.bias": 0.3 * rng.normal(size=1),
    }
    if norm:
        arrays |= {
            "norm.weight": rng.uniform(0.5, 1.5, size=hidden),
            "norm.bias": 0.3 * rng.normal(size=hidden),
            "norm.running_mean": rng.normal(size=hidden),
            "norm.running_var": rng.uniform(0.5, 1.5, size=hidden),
            "norm.num_batches_tracked": np.array(0),
        }
    return arrays


def forward(arrays: Arrays, x: np.ndarray) -> np.ndarray:
    """Return the outputs (rows, 1) in eval mode."""
    z = x @ arrays["first.weight"].T + arrays["first.bias"]
    if "norm.weight" in arrays:
        z = (z - arrays["norm.running_mean"]) / np.sqrt(arrays["norm.running_var"] + EPS)
        z = z * arrays["norm.weight"] + arrays["norm.bias"]
    return np.tanh(z) @ arrays["last.weight"].T + arrays["last.bias"]


def _train_batch(arrays: Arrays, x: np.ndarray, y: np.ndarray, loss: Loss) -> tuple[float, Arrays]:
    """Return loss and gradients of one batch in training mode; update the batch norm's buffers."""
    n = len(x)
    z = x @ arrays["first.weight"].T + arrays["first.bias"]
    a, unit, scale = z, z, np.ones(z.shape[1])
    if "norm.weight" in arrays:
        mean, var = z.mean(0), z.var(0)
        scale = 1 / np.sqrt(var + EPS)
        unit = (z - mean) * scale
        a = unit * arrays["norm.weight"] + arrays["norm.bias"]
        for name, value in (("norm.running_mean", mean), ("norm.running_var", var * n / (n - 1))):
            arrays[name] = (1 - BN_MOMENTUM) * arrays[name] + BN_MOMENTUM * value
        arrays["norm.num_batches_tracked"] = arrays["norm.num_batches_tracked"] + 1
    h = np.tanh(a)
    out = h @ arrays["last.weight"].T + arrays["last.bias"]
    d_out = loss.slope(out, y) / n
    gradients = {"last.weight": d_out.T @ h, "last.bias": d_out.sum(0)}
    d_a = d_out @ arrays["last.weight"] * (1 - h**2)
    d_z = d_a
    if "norm.weight" in arrays:
        gradients |= {"norm.weight": (d_a * unit).sum(0), "norm.bias": d_a.sum(0)}
        d_unit = d_a * arrays["norm.weight"]
        d_z = scale * (d_unit - d_unit.mean(0) - unit * (d_unit * unit).mean(0))
    gradients |= {"first.weight": d_z.T @ x, "first.bias": d_z.sum(0)}
    return float(loss.value(out, y).mean()), gradients


@dataclass(frozen=True)
class Loss:
    """A loss and its derivative by the output, row by row."""

    value: Callable[[np.ndarray, np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray, np.ndarray], np.ndarray]


MSE = Loss(lambda out, y: (out - y) ** 2, lambda out, y: 2 * (out - y))
UNEVEN_MSE = Loss(lambda out, y: (1 + y**2) * (out - y) ** 2, lambda out, y: 2 * (1 + y**2) * (out - y))


# training -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """A training run in which every step is fixed.

    Attributes:
        orders: (epochs, rows of an epoch), the training rows in the order of each epoch.
        direction: gradients of a step that the optimizer took before, or None.
        factors: parameters in optimizer groups of their own, with what the rate is multiplied by there.
        step_size, gamma: the rate is multiplied by gamma after every step_size epochs.
    """

    arrays: Arrays
    x: np.ndarray
    y: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    orders: np.ndarray
    batch: int
    loss: Loss = MSE
    lr: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0
    step_size: int = 1
    gamma: float = 1.0
    factors: Mapping[str, float] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    direction: Mapping[str, np.ndarray] | None = None

    @property
    def epochs(self) -> int:
        """How many epochs are fixed."""
        return len(self.orders)


@dataclass(frozen=True)
class Epoch:
    """What an epoch leaves behind; `velocity` is the optimizer's momentum."""

    arrays: Arrays
    velocity: Arrays
    train_loss: float
    val_loss: float


def val_loss(problem: Problem, arrays: Arrays) -> float:
    """Return the mean loss per validation row."""
    return float(problem.loss.value(forward(arrays, problem.x_val), problem.y_val).mean())


def start_arrays(problem: Problem) -> tuple[Arrays, Arrays]:
    """Return weights and velocities at the call of `train`: after the optimizer's earlier step, if there was one."""
    arrays = {name: np.array(value) for name, value in problem.arrays.items()}
    velocity: Arrays = {}
    if problem.direction is not None:
        _sgd(problem, arrays, velocity, problem.direction, problem.lr)
    return arrays, velocity


def _sgd(problem: Problem, arrays: Arrays, velocity: Arrays, gradients: Mapping[str, np.ndarray], lr: float) -> None:
    """Take one step of SGD as torch's documentation defines it: momentum without dampening, weight decay in it."""
    for name, gradient in gradients.items():
        if name not in problem.frozen:
            g = gradient + problem.weight_decay * arrays[name]
            velocity[name] = g if name not in velocity else problem.momentum * velocity[name] + g
            arrays[name] = arrays[name] - lr * problem.factors.get(name, 1.0) * velocity[name]


def simulate(problem: Problem) -> list[Epoch]:
    """Train by hand; return what each epoch leaves behind."""
    arrays, velocity = start_arrays(problem)
    epochs = []
    for number, order in enumerate(problem.orders):
        lr = problem.lr * problem.gamma ** (number // problem.step_size)
        total = 0.0
        for start in range(0, len(order), problem.batch):
            rows = order[start : start + problem.batch]
            loss, gradients = _train_batch(arrays, problem.x[rows], problem.y[rows], problem.loss)
            _sgd(problem, arrays, velocity, gradients, lr)
            total += loss * len(rows)
        kept = {name: np.array(value) for name, value in arrays.items()}
        moving = {name: np.array(value) for name, value in velocity.items()}
        epochs.append(Epoch(kept, moving, total / len(order), val_loss(problem, kept)))
    return epochs


def grouped_epoch(problem: Problem, sizes: Sequence[int], group: int) -> tuple[Arrays, float]:
    """Train one epoch by hand, the rows of a group of batches taken as one batch.

    Args:
        sizes: rows of each batch; batches hold the rows in order.
        group: batches in a group; the last may have fewer.

    Returns: the weights, and the mean of all rows' losses, each taken before its group's step.
    """
    arrays, velocity = start_arrays(problem)
    ends = np.cumsum([0, *sizes])
    total = 0.0
    for first in range(0, len(sizes), group):
        rows = slice(ends[first], ends[min(first + group, len(sizes))])
        loss, gradients = _train_batch(arrays, problem.x[rows], problem.y[rows], problem.loss)
        _sgd(problem, arrays, velocity, gradients, problem.lr)
        total += loss * (rows.stop - rows.start)
    return arrays, float(total / ends[-1])


def moving_average(values: Sequence[np.ndarray], decay: float) -> np.ndarray:
    """Return the average after all values, the first of which it starts from: a sum of all, each with its share."""
    last = len(values) - 1
    shares = [decay**last if i == 0 else (1 - decay) * decay ** (last - i) for i in range(last + 1)]
    return np.tensordot(shares, np.stack(values), axes=1)


def draw(
    rng: np.random.Generator,
    accept: Callable[[list[float]], bool],
    *,
    norm: bool = False,
    epochs: int = 5,
    rows: int = 22,
    used: int | None = None,
    batch: int = 6,
    noise: float = 0.1,
    val_rows: int = 15,
    **options: object,
) -> tuple[Problem, list[Epoch]]:
    """Draw problems until one's validation losses are of the wanted kind.

    Args:
        accept: judges the validation losses of all epochs.
        rows: training rows to draw from; `used` of them, by default all, are seen in an epoch.
        noise: standard deviation of the training targets around a network of the same form.

    Returns: the problem and what each epoch leaves behind.
    """
    for _ in range(2000):
        inputs, hidden = int(rng.integers(3, 6)), int(rng.integers(6, 9))
        teacher = draw_arrays(rng, inputs, hidden)
        x, x_val = rng.normal(size=(rows, inputs)), rng.normal(size=(val_rows, inputs))
        arrays = draw_arrays(rng, inputs, hidden, norm=norm)
        direction = None
        if options.get("warm"):
            direction = {
                name: 0.3 * rng.normal(size=value.shape)
                for name, value in arrays.items()
                if "running" not in name and "num" not in name
            }
        problem = Problem(
            arrays,
            x,
            forward(teacher, x) + noise * rng.normal(size=(rows, 1)),
            x_val,
            forward(teacher, x_val),
            np.array([rng.permutation(rows)[:used] for _ in range(epochs)]),
            batch,
            direction=direction,
            **{k: v for k, v in options.items() if k != "warm"},  # type: ignore[arg-type]
        )
        trained = simulate(problem)
        if accept([epoch.val_loss for epoch in trained]):
            return problem, trained
    raise RuntimeError("no problem of the wanted kind in 2000 draws")


def always_improves(losses: Sequence[float]) -> bool:
    """Tell whether every epoch is clearly better than all before, so that the last is the best."""
    return all(b < 0.995 * a for a, b in itertools.pairwise(losses))


def recovers(losses: Sequence[float]) -> bool:
    """Tell whether the last epoch is clearly the best although one before it was clearly no improvement."""
    setback = any(losses[i] > 1.005 * min(losses[:i]) for i in range(1, len(losses) - 1))
    return setback and losses[-1] < 0.995 * min(losses[:-1])


def ends_worse(losses: Sequence[float]) -> bool:
    """Tell whether the last epoch is clearly worse than one before."""
    return losses[-1] > 1.02 * min(losses[:-1])


def turns(losses: Sequence[float], patience: int) -> bool:
    """Tell whether the best epoch lies in the middle and no comparison on the way is a close call."""
    expected = run(losses, len(losses), patience)
    best = math.inf
    for loss in losses[: expected.epochs_run]:
        if abs(loss - best) < 1e-3 * loss:
            return False
        best = min(best, loss)
    return 1 <= expected.best_epoch < expected.epochs_run - 1
