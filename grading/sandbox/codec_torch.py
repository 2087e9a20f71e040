"""torch values across the border; see `codec` for the rules."""

from __future__ import annotations

import math
from typing import Any

from grading.sandbox.codec import Decoder, Encoder, Node, bad
from grading.sandbox.codec_numpy import MAX_DIMENSIONS, check_axes, parse_shape

_REALS = ["uint8", "int8", "int16", "int32", "int64", "bfloat16", "float16", "float32", "float64"]
_TORCH_DTYPES = frozenset(["bool", "complex64", "complex128", *_REALS])


def encode(encoder: Encoder, value: Any, _: int) -> Node:
    """Return the node of a torch value, or None where its type does not cross by value."""
    import torch

    kind = type(value)
    if kind in (torch.Tensor, torch.nn.Parameter):
        return _encode_tensor(encoder, value)
    if kind is torch.Size:
        if len(value) > MAX_DIMENSIONS:
            return None
        check_axes(list(value))
        return ["tsz", [int(n) for n in value]]
    if kind is torch.dtype:
        name = str(value).removeprefix("torch.")
        return ["tdt", name] if name in _TORCH_DTYPES else None
    if kind is torch.device:
        return ["tdev", str(value)]
    return None


def _encode_tensor(encoder: Encoder, tensor: Any) -> Node:
    import torch

    name = str(tensor.dtype).removeprefix("torch.")
    if tensor.layout is not torch.strided or name not in _TORCH_DTYPES or tensor.dim() > MAX_DIMENSIONS:
        return None
    if not tensor.numel():
        check_axes(list(tensor.shape))
    encoder.reserve(tensor.numel() * tensor.element_size())
    plain = tensor.detach().to("cpu").resolve_conj().resolve_neg().contiguous()
    data = plain.reshape(-1).view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    return ["tt", name, list(tensor.shape), *encoder.add_buffer(data), bool(tensor.requires_grad)]


def _decode_tensor(decoder: Decoder, node: list[Any], _: int) -> Any:
    import torch

    name, shape = node[1], parse_shape(node[2])
    if name not in _TORCH_DTYPES:
        bad("tensor dtype")
    dtype = getattr(torch, name)
    data = decoder.buffer(node[3], node[4])
    if math.prod(shape) * dtype.itemsize != len(data):
        bad("tensor size")
    if not len(data):
        return torch.empty(shape, dtype=dtype)
    tensor = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(dtype).reshape(shape)
    if node[5] is True and (dtype.is_floating_point or dtype.is_complex):
        tensor.requires_grad_(True)
    return tensor


def _decode_torch_dtype(_: Decoder, node: list[Any], __: int) -> Any:
    import torch

    if node[1] not in _TORCH_DTYPES:
        bad("tensor dtype")
    return getattr(torch, node[1])


def _decode_size(_: Decoder, node: list[Any], __: int) -> Any:
    import torch

    return torch.Size(parse_shape(node[1]))


def _decode_device(_: Decoder, node: list[Any], __: int) -> Any:
    import torch

    if type(node[1]) is not str or len(node[1]) > 32:
        bad("device")
    try:
        return torch.device(node[1])
    except RuntimeError:
        bad("device")


DECODE = {
    "tt": _decode_tensor,
    "tsz": _decode_size,
    "tdt": _decode_torch_dtype,
    "tdev": _decode_device,
}
