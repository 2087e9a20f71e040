"""Write sensors.csv anew: hourly readings of two sites, shuffled, with gaps and missing values.

Run `python data/timeseries_windows/generate.py`; the file comes out the same, byte for byte.
"""

from __future__ import annotations

import csv
import hashlib
import math
import random
from datetime import datetime, timedelta
from pathlib import Path

SEED = 20240301
HOURS = 216
START = datetime(2024, 3, 1)  # noqa: DTZ001 - the readings carry no time zone, as loggers do
LOST_HOURS = {"north": {40, 41, 42, 130, 171}, "south": {12, 77, 78, 79, 80, 200}}
LEVELS = {"north": (4.0, 310.0), "south": (9.0, 240.0)}
HEADER = ["time", "site", "temp_c", "wind_ms", "power_kw"]


def readings() -> list[list[str]]:
    """Return rows in the order of HEADER; a missing reading is an empty string."""
    draw = random.Random(SEED)  # noqa: S311 - data, not secrets
    rows = []
    for site, (warmth, load) in LEVELS.items():
        wind = 5.0
        for hour in range(HOURS):
            day = math.sin(2 * math.pi * (hour - 9) / 24)
            temp = warmth + 5 * day + draw.gauss(0, 0.6)
            wind = max(0.0, 0.8 * wind + 1.0 + draw.gauss(0, 0.9))
            power = load - 4 * temp + 2.5 * wind + 30 * day + draw.gauss(0, 5)
            cells = [f"{temp:.1f}", f"{wind:.1f}", f"{power:.1f}"]
            cells = ["" if draw.random() < 0.015 else cell for cell in cells]
            if hour not in LOST_HOURS[site]:
                rows.append([(START + timedelta(hours=hour)).strftime("%Y-%m-%d %H:%M:%S"), site, *cells])
    draw.shuffle(rows)
    return rows


def main() -> None:
    """Write sensors.csv beside this file and print its SHA-256 for the card."""
    path = Path(__file__).with_name("sensors.csv")
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *readings()])
    print(hashlib.sha256(path.read_bytes()).hexdigest())


if __name__ == "__main__":
    main()
