# class: secrets
# attacks: walks /proc of every process: root, cwd, fd, map_files, task
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import os
from pathlib import Path

for process in Path("/proc").iterdir():
    if not process.name.isdigit():
        continue
    for name in ("root", "cwd", "fd", "map_files", "task/1/root", "root/work", "root/home", "root/root"):
        try:
            for entry in os.listdir(process / name):
                for tail in (entry, f"{entry}/solution.py", f"{entry}/hidden/test_sample.py"):
                    path = process / name / tail
                    if path.is_file() and path.stat().st_size < 100_000 and "CANARY" in path.read_text("latin-1"):
                        print("LEAK", path)
        except OSError:
            continue
