# class: secrets
# attacks: abstract unix sockets, netlink and raw packets reach beyond mounts
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import socket

for family, kind, address in ((1, 1, "\0take-home"), (1, 5, "\0/tmp/dbus"), (16, 3, (0, 0)), (17, 3, ("lo", 0)), (40, 1, (2, 22))):
    try:
        with socket.socket(family, kind) as s:
            s.settimeout(0.2)
            s.connect(address)
            print("LEAK socket", family)
    except (OSError, TypeError):
        pass
try:
    open("/proc/net/unix").read().index("dbus")
    print("LEAK unix sockets of the host")
except (OSError, ValueError):
    pass
