"""Criterion resume: rules 19 to 24, senior. A run that was broken off is compared with one in a single piece.

Both are the candidate's, so a mistake in training, validation or stopping shows elsewhere. The broken one comes first:
when it goes on, the rest has never been computed. Targets lie far above the outputs, so every epoch is the best so far.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from grading.judge import expect_bool, expect_close, expect_float, expect_int, fetch

pytestmark = pytest.mark.levels("senior")

EPOCHS = 5
SCRIPT = [0.9, 0.5, 0.625, 0.4375, 0.5625, 0.5, 0.75, 0.25]


def tensors(arrays):
    return {name: torch.as_tensor(value) for name, value in arrays.items()}


def shown(result):
    """Return a result's fields as plain values."""
    return {
        "epochs_run": expect_int(result.epochs_run, "epochs_run"),
        "best_epoch": expect_int(result.best_epoch, "best_epoch"),
        "best_val_loss": expect_float(result.best_val_loss, "best_val_loss", allow_nan=True),
        "stopped_early": expect_bool(result.stopped_early, "stopped_early"),
    }


def losses(result):
    """Return (epoch, train loss, val loss) of each record."""
    return [
        (expect_int(record["epoch"], "epoch"), float(record["train_loss"]), float(record["val_loss"]))
        for record in fetch(result.history)
    ]


def alike(found, expected):
    """Two snapshots of one form hold the same numbers."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        expect_close(found[name], value, name, rtol=1e-9, atol=1e-10)


@dataclass(frozen=True)
class Kit:
    """Makes benches of one form, with the first weights or with others, and measures weights by hand."""

    inside: Any
    oracle: Any
    start: dict[str, np.ndarray]
    others: dict[str, np.ndarray]
    x: np.ndarray
    y: np.ndarray
    options: dict[str, Any]

    def bench(self, *, first=True):
        arrays = tensors(self.start if first else self.others)
        return self.inside.Bench(arrays, torch.tensor(self.x), torch.tensor(self.y), **self.options)

    def trained(self, run):
        """Return what a bench's model holds; it must be nearer to the targets than the first weights, or zeros, are."""
        state = fetch(self.inside.snapshot(run.model))
        held = {name: value.numpy() for name, value in state.items()}
        first, now = (((self.oracle.forward(arrays, self.x) - self.y) ** 2).mean() for arrays in (self.start, held))
        assert now < min(first, (self.y**2).mean()), "no training happened"
        return state


@pytest.fixture
def kit(inside, oracle, rng):
    """Return a function that draws a kit."""

    def make(*, norm=False, **options):
        start, others = (oracle.draw_arrays(rng, 3, 5, norm=norm) for _ in range(2))
        for arrays in (start, others):
            arrays["last.bias"] += 4.0  # outputs above zero: a few small steps are then better than zeros, too
        x, y = rng.normal(size=(20, 3)), 100.0 + rng.normal(size=(20, 1))
        return Kit(inside, oracle, start, others, x, y, options)

    return make


@pytest.fixture
def compare(inside, rng):
    """Return a function that breaks a run off, goes on with it, then plays it in one piece and compares."""

    def play(draw, cuts, epochs=EPOCHS):
        options = {"max_epochs": epochs, "patience": epochs + 1}
        ends = []
        for cut in cuts:
            kit = draw()
            seed = int(rng.integers(2**31))
            disk = inside.Disk(cut)
            with pytest.raises(InterruptedError):
                inside.live(kit.bench(), disk, seed=seed, **options)
            later = kit.bench(first=False)
            # A scheduler's last step counts only in a run that saves. Without one, the runs go without saving.
            again, kept = (inside.Disk() if "step_lr" in kit.options else None for _ in range(2))
            resumed = inside.revive(later, disk, cut - 1, again, seed=seed + 1, **options)
            found = kit.trained(later)
            whole = kit.bench()
            expected = inside.live(whole, kept, seed=seed, **options)
            alike(found, kit.trained(whole))
            alike(fetch(inside.standing(later)), fetch(inside.standing(whole)))
            ends.append(float(found["last.bias"]))
            assert expect_int(resumed.epochs_run, "epochs_run") == expect_int(expected.epochs_run, "epochs_run")
            assert shown(resumed)["best_val_loss"] == pytest.approx(shown(expected)["best_val_loss"], rel=1e-9)
        assert len(set(ends)) == len(ends), "other data, the same weights"

    return play


