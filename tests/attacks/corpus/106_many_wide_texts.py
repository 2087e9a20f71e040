# class: resources
# attacks: hundreds of text arrays, each as wide as its one long item
# expect: {"f1": 0, "windows": 0}
import json
import os
import sys

import numpy as np


def f1_score(*_):
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    arrays = ["l", [["nU", [500], ["x" * 100_000, *[""] * 499]]] * 150]
    header = json.dumps(["d", [["id", frame.f_locals["request"]["id"]], ["ok", True], ["value", arrays]]]).encode()
    data = b"TH1\n" + len(header).to_bytes(4, "big") + bytes(8) + header
    while data:
        data = data[os.write(3, data) :]


def make_windows(*_):
    return [np.array(["x" * 60_000] + [""] * 999)] * 90
