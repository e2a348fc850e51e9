"""Rebates: a share of the fees that referred users pay, and of the fees that one pays oneself.

They are paid to the spot wallet, which has no ledger: this list has its entries of the kind.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS, Documented
from alphapulse_pipeline.exchange.errors import Incomplete, Unreadable
from alphapulse_pipeline.exchange.feed import Caller, Feed, Page, Raw, at, milliseconds
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance.common import SPOT, windowed
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker.offered import Offered

_DOCUMENTED = Documented(
    page="developers.binance.com/en/docs/catalog/investment-and-services-rebate/api/rest-api/~"
    "#get-spot-rebate-history-records",
    dated="2026-08-21",
    limit=200,
    cost="12000 of 180000 per minute and user: 15 requests",
    permission="Enable Reading",
    note="without a parameter for the number of rows; what the types mean is that of "
    "developers.binance.com/docs/rebate, undated. Rows have no id: equal ones are counted. The "
    "page names no wallet: spot is assumed; whether the list of dividends repeats a rebate is left "
    "open; nothing before 2020-06-10; no retention is documented: beyond the six months of "
    "transfers, silence proves nothing",
)
_BEGINS = datetime(2020, 6, 10, tzinfo=UTC)
_KINDS = {"1": "COMMISSION_REBATE", "2": "REFERRAL_KICKBACK"}
_PLACE = "place"
"""A field that is added to rows that are equal: the how many-th of them it is."""
_LONGEST_COUNT = 6
"""Digits."""
_rows = at("data", "data")
_total = at("data", "totalRecords")


@dataclass(frozen=True)
class _Pages:
    """The pages of each window, which are numbered, with the count of all rows as the proof. Their
    order is not documented, so that a window is proven by all of its pages together."""

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Raises `Incomplete` if the pages do not add up: a rebate that is paid meanwhile shifts
        them."""
        for begin, stop in feed.windows(start, end, 1):
            params = {**feed.params, **feed.between(begin - 1, stop)}
            rows: list[Raw] = []
            counted = -1
            for page in count(1):
                answer = await call(feed.method, {**params, "page": page})
                listed, total = feed.read(answer), _counted(feed, answer)
                if counted not in (-1, total) or (len(rows) < total and not listed):
                    raise Incomplete(f"{feed.method} changed while its pages were read")
                counted = total
                rows += listed
                if len(rows) >= counted:
                    break
            if len(rows) != counted:
                raise Incomplete(f"{feed.method} counts {counted} rows but lists {len(rows)}")
            rows = _told_apart(rows)
            yield Page([*feed.within(rows, begin, stop), *feed.untimed(rows)], begin, stop)


def _counted(feed: Feed, answer: Any) -> int:
    total = _total(answer)
    text = str(total)
    if isinstance(total, bool) or not text.isdecimal() or len(text) > _LONGEST_COUNT:
        raise Unreadable(f"the answer of {feed.method} has a count that is not a whole number")
    return int(text)


def _told_apart(rows: list[Raw]) -> list[Raw]:
    """Rows have no id: those that are equal are numbered, as two rebates may be."""
    seen: dict[str, int] = {}
    found = []
    for row in rows:
        name = repr(sorted(row.items(), key=str))
        seen[name] = seen.get(name, 0) + 1
        found.append({**row, _PLACE: str(seen[name])})
    return found


def _if_ok(answer: Any) -> Any:
    """The rows of an answer that says that it is one."""
    return _rows(answer) if at("status")(answer) == "OK" else None


def rebates() -> dict[str, Source]:
    source = windowed(
        "sapiGetRebateTaxQuery",
        SPOT,
        "parse_ledger_entry",
        milliseconds("updateTime"),
        _rebate,
        rows=_if_ok,
        paging=Offered(_Pages()),
        required=("asset", "type", "amount", "updateTime"),
        documented=_DOCUMENTED,
        kept=SIX_MONTHS,
    )
    # a page has 200 rows, and there is no parameter for their number
    feed = replace(source.feed, params={}, begins=_BEGINS)
    return {"rebates": replace(source, feed=feed, daily=True)}


def _rebate(raw: Raw, row: Row) -> Row:
    kind = meaning("type of a rebate", str(raw["type"]), _KINDS, f"REBATE_{raw['type']}")
    amount = number(raw["amount"])
    if amount is None:
        raise Unreadable("a rebate of Binance has no amount")
    name = f"{kind} {raw['updateTime']} {raw['asset']} {amount.normalize():f}"
    return row | {
        "class": "reward",
        "kind": kind,
        "asset": raw["asset"],
        "entry_id": f"{name} {raw.get(_PLACE, 1)}",
        "amount": amount,
        "reference_id": "",
    }
