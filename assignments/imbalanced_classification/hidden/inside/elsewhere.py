"""Tensors that behave as if they lay on another device, on a machine that has only one.

An `Elsewhere` tensor says that it is on cuda:0, refuses to meet ordinary tensors as torch's kernels do, and becomes an
ordinary tensor when it is moved to the CPU. Tensors of shape () may meet all others, as in torch.
"""

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

_FACTORIES = (torch.as_tensor, torch.asarray, torch.tensor)
_DEVICE = torch.Tensor.device.__get__
_IS_CUDA = torch.Tensor.is_cuda.__get__
_MOVES = (torch.Tensor.to, torch.Tensor.cpu, torch.Tensor.type_as, *_FACTORIES)


class Elsewhere(torch.Tensor):
    """See the module."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func == _DEVICE:
            return torch.device("cuda", 0)
        if func == _IS_CUDA:
            return True
        if func is torch.Tensor.numpy:
            raise TypeError("can't convert a tensor on cuda:0 to numpy; move it to the CPU first")
        with torch._C.DisableTorchFunctionSubclass():
            if func in _MOVES and _goes_home(func, args, kwargs):
                return func(*args, **kwargs).as_subclass(torch.Tensor)
            tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
            if any(not isinstance(tensor, cls) and tensor.ndim for tensor in tensors):
                raise RuntimeError("expected all tensors to be on the same device, found cpu and cuda:0")
            result = func(*args, **kwargs)
            return tree_map_only(torch.Tensor, lambda tensor: tensor.as_subclass(cls), result)


class _Factories(TorchFunctionMode):
    """Lets `torch.as_tensor(x, device="cpu")` and its like move a tensor, too: they pass subclasses by."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func in _FACTORIES and args and isinstance(args[0], Elsewhere):
            return result.as_subclass(torch.Tensor if _goes_home(func, args, kwargs) else Elsewhere)
        return result


def _goes_home(func, args, kwargs):
    if func is torch.Tensor.cpu:
        return True
    for value in (*args[1:], *kwargs.values()):
        if isinstance(value, torch.Tensor) and not isinstance(value, Elsewhere):
            return True
        if isinstance(value, (str, torch.device)) and torch.device(value).type == "cpu":
            return True
    return False


def on_two_devices(name, batches, labels_too, *args, **kwargs):
    """Call train_epoch or evaluate with batches that lie elsewhere, and the rest on the CPU.

    Args:
        batches: (X, y) pairs.
        labels_too: whether y lies elsewhere as well as X.
        args: what follows the loader.
    """
    import solution

    model, *rest = args
    away = [(X.as_subclass(Elsewhere), y.as_subclass(Elsewhere) if labels_too else y) for X, y in batches]
    with _Factories():
        return getattr(solution, name)(model, away, *rest, **kwargs)
