"""The pretended GPU raises where a real one would, lets right code run, and changes no value."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn

from grading.sandbox.fake_gpu import fake_gpu

CUDA = torch.device("cuda")
MIXED = "Expected all tensors to be on the same device"
DATA = torch.randn(1000, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def _one_thread():
    """More threads than free cores make small networks slow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 3))


def expected():
    with torch.no_grad():
        return network().eval()(DATA).numpy()


# predictors ----------------------------------------------------------------------------------------------------------


def predict(*, inputs=True, model=True, home="cpu", whole=False, scale=None):
    """Predict in batches of 32; each argument leaves one step out."""
    net = network().eval()
    if model:
        net.to(CUDA)
    data = DATA.to(CUDA) if whole else DATA
    parts = []
    with torch.no_grad():
        for batch in data.split(32):
            rows = batch.to(CUDA) if inputs else batch
            part = net(rows if scale is None else rows * scale)
            parts.append(part.to(home))
    return torch.cat(parts)


def into_a_buffer():
    net, out = network().cuda().eval(), torch.empty(len(DATA), 3)
    with torch.inference_mode():
        for start in range(0, len(DATA), 32):
            out[start : start + 32] = net(DATA[start : start + 32].cuda(non_blocking=True))
    return out


def in_a_loader():
    net = network().to("cuda:0").eval()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(DATA), batch_size=32, pin_memory=True)
    with torch.no_grad(), torch.autocast("cuda", enabled=False):
        return torch.cat([net(x.to(next(net.parameters()).device)).detach().cpu() for (x,) in loader])


def in_a_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(predict()))
    thread.start()
    thread.join()
    return results[0]


def on_a_stream():
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        result = predict()
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    return result


@pytest.mark.parametrize(
    "run", [predict, into_a_buffer, in_a_loader, in_a_thread, on_a_stream, lambda: predict(home=CUDA).cpu()]
)
def test_right_predictors_give_the_cpus_values_and_leave_results_on_the_cpu(run):
    with fake_gpu(memory=160 << 10) as gpu:
        result = run()
        assert gpu.devices_of(result) == {"cpu"}
        values = result.numpy()
    np.testing.assert_allclose(values, expected(), atol=1e-5)


@pytest.mark.parametrize(
    ("left_out", "error"),
    [
        ({"inputs": False}, RuntimeError),
        ({"model": False}, RuntimeError),
        ({"scale": torch.ones(64)}, RuntimeError),
        ({"whole": True}, torch.OutOfMemoryError),
    ],
    ids=["inputs not moved", "model not moved", "own tensor on the CPU", "whole data set at once"],
)
def test_predictors_with_a_device_mistake_raise(left_out, error):
    with (
        fake_gpu(memory=160 << 10),
        pytest.raises(error, match=MIXED if error is RuntimeError else "CUDA out of memory"),
    ):
        predict(**left_out)


def test_results_left_on_the_device_are_told():
    with fake_gpu() as gpu:
        result = predict(home=CUDA)
        assert result.device == torch.device("cuda:0")
        assert gpu.devices_of({"a": [(result,)], "b": DATA}) == {"cuda", "cpu"}


@pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # of numpy about torch
@pytest.mark.parametrize("convert", [torch.Tensor.numpy, np.asarray, np.array, lambda x: np.add(x, 1), np.from_dlpack])
def test_numpy_wants_a_tensor_on_the_cpu(convert):
    with fake_gpu():
        tensor = torch.ones(2, device="cuda")
        with pytest.raises(TypeError, match="to numpy"):
            convert(tensor)
        assert convert(tensor.cpu()).sum() in (2, 4)


