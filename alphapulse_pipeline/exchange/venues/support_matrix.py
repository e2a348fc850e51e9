"""Generates `docs/exchanges.md`: the datasets supported for every ccxt exchange."""

import importlib.metadata
from collections.abc import Iterator

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.exchange.venues import VENUES, venue_of
from alphapulse_pipeline.exchange.venues.generic import describe
from alphapulse_pipeline.exchange.venues.venue import Venue
from alphapulse_pipeline.settings.accounts import exchanges

_HEAD = """# Exchanges

Generated from ccxt {version} by `exchange/venues/support_matrix.py`; do not edit.

* **proven**: read by this project's own code, written from the exchange's API documentation; or
  read through ccxt and compared with the truth in a replay of the exchange's protocol.
* **best effort**: read through ccxt's unified methods, and not tried against the exchange. Ranges
  that the answers prove complete are covered, everything else stays a gap in `coverage_gaps`. The
  last column says what is known to be missing.
* **not available**: ccxt does not support it, only per currency or market, or in a way that could
  lose rows unnoticed. `sync_status` shows `unsupported`.

*Books* are the exchange's own totals of the parts of an account, beside what is read of them. Of an
exchange with *no totals*, money in a product that is not read goes unnoticed.

*Retention* is how far back, according to ccxt, the exchange keeps fills and orders. Where it is
unknown and the exchange returns nothing older, the rest is shown as unreachable, never as covered.

*Candles* are of spot markets. They are read where a request says on which days it begins and ends,
and where days begin at 00:00 UTC; if an exchange turns out to begin them at another time, they are
skipped, and the table `skipped` says so.

Binance, Bybit, Kraken and OKX report what an API key may do. For every other exchange except
Hyperliquid, whose accounts are read without a key, the account has to set `allow_unknown_rights:
true`: see [Other exchanges](how-to/create-an-api-key.md#other-exchanges).

What the pages of [Binance](exchanges/binance.md), [Bybit](exchanges/bybit.md),
[Kraken](exchanges/kraken.md) and [OKX](exchanges/okx.md) say of each endpoint is listed separately.

| exchange | name | {datasets} | retention | known to be missing, and remarks |
| --- | --- | {lines} | --- | --- |
"""


_REPLAYED = {("hollaex", "trades"), ("hollaex", "orders"), ("hollaex", "candles")}
"""(exchange, dataset) of `sync/test_generic.py` and `sync/test_generic_candles.py` in the tests."""


def page() -> str:
    """The whole page, in Markdown."""
    head = _HEAD.format(
        version=importlib.metadata.version("ccxt"),
        datasets=" | ".join(DATASETS),
        lines=" | ".join("---" for _ in DATASETS),
    )
    return head + "".join(f"| {' | '.join(_cells(exchange))} |\n" for exchange in exchanges())


def _cells(exchange: str) -> Iterator[str]:
    found, venue = describe(exchange), venue_of(exchange)
    own = exchange in VENUES
    yield f"`{exchange}`"
    yield found.name
    for dataset in DATASETS:
        yield _word(exchange, venue, dataset, own=own)
    yield _retention(venue)
    yield "" if own else "; ".join(found.remarks)


def _word(exchange: str, venue: Venue, dataset: str, *, own: bool) -> str:
    if not venue.supports(dataset):
        return "not available"
    if dataset == "books" and venue.books is None:
        return "no totals"
    return "proven" if own or (exchange, dataset) in _REPLAYED else "best effort"


def _retention(venue: Venue) -> str:
    days = {
        source.feed.horizon.days
        for dataset in ("trades", "orders")
        for source in venue.histories.get(dataset, {}).values()
        if source.feed.horizon and source.feed.horizon.days
    }
    if not days:
        return ""
    least, most = min(days), max(days)
    return f"{least} days" if least == most else f"{least} to {most} days"
