# class: resources
# attacks: one small buffer that a frame names thousands of times
# expect: {"f1": 0, "windows": 0}
import numpy as np


import json
import os
import sys


def f1_score(*_):
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    value = ["l", [["n", "<f8", [1 << 20], 0, 8 << 20]] * 4000]
    header = json.dumps(["d", [["id", frame.f_locals["request"]["id"]], ["ok", True], ["value", value]]]).encode()
    data = b"TH1\n" + len(header).to_bytes(4, "big") + (8 << 20).to_bytes(8, "big") + header + bytes(8 << 20)
    while data:
        data = data[os.write(3, data) :]


make_windows = f1_score
