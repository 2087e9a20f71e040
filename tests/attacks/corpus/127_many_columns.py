# class: resources
# attacks: a table of hundreds of thousands of empty columns
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import json, os, struct, sys, time


def send(value, **reply):
    """Answer the request that is being served, with a tree of our own."""
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    node = ["d", [["id", frame.f_locals["request"]["id"]], ["ok", True], ["value", value], *map(list, reply.items())]]
    header = json.dumps(node, separators=(",", ":")).encode()
    body = bytes(8)
    data = struct.pack(">4sIQ", b"TH1\n", len(header), len(body)) + header + body
    while data:
        data = data[os.write(3, data) :]


def f1_score(*_):
    send(["pdf", ["pri", 0, 0, 1, None], ["pri", 0, 120_000, 1, None], [["n", "<f8", [0], 0, 0]] * 120_000])
    time.sleep(60)


make_windows = f1_score
