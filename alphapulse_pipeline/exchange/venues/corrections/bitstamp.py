"""Bitstamp: one list of transactions holds the trades as well, which are read as trades."""

from dataclasses import replace

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues.venue import Venue


def corrected(venue: Venue) -> Venue:
    ledger = venue.histories["ledger"]["all"]
    given = ledger.amend

    def amend(raw: Raw, row: Row) -> Row | None:
        return None if row["kind"] == "trade" else given(raw, row)

    return replace(
        venue, histories={**venue.histories, "ledger": {"all": replace(ledger, amend=amend)}}
    )
