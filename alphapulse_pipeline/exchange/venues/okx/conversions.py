"""OKX's conversions.

Get convert history (www.okx.com/docs-v5/en/#funding-account-rest-api-get-convert-history, read as a
copy of 2025-11-30). "Only assets in the trading account supported convert" (Convert trade, same
copy): its bills have the type 27. Easy convert is among the fills ("Transaction details", `subType`
236 and 237), so that its own list would repeat them; one-click repay and conversions of dust have
no ids, or no list: they are known by the ledger alone.
"""

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Raw, between, milliseconds
from alphapulse_pipeline.exchange.venues.okx.common import (
    DATA,
    LIMIT,
    TRADING,
    documented,
    per_user,
)
from alphapulse_pipeline.exchange.venues.venue import Source
from alphapulse_pipeline.exchange.walker import Windows

_DOCUMENTED = documented(
    "funding-account-rest-api-get-convert-history",
    "undated, read on 2026-11-29",
    per_user(6, 1),
    permission="",
    note="read as a copy of 2025-11-30; "
    "how long conversions are kept is not said, so for ever; `ts` is a whole second in the "
    "page's example",
)
_GIVEN = {"sell": "base", "buy": "quote"}
"""`side`, "Trade side based on `baseCcy`" -> what is given."""


def conversions() -> dict[str, Source]:
    return {
        "convert": Source(
            Feed(
                "privateGetAssetConvertHistory",
                # the margin is for times that are truncated to seconds
                Windows(),
                {"limit": LIMIT},
                DATA,
                milliseconds("ts"),
                between("before", "after"),
                required=(
                    *("tradeId", "state", "side", "baseCcy", "quoteCcy"),
                    *("fillBaseSz", "fillQuoteSz", "ts"),
                ),
                documented=_DOCUMENTED,
            ),
            wallet=TRADING,
            parse="parse_conversion",
            kind="convert",
            amend=_converted,
        )
    }


def _converted(raw: Raw, row: Row) -> Row | None:
    """ccxt takes the base currency for what is given. Raises `Unreadable` for a side or a state
    that is not documented: whether anything was exchanged is not known then."""
    if raw["state"] == "rejected":
        return None
    given = _GIVEN.get(raw["side"])
    if raw["state"] != "fullyFilled" or given is None:
        raise Unreadable(
            f"a conversion of OKX has the state {raw['state']} and the side {raw['side']}"
        )
    row = row | {"conversion_id": raw["tradeId"]}
    if given == "base":
        return row
    return row | {
        "from_asset": row["to_asset"],
        "from_amount": row["to_amount"],
        "to_asset": row["from_asset"],
        "to_amount": row["from_amount"],
    }