@pytest.fixture
def scripted(inside):
    """Return a function that plays a script broken off after `cut` epochs and goes on; it gives run and result."""

    def play(script, cut, **options):
        disk = inside.Disk(cut)
        with pytest.raises(InterruptedError):
            inside.live(inside.ScriptedRun(script), disk, **options)
        run = inside.ScriptedRun(script)
        return run, inside.revive(run, disk, cut - 1, **options)

    return play


@pytest.fixture
def broken_twice(inside):
    """Return a function that plays the first run for 3 epochs, goes on with the second for 2 and with the third."""

    def play(runs, seed=0, **options):
        first, second = inside.Disk(3), inside.Disk(2)
        with pytest.raises(InterruptedError):
            inside.live(runs[0], first, seed=seed, **options)
        with pytest.raises(InterruptedError):
            inside.revive(runs[1], first, 2, second, seed=seed + 1, **options)
        # What the second run saved must hold what only the first one saw.
        return inside.revive(runs[2], second, 1, inside.Disk(), seed=seed + 2, **options)

    return play


@pytest.mark.criterion("resume")
def test_without_a_state_it_does_what_train_does(inside, kit, rng):
    drawn = kit(norm=True, shuffle=True, dropout=0.5, options={"lr": 1e-3, "momentum": 0.5}, step_lr=(2, 0.5))
    seed, options = int(rng.integers(2**31)), {"max_epochs": 3, "patience": 4}
    one, two, three = (drawn.bench() for _ in range(3))
    alone = inside.live(one, None, seed=seed, **options)
    saving = inside.live(two, inside.Disk(), seed=seed, **options)
    plain = inside.live_plain(three, seed, **options)
    expected = drawn.trained(three)
    for run, result in ((one, alone), (two, saving)):
        assert shown(result) == pytest.approx(shown(plain))
        assert np.allclose(losses(result), losses(plain), rtol=1e-9)
        alike(fetch(inside.snapshot(run.model)), expected)
    assert shown(alone)["epochs_run"] == 3


@pytest.mark.criterion("resume")
def test_without_a_state_it_stops_restores_and_refuses_like_train(solution, inside):
    for script, options in (
        (SCRIPT, {"max_epochs": 8, "patience": 2}),
        ([1.0, 0.875, 0.8125, 0.5, 0.625, 0.4375, 0.5], {"max_epochs": 7, "patience": 3, "min_delta": 0.25}),
    ):
        one, plain = inside.ScriptedRun(script), inside.ScriptedRun(script)
        for run in (one, plain):
            run.model.eval()
        assert shown(inside.live(one, None, **options)) == shown(inside.live_plain(plain, **options))
        alike(fetch(inside.snapshot(one.model)), fetch(inside.snapshot(plain.model)))
        assert one.model.training is plain.model.training
    for options in ({"max_epochs": 0}, {"patience": 0}, {"min_delta": -0.5}, {"min_delta": math.nan}):
        refused = [inside.refuses(name, inside.ScriptedRun(SCRIPT), **options) for name in ("train", "train_resumable")]
        assert refused != [True, False], options
    for empty in ("train_loader", "val_loader"):
        refused = [inside.refuses(name, inside.ScriptedRun(SCRIPT), empty) for name in ("train", "train_resumable")]
        assert refused != [True, False], empty
    places = []
    for function in (solution.train, solution.train_resumable):
        model = inside.DeviceSpy(3)
        loader = inside.Batches(torch.zeros(4, 3), torch.zeros(4, 1), [4])
        options = {"max_epochs": 1, "patience": 1, "device": "meta"}
        with contextlib.suppress(Exception):  # as in the trajectory's check
            function(model, loader, loader, model.loss_fn, inside.make_sgd(model, lr=0.1), **options)
        places.append({device for _, device in inside.note_devices(model)})
    assert places[1] <= {"meta", *places[0]}


