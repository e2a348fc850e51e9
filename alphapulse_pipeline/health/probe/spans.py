"""Assumptions about time windows: their ends, their longest length, retention and lag."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.feed import MARGIN, MILLISECOND, Raw
from alphapulse_pipeline.exchange.walker import Counted, Cursor, FromId
from alphapulse_pipeline.exchange.walker.bisect import Bisect
from alphapulse_pipeline.exchange.walker.windows import SMALLEST_CAP
from alphapulse_pipeline.health.probe.finding import (
    Assumption,
    Outcome,
    contradicted,
    count,
    held,
    not_testable,
    refused,
    span,
)
from alphapulse_pipeline.health.probe.listing import Answer, Listing, Window
from alphapulse_pipeline.health.probe.rows import observed

_TOLERATED = 2 * MARGIN
"""How far outside of a window rows may be: the margin, and a second one that exchanges add."""
_HOUR = 3_600_000
_FEW = 8
"""Rows that no exchange truncates an answer to."""


def narrow_window(listing: Listing) -> Iterator[tuple[Assumption, Outcome]]:
    """A window that begins and ends at a row: what is returned of it, and what besides."""
    if not listing.takes_windows or isinstance(listing.paging, Bisect):
        return
    sample = listing.sample
    times = sorted(set(listing.times(sample.rows)))
    if not times:
        for assumption in (Assumption.WINDOW, Assumption.ENDS):
            yield assumption, not_testable("no rows")
        return
    longest = listing.feed.window // MILLISECOND - 1000 if listing.feed.window else max(times)
    first, last = _inner(sorted(listing.times(sample.rows)), longest)
    whole_seconds = all(time % 1000 == 0 for time in times)
    stop = last + 999 if whole_seconds else last
    wanted = [row for row in sample.rows if first <= listing.time(row) <= last]
    answer = listing.ask((first, stop))
    others = [t for t in times if not first - _TOLERATED <= t <= last + _TOLERATED]
    lost = listing.unseen(wanted, answer)
    yield Assumption.WINDOW, _window(listing, answer, (first, stop), len(others), lost)
    yield Assumption.ENDS, _ends(listing, answer, (first, stop), lost)


def _inner(times: list[int], longest: int) -> Window:
    """The times of two neighbouring rows or a few more, with others before and after them if there
    are enough, and not further apart than `longest` milliseconds. `times`: ascending, one for each
    row."""
    different = sorted(set(times))
    begin = len(different) // 3 if len(different) > 3 else 0
    end = begin
    while end < min(begin + 4, max(len(different) - 2, 1), len(different) - 1) and (
        bisect_right(times, different[end + 1]) - bisect_left(times, different[begin]) <= _FEW
        and different[end + 1] - different[begin] <= longest
    ):
        end += 1
    return different[begin], different[end]


def _window(
    listing: Listing, answer: Answer, window: Window, others: int, lost: list[Raw]
) -> Outcome:
    first, last = window
    off = [max(first - t, t - last) for t in listing.times(answer.rows)]
    outside = [distance for distance in off if distance > _TOLERATED]
    if outside:
        return contradicted(
            f"{len(outside)} of {count(len(answer.rows), 'row')} are outside of it, by up to "
            f"{span(max(outside))}"
        )
    inside = [row for row in lost if first < listing.time(row) < last - last % 1000]
    if inside and not _may_be_truncated(listing, answer):
        return contradicted(f"{count(len(inside), 'row')} inside of it not returned")
    if not others:
        return not_testable("no rows outside of it that could be left out")
    return held(f"{count(len(answer.rows), 'row')}, and {others} outside of it left out")


def _ends(listing: Listing, answer: Answer, window: Window, lost: list[Raw]) -> Outcome:
    if _may_be_truncated(listing, answer):
        return not_testable("more rows at that time than one answer has")
    first, last = window
    ends = {"start": first, "end": max(listing.times(listing.sample.rows), default=last)}
    ends["end"] = max(t for t in listing.times(listing.sample.rows) if t <= last)
    missing = [end for end, at in ends.items() if any(listing.time(row) == at for row in lost)]
    if not missing:
        return held("a window from a row to a row has both of them")
    margin = listing.margin
    wider = listing.ask((first - margin, last + margin))
    covered = not listing.unseen([r for r in lost if listing.time(r) in ends.values()], wider)
    return contradicted(
        f"the row at its {' and '.join(missing)} is not returned; the margin of {span(margin)} "
        f"that a sync adds {'makes up for it' if covered else 'does not make up for it'}"
    )


def whole(listing: Listing) -> Outcome | None:
    """Whether an answer that counts as whole has all rows of its window: what is before its oldest
    and after its newest row is requested by itself."""
    sample = listing.sample
    if sample.window is None:
        return None
    if not sample.rows:
        return not_testable("no rows")
    seen = [sample]
    paging = listing.paging
    if isinstance(paging, Cursor) and (cursor := listing.following(sample)):
        # lists paged by the last row's id end with an empty page
        following = listing.ask(sample.window, **{paging.param: cursor})
        seen.append(following)
        if listing.following(following):
            return not_testable("its windows have more rows than one answer")
    elif not _claims_to_be_whole(listing, sample):
        return not_testable(f"{count(len(sample.rows), 'row')} may not be all")
    rows = [row for answer in seen for row in answer.rows]
    first, last = sample.window
    times = [time for time in listing.times(rows) if first <= time <= last]
    if not times:
        return not_testable("no rows in the window requested")
    certain = sample.at - listing.lag // MILLISECOND
    before = listing.ask((first, min(times)))
    after = listing.ask((max(times), last))
    listing.answers += [before, after]
    new = [
        row
        for row in listing.unseen([*before.rows, *after.rows], *seen)
        if first <= listing.time(row) <= min(last, certain)
    ]
    if new:
        return contradicted(
            f"of a window of {span(last - first)}, {count(len(rows), 'row')} were returned as all, "
            f"and {len(new)} more when a part of it was requested"
        )
    return held(f"{count(len(rows), 'row')}, and no others in the parts before and after them")


def counts_as_whole(listing: Listing) -> bool:
    """Whether the sample has rows and is not larger than one answer."""
    return bool(listing.sample.rows) and not _may_be_truncated(listing, listing.sample)


def _claims_to_be_whole(listing: Listing, answer: Answer) -> bool:
    match listing.paging:
        case Counted():
            return listing.total(answer) == len(answer.rows)
        case Cursor():
            return not listing.following(answer)
        case _:
            return not _may_be_truncated(listing, answer)


def _may_be_truncated(listing: Listing, answer: Answer) -> bool:
    feed = listing.feed
    limits = [feed.whole_below or SMALLEST_CAP]
    if isinstance(listing.paging, Cursor | Counted):
        limits = [int(feed.params[feed.limit])] if listing.takes_limit else [50]
    return len(answer.rows) >= min(limits)


def longest_window(listing: Listing) -> Outcome | None:
    """Whether the longest window is answered as a whole: an exchange that answers for a part of it
    would lose rows."""
    if listing.feed.window is None or not listing.takes_windows:
        return None
    length = listing.feed.window // MILLISECOND
    near = length // 10
    for answer in listing.answers:
        if answer.window and answer.window[1] - answer.window[0] >= length - 2 * near // 10:
            first, last = answer.window
            times = listing.times(answer.rows)
            if any(t <= first + near for t in times) and any(t >= last - near for t in times):
                return held(
                    f"a window of {span(length)} has rows that are "
                    f"{span(max(times) - min(times))} apart"
                )
    known = {time for answer in listing.answers for time in listing.times(answer.rows)}
    known |= {time for time in (listing.known.oldest, listing.known.newest) if time}
    pair = _pair(sorted(known), length - 2 * listing.margin - 2)
    apart = pair[1] - pair[0]
    if apart < length // 2:
        return not_testable(f"no two rows known that are about {span(length)} apart")
    begin = pair[0] - listing.margin
    answer = listing.ask((begin, min(begin + length - 1, listing.now())))
    listing.answers.append(answer)
    found = listing.times(answer.rows)
    lost = [time for time in pair if not any(abs(time - t) <= 1000 for t in found)]
    if not lost:
        if apart < length - near:
            return not_testable(f"no two rows known that are more than {span(apart)} apart")
        return held(f"a window of {span(length)} has rows that are {span(apart)} apart")
    if not _claims_to_be_whole(listing, answer):
        return not_testable("more rows in it than one answer has")
    ends = [name for name, time in zip(("start", "end"), pair, strict=True) if time in lost]
    return contradicted(
        f"a window of {span(length)} lacks rows at its {' and '.join(ends)} that shorter windows "
        f"have: it was answered for {span(max(found) - min(found)) if found else 'no time'}"
    )


def _pair(times: list[int], longest: int) -> Window:
    """The two times that are furthest apart, but not further than `longest` milliseconds; the same
    time twice if there are no two. `times`: ascending."""
    pairs = [(t, times[bisect_right(times, t + longest) - 1]) for t in times] or [(0, 0)]
    return max(pairs, key=lambda pair: (pair[1] - pair[0], pair[0]))


def retention(listing: Listing) -> Outcome | None:
    """Whether rows are served for as long as documented."""
    feed, now = listing.feed, listing.now()
    kept = feed.horizon or listing.source.kept
    documented = f"documented: {span(kept)}" if kept else "no limit is documented"
    times = [time for answer in listing.answers for time in listing.times(answer.rows)]
    oldest = listing.known.oldest
    if isinstance(listing.paging, FromId):
        begins = min(times, default=None)
        if oldest is not None and (begins is None or begins > oldest + 1000):
            return contradicted(_forgotten(now - oldest, documented))
        if begins is None:
            return not_testable("no rows")
        if not feed.horizon or oldest is not None or now - begins < feed.horizon // MILLISECOND:
            return held(f"the list begins {span(now - begins)} ago ({documented})")
    if not listing.takes_windows:
        return None
    if oldest is not None:
        found = listing.ask((oldest - MARGIN, oldest + MARGIN))
        if not any(abs(t - oldest) <= MARGIN for t in listing.times(found.rows)):
            return contradicted(_forgotten(now - oldest, documented))
    if feed.horizon:
        begin = now - feed.horizon // MILLISECOND + _HOUR
        length = (feed.window or feed.horizon) // MILLISECOND - 2 * _HOUR
        try:
            edge = listing.ask((begin, min(begin + length, now - MARGIN)))
        except ExchangeFailure as failure:
            verdict, evidence = refused(failure)
            return verdict, f"rows of {span(now - begin)} ago: {evidence} ({documented})"
        times += listing.times(edge.rows)
    furthest = min([*times, *([oldest] if oldest is not None else [])], default=None)
    if furthest is None:
        return not_testable(f"no rows ({documented})")
    if oldest is None and not (feed.horizon and now - furthest > feed.horizon // MILLISECOND // 2):
        return not_testable(
            f"the oldest row seen is of {span(now - furthest)} ago, and whether there were older "
            f"ones is not known ({documented})"
        )
    return held(f"a row of {span(now - furthest)} ago is returned ({documented})")


def _forgotten(age: int, documented: str) -> str:
    return f"a row of {span(age)} ago, which the database has, is not returned ({documented})"


def lag(listing: Listing, before: Answer) -> Outcome | None:
    """Whether a row has appeared later than assumed, since the answer `before` of the same list.

    Rows that were missing then, though they were older than the lag, are late.
    """
    if not listing.takes_windows or before.window is None:
        return None
    allowed = listing.lag // MILLISECOND
    first, last = max(before.at - _HOUR, before.window[0]), before.at - allowed
    times = listing.times(before.rows)
    if times and _may_be_truncated(listing, before):
        # only what is between its rows had to be in it, and what is newer if the newest come first
        first = max(first, min(times) + 1)
        last = last if observed(times) == "newest first" else min(last, max(times))
    now = listing.now()
    if first >= now:
        return not_testable("no rows of the last hour")
    new = listing.unseen(listing.ask((first, now)).rows, before)
    late = [time for time in listing.times(new) if first <= time < last]
    if late:
        return contradicted(
            f"{count(len(late), 'row')} appeared at least {span(before.at - min(late))} late; "
            f"{span(allowed)} is assumed"
        )
    fresh = sum(time >= before.at - allowed for time in listing.times(new))
    if not fresh:
        return not_testable(f"no new row within {span(now - before.at)}")
    return held(f"{count(fresh, 'new row')}, none later than {span(allowed)}")
