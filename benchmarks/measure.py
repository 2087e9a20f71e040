"""Runs the graders, interleaved, and writes down every time; computes nothing."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import render
from benchmarks.candidate import time_check
from benchmarks.memory import Sampler, cpu_of, zygotes_and_forks
from benchmarks.peers import PEERS, Peer, peer_environment
from benchmarks.places import ASSIGNMENT, BUILD, OUR_PYTHON, REFERENCE, ROOT, STARTER
from benchmarks.processes import Group, idle_baseline, meter_error, open_group
from benchmarks.served import LIMIT_S, Served, ask, our_environment
from benchmarks.table import POINTS

OURS, FLOOR = "ours", "floor"
AT_A_TIME = 2
_FLOOR_BATCH = 4
_LINEAR = (50, 500, 5000)


@dataclass(frozen=True)
class Plan:
    """How much is run."""

    submissions: int = 500
    peer_submissions: int = 20
    cold: int = 9
    linear: bool = False

    @property
    def rounds(self) -> int:
        """How often the graders take turns."""
        return max(1, -(-self.peer_submissions // AT_A_TIME))


@dataclass
class Samples:
    """All that was measured; seconds and MiB. `bulk_*` hold one value a round, per submission."""

    meter: str = ""
    meter_error: float = 0.0
    cold_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bulk_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bulk_cpu_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    parts_cpu_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    floor_rusage_s: list[float] = field(default_factory=list)
    graded: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    warm_start_s: float = 0.0
    worker_mib: list[float] = field(default_factory=list)
    peak_mib: dict[str, float] = field(default_factory=dict)
    judge_rss_mib: list[tuple[int, float]] = field(default_factory=list)
    linear_s: list[tuple[int, float]] = field(default_factory=list)
    check_s: list[float] = field(default_factory=list)
    pytest_s: list[float] = field(default_factory=list)


class WrongScoreError(Exception):
    """A grader does not give the points that it must; timing it would mean nothing."""


class Bench:
    """One run of the benchmark.

    Args:
        say: told what happens, for people.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan = plan
        self.say = say
        self.samples = Samples()
        self._number = 0
        self._source = REFERENCE.read_text()
        self._logs = BUILD / "logs"
        shutil.rmtree(BUILD / "runs", ignore_errors=True)
        self._logs.mkdir(parents=True, exist_ok=True)

    def run(self) -> Samples:
        """Measure everything.

        Raises:
            WrongScoreError: a grader gives the reference or the starter other points than it must.
        """
        with contextlib.ExitStack() as stack:
            idle = idle_baseline()
            groups = {name: stack.enter_context(open_group(name, idle)) for name in (OURS, FLOOR, "cold")}
            groups.update({peer.name: stack.enter_context(open_group(peer.name, idle)) for peer in PEERS})
            self.samples.meter = groups[OURS].method
            self.samples.meter_error = meter_error(groups["cold"])
            self.say(f"CPU time by {self.samples.meter}; a known load reads {self.samples.meter_error:+.1%}")
            self._prove_scores(groups)
            self._bulk(groups)
            self._cold(groups)
            self.say("check beside pytest")
            self.samples.check_s, self.samples.pytest_s = time_check(groups["cold"], self.plan.cold)
        return self.samples

    # scores -----------------------------------------------------------------------------------------------------------

    def _prove_scores(self, groups: dict[str, Group]) -> None:
        for peer in PEERS:
            for source, wanted in ((REFERENCE, POINTS), (STARTER, 0)):
                self._run_peer(peer, groups["cold"], source.read_text(), 1, wanted)
        for source, wanted in ((REFERENCE, POINTS), (STARTER, 0)):
            self._run_ours(groups["cold"], source, wanted)
        self.say(f"every grader gives the reference {POINTS} points and the starter 0")

    def _run_ours(self, group: Group, source: Path, wanted: float) -> float:
        command = [str(OUR_PYTHON), "-m", "grading", "grade", str(source), "--assignment-dir", str(ASSIGNMENT)]
        started = time.perf_counter()
        log = self._logs / "cold.txt"
        words = ["/bin/sh", "-c", 'log=$1; shift; exec "$@" 2>"$log"', "grade", str(log), *command]
        process = group.start([*words, "--official", "--json", "-"], cwd=ROOT, env=our_environment())
        out, _ = process.communicate(timeout=LIMIT_S)
        wall = time.perf_counter() - started
        if process.returncode != 0:
            raise RuntimeError(f"grade: exit status {process.returncode}: {log.read_text()[-2000:]}")
        _expect(OURS, json.loads(out)["auto"], wanted)
        return wall

    def _run_peer(self, peer: Peer, group: Group, source: str, count: int, wanted: float = POINTS) -> float:
        """Grade so many copies at once, each in a fresh process; return the wall time of all of them."""
        folders = [peer.stage(self._copy(source)) for _ in range(count)]
        with contextlib.ExitStack() as logs:
            files = [logs.enter_context((folder / "log.txt").open("w")) for folder in folders]
            started = time.perf_counter()
            running = [
                group.start(peer.command(peer.python, folder), cwd=folder, env=peer_environment(), log=file)
                for folder, file in zip(folders, files, strict=True)
            ]
            for process in running:
                process.wait(timeout=LIMIT_S)
            wall = time.perf_counter() - started
        for folder in folders:
            _expect(f"{peer.name} ({folder}/log.txt)", peer.read(folder), wanted)
            shutil.rmtree(folder)
        return wall

    def _copy(self, source: str) -> str:
        self._number += 1
        return f"{source}\n# submission {self._number}\n"

    # bulk -------------------------------------------------------------------------------------------------------------

    def _bulk(self, groups: dict[str, Group]) -> None:
        plan, samples = self.plan, self.samples
        started = time.perf_counter()
        command = [str(OUR_PYTHON), "-m", "benchmarks.bulk"]
        warm = [Served(groups[OURS], command, self._logs / f"bulk-{n}.txt") for n in range(AT_A_TIME)]
        tests = self._logs / "floor_tests.py"
        tests.write_text(render.floor_tests())
        floor_command = [str(OUR_PYTHON), str(Path(__file__).with_name("floor.py")), str(tests)]
        with open_group("floor-check") as group:
            starter = Served(group, [*floor_command, str(STARTER)], self._logs / "floor-starter.txt")
            _expect(FLOOR, ask([starter], ["GRADE 1"])[0]["scores"][0], 0)
        floor = Served(groups[FLOOR], [*floor_command, str(REFERENCE)], self._logs / "floor.txt")
        ask([floor], ["GRADE 1"])
        self._ours(warm, AT_A_TIME)  # the first grades of fresh processes load and compile
        samples.warm_start_s = time.perf_counter() - started
        samples.judge_rss_mib.append((0, self._rss))

        size = max(AT_A_TIME, -(-plan.submissions // plan.rounds))
        marks = [(0, 0.0)]
        for turn in range(plan.rounds):
            self._time_ours(warm, groups[OURS], size, marks)
            self._time_floor(floor, groups[FLOOR])
            for peer in PEERS:
                before = groups[peer.name].cpu_s()
                wall = self._run_peer(peer, groups[peer.name], self._source, AT_A_TIME)
                samples.bulk_s[peer.name].append(wall / AT_A_TIME)
                samples.bulk_cpu_s[peer.name].append((groups[peer.name].cpu_s() - before) / AT_A_TIME)
                samples.graded[peer.name] += AT_A_TIME
            latest = ", ".join(f"{name} {values[-1]:.2f}" for name, values in samples.bulk_s.items())
            self.say(f"bulk {turn + 1} of {plan.rounds}, s a submission: {latest}")
        if plan.linear:
            while marks[-1][0] < _LINEAR[-1]:
                self._time_ours(warm, groups[OURS], min(100, _LINEAR[-1] - marks[-1][0]), marks)
                self.say(f"linear: {marks[-1][0]} of {_LINEAR[-1]}, judge {samples.judge_rss_mib[-1][1]:.0f} MiB")
        samples.linear_s = list(_at_sizes(marks))
        self._memory(warm, groups)

    def _ours(self, warm: list[Served], count: int) -> float:
        """Grade so many, shared among the warm processes; return the wall time."""
        share = -(-count // len(warm))
        counts = [min(share, count - share * n) for n in range(len(warm))]
        started = time.perf_counter()
        answers = ask(warm, [f"GRADE {self._number + share * n} {c}" for n, c in enumerate(counts)])
        wall = time.perf_counter() - started
        self._number += count
        for answer in answers:
            for score in answer["scores"]:
                _expect(OURS, score, POINTS)
        self._rss = max(answer["rss_mib"] for answer in answers)
        self._parts = {part: sum(answer[f"{part}_cpu_s"] for answer in answers) for part in ("judge", "lint")}
        return wall

    def _time_ours(self, warm: list[Served], group: Group, count: int, marks: list[tuple[int, float]]) -> None:
        samples, zygotes = self.samples, zygotes_and_forks(group.pids())[0]
        before, forking = group.cpu_s(), cpu_of(zygotes)
        wall = self._ours(warm, count)
        used = {**self._parts, "zygote": cpu_of(zygotes) - forking}
        total = group.cpu_s() - before
        used["workers"] = total - sum(used.values())
        samples.bulk_s[OURS].append(wall / count)
        samples.bulk_cpu_s[OURS].append(total / count)
        for part, seconds in used.items():
            samples.parts_cpu_s[part].append(seconds / count)
        samples.graded[OURS] += count
        marks.append((marks[-1][0] + count, marks[-1][1] + wall))
        samples.judge_rss_mib.append((marks[-1][0], self._rss))

    def _time_floor(self, floor: Served, group: Group) -> None:
        samples, before = self.samples, group.cpu_s()
        [answer] = ask([floor], [f"GRADE {_FLOOR_BATCH}"])
        for score in answer["scores"]:
            _expect(FLOOR, score, POINTS)
        samples.bulk_s[FLOOR].append(answer["wall_s"] / _FLOOR_BATCH)
        samples.bulk_cpu_s[FLOOR].append((group.cpu_s() - before) / _FLOOR_BATCH)
        samples.floor_rusage_s.append(answer["rusage_cpu_s"] / _FLOOR_BATCH)
        samples.graded[FLOOR] += _FLOOR_BATCH

    def _memory(self, warm: list[Served], groups: dict[str, Group]) -> None:
        """Look at memory in runs of their own: looking takes time."""
        with Sampler(groups[OURS]) as sampler:
            self._ours(warm, 2 * AT_A_TIME)
        self.samples.worker_mib = sorted(sampler.workers.values())
        self.samples.peak_mib[OURS] = sampler.peak_pss_mib
        for peer in PEERS:
            with Sampler(groups[peer.name]) as sampler:
                self._run_peer(peer, groups[peer.name], self._source, AT_A_TIME)
            self.samples.peak_mib[peer.name] = sampler.peak_pss_mib
        self.say(f"memory: {len(self.samples.worker_mib)} workers seen")

    # one at a time ----------------------------------------------------------------------------------------------------

    def _cold(self, groups: dict[str, Group]) -> None:
        for turn in range(self.plan.cold):
            self.samples.cold_s[OURS].append(self._run_ours(groups["cold"], REFERENCE, POINTS))
            for peer in PEERS:
                self.samples.cold_s[peer.name].append(self._run_peer(peer, groups["cold"], self._source, 1))
            latest = ", ".join(f"{name} {values[-1]:.2f}" for name, values in self.samples.cold_s.items())
            self.say(f"cold {turn + 1} of {self.plan.cold}, s: {latest}")


def _expect(who: str, found: float, wanted: float) -> None:
    if found != wanted:
        raise WrongScoreError(f"{who}: expected {wanted} points, found {found}; nothing is timed before that is right")


def _at_sizes(marks: list[tuple[int, float]]) -> Iterator[tuple[int, float]]:
    """Yield (submissions, seconds) at the sizes that were reached."""
    for size in _LINEAR:
        reached = next(((count, seconds) for count, seconds in marks if count >= size), None)
        if reached is not None:
            yield reached
