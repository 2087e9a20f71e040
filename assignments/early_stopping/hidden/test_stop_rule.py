"""Criterion stop_rule: rules 1 to 4, 7, 12, 14 and, senior, 18."""

from __future__ import annotations

import math

import pytest

from grading.judge import expect_bool, expect_float, expect_int

NAN, INF = math.nan, math.inf
GOLDEN = [1.0, 0.80, 0.81, 0.79, 0.795, 0.80, 0.81, 0.50]
# patience, min_delta -> epochs, best epoch, best loss
GOLDEN_RUNS = {(1, 0.0): (3, 1, 0.80), (2, 0.0): (6, 3, 0.79), (3, 0.0): (7, 3, 0.79), (2, 0.02): (4, 1, 0.80)}


@pytest.fixture
def follow(inside, oracle):
    """Return a function that steps through values and compares what is shown with the brute-force rule."""

    def compare(stopper, values, patience, min_delta=0.0, mode="min"):
        expected = oracle.watch(values, patience, min_delta, mode)
        shown = inside.show(stopper, values)
        for i, ((stop, best, best_step), wanted) in enumerate(zip(shown, expected, strict=True)):
            where = f"step {i} of {values}, patience {patience}, min_delta {min_delta}, {mode}"
            assert expect_bool(stop, "step") is wanted.stop, where
            assert expect_float(best, "best", allow_nan=True) == wanted.best, where
            assert expect_int(best_step, "best_step") == wanted.best_step, where

    return compare


def draw_values(rng, length):
    """Draw values with ties; as multiples of 1/64 they compare without rounding."""
    return [int(n) / 64 for n in rng.integers(-24, 25, size=length) + int(rng.integers(-2000, 2000))]


@pytest.mark.criterion("stop_rule", weight=2)
def test_stepping_follows_the_rule_on_random_values(solution, follow, rng):
    for _ in range(24):
        values = draw_values(rng, int(rng.integers(4, 14)))
        patience = int(rng.integers(1, 5))
        follow(solution.EarlyStopping(patience), values, patience)


@pytest.mark.criterion("stop_rule", weight=2)
def test_gain_counts_only_above_min_delta(solution, follow, rng):
    for _ in range(24):
        values = draw_values(rng, int(rng.integers(4, 14)))
        patience, min_delta = int(rng.integers(1, 5)), int(rng.integers(1, 20)) / 64
        follow(solution.EarlyStopping(patience, min_delta), values, patience, min_delta)
    # A gain of exactly min_delta is none; small gains add up, because best stays where it was.
    follow(solution.EarlyStopping(2, min_delta=0.25), [1.0, 0.75, 0.5, 0.25, 0.0], 2, 0.25)
    follow(solution.EarlyStopping(9, min_delta=0.25), [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4], 9, 0.25)


@pytest.mark.criterion("stop_rule", weight=2)
def test_mode_max_is_the_mirror_image(solution, follow, rng):
    for _ in range(16):
        values = draw_values(rng, int(rng.integers(4, 14)))
        patience, min_delta = int(rng.integers(1, 5)), int(rng.integers(0, 20)) / 64
        stopper = solution.EarlyStopping(patience, min_delta, "max")
        assert expect_float(stopper.best, "best", allow_nan=True) == -INF
        follow(stopper, values, patience, min_delta, "max")
    follow(solution.EarlyStopping(2, mode="max"), [-3.0, -2.0, -2.0, -2.5, -1.0], 2, 0.0, "max")


@pytest.mark.criterion("stop_rule", weight=2)
def test_value_equal_to_the_best_is_no_improvement(solution, follow, play_script):
    follow(solution.EarlyStopping(2), [0.5, 0.5, 0.5], 2)
    follow(solution.EarlyStopping(3), [0.5, 0.25, 0.25, 0.25, 0.25], 3)
    played = play_script([0.5, 0.25, 0.25, 0.25, 0.125], max_epochs=5, patience=2)
    assert (played.epochs_run, played.best_epoch) == (4, 1)


