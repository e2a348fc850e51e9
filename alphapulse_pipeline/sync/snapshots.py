"""Takes snapshots, each complete or not at all."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.datasets.balances import balance_row, balance_rows
from alphapulse_pipeline.datasets.positions import position_row
from alphapulse_pipeline.datasets.prices import price_row
from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.errors import MISREAD, ExchangeFailure, Kind, Unreadable
from alphapulse_pipeline.exchange.feed import MILLISECOND, Raw, require
from alphapulse_pipeline.exchange.parsing import Unread, market_id, require_parsed
from alphapulse_pipeline.exchange.venues import Source, Wallet
from alphapulse_pipeline.exchange.wallets import fetch_balance
from alphapulse_pipeline.settings.redaction import redact
from alphapulse_pipeline.sync.admission import admit
from alphapulse_pipeline.sync.books import book_rows
from alphapulse_pipeline.sync.empty_snapshots import verified_rows
from alphapulse_pipeline.sync.rejecting import MOST, rejected_row, unreadable
from alphapulse_pipeline.sync.session import Session, supported
from alphapulse_pipeline.sync.skipping import answers, skipped_wallets, unread_wallets
from alphapulse_pipeline.warehouse import sync_log, sync_state
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Rejection
from alphapulse_pipeline.warehouse.connection import database_failure
from alphapulse_pipeline.warehouse.rejected import Rejected

logger = logging.getLogger(__name__)

# Held assets are priced by markets quoted in these, and by markets between two held assets.
_QUOTES = {"USD", "USDT", "USDC", "EUR", "BTC"}
# If no spot market is quoted in USD, this inverse perpetual gives the price of a dollar.
_DOLLAR_PERPETUAL = ("BTC", "USD")


def snapshot(session: Session, dataset: str) -> Batches:
    """One complete snapshot. Failures are recorded in `sync_log` and raised.

    Raises `ExchangeFailure` and `DatabaseFailure`.
    """
    log_id = sync_log.start(session.connection, session.name, dataset, session.run_id)
    before, began = session.client.requests, time.monotonic()
    session.rejected = []
    try:
        admit(session)
        logger.info("%s: reading %s", session.name, dataset)
        captured_at = _capture_time(session, dataset)
        rows = verified_rows(session, dataset, lambda: _read(session, dataset))
        rejected = _rejected(session)
        read_until = max(captured_at, session.client.now())
    except psycopg.OperationalError as error:
        raise database_failure(error) from error
    except BaseException as error:
        kind = str(getattr(error, "kind", "bug" if isinstance(error, Exception) else "interrupted"))
        sent = session.client.requests - before
        if not session.connection.broken:
            text = redact(str(error)) or type(error).__name__
            _store(session, dataset, log_id)
            sync_log.fail(session.connection, log_id, 0, sent, kind, text)
        raise
    session.store_unlisted()
    sent = session.client.requests - before
    return Batches(
        session.name,
        dataset,
        [
            Batch(
                rows,
                rejected=rejected,
                captured_at=captured_at,
                read_until=read_until,
                unread=unread_wallets(session),
            )
        ],
        log_id=log_id,
        requests=lambda: sent,
        began=began,
    )


def _rejected(session: Session) -> list[Rejection]:
    return [rejected_row(listed, row) for listed, row in session.rejected]


def _store(session: Session, dataset: str, attempt: int) -> None:
    """Store the rows because of which a snapshot is not taken."""
    for row in _rejected(session):
        Rejected(session.connection, session.name, dataset, attempt).store(row)


def _read(session: Session, dataset: str) -> Iterable[Row]:
    """All rows. What a snapshot of holdings does not list counts as zero, so one that cannot be
    read fails the snapshot; a price that cannot be read is only missing."""
    session.rejected = []
    try:
        rows = list(_SNAPSHOTS[dataset](session))
        _reject_ambiguous(session, dataset, rows)
        if session.rejected and dataset != "prices":
            raise unreadable(_rejected(session))
        return rows
    except MISREAD as error:
        reason = f"{type(error).__name__}: {error}"
        raise Unreadable(f"the answers for {dataset} cannot be read: {reason}") from error


def _reject(session: Session, listed: str, raw: Raw, reason: str) -> None:
    """Raises `Unreadable` if more are rejected than are worth reading on: an answer may be a text
    where a list should be."""
    session.rejected.append((listed, Unread(raw, reason)))
    if len(session.rejected) > MOST:
        raise unreadable(_rejected(session))


def _reject_ambiguous(session: Session, dataset: str, rows: Iterable[Row]) -> None:
    """Reject different rows with the same key: one would overwrite the other."""
    names = [name for name in DATASETS[dataset].key if name not in ("account", "captured_at")]
    first: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        known = first.setdefault(tuple([row[name] for name in names]), row)
        if known != row:
            key = ", ".join(f"{name} {row[name]}" for name in names)
            reason = f"the exchange returned different {dataset} with the same key: {key}"
            session.rejected += [(key, Unread(dict(each), reason)) for each in (known, row)]


def _capture_time(session: Session, dataset: str) -> datetime:
    """The exchange's time, but later than the newest snapshot, since the newest is current.

    An exchange's servers may differ by milliseconds, and a simulated clock may be frozen.
    """
    now = session.client.now()
    row = session.connection.execute(
        "SELECT max(captured_at) FROM alphapulse.snapshots WHERE account = %s AND dataset = %s"
        " AND captured_at BETWEEN %s AND %s",
        [session.name, dataset, now, now + timedelta(minutes=1)],
    ).fetchone()
    return row[0] + MILLISECOND if row and row[0] else now


def _balances(session: Session) -> Iterable[Row]:
    session.markets  # noqa: B018  load them now; ccxt would use a dozen calls
    skipped = skipped_wallets(session)
    wallets = [wallet for wallet in session.venue.wallets if wallet.name not in skipped]
    rare = [wallet for wallet in wallets if wallet.once_held or wallet.once_used_in]
    rows = _rows_of(session, [wallet for wallet in wallets if wallet not in rare])
    rows += _rows_of(session, [wallet for wallet in rare if _in_use(session, wallet, rows)])
    rows = _without_repeated(wallets, rows)
    if not session.rejected:
        session.held["assets"] = {row["asset"] for row in rows}
    return rows


def _in_use(session: Session, wallet: Wallet, rows: Sequence[Row]) -> bool:
    """Whether a wallet that few accounts have is read; `rows`: what the others have now."""
    connection, account = session.connection, session.name
    if any(row["wallet"] == wallet.once_used_in and row["used"] for row in rows):
        return True
    assets, _ = sync_state.held(connection, account)
    held = {row["asset"] for row in rows} | assets
    return bool(wallet.once_held & held) or sync_state.used(connection, account, wallet.name)


def _rows_of(session: Session, wallets: Sequence[Wallet]) -> list[Row]:
    calls = [(wallet.name, fetch_balance(session.client, wallet)) for wallet in wallets]
    balances = answers(session, calls, of_wallets=True)
    rows: list[Row] = []
    seen: list[Any] = []
    for wallet, balance in zip(wallets, balances, strict=True):
        if balance is None:
            continue
        # with unified accounts, the answer is the same for every wallet
        if (content := (wallet.assets, _without_metadata(balance["info"]))) not in seen:
            seen.append(content)
            rows += _wallet_rows(session, wallet, balance)
    return rows


def _without_repeated(wallets: Iterable[Wallet], rows: list[Row]) -> list[Row]:
    """The rows without those that another wallet has a second time, under a different code."""
    repeated_as = {wallet.name: wallet.repeated_as for wallet in wallets if wallet.repeated_as}
    repeated = {
        repeated_as[row["wallet"]](row["asset"]) for row in rows if row["wallet"] in repeated_as
    }
    return [row for row in rows if (row["wallet"], row["asset"]) not in repeated]


def _wallet_rows(session: Session, wallet: Wallet, balance: Any) -> Iterable[Row]:
    listed: Any = []
    if wallet.rows is not None:
        listed = wallet.rows(balance["info"])
        if not isinstance(listed, list):
            raise Unreadable(f"the answer for the wallet {wallet.name} has no list of balances")
    required = [(row, wallet.required) for row in listed]
    for feed in wallet.lists:
        required += [(row.get("", row), feed.required) for row in balance["info"][feed.method]]
    for row, fields in required:
        try:
            require(row, fields, f"the wallet {wallet.name}")
        except Unreadable as error:
            _reject(session, wallet.name, row, error.problem)
    if session.rejected:
        return []
    if wallet.book_of is not None:
        return _by_book(balance_rows(wallet.name, balance), wallet.book_of)
    if wallet.assets is None:
        return balance_rows(wallet.name, balance)
    code = session.client.ccxt.safe_currency_code
    amounts = (
        (code(asset), *(number(value) or Decimal(0) for value in values))
        for asset, *values in wallet.assets(balance["info"])
    )
    return [balance_row(wallet.name, *values) for values in amounts if any(values[1:])]


def _by_book(rows: Iterable[Row], book_of: Callable[[str], tuple[str, str]]) -> Iterable[Row]:
    """One row per wallet and plain asset: several codes may be one asset in one wallet."""
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        book = book_of(row["asset"])
        known = found.get(book)
        amounts = {name: row[name] for name in ("free", "used", "total", "debt")}
        if known is not None:
            amounts = {name: known[name] + amount for name, amount in amounts.items()}
        found[book] = {"wallet": book[0], "asset": book[1], **amounts}
    return found.values()


def _without_metadata(info: Any) -> Any:
    """An answer without values that differ between requests, e.g. times and request ids."""
    parts = (
        [v for v in info.values() if isinstance(v, dict | list)] if isinstance(info, dict) else []
    )
    return parts or info


def _positions(session: Session) -> Iterable[Row]:
    session.markets  # noqa: B018  load them now; a unified method would use a dozen calls
    rows: dict[tuple[str, ...], Row] = {}
    skipped, call = skipped_wallets(session), session.client.request
    sources = [source for source in session.venue.positions if source.wallet not in skipped]
    requests: list[tuple[str, Awaitable[Any]]] = [
        (source.wallet, source.feed.everything(call)) for source in sources
    ]
    margin_mode, *listed = answers(session, [("", session.venue.margin_mode(call)), *requests])
    for source, answer in zip(sources, listed, strict=True):
        for raw in answer or ():
            try:
                row = _position(session, source, raw, margin_mode)
            except (*MISREAD, Unreadable) as error:
                reason = getattr(error, "problem", f"{type(error).__name__}: {error}")
                _reject(session, source.wallet, raw, reason)
                continue
            if row:
                # two feeds may list the same position
                rows[row["market"], row["side"], row["margin_mode"]] = row
    if not session.rejected:
        session.held["markets"] = {row["market"] for row in rows.values()}
    return rows.values()


def _position(session: Session, source: Source, raw: Raw, margin_mode: str) -> Row | None:
    require_parsed(source, raw)
    source.feed.check(raw)
    if source.parse:
        raw_id = market_id(raw, source.market)
        name, market = session.markets.resolve(raw_id, source.category)
        parse = getattr(session.client.ccxt, source.parse)
        position = session.venue.position(raw, parse(raw, market))
    else:
        name = session.markets.named(raw["symbol"], source.category, raw["info"])
        position = raw
    return position_row(name, position, margin_mode) if position else None


def _prices(session: Session) -> Iterable[Row]:
    """Prices of the markets of the holdings in this run's snapshots, or else in the newest ones."""
    sources = [d for d in ("balances", "positions") if d in supported(session.account)]
    if "positions" not in sources:
        session.held["markets"] = set()
    if "assets" not in session.held or "markets" not in session.held:
        stored = sync_state.held_if_read(session.connection, session.name, sources)
        if stored is None:
            raise ExchangeFailure(
                Kind.INCOMPLETE,
                f"{' and '.join(sources)} were never read, so the markets to price are unknown",
                "sync balances and positions first",
            )
        session.held = {"assets": stored[0], "markets": stored[1]} | session.held
    assets, held = session.held["assets"], session.held["markets"]
    markets = session.markets
    priced = assets | _QUOTES
    wanted = [
        market
        for market in session.client.ccxt.markets.values()
        if markets.name(market) in held
        or (
            market["spot"]
            and market["base"] in priced
            and market["quote"] in priced
            and (market["base"] in assets or market["quote"] in assets)
        )
    ]
    if assets and not any(market["spot"] and market["quote"] == "USD" for market in wanted):
        wanted += [
            market
            for market in session.client.ccxt.markets.values()
            if market["swap"]
            and market["inverse"]
            and (market["base"], market["quote"]) == _DOLLAR_PERPETUAL
            and markets.name(market) not in held
        ]
    # tickers have ccxt's current names, rows the names that were stored first
    names = {
        category: {m["symbol"]: markets.name(m) for m in wanted if m.get(category)}
        for category in session.venue.tickers
    }
    categories = [category for category, symbols in names.items() if symbols]
    # one call may return several categories
    calls: list[dict[str, Any]] = []
    for category in categories:
        if (params := dict(session.venue.tickers[category])) not in calls:
            calls.append(params)
    session.client.ccxt.unreadable_tickers.clear()
    tickers = session.client.run_all(
        session.client.ccxt.fetch_tickers(None, params) for params in calls
    )
    session.rejected = [
        ("tickers", Unread(ticker, reason))
        for ticker, reason in session.client.ccxt.unreadable_tickers
    ]
    rows: list[Row] = []
    for category in categories:
        answer = tickers[calls.index(dict(session.venue.tickers[category]))]
        fields = session.venue.priced.get(category, {})
        if fields and any(_is_mistaken(session.client.ccxt, symbol, category) for symbol in answer):
            raise Unreadable(f"tickers of {category} markets were parsed as other markets")
        priced_now, before = [], len(session.rejected)
        for symbol, ticker in answer.items():
            if symbol in names[category]:
                try:
                    priced_now.append(_priced(names[category][symbol], ticker, fields))
                except Unreadable as error:
                    session.rejected.append((category, Unread(ticker["info"], error.problem)))
        if (not priced_now and len(session.rejected) > before) or len(session.rejected) > MOST:
            raise unreadable(_rejected(session))
        if not priced_now and any(m["active"] for m in wanted if m.get(category)):
            raise ExchangeFailure(
                Kind.SUSPECT,
                f"the exchange returned no prices of {category} markets",
                "nothing was written and the newest snapshot stays valid; the next run asks again",
            )
        rows += priced_now
    return rows


def _is_mistaken(exchange: Any, symbol: str, category: str) -> bool:
    """Whether ccxt, which guesses a ticker's market from its fields, chose the wrong one of several
    markets with the same raw id."""
    market = exchange.markets.get(symbol)
    if market is None or market.get(category):
        return False
    return any(other.get(category) for other in exchange.markets_by_id[market["id"]])


def _priced(name: str, ticker: Any, fields: Mapping[str, str]) -> Row:
    """The row of a ticker. A blank means no price; an absent field is an error."""
    try:
        row, raw = price_row(name, ticker), ticker["info"]
    except MISREAD as error:
        raise Unreadable(f"the ticker of {name}: {type(error).__name__}: {error}") from error
    for column, raw_field in fields.items():
        if raw.get(raw_field) is None or (row[column] is None and raw[raw_field] != ""):
            raise Unreadable(f"the ticker of {name} has no {raw_field}")
    return row


_SNAPSHOTS: dict[str, Callable[[Session], Iterable[Row]]] = {
    "balances": _balances,
    "positions": _positions,
    "prices": _prices,
    "books": book_rows,
}
