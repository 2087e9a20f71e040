# class: runner
# attacks: makes the worker's driver answer every request with success
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import gc
from grading.sandbox import codec, driver

driver.Driver.answer = lambda self, request: codec.pack({"id": request["id"], "ok": True, "value": True})
for item in gc.get_objects():
    if isinstance(item, driver.Driver):
        item._operations = {name: (lambda *a: True) for name in item._operations}
