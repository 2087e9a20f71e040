# class: resources
# attacks: a reply sent one byte at a time, so that each read succeeds
# expect: {"f1": 0, "windows": 0}
import numpy as np


import os
import time


def f1_score(*_):
    for byte in b"TH1\n" + (1 << 20).to_bytes(4, "big") + bytes(8) + b" " * 10_000:
        os.write(3, bytes([byte]))
        time.sleep(0.01)


make_windows = f1_score
