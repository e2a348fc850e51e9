"""Portfolio Margin: cross margin and both futures in one account, the wallet `portfolio margin`.

API documentation: Account Balance, Query UM Position Information, UM Account Trade List, Get UM
Income History, the same of CM, and Margin Account Trade List (developers.binance.com, Portfolio
Margin). The parts share what they hold: what is collected from the futures to cross margin stays in
the wallet. Cross margin has no ledger: see `portfolio_loans.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from ccxt.base import errors as ccxt

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import SIX_MONTHS, THREE_MONTHS
from alphapulse_pipeline.exchange.errors import ExchangeFailure, exchange_message, kind_of
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw, milliseconds
from alphapulse_pipeline.exchange.kind import Kind
from alphapulse_pipeline.exchange.venues.binance import portfolio_loans, portfolio_pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_MILLISECOND,
    COINM,
    MARGIN,
    PORTFOLIO_MARGIN,
    USDM,
    WEEK,
    WINDOW,
    all_of,
    windowed,
)
from alphapulse_pipeline.exchange.venues.binance.income import INCOME_FIELDS, income_entry
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Wallet
from alphapulse_pipeline.exchange.walker import FromId, FromIdOrWindows, Whole

_DAY = timedelta(days=1)
_BALANCE = "papiGetBalance"
_POSITION_FIELDS = (
    "symbol",
    "positionAmt",
    "positionSide",
    "entryPrice",
    "markPrice",
    "unRealizedProfit",
    "liquidationPrice",
    "leverage",
)
_MARGIN_FILL_FIELDS = (
    *("symbol", "id", "orderId", "price", "qty"),
    *("commission", "commissionAsset", "time"),
)
_FILL_FIELDS = (
    *("symbol", "id", "orderId", "side", "price", "qty"),
    *("commission", "commissionAsset", "realizedPnl", "time"),
)


def _held(answer: Any) -> Iterable[tuple[str, Any, Any, Any]]:
    """(asset, total, used, debt). No page says how much of an asset the positions use as margin."""
    for row in answer:
        borrowed, interest = (row[f"crossMargin{name}"] for name in ("Borrowed", "Interest"))
        debt = (number(borrowed) or Decimal(0)) + (number(interest) or Decimal(0))
        yield row["asset"], row["totalWalletBalance"], row["crossMarginLocked"], debt


WALLET = Wallet(
    PORTFOLIO_MARGIN,
    {"type": "papi"},
    assets=_held,
    rows=all_of,
    required=(
        "asset",
        "totalWalletBalance",
        "crossMarginLocked",
        "crossMarginBorrowed",
        "crossMarginInterest",
    ),
    documented=portfolio_pages.WALLET,
)


@dataclass(frozen=True)
class _Futures:
    """Where one of the two futures is requested."""

    name: str
    """The wallet of the same futures without Portfolio Margin."""
    category: str
    method_prefix: str
    longest: timedelta
    """The longest window of fills, and how far back they go without one."""
    value: str
    """The fields of a position and of a fill with its value."""
    cost: str
    retention: timedelta | None = None
    """Of the income."""
    kept: timedelta | None = None

    @property
    def stream(self) -> str:
        return f"portfolio {self.name}"


_FUTURES = (
    _Futures(USDM, "linear", "papiGetUm", WEEK, "notional", "quoteQty", retention=THREE_MONTHS),
    # the page on its income says nothing: it may keep no more than that of USD-M
    _Futures(COINM, "inverse", "papiGetCm", _DAY, "notionalValue", "baseQty", kept=THREE_MONTHS),
)


def positions() -> tuple[Source, ...]:
    return tuple(
        Source(
            Feed(
                f"{futures.method_prefix}PositionRisk",
                Whole(),
                rows=all_of,
                required=(*_POSITION_FIELDS, futures.value),
                documented=portfolio_pages.POSITIONS[futures.name],
            ),
            wallet=PORTFOLIO_MARGIN,
            parse="parse_position_risk",
            category=futures.category,
            market="symbol",
        )
        for futures in _FUTURES
    )


def trades() -> dict[str, Source]:
    of_futures = {
        futures.stream: Source(
            Feed(
                f"{futures.method_prefix}UserTrades",
                FromIdOrWindows(
                    FromId("fromId", lambda row: int(row["id"])), BY_MILLISECOND, futures.longest
                ),
                {"limit": portfolio_pages.FILLS[futures.name].limit},
                time=milliseconds("time"),
                between=WINDOW,
                window=futures.longest,
                required=(*_FILL_FIELDS, futures.cost),
                flags=("maker",),
                horizon=SIX_MONTHS,
                documented=portfolio_pages.FILLS[futures.name],
            ),
            wallet=PORTFOLIO_MARGIN,
            parse="parse_trade",
            category=futures.category,
            market="symbol",
            per_market="symbol",
            amend=_fill,
            id="trade_id",
        )
        for futures in _FUTURES
    }
    return of_futures | {"portfolio margin": _on_margin()}


def _on_margin() -> Source:
    documented = portfolio_pages.FILLS[MARGIN]
    return Source(
        Feed(
            "papiGetMarginMyTrades",
            FromId("fromId", lambda row: int(row["id"])),
            {"limit": documented.limit},
            time=milliseconds("time"),
            between=WINDOW,
            window=_DAY,
            required=_MARGIN_FILL_FIELDS,
            flags=("isBuyer", "isMaker"),
            documented=documented,
        ),
        wallet=PORTFOLIO_MARGIN,
        parse="parse_trade",
        category="spot",
        market="symbol",
        per_market="symbol",
        listed_for="margin",
        id="trade_id",
    )


def ledger() -> dict[str, Source]:
    income = {
        futures.stream: _income(futures, "parse_ledger_entry", partial(_entry, futures.name))
        for futures in _FUTURES
    }
    return income | portfolio_loans.ledger()


def funding() -> dict[str, Source]:
    return {
        futures.stream: _income(
            futures, "parse_income", lambda raw, row: row, incomeType="FUNDING_FEE"
        )
        for futures in _FUTURES
    }


def _income(futures: _Futures, parse: str, amend: Amend, **params: Any) -> Source:
    return windowed(
        f"{futures.method_prefix}Income",
        PORTFOLIO_MARGIN,
        parse,
        milliseconds("time"),
        amend,
        required=INCOME_FIELDS,
        documented=portfolio_pages.INCOME[futures.name],
        retention=futures.retention,
        kept=futures.kept,
        category=futures.category,
        mentions="" if params else "symbol",
        **params,
    )


def _fill(raw: Raw, row: Row) -> Row:
    return row | {"realized_pnl": number(raw.get("realizedPnl"))}


def _entry(product: str, raw: Raw, row: Row) -> Row | None:
    """None for what moves between the parts of the wallet. Ids are unique in a part only."""
    if raw["incomeType"] == "TRANSFER":
        return None
    return income_entry(raw, row) | {
        "entry_id": f"{product} {raw['tranId']}",
        "reference_id": raw.get("tradeId") or str(raw["tranId"]),
    }


async def refused(call: Caller) -> str:
    """Why the key may not read the account; blank if it may. Raises what ccxt raises otherwise."""
    try:
        await call(_BALANCE, {})
    except (ccxt.BaseError, ExchangeFailure) as error:
        if kind_of(error) not in (Kind.PERMISSION, Kind.NOT_ENABLED, Kind.NOT_OFFERED):
            raise
        return exchange_message(str(error))
    return ""
