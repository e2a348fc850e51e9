"""Assumptions about pages: how many rows they have, and how they follow each other."""

from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.walker import Counted, Cursor, FromId
from alphapulse_pipeline.exchange.walker.ids import FIRST
from alphapulse_pipeline.health.probe.finding import (
    Outcome,
    contradicted,
    count,
    held,
    not_testable,
)
from alphapulse_pipeline.health.probe.listing import Answer, Listing
from alphapulse_pipeline.health.probe.rows import observed

_FEW = 3
"""The rows of a page that is requested to be small."""


def page_limit(listing: Listing) -> Outcome | None:
    """Whether the documented limit and default are true, and a smaller limit is obeyed."""
    feed, sample, documented = listing.feed, listing.sample, listing.feed.documented
    rows, parts = len(sample.rows), []
    if documented and documented.limit and rows > documented.limit:
        return contradicted(f"{count(rows, 'row')} in one answer; documented: {documented.limit}")
    if documented and documented.limit and rows == documented.limit:
        parts.append(f"an answer of {count(rows, 'row')}, as documented")
    if not listing.takes_limit:
        return held(parts[0]) if parts else None
    if rows < 2:
        return not_testable(count(rows, "row"))
    few = min(_FEW, rows - 1)
    page = _again(listing, few)
    got = len(set(listing.keys(page.rows)))
    short = got < few and not (
        isinstance(listing.paging, Cursor) and listing.following(page)  # short pages may go on
    )
    if got > few or short:
        return contradicted(
            f"{few} requested and {got} returned, of {rows} that the same request has without that "
            "limit"
        )
    if more := _after_short_page(listing):
        return contradicted(
            f"{feed.params[feed.limit]} requested and {rows} returned, though {more} more follow"
        )
    parts.append(f"{few} requested and {got} returned, of {rows}")
    default = documented.default_limit if documented else None
    if default and default < rows:
        got = len(_again(listing, None).rows)
        if got != default:
            return contradicted(f"{got} rows without a limit; documented: {default}")
        parts.append(f"{got} without a limit, as documented")
    return held("; ".join(parts))


def _after_short_page(listing: Listing) -> int:
    """The rows that follow a page with fewer rows than requested, where pages are read by id."""
    feed, sample = listing.feed, listing.sample
    if not isinstance(listing.paging, FromId) or len(sample.rows) >= int(feed.params[feed.limit]):
        return 0
    following = listing.ask(**{listing.paging.param: listing.paging.id(sample.rows[-1])})
    return len(listing.unseen(following.rows, sample))


def _again(listing: Listing, limit: int | None) -> Answer:
    """The sample's request with another limit."""
    paging, params = listing.paging, {listing.feed.limit: limit}
    if isinstance(paging, FromId):
        params[paging.param] = FIRST
    return listing.ask(listing.sample.window, **params)


def pages(listing: Listing) -> Outcome | None:
    """Whether the second page continues the first one."""
    rows = len(listing.sample.rows)
    match listing.paging:
        case Cursor() as paging:
            return _by_cursor(listing, paging) if rows else not_testable("no rows")
        case Counted() as paging:
            return _by_offset(listing, paging) if rows else not_testable("no rows")
        case FromId() as paging:
            return _by_id(listing, paging) if rows > 1 else not_testable(count(rows, "row"))
        case _:
            return None


def _by_cursor(listing: Listing, paging: Cursor) -> Outcome:
    sample = first = listing.sample
    small: dict[str, int] = {}
    if len(first.rows) > 1 and listing.takes_limit:
        small = {listing.feed.limit: (len(first.rows) + 1) // 2}
        first = listing.ask(sample.window, **small)
    cursor = listing.following(first)
    if not cursor:
        return not_testable(f"one page of {count(len(first.rows), 'row')}")
    second = listing.ask(sample.window, **{paging.param: cursor, **small})
    repeated = len(second.rows) - len(listing.unseen(second.rows, first))
    if repeated:
        return contradicted(
            f"{repeated} of {count(len(second.rows), 'row')} of the second page are on the first"
        )
    if small:
        lost = listing.unseen(sample.rows, first, second)
        if lost:
            return contradicted(
                f"two pages of {small[listing.feed.limit]} lack {len(lost)} of the "
                f"{count(len(sample.rows), 'row')} of one page"
            )
    gap = _between(listing, sample, paging) if listing.following(sample) else 0
    if gap:
        return contradicted(f"{count(gap, 'row')} between the first and the second page in neither")
    return held(f"pages of {len(first.rows)} and {len(second.rows)} rows")


def _between(listing: Listing, first: Answer, paging: Cursor) -> int:
    """The number of rows between two full pages that are in neither."""
    second = listing.ask(first.window, **{paging.param: listing.following(first)})
    times = [listing.times(answer.rows) for answer in (first, second)]
    if not all(times) or first.window is None or observed(times[0] + times[1]) != "newest first":
        return 0
    window = max(times[1]), min(times[0])
    between: list[Raw] = listing.ask(window).rows
    inside = [row for row in between if window[0] < listing.time(row) < window[1]]
    return len(listing.unseen(inside, first, second))


def _by_offset(listing: Listing, paging: Counted) -> Outcome:
    sample = listing.sample
    rows, total = sample.rows, listing.total(sample)
    if total is None:
        return contradicted("the answer has no count")
    following = listing.ask(sample.window, **{paging.offset: len(rows) - 1})
    ids = [paging.id(row) for row in following.rows]
    if not ids or ids[0] != paging.id(rows[-1]):
        return contradicted("a page from the last row on does not begin with it")
    if set(ids[1:]) & {paging.id(row) for row in rows}:
        return contradicted("the second page has rows of the first one")
    if listing.total(following) != total:
        return contradicted("two pages of one window count differently")
    if not ids[1:] and total != len(rows):
        return contradicted(f"{total} counted, {len(rows)} listed")
    return held(f"pages of {len(rows)} and {len(ids)} rows, {total} counted")


def _by_id(listing: Listing, paging: FromId) -> Outcome:
    rows = listing.sample.rows
    ids = [paging.id(row) for row in rows]
    middle = len(ids) // 2
    following = listing.ask(**{paging.param: ids[middle]})
    got = [paging.id(row) for row in following.rows]
    if not got or got[0] != ids[middle]:
        return contradicted("a page from a row's id on does not begin with that row")
    wanted = ids[middle:][: len(got)]
    if got[: len(wanted)] != wanted:
        return contradicted("a page from an id on does not have the rows of the page before")
    return held(f"a page from the id of row {middle + 1} on has the same rows")
