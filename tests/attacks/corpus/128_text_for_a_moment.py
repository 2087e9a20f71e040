# class: resources
# attacks: long texts where the judge's libraries expect a moment, and would parse them
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
    send(["pts", "1 " * 400_000, None])
    time.sleep(60)


def make_windows(*_):
    send(["ptd", "1 day " * 100_000])
    time.sleep(60)
