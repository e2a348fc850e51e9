"""What can be had of every exchange of ccxt's, as a page of text: `docs/exchanges.md`."""

import importlib.metadata
from collections.abc import Iterator

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.exchange.venues import VENUES, venue_of
from alphapulse_pipeline.exchange.venues.generic import plan
from alphapulse_pipeline.exchange.venues.venue import Venue
from alphapulse_pipeline.settings.accounts import exchanges

_HEAD = """# Exchanges

Made from ccxt {version} by `alphapulse_pipeline/exchange/venues/support.py`; not to be edited.

* **own venue**: read by code of this project's own, against the exchange's own API pages.
* **yes**: read by ccxt's unified methods. Nothing that ccxt says of an exchange is believed: what
  answers prove to be complete is covered, all else stays a gap in `coverage_gaps`.
* **per market**: the same, asked for one market at a time: a first sync takes long.
* **no**: ccxt does not have it, or only for one currency or market at a time. It is shown as
  `unsupported` in `sync_status`.

*Kept* is how far back ccxt says that the exchange serves fills and orders. Where nothing is said,
and nothing older is answered, the rest is shown as unreachable, never as covered.

| exchange | name | {datasets} | kept | remarks |
| --- | --- | {lines} | --- | --- |
"""


def page() -> str:
    """The whole page, in Markdown."""
    head = _HEAD.format(
        version=importlib.metadata.version("ccxt"),
        datasets=" | ".join(DATASETS),
        lines=" | ".join("---" for _ in DATASETS),
    )
    return head + "".join(f"| {' | '.join(_cells(exchange))} |\n" for exchange in exchanges())


def _cells(exchange: str) -> Iterator[str]:
    found, venue = plan(exchange), venue_of(exchange)
    own = exchange in VENUES
    yield f"`{exchange}`"
    yield found.name
    for dataset in DATASETS:
        yield _word(venue, dataset, own=own)
    yield _kept(venue)
    yield "" if own else "; ".join(found.remarks)


def _word(venue: Venue, dataset: str, *, own: bool) -> str:
    if not venue.supports(dataset):
        return "no"
    if own:
        return "own venue"
    sources = venue.histories.get(dataset, {}).values()
    return "per market" if any(source.per_market for source in sources) else "yes"


def _kept(venue: Venue) -> str:
    days = {
        source.feed.horizon.days
        for dataset in ("trades", "orders")
        for source in venue.histories.get(dataset, {}).values()
        if source.feed.horizon
    }
    if not days:
        return ""
    least, most = min(days), max(days)
    return f"{least} days" if least == most else f"{least} to {most} days"
