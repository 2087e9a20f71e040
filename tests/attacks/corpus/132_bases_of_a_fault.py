# class: report
# attacks: an exception that claims the judge's own errors, lists and numbers as its base classes
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


from grading.sandbox import driver

_plain = driver.describe_error


def describe(error):
    told = _plain(error)
    told["bases"] = [["x"], {"a": 1}, 5, None, "GraderError", "IsolationError", "Exit", "Skipped", "KeyboardInterrupt",
                     "SystemExit", "MemoryError", "ImportError", "OSError", "type", "print", "__import__"]
    told["type"] = "GraderError"
    return told


driver.describe_error = describe


def f1_score(*_):
    raise ValueError("ours")


make_windows = f1_score