@pytest.mark.criterion("resume", weight=2)
@pytest.mark.parametrize("patience", [2, 9])
def test_every_epoch_saves_a_state_that_torch_reads_safely(inside, kit, patience):
    disk = inside.Disk()
    result = inside.live(inside.ScriptedRun(SCRIPT), disk, max_epochs=8, patience=patience)
    assert disk.count() == expect_int(result.epochs_run, "epochs_run") >= 4
    later, again = inside.ScriptedRun(SCRIPT), inside.Disk()
    inside.revive(later, disk, 1, again, max_epochs=8, patience=patience)
    assert again.count() == disk.count() - 2
    assert float(fetch(inside.snapshot(later.model))["weight"][0, 0]) > 2, "nothing was trained after the break"
    disk = inside.Disk()
    drawn = kit(norm=True, optimizer="adamw", options={"lr": 0.01}, step_lr=(2, 0.5))
    inside.live(drawn.bench(), disk, max_epochs=3, patience=patience)
    assert disk.count() == 3
    assert all(disk.is_plain(number) for number in range(3))


@pytest.mark.criterion("resume", weight=3)
@pytest.mark.parametrize(
    ("optimizer", "options"),
    [("sgd", {"lr": 1e-3, "momentum": 0.8, "weight_decay": 0.01}), ("adamw", {"lr": 0.02})],
)
def test_optimizer_goes_on_with_its_state(kit, compare, optimizer, options):
    compare(lambda: kit(optimizer=optimizer, options=options), cuts=(1, 3, 4))


@pytest.mark.criterion("resume", weight=2)
def test_scheduler_goes_on_with_its_count(kit, compare):
    compare(lambda: kit(options={"lr": 2e-3}, step_lr=(2, 0.25)), cuts=(1, 2, 3), epochs=6)


@pytest.mark.criterion("resume", weight=3)
@pytest.mark.parametrize("options", [{"shuffle": True, "val_draws": True}, {"dropout": 0.5}])
def test_shuffles_and_dropout_go_on_with_the_same_draws(inside, kit, compare, options):
    compare(lambda: kit(options={"lr": 1e-3}, **options), cuts=(1, 3))
    drawn = kit(options={"lr": 1e-3}, **options)
    runs = [drawn.bench(), drawn.bench()]
    for seed, run in enumerate(runs):
        inside.live(run, None, seed=seed, max_epochs=2, patience=9)
    one, other = (fetch(inside.snapshot(run.model))["last.bias"] for run in runs)
    assert not torch.equal(one, other), "the draws do not come from torch's global generator as it stood at the call"


@pytest.mark.criterion("resume")
def test_weights_and_running_statistics_go_on(kit, compare):
    compare(lambda: kit(norm=True, options={"lr": 1e-3}), cuts=(1, 4))


@pytest.mark.criterion("resume", weight=2)
@pytest.mark.parametrize("cut", [1, 2, 3, 4, 5])
def test_patience_counts_on_across_the_break(inside, scripted, cut):
    options = {"max_epochs": 8, "patience": 2}
    _, resumed = scripted(SCRIPT, cut, **options)
    whole = inside.live(inside.ScriptedRun(SCRIPT), None, **options)
    assert shown(resumed) == shown(whole)
    assert shown(whole)["stopped_early"] is True
    assert [record[2] for record in losses(resumed)] == [record[2] for record in losses(whole)]


@pytest.mark.criterion("resume")
@pytest.mark.parametrize("cut", [2, 3, 4])
def test_stop_rule_remembers_small_gains_and_nan(inside, scripted, cut):
    # The lowest loss before the break is not the best: its gain was below min_delta.
    small = [1.0, 0.875, math.nan, 0.8125, 0.8125, 0.625, 0.5, 0.5]
    late = [math.inf, math.inf, math.inf, 0.5, 0.75, 0.125, math.inf, 0.25]  # at first there is no best epoch
    options = {"max_epochs": 8, "patience": 5, "min_delta": 0.25}
    for script in (small, late):
        run, resumed = scripted(script, cut, **options)
        state = fetch(inside.snapshot(run.model))
        other = inside.ScriptedRun(script)
        whole = inside.live(other, None, **options)
        assert shown(resumed) == shown(whole)
        alike(state, fetch(inside.snapshot(other.model)))
        assert float(state["weight"][0, 0]) > cut, "nothing was trained after the break"


