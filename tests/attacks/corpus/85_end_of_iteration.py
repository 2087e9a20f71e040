# class: runner
# attacks: StopIteration, StopAsyncIteration and EOFError, which end loops of the caller quietly
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(*_):
    raise StopIteration(0.5)


def make_windows(*_):
    raise StopAsyncIteration
