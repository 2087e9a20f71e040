"""Every command that a document shows is run, in order, where its reader would run it."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import ROOT, run_command

GIT = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid")


def commands_of(text: str) -> list[str]:
    """Lines of fenced blocks that are commands: in ```sh and unnamed fences."""
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.split(" ")[0] in ("make", "python", "git", "pip", "cd")]


def run_line(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line, comments=True)
    environment = {**os.environ, "PYTHONPATH": str(cwd), "PYTHONDONTWRITEBYTECODE": "1"}
    if words[0] == "python":
        words[0] = sys.executable
    if words[0] == "git":
        words[:1] = GIT
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def workplace(tmp_path):
    """A folder that looks like this repository and keeps what commands write."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in ("assignments", "grading", "tests", "data", "tools", ".github", "CANDIDATE.md", "requirements.txt"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def push_a_solution(repository: Path, task: str, work: Path) -> None:
    subprocess.run([*GIT, "clone", "-q", repository, work], check=True, capture_output=True)
    subprocess.run([*GIT, "checkout", "-q", "-b", f"solve/{task}", f"origin/task/{task}"], cwd=work, check=True)
    reference = ROOT / "assignments" / task / "solutions" / "accepted" / "reference" / "solution.py"
    (work / "assignments" / task / "solution.py").write_text(reference.read_text())
    subprocess.run([*GIT, "commit", "-qam", "Solve"], cwd=work, check=True)
    subprocess.run([*GIT, "push", "-q", "origin", f"solve/{task}"], cwd=work, check=True, capture_output=True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_interviewers_commands_work(workplace):
    lines = commands_of((ROOT / "INTERVIEWER.md").read_text())
    assert len(lines) >= 5
    for line in lines:
        if "validate" in line:
            continue  # run in full by `make validate`, and below with a small assignment
        if line.startswith(("export ", "python -m grading invite", "python -m grading score")):
            continue  # these need GitHub: test_github_guide invites, test_github_publish scores
        if " live " in line:
            line += " --once"  # it would wait for the candidate
        done = run_line(line, workplace)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        if " export " in line:
            push_a_solution(workplace / "out" / "ada.git", "early_stopping", workplace / "work")
    assert {path.name for path in (workplace / "out" / "ada").iterdir()} == {"score.json", "comment.md", "report.html"}


def test_architectures_command_is_the_interviewers():
    interviewer = commands_of((ROOT / "INTERVIEWER.md").read_text())
    assert set(commands_of((ROOT / "ARCHITECTURE.md").read_text())) <= set(interviewer)


def test_the_readmes_commands_are_make_targets():
    lines = commands_of((ROOT / "README.md").read_text())
    assert lines == ["make demo", "make test"]
    for line in lines:
        done = subprocess.run([*line.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_readmes_comment_is_the_demos():
    readme = (ROOT / "README.md").read_text()
    shown = readme.partition("<!-- demo comment: begin -->")[2].partition("<!-- demo comment: end -->")[0]
    assert "Early stopping" in shown
    assert "| Criterion | Points | Status |" in shown


def test_the_readmes_steps_are_the_guides():
    steps = (ROOT / "INTERVIEWER.md").read_text().partition("## Set up GitHub, once")[2].partition("\n## ")[0]
    words = {4: "four", 5: "five", 6: "six"}
    count = len(re.findall(r"^\d\. \*\*", steps, flags=re.MULTILINE))
    assert f"set-up in {words[count]} steps" in " ".join((ROOT / "README.md").read_text().split())


def test_scalings_second_is_the_measured_one():
    measured = json.loads((ROOT / "benchmarks" / "results.json").read_text())["medians"]["bulk_cpu_s"]["ours"]
    text = " ".join((ROOT / "SCALING.md").read_text().split())
    assert f"The small assignment of the benchmark takes {measured:.2f} s" in text


def test_scalings_sums_are_right():
    """Every `a × b = c` of the document, with units left out and up to the rounding that is shown."""
    text = " ".join((ROOT / "SCALING.md").read_text().replace("`", " ").split())
    sums = re.findall(r"(?<![\w+] )(?<![\w.,])(\$?[\d.,]+(?: [×/] \$?[\d.,]+)+) = \$?([\d.,]+)", text)
    assert len(sums) > 4
    for left, right in sums:
        numbers = re.findall(r"[\d.]+", left.replace(",", ""))
        value = float(numbers[0])
        for sign, number in zip(re.findall(r"[×/]", left), numbers[1:], strict=True):
            value = value * float(number) if sign == "×" else value / float(number)
        shown = right.replace(",", "").rstrip(".")
        unit = 10.0 ** -len(shown.partition(".")[2])
        assert abs(value - float(shown)) <= unit, f"{left} = {right}: {value}"


def test_the_readmes_ratios_are_the_measured_ones():
    shown = (ROOT / "README.md").read_text().partition("<!-- ratios: begin -->")[2].partition("<!-- ratios: end -->")[0]
    measured = json.loads((ROOT / "benchmarks" / "results.json").read_text())
    expected = [
        f"{measured['cold_vs_fastest_peer']:.2f}",
        f"{measured['bulk_vs_fastest_peer']:.1f}",
        f"{measured['cpu_vs_floor']:.1f}",
        f"{measured['mib_per_worker']:.0f}",
    ]
    assert re.findall(r": ([\d.]+) ", shown) == expected


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_candidates_commands_work_in_their_repository(tmp_path):
    repository, work = tmp_path / "ada.git", tmp_path / "work"
    arguments = ("--candidate", "Ada", "--assignments", "timeseries_windows", "--due", "2026-12-31")
    done = run_command("export", repository, *arguments)
    assert done.status == 0, done.err
    subprocess.run([*GIT, "clone", "-q", repository, work], check=True, capture_output=True)
    lines = commands_of((work / "README.md").read_text())
    assert any("check" in line for line in lines), lines
    assert any("push" in line for line in lines), lines
    for line in lines:
        if line.startswith(("pip", "python -m pip", "python -m venv", "git clone", "cd ")):
            continue  # the environment is there, and so is the clone
        line = line.replace("<id>", "timeseries_windows").replace("ID", "timeseries_windows")
        if line.startswith("git push") or line.startswith("git commit"):
            file = work / "assignments" / "timeseries_windows" / "solution.py"
            file.write_text(file.read_text() + "\n# a thought\n")
            subprocess.run([*GIT, "commit", "-qam", "Think"], cwd=work, check=True)
        if line.startswith("git commit"):
            continue
        done = run_line(line, work)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
