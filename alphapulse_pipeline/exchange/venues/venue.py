"""What must be known of an exchange to read an account whole."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.account_type import AskType
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw
from alphapulse_pipeline.exchange.rights import Ask

Amend = Callable[[Raw, Row], Row | None]
"""(raw row, its row as ccxt understood it) -> the row as it is; None for what does not belong."""


def _as_it_is(raw: Raw, row: Row) -> Row | None:
    return row


@dataclass(frozen=True)
class Wallet:
    """A place inside an account that holds money of its own."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """What ccxt's `fetch_balance` is told to read it."""
    assets: Callable[[Any], Iterable[tuple[str, Any, Any, Any]]] | None = None
    """The exchange's own answer -> (raw asset, total, used, debt), where ccxt counts what open
    positions would bring as held."""
    rows: Callable[[Any], Any] | None = None
    """Where the assets stand in the exchange's own answer, one by one."""
    needs: tuple[str, ...] = ()
    """Fields that each of them has."""


@dataclass(frozen=True)
class Source:
    """A feed, and how its rows become rows of a table."""

    feed: Feed
    wallet: str
    """The wallet that its rows belong to."""
    parse: str
    """ccxt's parser of one row, e.g. `parse_trade`; empty where rows are ccxt's structures already,
    which unified methods answer: the exchange's own row is their `info`."""
    category: str = ""
    """ccxt's flag of the markets that it names: spot, linear, inverse, option."""
    market: str = ""
    """The field of a row with its market's raw id; empty where rows name no market."""
    per_market: str = ""
    """The parameter for a market's raw id, where the exchange lists one market at a time."""
    by_name: bool = False
    """Whether that parameter takes ccxt's symbol instead of the raw id."""
    doubtful: bool = False
    """Whether it is not known how far back the exchange serves: see `walker/doubt.py`."""
    listed_for: str = ""
    """ccxt's flag that a listed market must have to be asked for, besides its category."""
    id: str = ""
    """The column of the table by whose values the feed goes on, where it goes by ids."""
    kind: str = ""
    """What its rows are, where a table holds several kinds: deposit, withdrawal, transfer."""
    amend: Amend = _as_it_is


@dataclass(frozen=True)
class Venue:
    """One exchange, as data. Market categories are ccxt's flags: spot, linear, inverse, option."""

    wallets: tuple[Wallet, ...]
    positions: tuple[Source, ...]
    margin_mode: Callable[[Caller], Awaitable[str]]
    """Asks for the account's margin mode: cross or isolated."""
    open_orders: tuple[Source, ...]
    ended_orders: tuple[Source, ...]
    """Orders that ended a moment ago, which the history may not show yet."""
    histories: Mapping[str, Mapping[str, Source]]
    """Dataset -> stream -> source; a dataset that is not there is not supported."""
    order_by_id: Callable[[str, str, str], tuple[Source, ...]]
    """(category, raw market, order id) -> where one order is looked up; the first that knows it
    wins."""
    tickers: Mapping[str, Mapping[str, Any]]
    """Category -> what ccxt's `fetch_tickers` is told to read all of it in one call."""
    lag: timedelta
    """How late a row may turn up in a feed: nothing younger is taken for complete."""
    delisted: Callable[[str, str], str]
    """(raw id, category) -> the unified symbol of a market that is no longer listed."""
    priced: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Category -> column of the table -> the field of a ticker that it comes from. The field is
    always there, and may be blank."""
    forgets: timedelta = timedelta()
    """How long an order that ended without a fill is known at least; nought: nobody knows."""
    rights: Ask | None = None
    """Asks what the key may do; None where the exchange does not tell."""
    account_type: AskType | None = None
    """Asks what kind of account it is; None where the exchange does not tell."""
    once_listed: Callable[[Caller], Awaitable[list[tuple[str, str]]]] | None = None
    """Asks for (raw id, category) of markets that may have been there before: where fills are
    listed per market, those of a market that nobody names any more would be lost."""
    needs_password: bool = False
    """Whether a key comes with a passphrase."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's constructor settings."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """Path -> cost in ccxt's rate limiter, where the exchange allows more than ccxt says."""

    def supports(self, dataset: str) -> bool:
        match dataset:
            case "balances":
                return bool(self.wallets)
            case "positions":
                return bool(self.positions)
            case "prices":
                return bool(self.tickers)
            case _:
                return dataset in self.histories
