"""Criterion devices: rules 1 to 3 and 5, on machines that seem to have devices."""

from __future__ import annotations

import pytest
import torch

from grading.judge import expect_tensor, fetch

CPU = torch.device("cpu")


@pytest.mark.criterion("devices", weight=2)
@pytest.mark.parametrize(("cuda", "mps", "best"), [(1, 1, "cuda"), (1, 0, "cuda"), (0, 1, "mps"), (0, 0, "cpu")])
def test_auto_takes_the_best_device_there_is(inside, cuda, mps, best):
    for arguments in ((), ("auto",)):
        found = inside.resolve_as_if(bool(cuda), bool(mps), *arguments)
        assert type(found) is torch.device
        assert found.type == best


@pytest.mark.criterion("devices")
@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:1", "mps"])
def test_available_device_is_returned_as_given(inside, name):
    for preference in (name, torch.device(name)):
        found = inside.resolve_as_if(True, True, preference)
        assert type(found) is torch.device
        assert found == torch.device(name)
    for name in ("cpu", "meta"):
        assert inside.resolve_as_if(False, False, name) == torch.device(name)


@pytest.mark.criterion("devices", weight=2)
@pytest.mark.parametrize("on", ["function", "predictor"])
def test_missing_device_is_never_replaced(inside, on):
    assert inside.resolve_as_if(True, True, "cpu", on=on) == CPU
    for name, cuda, mps in (("cuda", 0, 0), ("cuda", 0, 1), ("cuda:1", 0, 1), ("mps", 1, 0), ("mps", 0, 0)):
        for preference in (name, torch.device(name)):
            with pytest.raises(RuntimeError):
                inside.resolve_as_if(bool(cuda), bool(mps), preference, on=on)


@pytest.mark.criterion("devices", weight=3)
@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:0", "cuda:1", torch.device("cuda")])
def test_model_and_batches_meet_on_the_gpu_and_results_come_home(inside, network, inputs_for, oracle, device):
    model, arrays = network()
    inside.set_modes(model, False)
    x = inputs_for(arrays, 23)
    home = "cuda:1" if device == "cuda:1" else "cuda:0"
    options = {"batch_size": 5, "device": device, "devices": 2, "home": home}
    result, places, _ = inside.predict_on_gpu(model, torch.tensor(x), **options)
    assert places == ["cpu"]
    assert oracle.close(expect_tensor(result, "predict"), oracle.forward(arrays, x))


@pytest.mark.criterion("devices")
def test_token_ids_are_moved_too(inside, oracle, rng):
    table = torch.tensor(rng.normal(size=(50, 3)))
    tokens = torch.tensor(rng.integers(0, 50, size=(11, 4)))
    result, places, _ = inside.predict_on_gpu(inside.Embedder(table), tokens, batch_size=4, device="cuda")
    assert places == ["cpu"]
    assert oracle.close(expect_tensor(result, "predict"), table[tokens].sum(1).numpy())


@pytest.mark.criterion("devices", weight=2)
def test_inputs_never_lie_on_the_gpu_all_at_once(inside, oracle, rng):
    rows = oracle.rows_of(rng, 400, 64)
    batch = 16 * 64 * 4
    for inputs in (rows, rows.numpy(), list(rows), rows.tolist()):
        result, _, _ = inside.predict_on_gpu(2, inputs, memory=8 * batch, batch_size=16, device="cuda")
        assert torch.equal(expect_tensor(result, "predict"), rows[:, :1].repeat(1, 2))


@pytest.mark.criterion("devices", weight=2)
def test_outputs_never_lie_on_the_gpu_all_at_once(inside, oracle, rng):
    rows = oracle.rows_of(rng, 200, 2)
    batch = 8 * 500 * 4
    for inputs in (rows, rows.tolist()):
        result, _, _ = inside.predict_on_gpu(500, inputs, memory=6 * batch, batch_size=8, device="cuda")
        assert torch.equal(expect_tensor(result, "predict"), rows[:, :1].repeat(1, 500))


@pytest.mark.criterion("devices")
def test_cpu_stays_on_the_cpu_where_there_is_a_gpu(inside, network, inputs_for, oracle):
    model, arrays = network()
    inside.set_modes(model, False)
    x = inputs_for(arrays, 9)
    result, _, _ = inside.predict_on_gpu(model, torch.tensor(x), memory=0, home="cpu", batch_size=4, device="cpu")
    assert oracle.close(expect_tensor(result, "predict"), oracle.forward(arrays, x))


@pytest.mark.criterion("devices")
@pytest.mark.levels("mid", "senior")
def test_stream_uses_the_gpu_batch_by_batch(inside, oracle, rng):
    rows = oracle.rows_of(rng, 300, 64)
    options = {"memory": 8 * 16 * 64 * 4, "batch_size": 16, "device": "cuda", "method": "predict_iter"}
    for inputs in (rows, list(rows), rows.tolist()):
        parts, places, _ = inside.predict_on_gpu(2, inputs, **options)
        assert places == ["cpu"]
        result = torch.cat([expect_tensor(part, "a batch") for part in fetch(parts)])
        assert torch.equal(result, rows[:, :1].repeat(1, 2))
