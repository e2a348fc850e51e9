"""What Kraken's endpoints have in common: answers, pages, times, and what its pages say.

The documentation carries no dates; `READ` is when it was read. Histories are paged by offset, 50
rows per page ("50 results are returned at a time, the most recent by default"), and include the
count of all rows. Order and lag are not documented.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import number
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Raw, at, seconds, to_time
from alphapulse_pipeline.exchange.walker import Counted

SPOT = "spot"
READ = "undated, read on 2026-11-27"
PAGE = 50
# Each window costs a request even where nothing happened, and the counter of the lowest tier allows
# one request of history in six seconds. A walk that restarts keeps what it has proven.
YEAR = timedelta(days=365)
HISTORY_COST = "2 of the key's counter: 15 less 0.33 per second, for the tier Starter"
COST = "1 of the key's counter: 15 less 0.33 per second, for the tier Starter"

# The permissions of a key, as Kraken's pages name them.
CLOSED_ORDERS = "Orders and trades - Query closed orders & trades"
OPEN_ORDERS = "Orders and trades - Query open orders & trades"
LEDGER_ENTRIES = "Data - Query ledger entries"
FUNDS = "Funds permissions - Query"


def documented(page: str, permission: str, cost: str = COST, **more: Any) -> Documented:
    """What the page of an endpoint says. `page` is the end of its URL."""
    return Documented(
        page=f"docs.kraken.com/api-reference/{page}",
        dated=READ,
        cost=cost,
        permission=permission,
        **more,
    )


result = at("result")
"""The result of an answer; None if it has none. Only the one about balances may lack it."""


def count(answer: Any) -> Any:
    """The number of all rows that a history counts."""
    return at("result", "count")(answer)


def keyed(*path: str) -> Callable[[Any], Any]:
    """Rows of an object keyed by row id; the id and an order's pair are copied into each row."""
    listed = at(*path)

    def rows(answer: Any) -> Any:
        found = listed(result(answer))
        if not isinstance(found, Mapping):
            return found
        return [
            {**row, "id": name, "pair": _pair(row)} if isinstance(row, Mapping) else row
            for name, row in found.items()
        ]

    return rows


def _pair(row: Mapping[str, Any]) -> Any:
    return row.get("pair") or at("descr", "pair")(row)


def between(first: int, last: int) -> Mapping[str, Any]:
    """Whole seconds; Kraken excludes the start."""
    return {"start": first // 1000 - 1, "end": -(-last // 1000)}


def history(
    method: str,
    name: str,
    time: str,
    required: tuple[str, ...],
    page: Documented,
    *,
    window: timedelta | None = YEAR,
    ordered: bool = True,
    **params: Any,
) -> Feed:
    """A history in the object `name`, by offset. `time` is the field it is filtered by."""
    return Feed(
        method,
        Counted("ofs", count, at("id"), ordered),
        params,
        keyed(name),
        seconds(time),
        between,
        required=required,
        window=window,
        documented=page,
    )


def happened(time: str, raw: Raw) -> Any:
    """The exact time: ccxt converts these times through floats."""
    found = seconds(time)(raw)
    return None if found is None else to_time(found)


def exact(row: Raw, name: str) -> Decimal:
    """A number that a row must have. Raises `Unreadable`."""
    found = number(row[name])
    if found is None:
        raise Unreadable(f"a row of Kraken has no {name}")
    return found