@pytest.mark.criterion("resume", weight=2)
@pytest.mark.parametrize(("cut", "patience"), [(2, 3), (3, 3), (4, 9)])
def test_best_weights_from_before_the_break_come_back(inside, scripted, cut, patience):
    run, _ = scripted([0.75, 0.25, 0.5, 0.625, 0.875, 0.5625], cut, max_epochs=6, patience=patience)
    state = fetch(inside.snapshot(run.model))
    assert torch.equal(state["weight"], torch.full((2, 3), 2.0, dtype=torch.float64))
    assert torch.equal(state["head.0.bias"], torch.full((1,), 2.0, dtype=torch.float64))
    assert int(state["seen"]) == 2


@pytest.mark.criterion("resume", weight=2)
@pytest.mark.parametrize(
    ("script", "epochs", "patience"),
    [
        ([0.75, 0.25, 0.5, 0.625, 0.875, 0.5625, 0.375, 0.125], 8, 5),  # best before the first break; the rule fires
        ([0.75, 0.25, 0.5, 0.625, 0.875, 0.5625], 6, 9),  # the same, and the epochs run out
        ([0.75, 0.5, 0.625, 0.25, 0.875, 0.5625, 0.375, 0.3125, 0.125], 9, 4),  # best between the breaks
    ],
)
def test_run_broken_twice_remembers_its_first_epochs(inside, broken_twice, script, epochs, patience):
    options = {"max_epochs": epochs, "patience": patience}
    runs = [inside.ScriptedRun(script) for _ in range(3)]
    found = broken_twice(runs, **options)
    state = fetch(inside.snapshot(runs[-1].model))
    whole = inside.ScriptedRun(script)
    expected = inside.live(whole, None, **options)
    assert shown(found) == shown(expected)
    assert np.allclose(losses(found), losses(expected), rtol=1e-9)
    alike(state, fetch(inside.snapshot(whole.model)))
    assert float(state["weight"][0, 0]) > 1, "nothing was trained"


@pytest.mark.criterion("resume")
def test_run_broken_twice_ends_like_one_in_one_piece(inside, kit, broken_twice, rng):
    drawn = kit(norm=True, shuffle=True, dropout=0.5, options={"lr": 1e-3, "momentum": 0.5}, step_lr=(2, 0.5))
    seed, options = int(rng.integers(2**31)), {"max_epochs": 7, "patience": 8}
    runs = [drawn.bench(), drawn.bench(first=False), drawn.bench(first=False)]
    found = broken_twice(runs, seed, **options)
    state = drawn.trained(runs[-1])
    whole = drawn.bench()
    expected = inside.live(whole, inside.Disk(), seed=seed, **options)
    alike(state, drawn.trained(whole))
    alike(fetch(inside.standing(runs[-1])), fetch(inside.standing(whole)))
    assert shown(found) == pytest.approx(shown(expected), rel=1e-9)
    assert np.array(losses(found)).shape == (7, 3)
    assert np.allclose(losses(found), losses(expected), rtol=1e-9)


@pytest.mark.criterion("resume")
def test_history_holds_all_epochs(inside, kit):
    drawn = kit(options={"lr": 1e-3})
    options = {"max_epochs": EPOCHS, "patience": EPOCHS + 1}
    disk = inside.Disk(3)
    with pytest.raises(InterruptedError):
        inside.live(drawn.bench(), disk, **options)
    again = inside.Disk()
    resumed = inside.revive(drawn.bench(first=False), disk, 2, again, **options)
    found = losses(resumed)
    whole = losses(inside.live(drawn.bench(), None, **options))
    assert np.array(found).shape == (EPOCHS, 3)
    assert np.allclose(found, whole, rtol=1e-9)
    assert len({train_loss for _, train_loss, _ in found}) == EPOCHS
    assert len({val_loss for _, _, val_loss in found}) == EPOCHS
    assert again.count() == EPOCHS - 3


