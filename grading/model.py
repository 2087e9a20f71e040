"""The words of the domain as frozen values. Nothing here reads, runs or prints.

Data flows one way: Submission → Evidence → Grade → Report.

Longer than other modules on purpose: it is the vocabulary, and a reader looks here for every word of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path


class Level(StrEnum):
    """How much a starter gives away and how much is asked."""

    JUNIOR = "junior"
    MID = "mid"
    SENIOR = "senior"


class JudgedBy(StrEnum):
    """Who or what awards the points of a criterion."""

    TESTS = "tests"
    OWN_TESTS = "own_tests"
    LINT = "lint"
    REVIEWER = "reviewer"


class Credit(StrEnum):
    """How passed checks become points."""

    PER_TEST = "per_test"
    ALL = "all"
    MEASURED = "measured"


class Outcome(StrEnum):
    """How one check ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    TIMED_OUT = "timed_out"
    NOT_RUN = "not_run"


class Blame(StrEnum):
    """Whose doing it is that a check did not pass."""

    CANDIDATE = "candidate"
    GRADER = "grader"


class FailureKind(StrEnum):
    """What a candidate may learn about a failed hidden check."""

    WRONG_VALUE = "wrong value"
    WRONG_TYPE = "wrong type or shape"
    EXCEPTION = "exception"
    TIMEOUT = "out of time"
    MEMORY = "out of memory"
    CRASH = "crashed"
    LOAD = "not loaded"


class Isolation(StrEnum):
    """How well the candidate's code was kept apart from the judge."""

    FULL = "full"
    REDUCED = "reduced"
    NONE = "none"


class Status(StrEnum):
    """Where one criterion stands."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    PENDING = "pending"
    NOT_ASSESSED = "not_assessed"
    UNGRADED = "ungraded"


class Verdict(StrEnum):
    """What the score says about the submission as a whole."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    PASS_PENDING_MANUAL = "pass_pending_manual"  # noqa: S105 - a verdict, not a password
    REVIEW = "review"
    BELOW_BAR = "below_bar"
    UNGRADED = "ungraded"


@dataclass(frozen=True)
class Anchors:
    """Three observable sentences that tell a reviewer what full, half and no points look like."""

    full: str
    half: str
    none: str


@dataclass(frozen=True)
class Criterion:
    """One line of a rubric.

    Attributes:
        points: points at each level; a level that is not named lacks the criterion.
        floor: share (0 to 1) of the points under which an automatic pass becomes a review.
        hint: one sentence for the candidate that gives no hidden input away.
        anchors: for the reviewer; only reviewer criteria have them.
    """

    id: str
    title: str
    points: Mapping[Level, int]
    judged_by: JudgedBy = JudgedBy.TESTS
    credit: Credit = Credit.PER_TEST
    floor: Fraction | None = None
    hint: str = ""
    anchors: Anchors | None = None


@dataclass(frozen=True)
class Rubric:
    """What is scored, and the mark that passes. The points of each level sum to 100."""

    pass_mark: int
    criteria: tuple[Criterion, ...]

    def at(self, level: Level) -> tuple[Criterion, ...]:
        """Return the criteria that exist at a level, in the rubric's order."""
        return tuple(c for c in self.criteria if level in c.points)


@dataclass(frozen=True)
class Limits:
    """What one check may use. Times in seconds of the judge's clock, memory in MiB over the preloaded libraries.

    Attributes:
        share_worker: the checks of one criterion use one worker as long as they pass; one that fails there is judged
            again in a fresh worker, and that counts. Without it, each check has a worker of its own.
    """

    test_s: float = 10.0
    load_s: float = 10.0
    memory_mib: int = 2048
    processes: int = 64
    loopback: bool = False
    share_worker: bool = False

    @property
    def run_s(self) -> float:
        """Time for all checks together: many times what an honest submission takes, and an end to endless ones."""
        return 6 * (self.load_s + self.test_s)


