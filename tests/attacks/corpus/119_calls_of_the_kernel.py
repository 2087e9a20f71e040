# class: secrets
# attacks: tries every system call that reaches other processes, mounts or the kernel
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import ctypes, os, platform

libc = ctypes.CDLL(None, use_errno=True)
CALLS = {
    "x86_64": {"ptrace": 101, "userfaultfd": 323, "io_uring_setup": 425, "perf_event_open": 298, "bpf": 321, "keyctl": 250,
               "add_key": 248, "process_vm_readv": 310, "pidfd_getfd": 438, "open_by_handle_at": 304, "fsopen": 430,
               "open_tree": 428, "mount": 165, "setns": 308, "unshare": 272, "fanotify_init": 300, "memfd_create": 319,
               "memfd_secret": 447, "shmget": 29, "swapon": 167, "syslog": 103, "quotactl": 179, "clone3": 435},
    "aarch64": {"ptrace": 117, "userfaultfd": 282, "io_uring_setup": 425, "perf_event_open": 241, "bpf": 280, "keyctl": 219},
}
REFUSED = (1, 38)
for name, number in CALLS.get(platform.machine(), {}).items():
    ctypes.set_errno(0)
    result = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    if result >= 0 or ctypes.get_errno() not in REFUSED:
        print("LEAK", name, result, ctypes.get_errno())
