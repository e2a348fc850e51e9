"""Checks, their results, and running checks that depend on each other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import psycopg

from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.settings.redaction import redact

C = TypeVar("C", contravariant=True)
"""What a check is given: the account or server, and what earlier checks found."""


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    """The exchange does not provide what the check needs."""


@dataclass(frozen=True)
class Result:
    """One line of the doctor's output. `account` is empty for checks of the whole deployment."""

    account: str
    check: str
    status: Status
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Finding:
    """What a check found. `stops`: the reason with which dependent checks are skipped; if it has
    failed, that is reason enough."""

    status: Status
    message: str
    fix: str = ""
    stops: str = ""


def ok(message: str) -> Finding:
    return Finding(Status.OK, message)


def warning(message: str, fix: str) -> Finding:
    return Finding(Status.WARNING, message, fix)


def failed(message: str, fix: str) -> Finding:
    return Finding(Status.FAILED, message, fix)


def skipped(message: str) -> Finding:
    return Finding(Status.SKIPPED, message)


def unknown(message: str, fix: str = "") -> Finding:
    return Finding(Status.UNKNOWN, message, fix)


@dataclass(frozen=True)
class Check(Generic[C]):
    """`run` may raise `UserError` and psycopg's errors: the check has failed then.

    `needs`: checks whose failure makes this one pointless.
    """

    name: str
    run: Callable[[C], Finding]
    needs: tuple[str, ...] = ()


def examine(account: str, checks: Sequence[Check[C]], context: C) -> Iterator[Result]:
    """Run the checks in order, and skip those that need a failed one."""
    stopped: dict[str, str] = {}
    for check in checks:
        reason = next((stopped[name] for name in check.needs if name in stopped), "")
        finding = Finding(Status.SKIPPED, reason, stops=reason) if reason else _run(check, context)
        if finding.stops:
            stopped[check.name] = finding.stops
        elif finding.status is Status.FAILED:
            stopped[check.name] = f"because the {check.name} check failed"
        yield result(account, check.name, finding)


def result(account: str, check: str, finding: Finding) -> Result:
    """The finding as one redacted line."""
    message, fix = (" ".join(redact(text).split()) for text in (finding.message, finding.fix))
    return Result(account, check, finding.status, message, fix)


def _run(check: Check[C], context: C) -> Finding:
    try:
        return check.run(context)
    except UserError as error:
        return failed(error.problem, error.fix)
    except psycopg.Error as error:
        return failed(
            f"the database returned an error: {str(error).strip().splitlines()[0]}",
            "check that the server is running, read its log, then run `alphapulse doctor` again",
        )
