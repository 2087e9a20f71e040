# class: resources
# attacks: a set of numbers that all have the same hash
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(*_):
    return {k * (2**61 - 1): None for k in (1, 2)} | {"x": [(2**61 - 1) * k for k in range(2**40, 2**40 + 90_000)]}


def make_windows(*_):
    import json
    import os
    import sys

    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    numbers = [["i", hex((2**61 - 1) * k)] for k in range(2**40, 2**40 + 300_000)]
    value = ["d", [["id", frame.f_locals["request"]["id"]], ["ok", True], ["value", ["set", numbers]]]]
    header = json.dumps(value, separators=(",", ":")).encode()
    data = b"TH1\n" + len(header).to_bytes(4, "big") + bytes(8) + header
    while data:
        data = data[os.write(3, data) :]
