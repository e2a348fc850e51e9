"""OKX's conversions: convert, and one-click repay.

Get convert history (www.okx.com/docs-v5/en/#funding-account-rest-api-get-convert-history, read as a
copy of 2025-11-30, as all pages here). "Only assets in the trading account supported convert"
(Convert trade): its bills have the type 27, those of one-click repay the type 29. The ledger counts
what is not listed, or not listed any more.

Not read: easy convert of the trading account is among the fills ("Transaction details", `subType`
236 and 237), so that its own list would repeat them; what it converts in the funding account
(`acct` 6) is in that list of seven days alone, and no type of the account's bills says that it was
used. One-click repay in spot mode places orders, whose fills are listed ("One-click repay history
(New)", `ordIdInfo`). "Crypto dust auto-transfer" moves dust to the funding account, and no list has
what is converted there: the types 272 and 273, of buying and selling crypto, are in its bills.
"""

from datetime import timedelta

from alphapulse_pipeline.datasets.values import Row, number
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
from alphapulse_pipeline.exchange.walker import Final, Windows

_DOCUMENTED = documented(
    "funding-account-rest-api-get-convert-history",
    "undated, read on 2026-11-29",
    per_user(6, 1),
    permission="",
    note="read as a copy of 2025-11-30; "
    "how long conversions are kept is not said, so for ever; `ts` is a whole second in the "
    "page's example",
)
_REPAID = documented(
    "order-book-trading-trade-get-one-click-repay-history",
    "undated, read on 2026-11-29",
    per_user(1),
    note="read as a copy of 2025-11-30; the past 7 days, of multi-currency and portfolio margin; "
    "rows have no id, a repayment is known by its time and its two currencies; read only once "
    "there is a bill of its type; whether the bills have the same amounts is not said",
)
_REPAYMENT = "29"
"""The type of its bills."""
_WEEK = timedelta(days=7)
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
        ),
        "one-click repay": Source(
            Feed(
                "privateGetTradeOneClickRepayHistory",
                Final(Windows(), _is_running),
                {"limit": LIMIT},
                DATA,
                milliseconds("uTime"),
                between("before", "after"),
                required=("debtCcy", "fillDebtSz", "repayCcy", "fillRepaySz", "status", "uTime"),
                horizon=_WEEK,
                documented=_REPAID,
            ),
            wallet=TRADING,
            parse="parse_conversion",
            kind="convert",
            once_booked=_REPAYMENT,
            amend=_repaid,
        ),
    }


def _is_running(row: Raw) -> bool:
    return row.get("status") == "running"


def _repaid(raw: Raw, row: Row) -> Row | None:
    """Raises `Unreadable` for a status that is not documented."""
    if raw["status"] == "failed":
        return None
    if raw["status"] != "filled":
        raise Unreadable(f"a repayment of OKX has the status {raw['status']}")
    given, received = str(raw["repayCcy"]), str(raw["debtCcy"])
    return row | {
        "conversion_id": f"repay {raw['uTime']} {given} {received}",
        "from_asset": given,
        "from_amount": number(raw["fillRepaySz"]),
        "to_asset": received,
        "to_amount": number(raw["fillDebtSz"]),
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
