# class: secrets
# attacks: opens terminals, kernel logs, memory and disks, and makes device nodes of its own
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import fcntl, os, stat

for name in ("tty", "console", "tty0", "kmsg", "mem", "kmem", "port", "sda", "vda", "loop0", "loop-control", "fuse", "kvm",
             "net/tun", "nvidia0", "nvidiactl", "dri/card0", "vsock", "vhost-vsock", "userfaultfd", "input/event0"):
    try:
        fd = os.open(f"/dev/{name}", os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        continue
    print("LEAK device", name)
    try:
        fcntl.ioctl(fd, 0x5412, b"x")
        print("LEAK typed into the terminal")
    except OSError:
        pass
for folder in ("/tmp", "/submission", "/dev/shm", "/dev"):
    for number in (os.makedev(1, 1), os.makedev(8, 0), os.makedev(254, 0)):
        try:
            os.mknod(f"{folder}/node", 0o600 | stat.S_IFBLK, number)
            print("LEAK node", folder)
        except OSError:
            pass
