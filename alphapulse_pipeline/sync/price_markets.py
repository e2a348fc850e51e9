"""The spot markets whose candles price what an account ever held.

Each asset is priced through the shortest path of markets to the reporting currency, and every
market on a path is read. Where the exchange has no market in the reporting currency, the paths lead
to a stablecoin: the markets of other accounts, or its first known price, lead on from there.
"""

from collections.abc import Iterable, Sequence

from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import sync_state
from alphapulse_pipeline.warehouse.sync_state import Market

_HUBS = ("USD", "USDT", "USDC", "EUR", "BTC")
"""The currencies that paths lead through, the preferred ones first."""
_LONGEST = 3
"""The most markets on a path: see `portfolio/prices.py`."""


def price_markets(session: Session, markets: Iterable[Market]) -> set[str]:
    """The names of these markets of an account."""
    currency = sync_state.reporting_currency(session.connection)
    assets = sync_state.ever_held(session.connection, session.name)
    return on_paths(assets, currency, [m for m in markets if m.category == "spot"])


def on_paths(assets: Iterable[str], currency: str, markets: Sequence[Market]) -> set[str]:
    """The markets on the shortest paths from `assets` to `currency`, or to the first hub that any
    market is quoted in. Of several paths, that of markets still listed and of preferred hubs."""
    quotes = {market.quote for market in markets if not market.guessed}
    target = next((hub for hub in (currency, *_HUBS) if hub in quotes), None)
    if target is None:
        return set()
    hubs = list(dict.fromkeys((target, *_HUBS)))
    paths: dict[str, tuple[str, ...]] = {target: ()}
    for _ in range(_LONGEST):
        longer: dict[str, tuple[str, ...]] = {}
        for active in (True, False):
            for hub in hubs:
                for market in markets:
                    ends = (market.base, market.quote)
                    if market.active is not active or market.guessed or hub not in ends:
                        continue
                    asset = ends[1 - ends.index(hub)]
                    if hub in paths and asset not in paths:
                        longer.setdefault(asset, (market.market, *paths[hub]))
        paths |= longer
    return {market for asset in assets for market in paths.get(asset, ())}
