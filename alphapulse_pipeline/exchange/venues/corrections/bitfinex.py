"""Bitfinex: one ledger for all wallets, each entry of which ends with the name of its wallet.

Source: docs.bitfinex.com/reference/rest-auth-ledgers (undated).
"""

from dataclasses import replace

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues.venue import Venue

_DESCRIPTION = 8
"""The place of the description in an entry: "Deposit (BITCOIN) #2 on wallet exchange"."""


def corrected(venue: Venue) -> Venue:
    ledger = venue.histories["ledger"]["all"]
    given = ledger.amend

    def amend(raw: Raw, row: Row) -> Row | None:
        _, found, wallet = str(raw["result"][_DESCRIPTION]).rpartition(" on wallet ")
        return given(raw, row | {"wallet": wallet.strip().lower() if found else ""})

    histories = {**venue.histories, "ledger": {"all": replace(ledger, amend=amend)}}
    return replace(venue, histories=histories)
