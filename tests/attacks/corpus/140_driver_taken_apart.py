# class: runner
# attacks: empties the driver's tables and frames while it serves
# expect: {"f1": 0, "windows": 0}
import numpy as np


def f1_score(y_true, y_pred):
    return 0.5


def make_windows(df, window, horizon, target):
    return np.zeros((1, window, df.shape[1])), np.zeros((1, horizon))


import gc, sys
from grading.sandbox import codec, driver, stream

for thing in gc.get_objects():
    if isinstance(thing, (driver.Driver, stream.Stream)):
        thing.__dict__.clear()
codec._EXACT.clear()
codec._DECODE.clear()
sys.modules.clear()