@pytest.mark.criterion("stop_rule", weight=2)
def test_nan_never_improves_and_counts_as_a_step(solution, follow, rng):
    for values in ([NAN, NAN, NAN], [NAN, 0.5, NAN, 0.25], [0.5, NAN, NAN, 0.25], [1.0, NAN, 0.5, NAN, NAN, NAN]):
        for mode in ("min", "max"):
            follow(solution.EarlyStopping(2, 0.0, mode), values, 2, 0.0, mode)
    for _ in range(8):
        values = [NAN if rng.random() < 0.4 else value for value in draw_values(rng, 9)]
        follow(solution.EarlyStopping(3), values, 3)


@pytest.mark.criterion("stop_rule")
def test_infinite_values_follow_the_same_rule(solution, follow):
    for mode in ("min", "max"):
        for values in ([INF, INF, 1.0], [-INF, -INF, 1.0], [1.0, INF, -INF, 0.5, 2.0], [INF, 5e300, 4e300, -INF]):
            follow(solution.EarlyStopping(2, 0.5, mode), values, 2, 0.5, mode)


@pytest.mark.criterion("stop_rule")
def test_nothing_is_best_before_the_first_improvement(solution, follow):
    stopper = solution.EarlyStopping(2)
    assert expect_float(stopper.best, "best", allow_nan=True) == INF
    assert expect_int(stopper.best_step, "best_step") == -1
    # Whatever its size, the first number is an improvement.
    follow(stopper, [3e200, 2e200, 2.5e200, 3e200], 2)


@pytest.mark.criterion("stop_rule")
def test_stepping_after_a_stop_follows_the_same_rule(solution, follow, rng):
    follow(solution.EarlyStopping(1), [0.5, 0.75, 0.75, 0.25, 0.5, 0.125, 0.125], 1)
    for _ in range(8):
        rise = [2.0 + int(n) / 64 for n in rng.integers(0, 64, size=6)]
        follow(solution.EarlyStopping(2), [2.0, *rise, 1.0, 1.0, 1.5, 1.25, 0.5], 2)


@pytest.mark.criterion("stop_rule")
def test_each_object_keeps_its_own_count(solution, oracle, rng):
    first, second = solution.EarlyStopping(3), solution.EarlyStopping(2, 0.25, "max")
    values = draw_values(rng, 12)
    seen_first, seen_second = oracle.watch(values, 3), oracle.watch(values, 2, 0.25, "max")
    for value, one, two in zip(values, seen_first, seen_second, strict=True):
        assert first.step(value) is one.stop
        assert second.step(value) is two.stop
        assert (first.best, first.best_step) == (one.best, one.best_step)
        assert (second.best, second.best_step) == (two.best, two.best_step)


@pytest.mark.criterion("stop_rule")
def test_arguments_out_of_range_are_refused(solution, follow, play_script):
    for arguments in ((0,), (-3,), (1, -0.125), (1, 0.0, "MIN"), (1, 0.0, "auto")):
        with pytest.raises(ValueError):  # noqa: PT011 - the message is the candidate's
            solution.EarlyStopping(*arguments)
    for options in ({"max_epochs": 0}, {"max_epochs": -1}, {"patience": 0}, {"min_delta": -0.5}):
        with pytest.raises(ValueError):  # noqa: PT011
            play_script([1.0, 0.5], **{"max_epochs": 2, "patience": 1, **options})
    follow(solution.EarlyStopping(1, 0.0), [1.0, 0.5, 0.5], 1)
    assert play_script([1.0], max_epochs=1, patience=1).epochs_run == 1


@pytest.mark.criterion("stop_rule", weight=3)
@pytest.mark.parametrize(("patience", "min_delta"), GOLDEN_RUNS)
def test_training_stops_after_patience_epochs_without_improvement(play_script, rng, patience, min_delta):
    epochs, best, loss = GOLDEN_RUNS[patience, min_delta]
    scale = float(rng.choice([0.125, 0.25, 0.5, 2.0, 4.0, 8.0]))
    script = [scale * value for value in GOLDEN]
    played = play_script(script, max_epochs=8, patience=patience, min_delta=scale * min_delta)
    assert (played.epochs_run, played.best_epoch) == (epochs, best)
    assert played.best_val_loss == pytest.approx(scale * loss, rel=1e-6)
    assert played.stopped_early is True


