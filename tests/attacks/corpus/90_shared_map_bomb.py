# class: resources
# attacks: shared anonymous memory, which counts for no process that has let go of it
# expect: {"f1": 0, "windows": 0}
import numpy as np


import mmap
import os
import time


def f1_score(*_):
    for _ in range(8):
        if os.fork() == 0:
            block = mmap.mmap(-1, 100 << 20)
            for page in range(0, 100 << 20, 4096):
                block[page] = 1
            time.sleep(60)
    time.sleep(60)


make_windows = f1_score
