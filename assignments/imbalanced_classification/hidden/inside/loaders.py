"""Ways to yield batches."""

from torch.utils.data import DataLoader, TensorDataset


class Batches:
    """The same (X, y) pairs each time."""

    def __init__(self, pairs):
        self.pairs = [tuple(pair) for pair in pairs]

    def __iter__(self):
        return iter(self.pairs)

    def __len__(self):
        return len(self.pairs)


class Once:
    """An iterable that can be gone through once, and has neither a length nor a data set."""

    def __init__(self, pairs):
        self.pairs = [tuple(pair) for pair in pairs]
        self.used = False

    def __iter__(self):
        if self.used:
            raise RuntimeError("this loader was gone through already")
        self.used = True
        return iter(self.pairs)


def data_loader(X, y, rows, batch_size):
    """A DataLoader that visits some of the rows, in the given order, and leaves out an incomplete last batch."""
    return DataLoader(TensorDataset(X, y), batch_size=batch_size, sampler=rows, drop_last=True)


class Breakdown(Exception):
    """What a broken loader or model raises."""


class Breaking:
    """Yields some pairs, then fails as a loader with a damaged file would."""

    def __init__(self, pairs):
        self.pairs = [tuple(pair) for pair in pairs]

    def __iter__(self):
        yield from self.pairs
        raise Breakdown("a file cannot be read")
