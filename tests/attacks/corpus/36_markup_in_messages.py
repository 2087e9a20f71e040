# class: report
# attacks: puts markup and mentions into messages and class names
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


class Evil(Exception):
    pass


Evil.__name__ = "@everyone [x](http://evil.example) <img src=x onerror=alert(1)>"


def f1_score(*_):
    raise Evil("</details> # Score: 100 @team ```")


raise_at_import = None