@pytest.mark.criterion("resume")
def test_run_that_is_over_trains_no_more(inside):
    stops, ends = {"max_epochs": 8, "patience": 2}, {"max_epochs": 3, "patience": 9}
    for options, later in ((stops, 8), (ends, 3), (ends, 2)):
        disk, first = inside.Disk(), inside.ScriptedRun(SCRIPT)
        ended = inside.live(first, disk, **options)
        again, second = inside.Disk(), inside.ScriptedRun(SCRIPT)
        found = inside.revive(second, disk, disk.count() - 1, again, **{**options, "max_epochs": later})
        assert shown(found) == shown(ended)
        assert again.count() == 0
        alike(fetch(inside.snapshot(second.model)), fetch(inside.snapshot(first.model)))
        assert float(fetch(inside.snapshot(second.model))["weight"][0, 0]) == 1.0 + shown(ended)["best_epoch"] > 0
    # If no epoch improved, the model holds the last weights.
    disk, second, never = inside.Disk(), inside.ScriptedRun([math.nan] * 3), {"max_epochs": 3, "patience": 9}
    inside.live(inside.ScriptedRun([math.nan] * 3), disk, **never)
    assert shown(inside.revive(second, disk, 2, **never))["epochs_run"] == 3
    assert float(fetch(inside.snapshot(second.model))["weight"][0, 0]) == 3


@pytest.mark.criterion("resume")
@pytest.mark.parametrize("early", [2, 4])
def test_max_epochs_counts_all_epochs_and_may_grow(inside, kit, early):
    drawn = kit(options={"lr": 1e-3, "momentum": 0.5}, step_lr=(1, 0.7))
    disk, run, whole = inside.Disk(), drawn.bench(first=False), drawn.bench()
    inside.live(drawn.bench(), disk, max_epochs=early, patience=9)
    found = inside.revive(run, disk, early - 1, max_epochs=EPOCHS, patience=9)
    state = drawn.trained(run)
    expected = inside.live(whole, None, max_epochs=EPOCHS, patience=9)
    assert shown(found)["epochs_run"] == shown(expected)["epochs_run"] == EPOCHS
    alike(state, fetch(inside.snapshot(whole.model)))
    # The first call ended and handed its best weights back; the run goes on from its last.
    script, disk = [0.25, 0.5, 0.375, 0.4375, 0.125, 0.625], inside.Disk()
    run, whole = inside.ScriptedRun(script), inside.ScriptedRun(script)
    inside.live(inside.ScriptedRun(script), disk, max_epochs=early, patience=9)
    found = inside.revive(run, disk, early - 1, max_epochs=6, patience=9)
    state = fetch(inside.snapshot(run.model))
    assert shown(found) == shown(inside.live(whole, None, max_epochs=6, patience=9))
    alike(state, fetch(inside.snapshot(whole.model)))


@pytest.mark.criterion("resume", weight=2)
def test_saved_state_stays_as_it_was(inside, kit):
    drawn = kit(norm=True, options={"lr": 1e-3, "momentum": 0.8}, step_lr=(2, 0.5))
    disk, options = inside.Disk(), {"max_epochs": EPOCHS, "patience": 9}
    inside.live(drawn.bench(), disk, **options)
    for number in (0, 2):
        live, read = drawn.bench(first=False), drawn.bench(first=False)
        kept = losses(inside.revive_in_place(live, disk, number, **options))
        written = losses(inside.revive(read, disk, number, **options))
        assert np.array(kept).shape == (EPOCHS, 3)
        assert np.allclose(kept, written, rtol=1e-9)
        alike(drawn.trained(live), drawn.trained(read))


@pytest.mark.criterion("resume")
def test_state_can_be_gone_on_from_again(inside, kit):
    drawn = kit(norm=True, options={"lr": 1e-3, "momentum": 0.8}, step_lr=(2, 0.5))
    disk, first, second = inside.Disk(2), drawn.bench(first=False), drawn.bench(first=False)
    options = {"max_epochs": EPOCHS, "patience": 9}
    with pytest.raises(InterruptedError):
        inside.live(drawn.bench(), disk, **options)
    one, two = inside.revive_twice(first, second, disk, 1, **options)
    assert math.isfinite(shown(one)["best_val_loss"])
    assert shown(one) == pytest.approx(shown(two), rel=1e-9)
    assert np.array(losses(two)).shape == (EPOCHS, 3)
    assert np.allclose(losses(one), losses(two), rtol=1e-9)
    alike(drawn.trained(second), drawn.trained(first))
