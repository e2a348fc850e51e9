"""Fills of European options, and what was exercised.

Fills are listed for one contract at a time, so every contract that the account is known to have
had is a stream: those of its positions and its exercises. A contract that was bought and sold
between two snapshots is not among them; the funding flow has what it moved, and the reconciliation
shows that as missing.

An exercise ends a position as a fill of the kind settlement does, at what a contract paid. What
expires without a value is listed as well, with an amount of zero.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import THREE_MONTHS
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import (
    Caller,
    Feed,
    Page,
    Paging,
    Raw,
    at,
    milliseconds,
    require,
    to_milliseconds,
)
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance import option_pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_SECOND,
    OPTION,
    WEEK,
    WINDOW,
    all_of,
    windowed,
)
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker.enriched import Enriched

EXERCISES = "exercises"
_UNIT = "unit"
"""A field that is added to fills: the coins of one contract, as "Exchange Information" says."""
_SIDES = {"BUY": "buy", "SELL": "sell"}
_LIQUIDITY = {"MAKER": "maker", "TAKER": "taker"}
_LONG = "LONG"
_ENDED_BY = {_LONG: "sell", "SHORT": "buy"}
"""Side of the position -> that of the fill that ends it."""
_LONGEST = timedelta(days=400)
"""How long before its expiry a contract is requested: no page says how long they are listed."""
_NOT_REQUESTED = "it is not requested so long before the contract expires"
_CONTRACTS = "eapiPublicGetExchangeInfo"


def trades() -> dict[str, Source]:
    return {OPTION: _fills(), EXERCISES: _exercises()}


def _fills() -> Source:
    return Source(
        Feed(
            "eapiPrivateGetUserTrades",
            # whether both ends of a window are included is not documented
            WhileListed(Enriched(BY_SECOND, _with_units)),
            {"limit": option_pages.FILLS.limit},
            all_of,
            milliseconds("time"),
            WINDOW,
            required=(
                *("symbol", "id", "orderId", "price", "quantity", "fee", "side"),
                *("liquidity", "realizedProfit", "quoteAsset", "time"),
            ),
            window=WEEK,
            documented=option_pages.FILLS,
        ),
        wallet=OPTION,
        parse="parse_trade",
        category="option",
        market="symbol",
        per_market="symbol",
        kept=THREE_MONTHS,
        amend=_fill,
    )


def _exercises() -> Source:
    source = windowed(
        "eapiPrivateGetExerciseRecord",
        OPTION,
        "parse_trade",
        milliseconds("createDate"),
        _exercise,
        paging=BY_SECOND,
        required=(
            *("id", "symbol", "currency", "quantity", "amount", "fee"),
            *("positionSide", "createDate"),
        ),
        documented=option_pages.EXERCISES,
        window=WEEK,
        kept=THREE_MONTHS,
        category="option",
    )
    return replace(source, once_used=True)


@dataclass(frozen=True)
class WhileListed:
    """A list of one contract, requested only for the time in which it may have been traded: what
    was before is not proven, and after its expiry there is nothing."""

    pages: Paging

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        listed, over = _lifetime(str(feed.params.get("symbol"))) or (start, end)
        first, last = min(max(start, listed), end), max(min(end, over), start)
        if last < end:
            yield Page([], last, end)
        if first < last:
            async for page in self.pages.walk(call, feed, first, last, after):
                yield page
        if start < min(first, last):
            yield Page([], start, min(first, last), unverified=_NOT_REQUESTED)


def _lifetime(symbol: str) -> tuple[int, int] | None:
    """The first millisecond in which a contract may have been traded, and the one from which it no
    longer is, by its id (BTC-200730-9000-C); None if the id says no day."""
    try:
        expiry = datetime.strptime(symbol.split("-")[1], "%y%m%d").replace(tzinfo=UTC)
    except (IndexError, ValueError):
        return None
    return to_milliseconds(expiry - _LONGEST), to_milliseconds(expiry + timedelta(days=2))


async def _with_units(call: Caller, rows: list[Raw], newer: list[Raw]) -> list[Raw]:
    """The fills with the coins of their contract. A contract that has expired is listed no longer:
    it has those of the other contracts on its coin, if all of them have the same."""
    listed = at("optionSymbols")(await call(_CONTRACTS, {}))
    if not isinstance(listed, list):
        raise Unreadable(f"the answer of {_CONTRACTS} has no list of contracts")
    units: dict[str, str] = {}
    of_coin: dict[str, set[str]] = {}
    for contract in listed:
        require(contract, ("symbol", _UNIT), _CONTRACTS)
        name, unit = str(contract["symbol"]), str(contract[_UNIT])
        if not unit.isdecimal() or not int(unit):
            raise Unreadable(f"{_CONTRACTS}: the unit of {name[:60]} is {unit[:60]!r}")
        units[name] = unit
        of_coin.setdefault(_coin(name), set()).add(unit)
    return [_with_unit(row, units, of_coin.get(_coin(row.get("symbol")), ())) for row in rows]


def _with_unit(row: Raw, units: Mapping[str, str], of_coin: Iterable[str]) -> Raw:
    unit = units.get(str(row.get("symbol")))
    if unit is None and len(alike := list(of_coin)) == 1:
        [unit] = alike
    return row if unit is None else {**row, _UNIT: unit}


def _coin(symbol: Any) -> str:
    return str(symbol).partition("-")[0]


def _fill(raw: Raw, row: Row) -> Row:
    """`fee` is negative when it is paid. A sold quantity is unsigned in the page's sample, and was
    negative in earlier answers. Without the coins of a contract, its cost stays open."""
    _check_currency(row, raw["quoteAsset"])
    if raw["side"] not in _SIDES:
        raise Unreadable(f"side is {str(raw['side'])[:60]!r}, neither BUY nor SELL")
    amount, price, unit = abs(Decimal(raw["quantity"])), Decimal(raw["price"]), raw.get(_UNIT)
    return row | {
        "trade_id": str(raw["id"]),
        "side": _SIDES[raw["side"]],
        "amount": amount,
        "price": price,
        "cost": None if unit is None else amount * price * Decimal(unit),
        "fee_cost": -Decimal(raw["fee"]),
        "fee_currency": raw["quoteAsset"],
        "taker_or_maker": meaning("liquidity", str(raw["liquidity"]), _LIQUIDITY, None),
        "realized_pnl": number(raw["realizedProfit"]),
    }


def _exercise(raw: Raw, row: Row) -> Row:
    """What is exercised pays the holder, and is paid by the seller: signs are not documented, and
    a holder that would pay is not believed. The fee is always paid."""
    _check_currency(row, raw["currency"])
    side = _ENDED_BY.get(raw["positionSide"])
    amount, quantity = Decimal(raw["amount"]), abs(Decimal(raw["quantity"]))
    if side is None:
        raise Unreadable(f"positionSide is {str(raw['positionSide'])[:60]!r}, not LONG or SHORT")
    if not quantity:
        raise Unreadable("an exercise has a quantity of zero")
    if raw["positionSide"] == _LONG and amount < 0:
        raise Unreadable(f"the exercise of a bought contract has an amount of {amount}")
    return row | {
        "trade_id": f"exercise-{raw['id']}",
        "order_id": None,
        "side": side,
        "amount": quantity,
        "price": abs(amount) / quantity,
        "cost": abs(amount),
        "fee_cost": abs(Decimal(raw["fee"])),
        "fee_currency": raw["currency"],
        "taker_or_maker": None,
        "kind": "settlement",
    }


def _check_currency(row: Row, currency: str) -> None:
    """Raises `Unreadable` if the contract's name does not settle in the row's currency: expired
    contracts are named by their id, which says no currency."""
    settle = str(row["market"]).rpartition(":")[2].partition("-")[0]
    if settle != currency:
        raise Unreadable(f"{row['market']} does not settle in {str(currency)[:60]!r}")
