"""Assumptions about the rows of answers, tested without further requests."""

from collections.abc import Iterable
from itertools import pairwise

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Raw, require
from alphapulse_pipeline.exchange.walker import Counted, Cursor, FromId
from alphapulse_pipeline.health.probe.finding import (
    Outcome,
    contradicted,
    count,
    held,
    not_testable,
    span,
)
from alphapulse_pipeline.health.probe.listing import Listing


def fields(feed: Feed, rows: list[Raw], *, timed: bool = True) -> Outcome:
    """Whether `Feed.required`, `Feed.flags` and the time are in every row."""
    if not rows:
        return not_testable("no rows")
    wrong = {}
    for name in feed.required:
        if lacking := sum(not _has(row, name) for row in rows):
            wrong[name] = lacking
    for name in feed.flags:
        if lacking := sum(not isinstance(row.get(name), bool) for row in rows):
            wrong[f"{name} as a boolean"] = lacking
    if timed and (lacking := sum(not feed.time(row) for row in rows)):
        wrong["time"] = lacking
    if wrong:
        return contradicted(
            f"of {count(len(rows), 'row')}, "
            + ", ".join(f"{lacking} without {name}" for name, lacking in wrong.items())
        )
    checked = len(feed.required) + len(feed.flags)
    time = " and the time" if timed else ""
    return held(f"{count(checked, 'field')}{time}, in {count(len(rows), 'row')}")


def _has(row: Raw, name: str) -> bool:
    try:
        require(row, (name,), "")
    except Unreadable:
        return False
    return True


def readable(listing: Listing, rows: list[Raw]) -> Outcome:
    """Whether ccxt and the venue make a row of the table of every row."""
    if not rows:
        return not_testable("no rows")
    errors: list[str] = []
    for row in rows:
        try:
            listing.read(row)
        except ExchangeFailure as error:
            cause = error.__cause__
            errors.append(type(cause).__name__ if cause else str(error.kind))
    if errors:
        reasons = ", ".join(dict.fromkeys(errors))
        return contradicted(f"{len(errors)} of {count(len(rows), 'row')} cannot be read: {reasons}")
    return held(count(len(rows), "row"))


def unique_ids(listing: Listing) -> Outcome:
    """Whether the rows of one answer have different keys."""
    rows = listing.sample.rows
    if len(rows) < 2:
        return not_testable(count(len(rows), "row"))
    keys = listing.keys(rows)
    if repeats := len(keys) - len(set(keys)):
        same = repeats - (len({*map(str, rows)}) - len(set(keys)))
        what = "the same row again" if same == repeats else "another row with the same id"
        return contradicted(f"{repeats} of {count(len(rows), 'row')} of one answer: {what}")
    return held(f"{count(len(rows), 'row')}, as many ids")


def order(listing: Listing) -> Outcome | None:
    """The order that the paging relies on; None if it relies on none."""
    rows = listing.sample.rows
    times = listing.times(rows)
    match listing.paging:
        case Cursor(ordered=True, disorder=tolerated):
            newest_first = True
        case Counted(ordered=True):
            newest_first, tolerated = True, 0
        case FromId(id=id_of):
            newest_first, tolerated = False, 0
            ids = [id_of(row) for row in rows]
            if ids != sorted(ids):
                return contradicted(f"{count(len(rows), 'row')} are not in the order of their ids")
        case _:
            return None
    if not times or max(times) - min(times) <= tolerated:
        return not_testable(f"{count(len(rows), 'row')}, without different times")
    worst = disorder(times if newest_first else times[::-1])
    wanted = "newest first" if newest_first else "oldest first"
    if worst > tolerated:
        return contradicted(
            f"{count(len(rows), 'row')} are {observed(times)}, not {wanted}: a row is out of order "
            f"by {span(worst)}" + (f" ({span(tolerated)} is tolerated)" if tolerated else "")
        )
    slack = f", out of order by {span(worst)} at most" if worst else ""
    return held(f"{count(len(rows), 'row')} {wanted}{slack}")


def disorder(times: Iterable[int]) -> int:
    """Milliseconds by which a time is newer than one before it, at most."""
    worst, oldest = 0, None
    for time in times:
        if oldest is not None:
            worst = max(worst, time - oldest)
        oldest = time if oldest is None else min(oldest, time)
    return worst


def observed(times: list[int]) -> str:
    """The order of an answer's rows, in words."""
    if len(set(times)) < 2:
        return "of one time"
    if all(a >= b for a, b in pairwise(times)):
        return "newest first"
    return "oldest first" if all(a <= b for a, b in pairwise(times)) else "in no order"
