"""Where things lie."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILD = ROOT / "build" / "bench"
ASSIGNMENT = HERE / "assignment"
REFERENCE = ASSIGNMENT / "solutions" / "accepted" / "reference" / "solution.py"
STARTER = ASSIGNMENT / "starter" / "mid" / "solution.py"
OUR_PYTHON = Path(sys.executable)
