"""A listing endpoint with every habit that is known to lose rows, or was thought of."""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

ZERO = 1_790_000_000_000
"""The first millisecond that rows of the tests may have."""

EVER = 1 << 62


class Row(NamedTuple):
    time: int
    id: int


def rows_at(times: list[int]) -> list[Row]:
    """Rows whose ids rise with time; milliseconds after `ZERO`."""
    return [row_at(time, n) for n, time in enumerate(sorted(times))]


def row_at(time: int, n: int) -> Row:
    return Row(ZERO + time, time * 10_000 + n + 1)


@dataclass
class Server:
    """Answers `{"rows": [...], "cursor": ..., "count": ...}` of one page.

    Pages are asked for with `cursor`, `after` (an id, left out), `from` (an id, included, and newer
    ones), `offset`, or nothing but the window, `start` and `end`.
    """

    rows: list[Row]
    cap: int
    newest_first: bool = True

    # Windows.
    unit: int = 1
    """Milliseconds in what `start` and `end` are written in."""
    open_start: bool = False
    open_end: bool = False
    whole_start: bool = False
    """Cuts `start` down to a whole second."""
    whole_end: bool = False
    longest: int | None = None
    """Cuts longer windows down to so many milliseconds, and says nothing."""
    keeps: Literal["start", "end"] = "start"
    """Which end of a longer window stays where it was asked for."""

    # Pages.
    shuffled: bool = False
    """Rows inside a page are in no order."""
    backwards: bool = False
    """Rows inside a page go the other way than pages do."""
    unstable: bool = False
    """Rows of one millisecond change their places from request to request."""
    repeats: int = 0
    """So many rows of every other page are there twice, beyond the cap."""
    repeats_inside: bool = False
    """... or inside the cap, and push others out, which come with the next page."""
    loses: frozenset[str] = frozenset()
    """Parameters that get lost."""

    # Cursors.
    cursor: Literal["row", "offset"] = "row"
    hollow: int = 0
    """Each so many-th page is empty, with a cursor to the next."""
    trailing: Literal["", "none", "self"] = ""
    """The last page has a cursor too; the empty page after it has none, or the same again."""
    has_cursor: bool = True
    loops: int = 0
    """The so many-th page has the first page's cursor."""

    # Ids and counts.
    open_from: bool = False
    """Leaves out the row whose id was asked for."""
    oldest_without_times: int = 0
    """The oldest time in answers to requests without `start` and `end`, even from an id on."""
    count: Literal["all", "more", "less", "page", "none", "half"] = "all"

    # What happens between requests: number of the request before which it does -> what.
    arrivals: Mapping[int, list[Row]] = field(default_factory=dict)
    departures: Mapping[int, int] = field(default_factory=dict)
    """How many of the oldest rows go."""
    withdrawn: Mapping[int, Row] = field(default_factory=dict)

    requests: int = 0
    appeared: dict[Row, int] = field(default_factory=dict)
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    oldest: list[int] = field(default_factory=list)
    """The oldest time in each answer."""

    def __post_init__(self) -> None:
        self.rows = sorted(self.rows)
        self.appeared = dict.fromkeys(self.rows, 0)
        self._first_cursor = ""
        self._chance = random.Random(len(self.rows))

    async def __call__(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self.requests += 1
        self.asked.append(params)
        self._change()
        asked = {name: value for name, value in params.items() if name not in self.loses}
        return self._answer(self._window(asked), asked)

    def _change(self) -> None:
        for row in self.arrivals.get(self.requests, []):
            if row not in self.appeared:
                self.appeared[row] = self.requests
                self.rows.insert(bisect_left(self.rows, row), row)
        del self.rows[: self.departures.get(self.requests, 0)]
        if self.requests in self.withdrawn:
            self.rows.remove(self.withdrawn[self.requests])

    def within(self, start: int, end: int) -> list[Row]:
        """The rows that are there now with times in `[start, end)`."""
        return self.rows[bisect_left(self.rows, (start,)) : bisect_left(self.rows, (end,))]

    def _window(self, asked: Mapping[str, Any]) -> list[Row]:
        """The rows of the window, in the order of the pages."""
        start = asked.get("start", 0) * self.unit
        end = asked.get("end", EVER) * self.unit
        start -= start % 1000 if self.whole_start else 0
        end -= end % 1000 if self.whole_end else 0
        if self.longest is not None and end - start > self.longest:
            start, end = (
                (start, start + self.longest)
                if self.keeps == "start"
                else (end - self.longest, end)
            )
        first = bisect_left(self.rows, (start + self.open_start, -1))
        last = bisect_right(self.rows, (end - self.open_end, EVER))
        found = self.rows[first:last]
        if self.unstable:
            places = {row: self._chance.random() for row in found}
            found.sort(key=lambda row: (row.time, places[row]))
        return found[::-1] if self.newest_first else found

    def _answer(self, found: list[Row], asked: Mapping[str, Any]) -> dict[str, Any]:
        repeats = self.repeats * (self.requests % 2)
        cap = self.cap - repeats if self.repeats_inside else self.cap
        cursor: str | None = None
        if "from" in asked or "from" in self.loses:
            found = sorted(found, key=lambda row: row.id)
            first = asked.get("from", 0)
            if "end" not in asked:
                found = [row for row in found if row.time >= self.oldest_without_times]
            if "from" in self.loses:
                page = found[-cap:]
            else:
                page = [row for row in found if row.id >= first + self.open_from][:cap]
        elif "offset" in asked or "offset" in self.loses:
            offset = asked.get("offset", 0)
            page = found[offset : offset + cap]
        elif "after" in asked:
            last_id = int(asked["after"])
            page = [
                row
                for row in found
                if (row.id < last_id if self.newest_first else row.id > last_id)
            ][:cap]
        else:
            page, cursor = self._page(found, asked.get("cursor", ""), cap)
        counts = {
            "all": len(found),
            "more": len(found) + 1,
            "less": max(0, len(found) - 1),
            "page": len(page),
            "none": None,
            "half": "1.5",
        }
        self.oldest.append(min((row.time for row in page), default=EVER))
        page = page + page[:repeats]
        if self.shuffled:
            self._chance.shuffle(page)
        elif repeats:
            page.sort(key=found.index)
        if self.backwards:
            page.reverse()
        if not self.has_cursor:
            cursor = None
        rows = [{"id": str(row.id), "time": str(row.time)} for row in page]
        return {"rows": rows, "cursor": cursor, "count": counts[self.count]}

    def _page(self, found: list[Row], asked: str, cap: int) -> tuple[list[Row], str]:
        """The page that a cursor names, and the next cursor."""
        place = asked.rstrip("+")
        if not place:
            begin = 0
        elif self.cursor == "offset":
            begin = int(place)
        else:
            last = Row(*map(int, place.split(".")))
            begin = sum(row >= last if self.newest_first else row <= last for row in found)
        if self.hollow and self.requests % self.hollow == 0 and begin < len(found):
            return [], asked + "+"
        page = found[begin : begin + cap]
        if not page:
            return [], asked if self.trailing == "self" else ""
        if begin + cap >= len(found) and not self.trailing:
            return page, ""
        following = f"{page[-1].time}.{page[-1].id}"
        if self.cursor == "offset":
            following = str(begin + len(page))
        self._first_cursor = self._first_cursor or following
        return page, self._first_cursor if self.requests == self.loops else following
