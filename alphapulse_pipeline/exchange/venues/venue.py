"""Everything about an exchange that is needed to read an account completely."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.account_type import AskAccountType
from alphapulse_pipeline.exchange.books import BookTotals
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw
from alphapulse_pipeline.exchange.products import AskClosedStreams, AskProducts
from alphapulse_pipeline.exchange.rate_limit import Charged
from alphapulse_pipeline.exchange.rights import AskRights
from alphapulse_pipeline.exchange.sub_accounts import AskUserId, SubAccounts

Amend = Callable[[Raw, Row], Row | None]
"""(raw row, the row from ccxt) -> the corrected row; None if it does not belong to the dataset."""


def _unchanged(raw: Raw, row: Row) -> Row | None:
    return row


@dataclass(frozen=True)
class Wallet:
    """A part of an account with its own balances."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    """The `params` of ccxt's `fetch_balance`."""
    assets: Callable[[Any], Iterable[tuple[Any, ...]]] | None = None
    """The exchange's answer -> (raw asset, total, used, debt and, if the exchange says it, free),
    for exchanges where ccxt's total includes unrealized PnL."""
    rows: Callable[[Any], Any] | None = None
    """Extracts the list of assets from the exchange's answer."""
    required: tuple[str, ...] = ()
    """Fields that every asset must have."""
    documented: Documented | None = None
    """What the exchange's page says of the endpoint."""
    lists: tuple[Feed, ...] = ()
    """The lists that its balances are read from, instead of ccxt's `fetch_balance`; the answer is
    then their rows by method."""
    repeated_as: Callable[[str], tuple[str, str]] | None = None
    """The code of an asset -> (wallet, code) of the row that has the same money a second time, for
    wallets that the answer for another wallet repeats; that row is left out."""
    once_held: frozenset[str] = frozenset()
    """Assets: the wallet is read only if one of them is held, or once it was used itself. Empty:
    always."""
    once_used_in: str = ""
    """A wallet: this one is read only while something in that one is not free, as collateral is, or
    once it was used itself. Empty: always."""
    book_of: Callable[[str], tuple[str, str]] | None = None
    """ccxt's code of an asset -> (wallet, plain code), for exchanges whose answer has the balances
    of several wallets, distinguished by a suffix of the code."""
    usually_empty: bool = False
    """Whether nothing in it is no surprise, e.g. the redemptions that are pending: its answer has
    rows of what is no longer there, and one without any says that it was not used lately."""


@dataclass(frozen=True)
class Source:
    """How one stream is requested, and how its rows become rows of a table."""

    feed: Feed
    wallet: str
    """The wallet that its rows belong to."""
    parse: str
    """ccxt's parser of one row, e.g. `parse_trade`; empty if the rows already are ccxt's structures
    (unified methods), with the exchange's own row in `info`."""
    category: str = ""
    """ccxt's flag of the markets in its rows: spot, linear, inverse, option."""
    market: str = ""
    """The field of a row with its market's raw id; empty if rows have no market."""
    mentions: str = ""
    """The field of a ledger's row with the raw id of the market it is about, or blank: the market's
    histories are read even if the exchange lists it no longer."""
    per_market: str = ""
    """The parameter for a market's raw id, if the exchange lists one market at a time."""
    by_name: bool = False
    """Whether that parameter takes ccxt's symbol instead of the raw id."""
    kept: timedelta | None = None
    """How long the exchange is documented to keep rows, for a source whose empty answers prove
    nothing beyond: see `walker/unknown_retention.py`. None: the feed's `horizon` is reliable."""
    never_filled: bool = False
    """Whether it lists orders that have no fills themselves, as conditional orders: exchanges drop
    them as early as unfilled ones."""
    listed_for: str = ""
    """A flag of ccxt's that a market needs, besides its category, to be requested."""
    traded_in: str = ""
    """A quote currency: of the markets quoted in it, only those ever traded are requested."""
    only: str = ""
    """The market's name, of a source narrowed to one whose rows do not say it."""
    for_prices: bool = False
    """Whether only the markets are requested that price what the account ever held."""
    once_used: bool = False
    """Whether it is read only once its wallet ever held something, or was paid into or out of:
    older rows of its list are lost, which means nothing for a product that was never used."""
    once_booked: str = ""
    """A kind of entry in its wallet's ledger: it is read only once there was one, for lists of what
    few accounts use and of which older rows are lost."""
    daily: bool = False
    """Whether it is read once a day, since rows hardly ever appear in it."""
    id: str = ""
    """The column of the table with the ids by which the feed is paged, if it is paged by id."""
    kind: str = ""
    """The kind of its rows, if the table has several: deposit, withdrawal, transfer."""
    amend: Amend = _unchanged


