"""Kraken Futures: one log for all accounts, each entry of which names its account.

Source: docs.kraken.com/api-reference/account-history/get-account-log (undated).
"""

from dataclasses import replace

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues.venue import Venue

_NAMED = ("flex", "cash")


def corrected(venue: Venue) -> Venue:
    ledger = venue.histories["ledger"]["all"]
    given = ledger.amend

    def amend(raw: Raw, row: Row) -> Row | None:
        account = str(raw["margin_account"]).lower()
        # each market of single-collateral contracts has an account of its own
        wallet = next((name for name in _NAMED if account.startswith(name)), "margin")
        return given(raw, row | {"wallet": wallet})

    histories = {**venue.histories, "ledger": {"all": replace(ledger, amend=amend)}}
    return replace(venue, histories=histories)
