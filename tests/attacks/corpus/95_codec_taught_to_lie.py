# class: comparator
# attacks: teaches the codec in the worker to send any float as equal, by its own tables
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


from grading.sandbox import codec, driver

codec._EXACT[float] = lambda *_: ["f", "nan"]
codec._EXACT[np.ndarray] = lambda encoder, value, depth: ["h", 1, "ndarray"]
codec.MAX_BODY = codec.MAX_NODES = codec.MAX_DEPTH = 1 << 60
driver.describe_error = lambda error: {"type": "Skipped", "bases": ["Skipped", "GraderError"], "message": "x"}
