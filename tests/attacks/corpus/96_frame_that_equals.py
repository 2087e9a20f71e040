# class: comparator
# attacks: a DataFrame and a dict subclass with lying comparisons in place of arrays
# expect: {"f1": 0, "windows": 0}
import numpy as np


import pandas as pd


class Frame(pd.DataFrame):
    def __eq__(self, other):
        return True

    def __len__(self):
        return 2

    shape = property(lambda self: Any())


class Any(dict):
    def __eq__(self, other):
        return True

    __hash__ = None


def f1_score(*_):
    return Any()


def make_windows(*_):
    return Frame({"a": [1.0]}), Frame({"a": [1.0]})
