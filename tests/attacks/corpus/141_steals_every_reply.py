# class: runner
# attacks: runs the driver's loop itself and answers each question with what it was sent
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import sys
from grading.sandbox import codec, driver

LAST = []


def answer(self, request):
    LAST.append(request["args"])
    value = self._operations.get(request["op"], lambda *_: None)
    if request["op"] == "getattr":
        return self.pack({"id": request["id"], "ok": True, "value": min})
    return self.pack({"id": request["id"], "ok": True, "value": (request["args"] or [None])[0]})


driver.Driver.answer = answer
