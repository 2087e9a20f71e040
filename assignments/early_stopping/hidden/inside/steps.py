"""Steps through many values in one go, so that the judge asks once and not once a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def show(stopper: Any, values: Sequence[float]) -> list[tuple[Any, Any, Any]]:
    """Return (what step returned, best, best_step) after each value."""
    return [(stopper.step(value), stopper.best, stopper.best_step) for value in values]