@dataclass(frozen=True)
class OwnTests:
    """How the tests that a candidate writes are judged.

    Attributes:
        folder: where the candidate writes them, one of the assignment's files, like `own_tests/`.
        variants: planted bugs to catch: names of patches in solutions/variants or solutions/wrong.
        need: how many of them must be caught for all points; fewer earn their share of it.
        run_s: seconds, by the judge's clock, for the tests on one solution.
        repeats: how often they run on each solution; only what happens each time counts.
    """

    folder: str
    variants: tuple[str, ...]
    need: int
    run_s: float = 20.0
    repeats: int = 2


@dataclass(frozen=True)
class EntryPoint:
    """A name that the submission must define, with the parameters the README promises.

    Attributes:
        levels: where it is asked for; all of them if empty.
    """

    name: str
    signature: str
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """One assignment folder, checked.

    Attributes:
        files: the candidate's files, relative to the assignment folder.
        entry: module that the hidden tests see as `solution`.
        dataclasses: class name → field names; such results cross the sandbox by value.
        exceptions: names of the candidate's own exceptions that hidden tests may expect.
        preload: libraries that are imported before the candidate's code runs.
        forbidden: libraries that are absent while the candidate's code runs.
        draw: criterion → how many bugs of its pool a starter holds; empty where all starters are alike.
    """

    id: str
    version: int
    title: str
    directory: Path
    minutes: Mapping[Level, int]
    files: tuple[str, ...]
    entry: str
    entry_points: tuple[EntryPoint, ...]
    rubric: Rubric
    dataclasses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exceptions: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    limits: Limits = Limits()
    own_tests: OwnTests | None = None
    draw: Mapping[str, int] = field(default_factory=dict)

    @property
    def bugs(self) -> Path:
        """Folder of the pool of bugs that starters draw from."""
        return self.directory / "solutions" / "bugs"

    @property
    def libraries(self) -> tuple[str, ...]:
        """What the zygote imports: the assignment's libraries, and pytest where candidates' own tests run."""
        return self.preload + (("pytest", "pytest_timeout") if self.own_tests is not None else ())

    def is_own_test(self, name: str) -> bool:
        """Whether a submitted file lies in the folder of candidates' own tests."""
        return self.own_tests is not None and name.startswith(self.own_tests.folder)

    @property
    def levels(self) -> tuple[Level, ...]:
        """The levels the assignment is offered at, easiest first."""
        return tuple(level for level in Level if level in self.minutes)

    @property
    def hidden(self) -> Path:
        """Folder of the hidden tests."""
        return self.directory / "hidden"

    @property
    def inside(self) -> Path:
        """Folder of our code that lives beside the candidate's."""
        return self.directory / "hidden" / "inside"

    @property
    def visible(self) -> Path:
        """Folder of the visible tests."""
        return self.directory / "tests"

    @property
    def accepted(self) -> Path:
        """Folder of solutions that must keep every point."""
        return self.directory / "solutions" / "accepted"

    @property
    def reference(self) -> Path:
        """The accepted solution that starters and wrong solutions derive from."""
        return self.accepted / "reference"


@dataclass(frozen=True)
class Flag:
    """Something about a submission that a person should look at. Never points."""

    kind: str
    message: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True)
class Submission:
    """The candidate's files as bytes, however they arrived.

    Attributes:
        files: path relative to the assignment folder → content.
        flags: what was ignored or looked odd while reading.
        fault: why the submission cannot be graded at all (then it earns nothing), or None.
        commit: full hash when it came from git.
        told_level: what its task.toml names, unread in most places. The candidate can change it, so it never decides.
    """

    files: Mapping[str, bytes]
    source: str
    commit: str | None = None
    ref: str | None = None
    flags: tuple[Flag, ...] = ()
    fault: LoadFault | None = None
    told_level: Level | None = None

    @property
    def sha256(self) -> str:
        """Hash over names and contents; equal submissions have equal hashes."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            for part in (name.encode(), self.files[name]):
                digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()


@dataclass(frozen=True)
class Submitted:
    """What remains of a submission once it is graded: which it was, and what looked odd."""

    commit: str | None
    ref: str | None
    sha256: str
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class LoadFault:
    """Why the candidate's code did not load as the README asks. Safe to show to the candidate."""

    file: str
    line: int | None
    kind: str
    message: str


