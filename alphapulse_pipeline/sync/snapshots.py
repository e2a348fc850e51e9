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
    """One complete snapshot. Raises `ExchangeFailure` after recording it; then nothing counts."""
    log_id = log.start(session.connection, session.name, dataset, session.run_id)
    before = session.client.requests
    try:
        captured_at = session.client.now()
        found = list(_SNAPSHOTS[dataset](session))
    except Exception as error:
        kind = str(getattr(error, "kind", "bug"))
        sent = session.client.requests - before
        log.fail(session.connection, log_id, 0, sent, kind, redact(str(error)))
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
    found = []
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
        known = registry.held_assets(session.connection, session.name, sources)
        if known is None:
            raise ExchangeFailure(
                Kind.INCOMPLETE,
                f"what the account holds is not known: {' and '.join(sources)} were never read",
                "sync balances and positions first",
            )
        session.held = {"assets": known[0], "markets": known[1]} | session.held
    assets, held = session.held["assets"], session.held["markets"]
    session.markets  # noqa: B018
    listed = session.client.ccxt.markets
    known = assets | _QUOTES
    wanted = {
        name: market
        for name, market in listed.items()
        if name in held
        or (
            market["spot"]
            and market["base"] in known
            and market["quote"] in known
            and (market["base"] in assets or market["quote"] in assets)
        )
    }
    found = []
    for category, params in session.venue.tickers.items():
        names = {name for name, market in wanted.items() if market.get(category)}
        if names:
            tickers = session.client.run(session.client.ccxt.fetch_tickers, None, dict(params))
            found += [rows.price(name, ticker) for name, ticker in tickers.items() if name in names]
    return found


_SNAPSHOTS: dict[str, Callable[[Session], Iterable[rows.Row]]] = {
    "balances": _balances,
    "positions": _positions,
    "prices": _prices,
}
