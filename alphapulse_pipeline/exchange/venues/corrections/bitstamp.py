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
    of_the_list = {
        dataset: {n: _only(source, kind) for n, source in venue.histories[dataset].items()}
        for dataset, kind in belongs.items()
    }
    return replace(venue, histories={**venue.histories, **of_the_list})


def _only(source: Source, belongs: Callable[[str], bool]) -> Source:
    given = source.amend

    def amend(raw: Raw, row: Row) -> Row | None:
        return given(raw, row) if belongs(str(raw["type"])) else None

    corrected: Amend = amend
    return replace(source, amend=corrected)