# training ------------------------------------------------------------------------------------------------------------


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.head = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x):
        lengths = torch.arange(1, len(x) + 1).clamp(max=8)
        packed = nn.utils.rnn.pack_padded_sequence(x.view(-1, 8, 8), lengths, batch_first=True, enforce_sorted=False)
        return self.head(nn.utils.rnn.pad_packed_sequence(self.cells(packed)[0], batch_first=True)[0][:, -1])


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.TransformerEncoderLayer(64, 4, 64, batch_first=True), nn.Linear(64, 3)
        self.register_buffer("position", torch.arange(64.0))

    def forward(self, x):
        return self.head(self.layer((x + self.position).unsqueeze(1)).squeeze(1))


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.filters, self.head = nn.Conv2d(1, 4, 3), nn.Linear(144, 3)

    def forward(self, x):
        return self.head(torch.relu(self.filters(x.view(-1, 1, 8, 8))).flatten(1))


class PlainAttribute(nn.Module):
    def __init__(self):
        super().__init__()
        self.head, self.scale = nn.Linear(64, 3), torch.ones(64)

    def forward(self, x):
        return self.head(x * self.scale)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


def train(
    device, *, net=network, optimizer=torch.optim.Adam, x_moves=True, y_moves=True, model_moves=True, val_moves=True,
    metric=torch.Tensor.item, weight_moves=True, scaled=False,
):  # fmt: skip
    """Train two epochs with validation; return the last validation loss."""
    torch.manual_seed(2)
    x, y = DATA[:256], torch.randint(0, 3, (256,))
    model = net()
    if model_moves:
        model.to(device)
    steps = optimizer(model.parameters())
    scaler = torch.amp.GradScaler(device.type, enabled=scaled)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(steps, 3)
    loss_fn = nn.CrossEntropyLoss(weight=torch.ones(3, device=device if weight_moves else "cpu"))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=64, shuffle=True)
    loss, state = torch.zeros(()), {}
    for _ in range(2):
        model.train()
        for rows, labels in loader:
            steps.zero_grad()
            batch = rows.to(device) if x_moves else rows
            outputs = loss_fn(model(batch), labels.to(device) if y_moves else labels)
            scaler.scale(outputs).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(steps)
            scaler.update()
        schedule.step()
        model.eval()
        with torch.no_grad():
            scores = model(x.to(device) if val_moves else x)
            loss = loss_fn(scores, y.to(device))
            metric((scores.argmax(1) == y.to(device)).float().mean())
        state = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    model.load_state_dict(state)
    return loss.item()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": sgd},
        {"optimizer": torch.optim.AdamW},
        {"optimizer": torch.optim.RMSprop},
        {"net": Recurrent},
        {"net": Attention},
        {"net": Convolution},
    ],
    ids=str,
)
def test_right_training_has_the_cpus_loss(options):
    on_cpu = train(torch.device("cpu"), **options)
    with fake_gpu():
        assert train(CUDA, **options) == pytest.approx(on_cpu, rel=1e-5)


def test_a_gradient_scaler_works():
    with fake_gpu():
        assert np.isfinite(train(CUDA, scaled=True))


@pytest.mark.parametrize(
    "options",
    [
        {"x_moves": False},
        {"y_moves": False},
        {"model_moves": False},
        {"val_moves": False},
        {"weight_moves": False},
        {"net": PlainAttribute},
    ],
    ids=["inputs", "targets", "model", "validation data", "loss weights", "unregistered buffer"],
)
def test_training_with_something_not_moved_raises(options):
    with fake_gpu(), pytest.raises(RuntimeError, match=MIXED):
        train(CUDA, **options)


def test_a_metric_in_numpy_raises():
    with fake_gpu(), pytest.raises(TypeError, match="to numpy"):
        train(CUDA, metric=torch.Tensor.numpy)


