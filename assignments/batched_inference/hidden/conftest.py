"""Fixtures of this assignment: models in the worker, and a desk in the judge that answers a model's calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from grading.judge import expect_tensor


@pytest.fixture
def network(inside: Any, oracle: Any, rng: np.random.Generator) -> Callable[..., tuple[Any, dict[str, np.ndarray]]]:
    """Return a function that makes a network in train mode, and the arrays that it holds."""

    def make(kind: str = "Net", dtype: torch.dtype = torch.float64, **options: Any) -> tuple[Any, Any]:
        sizes = [int(rng.integers(3, 6)), int(rng.integers(6, 9)), int(rng.integers(2, 5))]
        arrays = oracle.draw_arrays(rng, *sizes)
        model = getattr(inside, kind)(sizes, dtype) if kind == "Net" else getattr(inside, kind)(sizes, **options)
        inside.load_arrays(model, {name: torch.as_tensor(value) for name, value in arrays.items()})
        return model, arrays

    return make


@pytest.fixture
def inputs_for(rng: np.random.Generator) -> Callable[..., np.ndarray]:
    """Return a function that draws float64 inputs (count, columns) for a network's arrays."""

    def draw(arrays: dict[str, np.ndarray], count: int) -> np.ndarray:
        return rng.normal(size=(count, arrays["first.weight"].shape[1]))

    return draw


@pytest.fixture
def ask(solution: Any, inside: Any, oracle: Any) -> Callable[..., tuple[torch.Tensor, Any]]:
    """Return a function that predicts with a model which the judge computes."""

    def run(
        inputs: object,
        answer: Callable[[torch.Tensor], torch.Tensor] = lambda batch: batch,
        *,
        batch_size: int = 4,
        dtypes: Sequence[torch.dtype] = (torch.float32,),
    ) -> tuple[torch.Tensor, Any]:
        desk = oracle.Desk(answer)
        model = inside.Remote(desk, *dtypes) if dtypes else inside.WithoutParameters(desk)
        predictor = solution.BatchPredictor(model, batch_size=batch_size, device="cpu")
        return expect_tensor(predictor.predict(inputs), "predict"), desk

    return run


@pytest.fixture
def really_predicts(inside: Any, oracle: Any, inputs_for: Callable[..., np.ndarray]) -> Callable[..., None]:
    """Return a function that asserts that a predictor computes: flags that are as they should be prove nothing alone.

    The rows are one full batch of the same row, so that a mistake in batching does not show here.
    """

    def check(predictor: Any, model: Any, arrays: dict[str, np.ndarray], batch_size: int = 4) -> None:
        inside.set_modes(model, False)
        rows = np.repeat(inputs_for(arrays, 1), batch_size, axis=0)
        result = expect_tensor(predictor.predict(torch.tensor(rows)), "predict")
        assert oracle.close(result, oracle.forward(arrays, rows))

    return check
