"""Kraken's margin trading on spot pairs.

A position on margin is a contract on the pair, settled in the quote currency: opening it moves
neither base nor quote, only a fee, and closing it books the profit. So its fills, orders and
positions have the market `BTC/USD:USD` instead of `BTC/USD`.

What a fill realized, and which fee was charged in which currency, is in the ledger: one or two
entries of the type `margin` with the fill's id, the profit in the quote currency, the fee in any
currency that serves as collateral (support.kraken.com/articles/360027712571). So fills on margin
are completed by these entries. Rollover fees, and settled positions, are entries of their own.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.errors import MISREAD
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, require
from alphapulse_pipeline.exchange.venues.kraken.account import book_of, code, delisted
from alphapulse_pipeline.exchange.venues.kraken.common import (
    OPEN_ORDERS,
    SPOT,
    documented,
    exact,
    history,
    result,
)
from alphapulse_pipeline.exchange.venues.kraken.ledger import ENTRY_FIELDS, LEDGER_PAGE
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Whole

_ENTRIES = history("privatePostLedgers", "ledger", "time", ENTRY_FIELDS, LEDGER_PAGE, type="margin")
_AROUND = 10_000
"""Milliseconds by which an entry may be booked before or after its fill."""
_ENTRIES_OF = "margin_entries"
"""The field of a completed fill with its ledger entries."""
_LEVERAGE = re.compile(r"none|[0-9.]+:1")
_POSITION_FIELDS = ("pair", "type", "cost", "vol", "vol_closed", "posstatus")


def market_of(pair: str) -> str:
    """The contract that a position on margin is: BTC/USD:USD for BTC/USD."""
    quote = pair.partition("/")[2]
    return f"{pair}:{quote}" if quote and ":" not in pair else pair


def is_margin(raw: Raw) -> bool:
    """Whether a fill opened or closed a position on margin."""
    return (
        bool(number(raw.get("margin")))
        or bool(raw.get("posstatus"))
        or "closing" in str(raw.get("misc") or "").split(",")
        or str(raw.get("leverage") or "0") not in ("0", "none")
    )


def is_margin_order(raw: Raw) -> bool:
    """An order says its leverage, `5:1` or `none`: otherwise its market is not known."""
    leverage = raw["descr"]["leverage"]
    if not isinstance(leverage, str) or not _LEVERAGE.fullmatch(leverage):
        raise ValueError(f"the leverage is neither none nor like 5:1: {leverage!r}")
    return leverage != "none"


async def booked(call: Caller, rows: list[Raw], newer: list[Raw]) -> list[Raw]:
    """The fills of a page, those on margin with their ledger entries."""
    fills = [row for row in rows if _may_be_margin(row)]
    times = _ENTRIES.times(fills)
    if not times:
        return rows
    entries: dict[str, list[Raw]] = defaultdict(list)
    first, last = min(times) - _AROUND, max(times) + _AROUND
    async for page in _ENTRIES.paging.walk(call, _ENTRIES, first, last, None):
        for entry in page.rows:
            entries[entry.get("refid", "")].append(entry)
    on_margin = {row["id"] for row in fills}
    return [
        {**row, _ENTRIES_OF: entries.get(row["id"], [])} if row.get("id") in on_margin else row
        for row in rows
    ]


def _may_be_margin(raw: Raw) -> bool:
    try:
        return is_margin(raw)
    except MISREAD:
        return False  # the row is rejected when it is parsed


def fill(raw: Raw, row: Row) -> Row:
    """The market, the profit and the fee of a fill on margin. Without entries, the fee is the
    estimate of the fill itself and the profit is not known."""
    entries = raw.get(_ENTRIES_OF)
    on_contract = {"market": market_of(row["market"]), "realized_pnl": None}
    return on_contract | (_money(entries, row["fee_currency"]) if entries else {})


def _money(entries: list[Raw], quote: str) -> Row:
    """Of several currencies, the quote counts, or else the first: one fill has one fee. The others
    are in the ledger."""
    profit, fees = Decimal(0), dict[str, Decimal]()
    for entry in entries:
        asset = code(book_of(entry["asset"])[1])
        if asset == quote:
            profit += number(entry["amount"]) or 0
        if fee := number(entry["fee"]):
            fees[asset] = fees.get(asset, Decimal(0)) + fee
    paid_in = quote if quote in fees or not fees else next(iter(fees))
    return {
        "realized_pnl": profit,
        "fee_cost": fees.get(paid_in, Decimal(0)),
        "fee_currency": paid_in,
    }


def positions() -> tuple[Source, ...]:
    feed = Feed(
        "privatePostOpenPositions",
        Whole(),
        {"docalcs": "true"},
        _open_positions,
        documented=documented(
            "account-data/get-open-positions",
            OPEN_ORDERS,
            note="a row per opening fill, added up here by pair and side; no mark, no liquidation",
        ),
    )
    return (Source(feed, wallet=SPOT, parse="", category="linear"),)


def _open_positions(answer: Any) -> Any:
    """One ccxt structure per pair and side; `fetch_positions` of ccxt has neither entry price nor
    what is left of a position that was closed in part."""
    found = result(answer)
    if not isinstance(found, Mapping):
        return found
    sides: dict[tuple[str, str], list[Raw]] = defaultdict(list)
    for name, row in found.items():
        require(row, _POSITION_FIELDS, f"the position {name}")
        sides[row["pair"], row["type"]].append({**row, "id": name})
    return [_position(pair, side, rows) for (pair, side), rows in sides.items()]


def _position(pair: str, side: str, rows: list[Raw]) -> dict[str, Any]:
    left = cost = Decimal(0)
    for row in rows:
        volume = exact(row, "vol")
        remaining = volume - exact(row, "vol_closed")
        left += remaining
        cost += exact(row, "cost") * remaining / volume if volume else 0
    return {
        "symbol": delisted(pair, "linear"),
        "side": "long" if side == "buy" else "short",
        "marginMode": "cross",
        "contracts": str(left),
        "contractSize": "1",
        "entryPrice": str(cost / left) if left else None,
        "markPrice": _per_unit(_sum(rows, "value"), left),
        "notional": _text(_sum(rows, "value")),
        "unrealizedPnl": _text(_sum(rows, "net")),
        "leverage": None,
        "liquidationPrice": None,
        "info": {"pair": pair, "positions": rows},
    }


def _sum(rows: list[Raw], name: str) -> Decimal | None:
    """None if a row lacks it: `value` and `net` are calculated only on request (`docalcs`)."""
    found = [number(str(row.get(name) or "").removeprefix("+")) for row in rows]
    return None if None in found else sum((value for value in found if value), Decimal(0))


def _per_unit(value: Decimal | None, units: Decimal) -> str | None:
    return None if value is None or not units else str(value / units)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
