"""The arguments of the commands that talk to GitHub, and their help."""

from __future__ import annotations

import argparse
import datetime as dt
from fractions import Fraction
from pathlib import Path

LEVELS = ("junior", "mid", "senior")
_ENVIRONMENT = """\
environment:
  GITHUB_REPOSITORY    the grading repository, owner/name
  GITHUB_TOKEN         may read and write it (ledger, people; for poll also start workflows)
  APP_ID               number of the GitHub App that sees candidate repositories
  APP_PRIVATE_KEY      its private key: the PEM text, or @FILE
  TAKEHOME_ORGANIZATION  where candidate repositories live; default: the grading repository's owner
"""
_IDENTITY = (
    _ENVIRONMENT
    + """\
  REPO, PR, SHA        the candidate's repository, pull request and commit
"""
)

Commands = argparse._SubParsersAction  # the type that argparse gives, and has no public name


def add_github_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add invite, poll, fetch, run, publish and score."""
    _add_invite(commands)
    _add_score(commands)
    only = "  REPO, PR             only this repository, or this pull request of it, even if it was graded before\n"
    poll = _command(commands, "poll", "start a grading run for every new head of a pull request", _ENVIRONMENT + only)
    poll.add_argument(
        "--restore", action="store_true", help="instead, write again comments that were edited or deleted"
    )
    poll.add_argument("--most", type=int, default=100, metavar="N", help="runs to start at most (100)")
    poll.add_argument("--branch", default="main", help="of the grading repository, whose tests are used (main)")
    _add_root(poll)

    fetch = _command(commands, "fetch", "fetch one head as bytes and pack what grading it needs", _IDENTITY)
    fetch.add_argument("bundle", type=Path, metavar="DIR", help="where the bundle goes")
    _add_root(fetch)

    run = _command(commands, "run", "grade a bundle in the sandbox; needs no network and no secret", "")
    run.add_argument("bundle", type=Path, metavar="BUNDLE", help="the folder that `fetch` made")
    run.add_argument("--out", type=Path, metavar="DIR", required=True, help="where evidence.json goes")
    run.add_argument("--gpu", action="store_true", help="only the checks that need a GPU; they carry no points")

    publish = _command(
        commands, "publish", "score a run's evidence, record it, and bring the comment up to date", _IDENTITY
    )
    publish.add_argument("claims", type=Path, metavar="DIR", help="what `run` left; may be missing")
    publish.add_argument("--gpu-claims", type=Path, metavar="DIR", help="what `run --gpu` left; may be missing")
    _add_root(publish)


def _add_invite(commands: Commands[argparse.ArgumentParser]) -> None:
    invite = _command(
        commands,
        "invite",
        "make a candidate's private repository and invite them; run again to finish, or to change the deadline",
        _ENVIRONMENT,
    )
    invite.add_argument("repository", metavar="OWNER/NAME", help="the candidate's repository")
    invite.add_argument("--candidate", required=True, metavar="NAME", help="how the README greets them")
    invite.add_argument("--login", default="", metavar="LOGIN", help="their GitHub login")
    invite.add_argument("--assignments", required=True, metavar="A,B", help="ids, separated by commas")
    invite.add_argument("--level", choices=LEVELS, default="mid", help="default: mid")
    invite.add_argument(
        "--due", type=moment, metavar="DATE", help="2026-12-31 (end of that day, UTC) or 2026-12-31T17:00Z"
    )
    invite.add_argument("--extra-hours", type=int, default=0, metavar="N", help="more time than others have")
    invite.add_argument(
        "--accommodations", default="", metavar="TEXT", help="why; kept apart from the record, never shown"
    )
    invite.add_argument("--template", action="store_true", help="make one repository that many candidates fork")
    invite.add_argument("--dry-run", action="store_true", help="print the calls and change nothing")
    _add_root(invite)


def _add_score(commands: Commands[argparse.ArgumentParser]) -> None:
    score = _command(commands, "score", "add a person's points, or the decision that ends a review", _ENVIRONMENT)
    score.add_argument("--candidate", required=True, metavar="WHO", help="id, login, repository or name")
    score.add_argument("--assignment", required=True, metavar="ID", help="which assignment")
    score.add_argument("--criterion", metavar="ID", help="a criterion that a person judges")
    score.add_argument("--points", type=points, metavar="P", help="with at most one decimal")
    score.add_argument("--decide", choices=("pass", "reject"), help="end the review")
    score.add_argument("--reason", required=True, metavar="TEXT", help="what you saw; others will read it")
    score.add_argument(
        "--second", action="store_true", help="you are the second rater and have not seen the first's marks"
    )
    score.add_argument("--rater", metavar="LOGIN", help="who you are; default: GITHUB_ACTOR")
    _add_root(score)


def _command(commands: Commands[argparse.ArgumentParser], name: str, text: str, epilog: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=name)
    return parser


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--assignment-dir", metavar="DIR", type=Path, help="where assignments lie")


def moment(text: str) -> dt.datetime:
    """Read a deadline: a day means its end, UTC; a moment needs its zone."""
    try:
        if len(text) == len("2026-12-31"):
            return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(23, 59, 59), dt.UTC)
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a date like 2026-12-31 nor 2026-12-31T17:00Z") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone; add Z for UTC, or e.g. +02:00")
    return found.astimezone(dt.UTC)


def points(text: str) -> Fraction:
    """Read points exactly."""
    try:
        if len(text) > 12:
            raise ValueError(text)  # noqa: TRY301 - one message for all
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} are no points; expected e.g. 6.5") from None
