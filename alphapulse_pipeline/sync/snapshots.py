"""Snapshots: what the exchange says now, complete or not at all."""

from collections.abc import Callable, Iterable

from alphapulse_pipeline.exchange import rows
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import everything
from alphapulse_pipeline.settings.redaction import redact
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import log, registry
from alphapulse_pipeline.warehouse.batches import Batch, Batches

# Markets quoted in these price what is held, besides those between two held assets.
_QUOTES = {"USD", "USDT", "USDC", "EUR", "BTC"}


def snapshot(session: Session, dataset: str) -> Batches:
    """One complete snapshot. What it raises (`ExchangeFailure`, or a bug) it has recorded."""
    log_id = log.start(session.connection, session.name, dataset, session.run_id)
    before = session.client.requests
    try:
        captured_at = session.client.now()
        found = list(_SNAPSHOTS[dataset](session))
    except BaseException as error:
        kind = str(getattr(error, "kind", "bug" if isinstance(error, Exception) else "interrupted"))
        sent = session.client.requests - before
        if not session.connection.broken:
            text = redact(str(error)) or type(error).__name__
            log.fail(session.connection, log_id, 0, sent, kind, text)
        raise
    session.store_unlisted()
    sent = session.client.requests - before
    return Batches(
        session.name,
        dataset,
        [Batch(found, captured_at=captured_at)],
        log_id=log_id,
        requests=lambda: sent,
    )


def _balances(session: Session) -> Iterable[rows.Row]:
    session.markets  # noqa: B018  ccxt's fetch_balance would load them, with a dozen calls
    found: list[rows.Row] = []
    for wallet in session.venue.wallets:
        balance = session.client.run(session.client.ccxt.fetch_balance, dict(wallet.params))
        found += rows.balances(wallet.name, balance)
    session.held["assets"] = {row["asset"] for row in found}
    return found


def _positions(session: Session) -> Iterable[rows.Row]:
    found = []
    margin_mode = session.client.run(session.venue.margin_mode, session.client.request)
    for feed in session.venue.positions:
        for raw in session.client.run(everything, session.client.request, feed):
            name, market = session.markets.resolve(raw["symbol"], feed.context["category"])
            position = session.client.ccxt.parse_position(raw, market)
            if row := rows.position(name, position, margin_mode):
                found.append(row)
    session.held["markets"] = {row["market"] for row in found}
    return found


def _prices(session: Session) -> Iterable[rows.Row]:
    """Prices of the markets of what is held: this run's own snapshots, else the newest ones."""
    if "assets" not in session.held or "markets" not in session.held:
        sources = [d for d in ("balances", "positions") if session.account.settings.wants(d)]
        stored = registry.held_assets(session.connection, session.name, sources)
        if stored is None:
            raise ExchangeFailure(
                Kind.INCOMPLETE,
                f"what the account holds is not known: {' and '.join(sources)} were never read",
                "sync balances and positions first",
            )
        session.held = {"assets": stored[0], "markets": stored[1]} | session.held
    assets, held = session.held["assets"], session.held["markets"]
    markets = session.markets
    known = assets | _QUOTES
    wanted = [
        market
        for market in session.client.ccxt.markets.values()
        if markets.name(market) in held
        or (
            market["spot"]
            and market["base"] in known
            and market["quote"] in known
            and (market["base"] in assets or market["quote"] in assets)
        )
    ]
    found: list[rows.Row] = []
    for category, params in session.venue.tickers.items():
        # tickers come under ccxt's names of today, rows go under the names first given
        names = {m["symbol"]: markets.name(m) for m in wanted if m.get(category)}
        if names:
            tickers = session.client.run(session.client.ccxt.fetch_tickers, None, dict(params))
            found += [rows.price(names[s], ticker) for s, ticker in tickers.items() if s in names]
    return found


_SNAPSHOTS: dict[str, Callable[[Session], Iterable[rows.Row]]] = {
    "balances": _balances,
    "positions": _positions,
    "prices": _prices,
}
