"""Raw rows of a source as rows of a table: ccxt parses, the category asked for names the market."""

from collections.abc import Callable, Iterable
from typing import Any

from alphapulse_pipeline.exchange import rows
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues import Source
from alphapulse_pipeline.sync.session import Session


def parsed(
    session: Session, dataset: str, source: Source, raw_rows: Iterable[Raw]
) -> list[rows.Row]:
    """The rows of one page. What is not a row of this dataset (funding among fills) is left out."""
    parse = getattr(session.client.ccxt, source.parse)
    make = _ROWS[dataset]
    found = []
    for raw in raw_rows:
        if source.market:
            name, market = session.markets.resolve(raw[source.market], source.category)
            row = make(source, name, parse(raw, market))
        else:
            session.markets  # noqa: B018  currencies are named by them
            row = make(source, "", parse(raw))
        if (amended := source.amend(raw, row)) is not None:
            found.append(amended)
    return found


_ROWS: dict[str, Callable[[Source, str, Any], rows.Row]] = {
    "trades": lambda source, market, trade: rows.trade(source.wallet, market, trade),
    "orders": lambda source, market, order: rows.order(source.wallet, market, order),
    "transfers": lambda source, _, transfer: rows.transfer(source.kind, transfer),
    "funding": lambda source, market, income: rows.funding(source.wallet, market, income),
    "ledger": lambda source, _, entry: rows.entry(source.wallet, entry),
}
