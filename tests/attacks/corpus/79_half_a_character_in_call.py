# class: report
# attacks: an exception in a call whose name and words hold lone surrogates and terminal escapes
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(*_):
    raise type("\x1b[2J::error::", (ValueError,), {})("\udc80\x1b]0;PASSED\x07\u202e")


make_windows = f1_score
