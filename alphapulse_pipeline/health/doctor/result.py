"""A check, what it found, and how checks that depend on each other are run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

import psycopg

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.redaction import redact

P = TypeVar("P", contravariant=True)
"""What is examined."""


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    """Nobody tells."""


@dataclass(frozen=True)
class Result:
    """One line. `account` is empty where it is about the deployment as a whole."""

    account: str
    check: str
    status: Status
    said: str
    mend: str = ""


@dataclass(frozen=True)
class Finding:
    """What a check found; `stops` says why the checks that need this one are skipped."""

    status: Status
    said: str
    mend: str = ""
    stops: str = ""


def ok(said: str) -> Finding:
    return Finding(Status.OK, said)


def warning(said: str, mend: str) -> Finding:
    return Finding(Status.WARNING, said, mend)


def broken(said: str, mend: str) -> Finding:
    return Finding(Status.BROKEN, said, mend)


def skipped(said: str) -> Finding:
    return Finding(Status.SKIPPED, said)


def unknown(said: str, mend: str = "") -> Finding:
    return Finding(Status.UNKNOWN, said, mend)


@dataclass(frozen=True)
class Check(Generic[P]):
    """`ask` may raise `ExchangeFailure`, `SettingsError` and psycopg's errors: it is broken then.

    `needs`: the checks without which this one would only say the same again.
    """

    name: str
    ask: Callable[[P], Finding]
    needs: tuple[str, ...] = ()


def examine(account: str, checks: Sequence[Check[P]], patient: P) -> Iterator[Result]:
    """Every check's result, in their order. What depends on a broken one is skipped."""
    stopped: dict[str, str] = {}
    for check in checks:
        reason = next((stopped[name] for name in check.needs if name in stopped), "")
        finding = Finding(Status.SKIPPED, reason, stops=reason) if reason else _ask(check, patient)
        if finding.status is Status.BROKEN:
            stopped[check.name] = f"because {check.name} failed"
        elif finding.stops:
            stopped[check.name] = finding.stops
        yield result(account, check.name, finding)


def result(account: str, check: str, finding: Finding) -> Result:
    """A finding as a line that can be shown."""
    said, mend = (" ".join(redact(text).split()) for text in (finding.said, finding.mend))
    return Result(account, check, finding.status, said, mend)


def _ask(check: Check[P], patient: P) -> Finding:
    try:
        return check.ask(patient)
    except ExchangeFailure as failure:
        return broken(failure.problem, failure.fix)
    except SettingsError as error:
        # such a sentence ends with its mend, behind the last colon
        said, _, mend = str(error).rpartition(": ")
        return broken(said or mend, mend if said else "")
    except psycopg.Error as error:
        return broken(
            f"the database fails: {str(error).strip().splitlines()[0]}",
            "see that the server runs and what its log says, then run `alphapulse doctor` again",
        )
