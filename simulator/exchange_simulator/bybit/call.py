"""One request to an endpoint: its parameters, validated like Bybit does, and its pages."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.retention import TWO_YEARS
from exchange_simulator.keys import Key
from exchange_simulator.markets import DAY, KINDS, Kind
from exchange_simulator.state import ExchangeState, Row
from exchange_simulator.timeline import Timeline

Anything = TypeVar("Anything")
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    exchange: ExchangeState
    params: dict[str, str]
    now: int
    key: Key

    def text(self, name: str) -> str:
        return self.params.get(name, "")

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise Refused(10001, f"params error: {name} is required")
        return value

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if not value:
            return None
        if not value.lstrip("-").isdigit():
            raise Refused(10001, f"params error: {name} is not a number")
        return int(value)

    def category(self, *allowed: Kind) -> Kind:
        value = self.text("category")
        for kind in allowed or KINDS:
            if value == kind:
                return kind
        raise Refused(10001, "params error: category only support " + " or ".join(allowed or KINDS))

    def limit(self, default: int, most: int) -> int:
        """Values above the maximum are capped."""
        value = self.integer("limit")
        if value is None:
            return default
        if value < 1:
            raise Refused(10001, "params error: limit is invalid")
        return min(value, most)

    def window(self, days: int = 7) -> tuple[int, int]:
        """The requested time range, both ends inclusive, of at most `days`."""
        longest = days * DAY
        start, end = self.integer("startTime"), self.integer("endTime")
        if start is None and end is None:
            start, end = self.now - longest, self.now
        elif end is None:
            assert start is not None
            end = start + longest
        elif start is None:
            start = end - longest
        if start > end:
            raise Refused(10001, "params error: startTime should be less than endTime")
        if end - start > longest:
            raise Refused(
                10001,
                f"The time range between startTime and endTime cannot exceed {days} days",
            )
        if start < self.now - TWO_YEARS:
            raise Refused(10001, "Can't query earlier than 2 years")
        return start, min(end, self.now)

    def cursor(self) -> int | None:
        """Index of the last row that the caller has received."""
        text = self.text("cursor")
        if not text:
            return None
        # clients send it back unchanged, or URL-encoded once more
        last = unquote(text).rpartition(",")[2].partition(":")[0]
        if not last.isdigit():
            raise Refused(10001, "params error: cursor is invalid")
        return int(last)

    def newest_first(
        self,
        timeline: Timeline[Row],
        window: tuple[int, int],
        limit: int,
        keep: Callable[[Row], bool],
    ) -> tuple[list[Row], str]:
        """A page of the rows in `window` (ms, both inclusive) and the cursor of the next page (""
        after the last).

        A row's index never changes, so new rows do not shift the pages.
        """
        seen = self.cursor()
        rows = self.exchange.newest_first(
            timeline, *window, self.now, from_index=None if seen is None else seen - 1
        )
        page: list[int] = []
        for index, row in rows:
            if keep(row):
                if len(page) == limit:
                    return [timeline.rows[i] for i in page], _cursor(page)
                page.append(index)
        return [timeline.rows[i] for i in page], ""

    def page(self, rows: Iterable[tuple[int, Anything]], limit: int) -> tuple[list[Anything], str]:
        """A page of rows with descending numbers, and the cursor of the next page."""
        seen = self.cursor()
        left = [(number, row) for number, row in rows if seen is None or number < seen]
        found = left[:limit]
        more = len(left) > limit
        return [row for _, row in found], _cursor([n for n, _ in found]) if more else ""


def _cursor(page: Sequence[int]) -> str:
    return quote(f"{page[0]}:0,{page[-1]}:0", safe="")