# single functions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, device="cuda"),
        lambda: torch.tensor([1, 2], device="cuda:0"),
        lambda: torch.as_tensor(np.ones(3), device="cuda"),
        lambda: torch.as_tensor(torch.ones(3), device="cuda"),
        lambda: torch.tensor(torch.ones(2, device="cuda").tolist(), device=0),
        lambda: torch.zeros_like(torch.ones(2, device="cuda")),
        lambda: torch.ones(2, device="cuda").new_zeros(3),
        lambda: torch.ones(4, 4, device="cuda")[1:].T.reshape(-1),
        lambda: torch.ones(2).to(torch.ones(1, device="cuda")),
        lambda: torch.ones(2).to(device="cuda", dtype=torch.float64),
        lambda: torch.ones(2).to("cuda", torch.float16, non_blocking=True),
        lambda: torch.ones(2).cuda().to(torch.float64),
        lambda: torch.ones(2).type_as(torch.ones(1, device="cuda")),
        lambda: torch.ones(2, device="cuda") * torch.tensor(2.0),
        lambda: torch.tensor(2.0) * torch.ones(2, device="cuda"),
        lambda: torch.arange(4, device="cuda")[torch.tensor([0, 1])],
        lambda: nn.Linear(2, 2, device="cuda").weight,
        lambda: nn.Linear(2, 2).to(device="cuda", dtype=torch.float64).weight,
        lambda: nn.Linear(2, 2).to(torch.ones(1, device="cuda")).weight,
        lambda: copy.deepcopy(nn.Linear(2, 2).cuda()).weight,
        lambda: torch.randn(2, device="cuda", generator=torch.Generator("cuda").manual_seed(0)),
        lambda: next(iter(torch.utils.data.DataLoader([torch.ones(2, device="cuda")] * 4, batch_size=2))),
        lambda: torch.stack(list(torch.ones(4, device="cuda").unbind())),
    ],
)
def test_result_is_on_the_device(make):
    with fake_gpu() as gpu:
        made = make()
        assert made.is_cuda
        assert not made.is_cpu
        assert made.device == torch.device("cuda", 0)
        assert made.get_device() == 0
        assert gpu.device_of(made.cpu()) == torch.device("cpu")


def test_a_device_as_context_makes_tensors_there():
    with fake_gpu(), torch.device("cuda"):
        assert torch.zeros(2).is_cuda
        assert nn.Linear(2, 2).weight.is_cuda


def test_gradients_lie_where_their_tensor_lies():
    with fake_gpu():
        model = nn.Linear(2, 2).cuda()
        model(torch.ones(1, 2, device="cuda")).sum().backward()
        assert model.weight.grad.is_cuda
        x = torch.ones(2, device="cuda", requires_grad=True)
        assert torch.autograd.grad((x * x).sum(), x)[0].is_cuda


@pytest.mark.parametrize(
    "mix",
    [
        lambda on, off: torch.cat([on, off]),
        lambda on, off: torch.stack([on, off]),
        lambda on, off: on.add_(off),
        lambda on, off: off * on,
        lambda on, off: off * on.sum(),
        lambda on, off: torch.zeros(()).add_(on.sum()),
        lambda on, off: torch.where(on > 0, off, off),
        lambda on, off: off[torch.tensor([0, 1], device="cuda")],
        lambda on, off: off.__setitem__(torch.tensor([1, 0]), on),
        lambda on, off: off.__setitem__([1, 0], on),
        lambda on, off: off.__setitem__(torch.tensor([True, True]), on),
        lambda on, off: off.index_put_((torch.tensor([1, 0]),), on),
        lambda on, off: off.index_put((torch.tensor([1, 0], device="cuda"),), off),
        lambda on, off: torch.equal(on, off),
        lambda on, off: nn.functional.mse_loss(on, off),
    ],
)
def test_mixing_devices_raises(mix):
    with fake_gpu(), pytest.raises(RuntimeError, match=MIXED):
        mix(torch.ones(2, device="cuda"), torch.ones(2))


