"""Bitstamp: one list has all transactions, of which each history takes those of its types.

Source: bitstamp.net/api/#tag/Transactions-private/operation/GetUserTransactions (undated). Type 0
is a deposit, 1 a withdrawal, 2 a trade.
"""

from collections.abc import Callable
from dataclasses import replace

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Venue

_TRADE = "2"
_TRANSFERS = ("0", "1")


def corrected(venue: Venue) -> Venue:
    belongs: dict[str, Callable[[str], bool]] = {
        "trades": lambda kind: kind == _TRADE,
        "transfers": lambda kind: kind in _TRANSFERS,
        "ledger": lambda kind: kind != _TRADE,
    }
    histories = {
        dataset: {name: _only(source, belongs[dataset]) for name, source in sources.items()}
        for dataset, sources in venue.histories.items()
    }
    return replace(venue, histories=histories)


def _only(source: Source, belongs: Callable[[str], bool]) -> Source:
    given = source.amend

    def amend(raw: Raw, row: Row) -> Row | None:
        return given(raw, row) if belongs(str(raw["type"])) else None

    corrected: Amend = amend
    return replace(source, amend=corrected)
