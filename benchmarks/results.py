"""From samples to figures, and from figures to results.json and RESULTS.md. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from benchmarks.measure import FLOOR, OURS, Plan, Samples

_TITLES = {
    OURS: "**this grader, official**",
    "classroom": "GitHub Classroom's way",
    "gradescope": "gradescope-utils",
    "otter": "otter-grader",
    FLOOR: "the floor",
}
_FULL_PLAN_MINUTES, _FULL_PLAN = 30, 15


@dataclass(frozen=True)
class Validation:
    """A run of `validate` over all assignments."""

    wall_s: float
    assignments: int


@dataclass(frozen=True)
class Bar:
    """A figure and what it must reach."""

    key: str
    title: str
    figure: float | None
    limit: float
    at_least: bool = False
    unit: str = "×"

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None where nothing was measured."""
        if self.figure is None:
            return None
        return self.figure >= self.limit if self.at_least else self.figure <= self.limit


def fastest_peer(medians: Mapping[str, float]) -> str:
    """Return which peer has the lowest median."""
    return min((name for name in medians if name not in (OURS, FLOOR)), key=lambda name: medians[name])


def medians_of(samples: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return each grader's median."""
    return {name: median(values) for name, values in samples.items()}


def compare(samples: Samples, validation: Validation | None) -> list[Bar]:
    """Return the issue's figures; every ratio is one of medians of the same run."""
    cold, bulk, cpu = (medians_of(s) for s in (samples.cold_s, samples.bulk_s, samples.bulk_cpu_s))
    share = validation.assignments / _FULL_PLAN if validation else 1.0
    return [
        Bar("cold_vs_fastest_peer", "one submission, cold: wall time beside the fastest peer's",
            cold[OURS] / cold[fastest_peer(cold)], 1.0),
        Bar("bulk_vs_fastest_peer", "submissions per hour, 2 at a time, beside the fastest peer's",
            bulk[fastest_peer(bulk)] / bulk[OURS], 10.0, at_least=True),
        Bar("cpu_vs_floor", "CPU per submission in bulk, beside the floor's", cpu[OURS] / cpu[FLOOR], 4.0),
        Bar("mib_per_worker", "private memory of the largest worker", max(samples.worker_mib, default=None), 40.0,
            unit=" MiB"),
        Bar("check_vs_pytest", "`check`, warm, beside bare pytest", median(samples.check_s) / median(samples.pytest_s),
            1.2),
        Bar("validate_s", "`validate` of all assignments", validation.wall_s if validation else None,
            60 * _FULL_PLAN_MINUTES * share, unit=" s"),
    ]  # fmt: skip


def render_json(
    bars: Sequence[Bar], samples: Samples, plan: Plan, machine: Mapping[str, str], peers: Mapping[str, str]
) -> str:
    """Return results.json: the figures by key, then what they rest on."""
    cold, bulk, cpu = (medians_of(s) for s in (samples.cold_s, samples.bulk_s, samples.bulk_cpu_s))
    document: dict[str, Any] = {bar.key: None if bar.figure is None else round(bar.figure, 4) for bar in bars}
    document["bars_met"] = {bar.key: bar.met for bar in bars}
    document["medians"] = {"cold_s": cold, "bulk_s": bulk, "bulk_cpu_s": cpu}
    document |= {"plan": asdict(plan), "machine": dict(machine), "peers": dict(peers), "samples": vars(samples)}
    return json.dumps(document, indent=1) + "\n"


def render_markdown(
    bars: Sequence[Bar], samples: Samples, plan: Plan, machine: Mapping[str, str], peers: Mapping[str, str]
) -> str:
    """Return RESULTS.md."""
    parts = [
        "# Speed, side by side",
        "Written by `make bench`; do not edit. One assignment (`benchmarks/assignment`: three functions, twelve tests, "
        "100 points), one run, the graders taking turns. Every ratio is one of medians of this run. Before anything "
        "was timed, every grader gave the reference 100 points and the starter 0, and every timed grade was 100.",
        _bars(bars),
        "## Graders",
        _graders(samples),
        _notes(samples, peers),
        "## What the figures mean",
        _meanings(samples, plan),
        "## Does it stay that way?",
        _linear(samples),
        "## Machine",
        _table(("", ""), list(machine.items())),
        "## Run it yourself",
        f"`make bench`, or `python -m benchmarks --submissions {plan.submissions} --peer-submissions "
        f"{plan.peer_submissions} --cold {plan.cold}{' --linear' if plan.linear else ''}`. "
        "Add `--measure-validate` for `validate`. Nothing else should run on the machine: wall times suffer, CPU times "
        "less so. The first run makes the peers' environments below `build/bench`.",
    ]
    return "\n\n".join(parts) + "\n"


def render_text(bars: Sequence[Bar], samples: Samples) -> str:
    """Return what the terminal shows at the end."""
    lines = [
        f"{_met(bar).strip('*'):12} {_figure(bar.figure, bar.unit):>10}  {_limit(bar):>9}  {bar.title}" for bar in bars
    ]
    return "\n".join([_graders(samples).replace("**", ""), "", *lines])


def _bars(bars: Sequence[Bar]) -> str:
    rows = [(bar.title, f"`{bar.key}`", _figure(bar.figure, bar.unit), _limit(bar), _met(bar)) for bar in bars]
    return _table(("figure", "key", "measured", "bar", ""), rows)


def _graders(samples: Samples) -> str:
    cold, bulk, cpu = (medians_of(s) for s in (samples.cold_s, samples.bulk_s, samples.bulk_cpu_s))
    rows = []
    for name, title in _TITLES.items():
        alone = cold.get(name)
        peak = samples.peak_mib.get(name)
        rows.append(
            (
                title,
                "" if alone is None else f"{alone:.2f} s",
                f"{3600 / bulk[name]:,.0f}",
                f"{cpu[name]:.3f} s",
                "" if peak is None else f"{peak:.0f} MiB",
                str(samples.graded[name]),
            )
        )
    return _table(("grader", "cold", "per hour in bulk", "CPU each in bulk", "peak memory", "graded in bulk"), rows)


def _notes(samples: Samples, peers: Mapping[str, str]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in peers.items())
    return (
        f"Versions: {versions}. The floor has no isolation and grades one at a time. Each peer imports the submission "
        "into the process that judges it; ours never does. Peers run with one arithmetic thread and without "
        "foreign pytest plugins, which is to their advantage. The runner of GitHub Classroom's way is ours (one pytest "
        "process, a reporter that writes the points, a time limit on each test), without its container. Our warm "
        f"processes took {samples.warm_start_s:.1f} s to start, the floor's included; no figure has that in it."
    )


def _meanings(samples: Samples, plan: Plan) -> str:
    parts = ", ".join(f"{name} {median(values):.3f} s" for name, values in samples.parts_cpu_s.items())
    lines = [
        f"- **Cold**: a fresh process grades one submission, from start to exit; median of {plan.cold}. Ours is "
        "`python -m grading grade … --official --json -`, isolated in full.",
        "- **Bulk**: two submissions at a time. Ours are two warm graders; a peer is a fresh process for each "
        "submission, for that is what it offers. Each round grades some with each; the figure is the rounds' median.",
        f"- **CPU**: user and system time of every process, counted by {samples.meter}. A known load of two processes, "
        f"one of them a daemon, read {samples.meter_error:+.1%}. Ours by part, medians: {parts}. "
        f"By `getrusage` the floor's forks used {median(samples.floor_rusage_s):.3f} s.",
        "- **Memory of a worker**: private pages (`Private_Clean` + `Private_Dirty` of `smaps_rollup`) of a forked "
        "worker and of the process that keeps it, looked at every 10 ms during checks. What it still shares with the "
        "preloaded zygote is not in it, so this is what a worker costs above it. Largest of "
        f"{len(samples.worker_mib)} workers; their median is {median(samples.worker_mib or [0.0]):.1f} MiB.",
        "- **Peak memory**: proportional set size of all processes, two submissions at a time, zygotes included.",
        "- **Check**: `python -m grading check` in an exported repository that holds the reference "
        f"({median(samples.check_s):.2f} s, lint included) beside `pytest -q` on the same nine visible tests "
        f"({median(samples.pytest_s):.2f} s).",
        "- **validate_s**: one run over all assignments; the bar is 30 minutes for fifteen, in proportion for fewer.",
    ]
    return "\n".join(lines)


def _linear(samples: Samples) -> str:
    rows = [(str(count), f"{seconds:.1f} s", f"{seconds / count:.3f} s") for count, seconds in samples.linear_s]
    first, last = samples.judge_rss_mib[0], samples.judge_rss_mib[-1]
    text = f"The larger of our two judges held {first[1]:.0f} MiB after its first grade and {last[1]:.0f} MiB after "
    text += f"{last[0]} submissions in all."
    if not rows:
        return text
    return _table(("submissions", "time", "each"), rows) + "\n\n" + text


def _figure(value: float | None, unit: str) -> str:
    return "not measured" if value is None else f"{value:.{0 if unit == ' s' else 1 if unit == ' MiB' else 2}f}{unit}"


def _limit(bar: Bar) -> str:
    return f"{'≥' if bar.at_least else '≤'} {bar.limit:g}{bar.unit}"


def _met(bar: Bar) -> str:
    return "not measured" if bar.met is None else "met" if bar.met else "**not met**"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
