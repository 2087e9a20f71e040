# class: report
# attacks: messages with lone surrogates, which no file or terminal takes
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


raise ValueError("\udc80 \ud800" * 10)
