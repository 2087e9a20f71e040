# class: secrets
# attacks: leaves word for later workers: files, locks, queues, abstract names, keys, the time of a file
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import fcntl, os, socket, sys

WORD = "cheat-mark-5e"
STICKY = []
for folder in ("/tmp", "/submission", "/dev/shm", "/dev", "/var/tmp", "/run", "/", "/judge", os.path.dirname(np.__file__)):
    path = f"{folder}/{WORD}"
    if os.path.exists(path):
        print("LEAK word", path)
    try:
        open(path, "w").close()
    except OSError:
        pass
for path in (np.__file__, "/judge/grading/sandbox/codec.py"):
    try:
        os.utime(path, (1, 1))
        print("LEAK time", path)
    except OSError:
        pass
name = "\0" + WORD
probe = socket.socket(socket.AF_UNIX)
try:
    probe.connect(name)
    print("LEAK abstract name")
except OSError:
    pass
STICKY.append(socket.socket(socket.AF_UNIX))
STICKY[-1].bind(name)
STICKY[-1].listen()
