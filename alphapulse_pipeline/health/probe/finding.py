"""What the probe found out about one assumption."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.kind import FINAL, Kind


class Verdict(StrEnum):
    HELD = "held"
    CONTRADICTED = "contradicted"
    NOT_TESTABLE = "not testable"
    """With this account, at this time."""


class Assumption(StrEnum):
    ANSWERS = "the request is accepted"
    FIELDS = "the fields that are stored are always there"
    READABLE = "every row can be read"
    ORDER = "the order of rows"
    IDS = "ids are unique"
    WINDOW = "a window returns its rows and no others"
    ENDS = "the ends of a window are included"
    WHOLE = "a short answer is whole"
    LONGEST = "the longest window"
    RETENTION = "how far back rows are served"
    LAG = "how late rows appear"
    LIMIT = "the page limit"
    PAGES = "pages follow each other without a gap"
    DEBT = "totals do not contain debt"


@dataclass(frozen=True)
class Finding:
    """`evidence` is free of ids, amounts, absolute times and the exchange's own words, so that it
    can be published; `detail` may have them."""

    source: str
    """Dataset and stream, e.g. `trades/linear`."""
    endpoint: str
    """ccxt's name of it."""
    assumption: Assumption
    verdict: Verdict
    evidence: str
    detail: str = ""


Outcome = tuple[Verdict, str]
"""A verdict and its evidence."""


def held(evidence: str) -> Outcome:
    return Verdict.HELD, evidence


def contradicted(evidence: str) -> Outcome:
    return Verdict.CONTRADICTED, evidence


def not_testable(evidence: str) -> Outcome:
    return Verdict.NOT_TESTABLE, evidence


_INNOCENT = {
    Kind.NOT_ENABLED: "the account never opened this product",
    Kind.NOT_OFFERED: "the exchange does not offer this list to the account",
    Kind.PERMISSION: "the key may not read this",
    Kind.TRANSIENT: "the exchange did not answer",
    Kind.THROTTLED: "the exchange throttled the request",
    Kind.CLOCK: "the exchange refused the request's time",
    Kind.NO_MARKET: "the exchange does not know the market",
}
"""Failures that say nothing about the API."""


def refused(failure: ExchangeFailure) -> Outcome:
    """What a failed request says about an assumption.

    Raises the failure if the exchange refuses the whole account.
    """
    if failure.kind in FINAL:
        raise failure
    if reason := _INNOCENT.get(failure.kind):
        return not_testable(reason)
    return contradicted(f"the request failed: {failure.kind}")


def count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def span(milliseconds: int | timedelta) -> str:
    """A duration in one unit, e.g. `3 days`; never exact enough to tell a time."""
    if isinstance(milliseconds, timedelta):
        milliseconds = milliseconds // timedelta(milliseconds=1)
    for unit, length in (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000)):
        if milliseconds >= 2 * length:
            return count(milliseconds // length, unit)
    return count(milliseconds // 1000, "second") if milliseconds >= 2000 else f"{milliseconds} ms"