@pytest.mark.criterion("stop_rule", weight=3)
def test_training_follows_the_rule_on_random_losses(play_script, oracle, rng):
    for _ in range(8):
        script = [32 + value - math.floor(value) for value in draw_values(rng, 12)]
        max_epochs, patience = int(rng.integers(1, 13)), int(rng.integers(1, 5))
        min_delta = int(rng.integers(0, 12)) / 64
        expected = oracle.run(script, max_epochs, patience, min_delta)
        played = play_script(script, max_epochs=max_epochs, patience=patience, min_delta=min_delta)
        where = f"{script}, max_epochs {max_epochs}, patience {patience}, min_delta {min_delta}"
        assert (played.epochs_run, played.best_epoch) == (expected.epochs_run, expected.best_epoch), where
        assert played.stopped_early is expected.stopped_early, where
        assert oracle.same(played.best_val_loss, expected.best_val_loss), where
        assert len(played.history) == expected.epochs_run, where


@pytest.mark.criterion("stop_rule")
def test_stopped_early_says_whether_the_rule_fired(play_script):
    falling = play_script([0.9, 0.8, 0.7, 0.6], max_epochs=4, patience=1)
    assert (falling.epochs_run, falling.best_epoch, falling.stopped_early) == (4, 3, False)
    almost = play_script([0.5, 0.6, 0.7, 0.8], max_epochs=3, patience=3)
    assert (almost.epochs_run, almost.best_epoch, almost.stopped_early) == (3, 0, False)
    in_last_epoch = play_script([0.5, 0.6, 0.7, 0.8], max_epochs=4, patience=3)
    assert (in_last_epoch.epochs_run, in_last_epoch.best_epoch, in_last_epoch.stopped_early) == (4, 0, True)


@pytest.mark.criterion("stop_rule", weight=2)
def test_training_goes_on_through_nan_and_infinite_losses(play_script, oracle):
    for script in (
        [NAN, 0.5, 0.25, NAN, 0.3, 0.1],
        [0.5, NAN, 0.25, NAN, NAN, 0.125],
        [NAN, NAN, NAN, NAN, 0.5, 0.4],
        [INF, 0.5, INF, 0.25, INF, NAN],
    ):
        expected = oracle.run(script, 6, 2)
        played = play_script(script, max_epochs=6, patience=2)
        assert (played.epochs_run, played.best_epoch) == (expected.epochs_run, expected.best_epoch), script
        assert oracle.same(played.best_val_loss, expected.best_val_loss), script
        assert played.stopped_early is expected.stopped_early, script


@pytest.mark.criterion("stop_rule")
def test_second_training_starts_its_own_count(solution, inside, play_script):
    first = play_script([0.25, 0.5, 0.75], max_epochs=3, patience=2)
    second = play_script([0.75, 0.5, 0.625, 0.75], max_epochs=4, patience=2)
    assert (first.epochs_run, first.best_epoch, first.best_val_loss) == (3, 0, 0.25)
    assert (second.epochs_run, second.best_epoch, second.best_val_loss) == (4, 1, 0.5)


@pytest.mark.levels("senior")
@pytest.mark.criterion("stop_rule")
def test_min_delta_is_a_finite_number(solution, follow, play_script):
    for min_delta in (NAN, INF):
        for mode in ("min", "max"):
            with pytest.raises(ValueError):  # noqa: PT011 - the message is the candidate's
                solution.EarlyStopping(2, min_delta, mode)
        with pytest.raises(ValueError):  # noqa: PT011
            play_script([1.0, 0.5], max_epochs=2, patience=1, min_delta=min_delta)
    follow(solution.EarlyStopping(1, 1e6), [1.0, 0.5, -1e7], 1, 1e6)
