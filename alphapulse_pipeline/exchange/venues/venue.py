"""What must be known of an exchange to read an account whole."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.feed import Caller, Feed


@dataclass(frozen=True)
class Wallet:
    """A place inside an account that holds money of its own."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """What ccxt's `fetch_balance` is told to read it."""


@dataclass(frozen=True)
class Venue:
    """One exchange, as data. Market categories are ccxt's flags: spot, linear, inverse, option."""

    wallets: tuple[Wallet, ...]
    trading_wallet: str
    """Where fills and orders are settled."""
    positions: tuple[Feed, ...]
    margin_mode: Callable[[Caller], Awaitable[str]]
    """Asks for the account's margin mode: cross or isolated."""
    open_orders: tuple[Feed, ...]
    ended_orders: tuple[Feed, ...]
    """Orders that ended a moment ago, which the history may not show yet."""
    histories: Mapping[str, Mapping[str, Feed]]
    """Dataset -> stream -> feed."""
    order_by_id: Callable[[str, str], tuple[Feed, ...]]
    """(category, order id) -> where one order is looked up, the first that knows it wins."""
    tickers: Mapping[str, Mapping[str, Any]]
    """Category -> what ccxt's `fetch_tickers` is told to read all of it in one call."""
    order_status: Mapping[str, str]
    """A raw order's status -> ours, where ccxt's word would mislead."""
    lag: timedelta
    """How late a row may turn up in a feed: nothing younger is taken for complete."""
    trade_kind: Callable[[Mapping[str, Any]], str | None]
    """A raw fill's kind; None for what is not a fill."""
    fee_currency: Callable[[Mapping[str, Any]], str | None]
    """The currency of a raw fill's fee, where the exchange names it."""
    delisted_market: Callable[[str, str], dict[str, Any]]
    """(raw id, category) -> ccxt's market structure of a market that is no longer listed."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's constructor settings."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """Path -> cost in ccxt's rate limiter, where the exchange allows more than ccxt says."""
