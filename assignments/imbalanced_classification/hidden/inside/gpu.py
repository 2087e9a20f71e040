"""Training and evaluating on a machine that seems to have a GPU."""

from grading.sandbox.fake_gpu import fake_gpu

from .models import sgd


def train_across_devices(model, batches, loss_fn, lr, momentum, *, home, away):
    """Train for an epoch by SGD; return what train_epoch returned, and the model's parameters and buffers.

    Args:
        batches: (X, y) pairs.
        home: the device of model and loss.
        away: the device of the batches.
    """
    import solution

    with fake_gpu():
        model, loss_fn = model.to(home), loss_fn.to(home)
        optimizer = sgd(model, lr, momentum)
        moved = [(X.to(away), y.to(away)) for X, y in batches]
        mean_loss = solution.train_epoch(model, moved, loss_fn, optimizer, device=home)
        return mean_loss, {name: value.detach().cpu() for name, value in model.state_dict().items()}


def evaluate_across_devices(model, batches, *, home, away):
    """Evaluate a model that lies on one device; X of the batches lies on another, labels always on the CPU."""
    import solution

    with fake_gpu():
        moved = [(X.to(away), y) for X, y in batches]
        return solution.evaluate(model.to(home), moved, device=home)
