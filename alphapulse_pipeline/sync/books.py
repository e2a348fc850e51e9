"""Compares the exchange's own total of each part of an account with what is read of it."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import combinations, groupby

from alphapulse_pipeline.datasets.books import NOT_ENABLED, READ, UNKNOWN, UNREAD, book_row
from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.books import Book, positions_of
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.sync.session import Session, supported
from alphapulse_pipeline.sync.skipping import skipped_wallets
from alphapulse_pipeline.sync.valuation import prices_in
from alphapulse_pipeline.warehouse import holdings
from alphapulse_pipeline.warehouse.holdings import Amount
from alphapulse_pipeline.warehouse.skipped import State

logger = logging.getLogger(__name__)

_TOGETHER = timedelta(minutes=10)
"""How much older than the exchange's totals the balances, positions and prices may be: two
snapshots at the default schedule."""
_SCALE = Decimal("0.00000001")
_NO_TOTALS = (Kind.PERMISSION, Kind.NOT_ENABLED, Kind.NOT_OFFERED, Kind.UNSUPPORTED)
_Parts = Mapping[str, Sequence[Amount]]


def book_rows(session: Session) -> Iterable[Row]:
    """A row for each book, but for wallets that the exchange does not total and the account never
    opened. Raises `ExchangeFailure`."""
    listed = _totals(session)
    if listed is None:
        return [book_row(wallet.name, UNKNOWN) for wallet in session.venue.wallets]
    compared = [_compared(session, book, total) for book, total in _read_totals(session, listed)]
    covered = {part for book in listed for part in (book.name, *book.parts, *book.perhaps)}
    return [
        *compared,
        *(
            book_row(wallet.name, UNKNOWN)
            for wallet in session.venue.wallets
            if wallet.name not in covered
            and skipped_wallets(session).get(wallet.name) is not State.NOT_ENABLED
        ),
    ]


def _totals(session: Session) -> Sequence[Book] | None:
    """The exchange's totals; None if it gives none to this account or key."""
    if session.venue.books is None:
        return None
    try:
        return session.client.run(session.venue.books.ask, session.client.request)
    except ExchangeFailure as failure:
        if failure.kind not in _NO_TOTALS:
            raise
        session.totals_refused = True
        logger.warning(
            "%s: the exchange's own totals are unknown, so money in a wallet or product that is "
            "not read goes unnoticed: %s",
            session.name,
            failure,
        )
        return None


def _compared(session: Session, book: Book, read_total: Decimal | None) -> Row:
    """The row of a book that the exchange totals."""
    skipped = skipped_wallets(session)
    if not book.enabled and not book.total:
        state = NOT_ENABLED
    elif book.total and (not book.parts or any(part in skipped for part in book.parts)):
        state, read_total = UNREAD, Decimal(0)
    else:
        state = READ
    return book_row(book.name, state, book.currency, book.total, read_total)


def _read_totals(session: Session, books: Sequence[Book]) -> Iterator[tuple[Book, Decimal | None]]:
    """Each book with the total of what is read of it; None if that was not read just now."""
    parts = _parts(session)
    quotes = holdings.quotes(session.connection, session.name)
    for currency, listed in groupby(books, lambda book: book.currency):
        prices = prices_in(currency, quotes)
        for book in listed:
            yield book, None if parts is None else _nearest(book, parts, prices)


def _nearest(book: Book, parts: _Parts, prices: Mapping[str, Decimal]) -> Decimal:
    """The total of what is read of a book. Where the documentation leaves open what the exchange's
    total contains, the reading that comes nearest to it counts."""
    base = sum((_worth(parts.get(part, ()), prices) for part in book.parts), Decimal(0))
    perhaps = [_worth(parts.get(part, ()), prices) for part in book.perhaps]
    totals = [
        base + sum(chosen, Decimal(0))
        for count in range(len(perhaps) + 1)
        for chosen in combinations(perhaps, count)
    ]
    return min(totals, key=lambda total: abs(total - book.total)).quantize(_SCALE)


def _worth(amounts: Iterable[Amount], prices: Mapping[str, Decimal]) -> Decimal:
    """Without what has no price, which then shows as a difference."""
    return sum(
        (
            amount * prices[asset]
            for _, asset, amount in amounts
            if amount is not None and asset in prices
        ),
        Decimal(0),
    )


def _parts(session: Session) -> _Parts | None:
    """The holdings by part of a book; None if they were not read at about the same time."""
    connection, name = session.connection, session.name
    needed = {d for d in ("balances", "positions", "prices") if d in supported(session.account)}
    if needed - holdings.read_since(connection, name, session.client.now() - _TOGETHER):
        return None
    parts: dict[str, list[Amount]] = {}
    for balance in holdings.balances(connection, name):
        parts.setdefault(balance.place, []).append(balance)
    for part, amount in _of_positions(session):
        parts.setdefault(part, []).append(amount)
    return parts


def _of_positions(session: Session) -> Iterator[tuple[str, Amount]]:
    venue = session.venue
    skipped = skipped_wallets(session)
    sources = [source for source in venue.positions if source.wallet not in skipped]
    wallets = {_category(source.category): source.wallet for source in sources}
    only = set(wallets.values())
    for amount in holdings.positions(session.connection, session.name):
        # exchanges whose positions are all in one wallet list several categories in one answer
        wallet = next(iter(only)) if len(only) == 1 else wallets.get(amount.place, "")
        yield positions_of(wallet), amount


def _category(flag: str) -> str:
    return "linear" if flag in ("swap", "future") else flag