@dataclass(frozen=True)
class CheckResult:
    """One hidden test function with all its parameters.

    Attributes:
        criterion: its criterion's id; None for informational checks.
        weight: share within its criterion.
        informational: "gpu" or "extension" for checks that carry no points.
        share: what a measured check awarded, 0 to 1; None otherwise.
        detail: full private explanation; never shown to a candidate.
    """

    name: str
    criterion: str | None
    weight: int = 1
    outcome: Outcome = Outcome.PASSED
    blame: Blame | None = None
    kind: FailureKind | None = None
    informational: str | None = None
    share: Fraction | None = None
    detail: str = ""
    duration_s: float = 0.0


@dataclass(frozen=True)
class Coverage:
    """How much of the candidate's own code their own tests run. Their process says so: private, never points.

    Attributes:
        passes: whether the tests pass on the candidate's own solution.
        lines, branches: how many ran; `of_lines` and `of_branches` how many there are.
    """

    passes: bool
    lines: int
    of_lines: int
    branches: int
    of_branches: int


@dataclass(frozen=True)
class LintFinding:
    """One finding of the linter in the candidate's files."""

    file: str
    line: int
    rule: str
    message: str


@dataclass(frozen=True)
class Evidence:
    """All that was observed about one submission. Scoring needs nothing else but the rubric.

    Attributes:
        output: the end of what the candidate's code printed in hidden tests; private.
        grader_fault: why the grader gave up, if it did: then nothing is known and nothing has a number; private.
    """

    checks: tuple[CheckResult, ...]
    isolation: Isolation
    load_faults: tuple[LoadFault, ...] = ()
    lint: tuple[LintFinding, ...] = ()
    lint_error: str | None = None
    flags: tuple[Flag, ...] = ()
    seed: int = 0
    timings: Mapping[str, float] = field(default_factory=dict)
    output: str = ""
    grader_fault: str | None = None
    own_coverage: Coverage | None = None


@dataclass(frozen=True)
class Marks:
    """What people added: points per reviewer criterion, and the decision that ends a review."""

    points: Mapping[str, Fraction] = field(default_factory=dict)
    decision: Verdict | None = None


@dataclass(frozen=True)
class CriterionGrade:
    """A criterion's score.

    Attributes:
        points: earned, a multiple of 0.1; None while pending, not assessed or ungraded.
        failures: kind of failure → number of checks, for the candidate.
        checks, passed: how many hidden checks the criterion has, and how many passed.
        note: a sentence of ours with counts, for the candidate; only criteria of own tests have one.
    """

    id: str
    title: str
    points: Fraction | None
    max: int
    status: Status
    judged_by: JudgedBy
    hint: str = ""
    failures: Mapping[FailureKind, int] = field(default_factory=dict)
    checks: int = 0
    passed: int = 0
    below_floor: bool = False
    note: str = ""


@dataclass(frozen=True)
class Informational:
    """A check or block without points (GPU, extension)."""

    name: str
    kind: str
    status: Status


@dataclass(frozen=True)
class Provenance:
    """What made a score: hashes of tests, rubric, grader and environment.

    Attributes:
        draw: the seed of the starter's bugs; None where all starters are alike, or every bug's checks counted.
    """

    hidden_sha256: str
    rubric_sha256: str
    grader_commit: str | None
    environment_sha256: str
    draw: int | None = None


@dataclass(frozen=True)
class Grade:
    """The score of one submission. `auto` is None when the grader could not tell."""

    assignment: str
    title: str
    version: int
    level: Level
    pass_mark: int
    auto: Fraction | None
    auto_max: int
    manual: Fraction | None
    manual_max: int
    total: Fraction | None
    verdict: Verdict
    criteria: tuple[CriterionGrade, ...]
    informational: tuple[Informational, ...] = ()


@dataclass(frozen=True)
class Graded:
    """A grade with all that a report says about how it came about.

    Attributes:
        notes: sentences of ours that a candidate reads before the points.
    """

    grade: Grade
    submission: Submission | Submitted
    evidence: Evidence
    provenance: Provenance
    official: bool
    notes: tuple[str, ...] = ()
