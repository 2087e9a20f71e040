# class: secrets
# attacks: system calls by their 32-bit numbers, which a filter for 64 bits may not know
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import ctypes, mmap, os

if os.uname().machine == "x86_64":
    # push rbx; mov eax, 20 (getpid by the i386 table); int 0x80; pop rbx; ret
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3")
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    pid = os.fork()
    if pid == 0:
        result = call()
        print("LEAK i386", result)
        os._exit(0)
    os.waitpid(pid, 0)
