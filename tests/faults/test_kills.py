"""Whatever part of a grading is killed, whenever: the run ends in the right grade or in none, and leaves nothing."""

import random
from pathlib import Path

import pytest

from tests.faults.machine import TARGETS, Run, faults_of, grade, killer
from tests.faults.test_limits import needs_full

TRIES = 5

pytestmark = [pytest.mark.slow, pytest.mark.isolation, pytest.mark.timeout(120), needs_full]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("target", TARGETS)
def test_a_part_that_is_killed_costs_at_most_the_number(target: str, seed: int, tmp_path: Path, clean: Run) -> None:
    luck = random.Random(seed)  # noqa: S311 - moments, not secrets
    runs = (grade(tmp_path / str(number), fault=killer(target, luck)) for number in range(TRIES))
    run = next(run for run in runs if run.hit)  # a fast machine may be done before the fault
    assert faults_of(run, target, clean) == []