async def _cross(call: Caller) -> str:
    return "cross"


def _nowhere(category: str, market: str, order_id: str) -> tuple[Source, ...]:
    return ()


def _raw_id(raw_id: str, category: str) -> str:
    return raw_id


@dataclass(frozen=True, kw_only=True)
class Venue:
    """One exchange, as data. Market categories are ccxt's flags: spot, linear, inverse, option."""

    wallets: tuple[Wallet, ...]
    histories: Mapping[str, Mapping[str, Source]]
    """Dataset -> stream -> source; datasets that are missing are not supported."""
    tickers: Mapping[str, Mapping[str, Any]]
    """Category -> the `params` of ccxt's `fetch_tickers` for all its tickers in one call."""
    lag: timedelta
    """How late rows may appear in a feed: newer ranges are not considered complete."""
    positions: tuple[Source, ...] = ()
    position: Amend = _unchanged
    """(raw row, ccxt's structure of a position) -> the corrected structure."""
    margin_mode: Callable[[Caller], Awaitable[str]] = _cross
    """Requests the account's margin mode: cross or isolated."""
    open_orders: tuple[Source, ...] = ()
    ended_orders: tuple[Source, ...] = ()
    """Recently closed orders, which the history may not include yet."""
    order_by_id: Callable[[str, str, str], tuple[Source, ...]] = _nowhere
    """(category, raw market, order id) -> where to look up one order, tried in turn until one finds
    it."""
    delisted: Callable[[str, str], str] = _raw_id
    """(raw id, category) -> the unified symbol of a delisted market. By default the raw id itself,
    for exchanges whose ids have no known format."""
    priced: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Category -> column of the table -> the ticker's field for it, always present, maybe blank."""
    keeps_unfilled_orders: timedelta = timedelta()
    """How long, at least, the exchange keeps orders that ended without a fill; zero: unknown."""
    rights: AskRights | None = None
    """Requests what the key may do; None if the exchange does not say."""
    account_type: AskAccountType | None = None
    """Requests the type of the account; None if the exchange does not say."""
    books: BookTotals | None = None
    """The exchange's own total of each part of the account; None if it gives none."""
    sub_accounts: SubAccounts | None = None
    """The sub-accounts of a master account; None if the exchange does not list them."""
    user_id: AskUserId | None = None
    """Requests the exchange's id of the key's account; None if it is in no list of sub-accounts."""
    products: AskProducts | None = None
    """Requests which wallets the account never opened; None if only errors of the kind
    `NOT_ENABLED` say so."""
    closed_streams: AskClosedStreams | None = None
    """Requests which streams this account or key may not read; None if only errors say so."""
    formerly_listed: Callable[[Caller], Awaitable[list[tuple[str, str]]]] | None = None
    """Requests (raw id, category) of markets that may have been listed in the past: where fills are
    listed per market, those of an unknown delisted market would be lost."""
    needs_password: bool = False
    """Whether keys have a passphrase."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's constructor settings."""
    charged: Charged | None = None
    """The documented limits that a request counts in; without it, ccxt's."""

    def supports(self, dataset: str) -> bool:
        match dataset:
            case "balances" | "books":
                return bool(self.wallets)
            case "positions":
                return bool(self.positions)
            case "prices":
                return bool(self.tickers)
            case _:
                return dataset in self.histories
