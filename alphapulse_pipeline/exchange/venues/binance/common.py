"""Wallets, places of trading histories, and windowed sources, shared by Binance's datasets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.documented import SIX_MONTHS, Documented
from alphapulse_pipeline.exchange.feed import Feed, Paging, at, between
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.venue import Amend, Source
from alphapulse_pipeline.exchange.walker import Windows

SPOT = "spot"
MARGIN = "margin"
ISOLATED = "isolated"
USDM = "usdm"
COINM = "coinm"
FUNDING = "funding"
EARN = "earn"
PORTFOLIO_MARGIN = "portfolio margin"
STAKING = "staking"
"""What is being redeemed."""
OPTION = "option"
LOAN = "loan"
"""What is owed for crypto loans."""

FUTURES = (USDM, COINM)

# Binance takes milliseconds and includes both ends of a window. Where its rows have whole seconds,
# a row's actual time may be up to a second later than it says.
BY_MILLISECOND = Windows(margin=1)
BY_SECOND = Windows()
WINDOW = between("startTime", "endTime")
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Place:
    """Where the trading history of one wallet is requested."""

    wallet: str
    category: str
    """ccxt's flag of its markets."""
    method_prefix: str
    fills_retention: timedelta | None = None
    orders_retention: timedelta | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def longest(self) -> timedelta:
        """The longest window."""
        return WEEK if self.wallet in FUTURES else timedelta(days=1)

    @property
    def listed_for(self) -> str:
        return "margin" if self.wallet in (MARGIN, ISOLATED) else ""


PLACES = (
    Place(SPOT, "spot", "privateGet"),
    Place(MARGIN, "spot", "sapiGetMargin", params={"isIsolated": "FALSE"}),
    Place(ISOLATED, "spot", "sapiGetMargin", params={"isIsolated": "TRUE"}),
    Place(USDM, "linear", "fapiPrivateGet", SIX_MONTHS, timedelta(days=90)),
    Place(COINM, "inverse", "dapiPrivateGet", SIX_MONTHS, timedelta(days=90)),
)


# statuses that ccxt does not translate into those of the table
_OPEN = {"PENDING_NEW": "open", "PENDING_CANCEL": "open"}
_STATUSES = ("open", "closed", "canceled", "expired", "rejected")


def status(raw: str, translated: str) -> str:
    """An order's status. A new one is unknown; `raw` keeps its name."""
    if raw not in _OPEN and translated in _STATUSES:
        return translated
    return meaning("order status", raw, _OPEN, "unknown")


def all_of(answer: Any) -> Any:
    """The answer itself, for endpoints that return a bare list."""
    return answer


def rows_if_any(answer: Any) -> Any:
    """The `rows` of an answer; an empty list if its `total` is 0: Binance then omits `rows`."""
    return at("rows")(answer) or ([] if str(at("total")(answer)) == "0" else None)


def data_if_any(answer: Any) -> Any:
    """The `data` of an answer that says that it succeeded; an empty list if its `total` is 0."""
    if at("success")(answer) is not True:
        return None
    found = at("data")(answer)
    return [] if found is None and str(at("total")(answer)) == "0" else found


def windowed(
    method: str,
    wallet: str,
    parse: str,
    time: Any,
    amend: Amend,
    *,
    rows: Any = all_of,
    paging: Paging = BY_MILLISECOND,
    between: Callable[[int, int], Mapping[str, Any]] = WINDOW,
    required: tuple[str, ...],
    documented: Documented,
    limit: str = "limit",
    kind: str = "",
    window: timedelta = timedelta(days=30),
    retention: timedelta | None = None,
    kept: timedelta | None = None,
    category: str = "",
    mentions: str = "",
    **params: Any,
) -> Source:
    """The source of a list that is requested for time windows.

    `limit`: the parameter for the number of rows; the most that the page allows are requested.
    """
    return Source(
        Feed(
            method,
            paging,
            {**params, limit: documented.limit},
            rows,
            time,
            between,
            required=required,
            window=window,
            horizon=retention,
            limit=limit,
            documented=documented,
        ),
        wallet=wallet,
        parse=parse,
        kept=kept,
        kind=kind,
        amend=amend,
        category=category,
        market="symbol" if category and not mentions else "",
        mentions=mentions,
    )