def test_copies_across_devices_are_allowed():
    with fake_gpu() as gpu:
        on, off = torch.full((2,), 3.0, device="cuda"), torch.zeros(4)
        off[:2] = on
        off[2:].copy_(on)
        off[0] = on[1] + 1
        off[torch.tensor([1])] = on.sum()
        assert on.index_put((torch.tensor([0]),), torch.tensor(5.0)).is_cuda
        assert off.tolist() == [4.0, 6.0, 3.0, 3.0]
        assert gpu.devices_of(off) == {"cpu"}
        on[:] = torch.zeros(2)
        assert on.tolist() == [0.0, 0.0]
        assert on.is_cuda


def test_moving_copies_and_does_not_turn_the_original_into_a_cuda_tensor():
    with fake_gpu():
        array = np.ones(3)
        source = torch.from_numpy(array)
        for moved in (source.cuda(), torch.as_tensor(source, device="cuda"), torch.as_tensor(array, device="cuda")):
            moved.zero_()
        assert source.tolist() == [1.0, 1.0, 1.0]
        assert source.is_cpu
        on = torch.ones(2, device="cuda")
        back = torch.as_tensor(on, device="cpu")
        assert (on.is_cuda, back.is_cpu) == (True, True)
        assert on.to("cuda") is on
        assert source.to("cpu") is source


def test_memory_is_that_of_living_tensors():
    with fake_gpu(memory=1000) as gpu:
        held = torch.zeros(200, dtype=torch.uint8, device="cuda")
        for _ in range(20):
            torch.zeros(700, dtype=torch.uint8).cuda()
        assert gpu.allocated() == torch.cuda.memory_allocated() == 200
        assert held[10:].clone().is_cuda
        with pytest.raises(torch.OutOfMemoryError, match="1000 bytes"):
            torch.zeros(900, dtype=torch.uint8, device="cuda")
        del held
        assert torch.zeros(900, dtype=torch.uint8, device="cuda").is_cuda


def test_what_a_program_asks_of_its_gpu_is_answered():
    with fake_gpu(memory=1000):
        held = torch.zeros(600, dtype=torch.uint8, device="cuda")
        assert torch.cuda.get_device_properties(held.device).total_memory == 1000
        assert torch.cuda.mem_get_info() == (400, 1000)
        del held
        assert torch.cuda.max_memory_allocated() == 600
        torch.cuda.reset_peak_memory_stats()
        assert torch.cuda.max_memory_allocated("cuda") == 0
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            torch.cuda.get_device_properties(1)


def test_random_states_come_back():
    with fake_gpu(memory=10_000_000):
        torch.manual_seed(3)
        with torch.random.fork_rng():
            first = torch.rand(4, device="cuda").tolist()
        states = torch.cuda.get_rng_state_all()
        assert torch.rand(4, device="cuda").tolist() == first
        torch.cuda.set_rng_state_all(states)
        assert torch.rand(4, device="cuda").tolist() == first


def test_two_devices_are_told_apart():
    with fake_gpu(devices=2):
        first, second = torch.ones(2, device="cuda:0"), torch.ones(2, device="cuda:1")
        assert torch.cuda.device_count() == 2
        assert first.to("cuda:1").device == second.device
        with pytest.raises(RuntimeError, match="cuda:0 and cuda:1"):
            first + second
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            first.to("cuda:2")


def test_nothing_is_left_of_it_afterwards():
    before = (torch.cuda.is_available, torch.Generator, threading.Thread.start, torch.accelerator.is_available)
    with fake_gpu():
        tensor = torch.ones(2, device="cuda")
    with pytest.raises(ZeroDivisionError), fake_gpu():
        raise ZeroDivisionError
    assert before == (torch.cuda.is_available, torch.Generator, threading.Thread.start, torch.accelerator.is_available)
    assert tensor.device == torch.device("cpu")


def test_whoever_switches_the_mode_off_moves_nothing():
    with fake_gpu() as gpu, torch._C.DisableTorchFunction():
        with pytest.raises((AssertionError, RuntimeError)):
            torch.ones(2).to("cuda")
        assert gpu.device_of(torch.ones(2)) == torch.device("cpu")
