# class: resources
# attacks: memory that no process maps: memfd, System V segments, full pipes
# expect: {"f1": 0, "windows": 0}
import numpy as np


import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)


def f1_score(*_):
    kept = 0
    for i in range(16):
        try:
            fd = os.memfd_create(str(i))
            for _ in range(60):
                kept += os.write(fd, bytes(1 << 20))
        except OSError:
            break
    for _ in range(16):
        segment = libc.shmget(0, 60 << 20, 0o1600)
        if segment < 0:
            break
        libc.shmat.restype = ctypes.c_void_p
        address = libc.shmat(segment, None, 0)
        ctypes.memset(address, 1, 60 << 20)
        libc.shmdt(ctypes.c_void_p(address))
        kept += 60 << 20
    if kept > 600 << 20:
        print("LEAK memory")
    return 0.5


make_windows = f1_score
