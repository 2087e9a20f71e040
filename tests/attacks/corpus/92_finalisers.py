# class: runner
# attacks: a value whose __del__ and __reduce__ would run in whoever holds it
# expect: {"f1": 0, "windows": 0}
import numpy as np


class Bomb:
    def __del__(self):
        raise SystemExit(0)

    def __reduce__(self):
        return print, ("LEAK unpickled",)


def f1_score(*_):
    return Bomb()


def make_windows(*_):
    return np.array([Bomb()], dtype=object), [Bomb()]
