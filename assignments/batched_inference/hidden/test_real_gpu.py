"""On a real GPU, worth no points: the promises that the pretended one cannot see into, gap by gap.

The gaps are listed at the top of `grading/sandbox/fake_gpu.py`.
"""

from __future__ import annotations

import pytest
import torch

from grading.judge import expect_int, expect_str, expect_tensor, fetch

pytestmark = [pytest.mark.gpu, pytest.mark.limit(test_s=60)]


def predictions(inside, model, inputs, **options):
    result, place, _ = inside.predict_on_real_gpu(model, inputs, **options)
    assert expect_str(place, "device") == "cpu"
    return expect_tensor(result, "result")


@pytest.fixture
def matrix(rng):
    return torch.tensor(rng.normal(size=(3, 5)), dtype=torch.float32)


# kernels, and TF32, which keeps three digits
def test_values_are_those_of_the_cpu(inside, network, inputs_for, oracle):
    model, arrays = network(dtype=torch.float32)
    inside.set_modes(model, False)
    x = inputs_for(arrays, 1003)
    result = predictions(inside, model, torch.tensor(x, dtype=torch.float32), batch_size=64)
    assert oracle.close(result, oracle.forward(arrays, x), rtol=5e-3)


# copies that are not complete when they are read, with and without page-locked memory
@pytest.mark.parametrize("pinned", [False, True])
def test_results_are_complete(inside, oracle, rng, pinned):
    rows = oracle.rows_of(rng, 203, 7)
    result = predictions(inside, inside.Late(), rows, batch_size=32, pinned=pinned)
    assert torch.equal(result, 2 * rows)


@pytest.mark.levels("mid", "senior")
@pytest.mark.parametrize("pinned", [False, True])
def test_results_of_a_stream_are_complete(inside, oracle, rng, pinned):
    rows = oracle.rows_of(rng, 203, 7)
    result = predictions(inside, inside.Late(), rows, batch_size=32, pinned=pinned, method="predict_iter")
    assert torch.equal(result, 2 * rows)


# autocast
def test_dtype_of_autocast_is_kept(inside, oracle, rng, matrix):
    rows = oracle.rows_of(rng, 23, 5)
    result = predictions(inside, inside.Projection(matrix, "autocast"), rows, batch_size=8)
    assert result.dtype == torch.bfloat16
    # bfloat16 keeps 8 bits of each factor and of the result.
    torch.testing.assert_close(result.float(), rows @ matrix.T, rtol=0.02, atol=0.02)


# sparse tensors, and what torch.func makes
@pytest.mark.parametrize("way", ["sparse", "vmap"])
def test_models_with_unusual_tensors(inside, oracle, rng, matrix, way):
    rows = oracle.rows_of(rng, 23, 5)
    result = predictions(inside, inside.Projection(matrix, way), rows, batch_size=8)
    torch.testing.assert_close(result, rows @ matrix.T, rtol=5e-3, atol=5e-3)


# saving and loading; DataParallel
@pytest.mark.parametrize("origin", ["file", "all GPUs"])
def test_models_that_lie_on_the_gpu_already(inside, network, inputs_for, oracle, origin):
    model, arrays = network()
    inside.set_modes(model, False)
    model = inside.loaded_from_file(model) if origin == "file" else inside.on_all_gpus(model)
    x = inputs_for(arrays, 23)
    result = predictions(inside, model, torch.tensor(x), batch_size=8)
    assert oracle.close(result, oracle.forward(arrays, x))


# the backward pass
def test_gradients_stay_and_go_on(inside, network, inputs_for):
    model, arrays = network()
    x = torch.tensor(inputs_for(arrays, 23))
    first, meanwhile, second = fetch(inside.gradients_around_real_gpu(model, x, 8))
    assert set(first) == {name for name in arrays if not name.startswith("middle.norm.running") and "num" not in name}
    for name, gradient in first.items():
        assert torch.equal(meanwhile[name], gradient), name
        torch.testing.assert_close(second[name], 2 * gradient)


# lengths for packed sequences
@pytest.mark.levels("senior")
def test_model_may_pack_the_sequences(inside, oracle, rng):
    sequences = [torch.tensor(rng.normal(size=(int(n), 2))) for n in rng.integers(1, 9, size=11)]
    result = predictions(inside, inside.PackedSums(), sequences, batch_size=4, method="predict_sequences")
    expected = [torch.tensor(oracle.weighted_sum(sequence.numpy())) for sequence in sequences]
    torch.testing.assert_close(result, torch.stack(expected))


# memory as the driver counts it, temporaries and workspaces included
def test_inputs_and_outputs_never_lie_there_all_at_once(inside, network, inputs_for, rng):
    model, arrays = network(dtype=torch.float32)
    inputs = torch.tensor(inputs_for(arrays, 200_000), dtype=torch.float32)
    _, _, peak = inside.predict_on_real_gpu(model, inputs, batch_size=500)
    outputs = len(inputs) * len(arrays["last.bias"]) * 4
    assert expect_int(peak, "bytes") < min(inputs.numel() * 4, outputs) / 2


@pytest.mark.levels("senior")
@pytest.mark.parametrize("method", ["predict", "predict_iter"])
def test_real_memory_runs_out_and_the_batch_is_halved(inside, oracle, rng, method):
    rows = oracle.rows_of(rng, 40, 3)
    mebi = 1 << 20
    # 16 rows want 1280 MiB; 8 rows fit with 640 MiB, but not beside half of what the first call made.
    result, size = inside.run_out_of_real_memory(rows, method=method, batch_size=16, row=40 * mebi, limit=1000 * mebi)
    assert torch.equal(expect_tensor(result, "result"), 2 * rows)
    assert expect_int(size, "batch_size") == 8
