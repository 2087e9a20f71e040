# class: resources
# attacks: objects that answer every question of the caller, without end and each time with more
# expect: {"f1": 0, "windows": 0}
import numpy as np


class Endless:
    def __len__(self):
        return 1 << 40

    def __iter__(self):
        while True:
            yield np.zeros(1 << 20)

    def __getitem__(self, key):
        return np.zeros(1 << 20)

    def __getattr__(self, name):
        return self

    def __call__(self, *args):
        return self


def f1_score(*_):
    return Endless()


def make_windows(*_):
    return Endless(), Endless()
