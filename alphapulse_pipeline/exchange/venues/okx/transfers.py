"""OKX's deposits, withdrawals, and transfers between the funding and the trading account."""

from datetime import UTC, datetime

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import Feed, Raw, milliseconds
from alphapulse_pipeline.exchange.venues.okx.common import (
    DATA,
    FUNDING,
    LAG,
    LIMIT,
    TRADING,
    documented,
    per_user,
)
from alphapulse_pipeline.exchange.venues.venue import Amend, Source
from alphapulse_pipeline.exchange.walker import Windows

FROM_TRADING, TO_TRADING = "130", "131"
# Required fields: stored columns are read from them.
BILL_FIELDS = ("billId", "type", "ccy", "balChg", "bal", "ts")

_BILLS_BEGIN = datetime(2021, 2, 1, tzinfo=UTC)
_BILLS = documented(
    "funding-account-rest-api-asset-bills-history",
    "2026-06-30",
    per_user(1, 1),
    lag=LAG,
    note="all time since 2021-02-01; updated every 30 seconds, later in high-traffic periods",
)
_DEPOSITS = documented(
    "funding-account-rest-api-get-deposit-history",
    "2026-06-29",
    per_user(6, 1),
    order="reverse chronological",
)
_WITHDRAWALS = documented(
    "funding-account-rest-api-get-withdrawal-history",
    "2026-07-23",
    per_user(6, 1),
    order="reverse chronological",
    permission="",
)


def transfers() -> dict[str, Source]:
    return {
        "deposits": _by_time(
            "privateGetAssetDepositHistory",
            "parse_transaction",
            "deposit",
            lambda _, row: row | {"to_wallet": FUNDING},
            ("depId", "ccy", "amt", "state", "ts"),
            _DEPOSITS,
        ),
        "withdrawals": _by_time(
            "privateGetAssetWithdrawalHistory",
            "parse_transaction",
            "withdrawal",
            lambda _, row: row | {"from_wallet": FUNDING},
            ("wdId", "ccy", "amt", "state", "fee", "ts"),
            _WITHDRAWALS,
        ),
        "from trading": asset_bills("transfer", _moved, type=FROM_TRADING),
        "to trading": asset_bills("transfer", _moved, type=TO_TRADING),
    }


def asset_bills(kind: str, amend: Amend, **params: str) -> Source:
    """Bills of the funding account."""
    return _by_time(
        "privateGetAssetBillsHistory",
        "parse_ledger_entry",
        kind,
        amend,
        BILL_FIELDS,
        _BILLS,
        _BILLS_BEGIN,
        **params,
    )


def _by_time(
    method: str,
    parse: str,
    kind: str,
    amend: Amend,
    required: tuple[str, ...],
    page: Documented,
    begins: datetime | None = None,
    **params: str,
) -> Source:
    """Lists paged by time, which could skip rows of the same millisecond: read in windows that are
    divided until they fit in one page."""
    return Source(
        Feed(
            method,
            Windows(margin=1),
            {"limit": LIMIT, **params},
            DATA,
            milliseconds("ts"),
            # OKX excludes both ends
            lambda first, last: {"before": first - 1, "after": last + 1},
            required=required,
            begins=begins,
            documented=page,
        ),
        wallet=FUNDING,
        parse=parse,
        kind=kind,
        amend=amend,
    )


def _moved(raw: Raw, row: Row) -> Row:
    """A transfer between the two accounts, from the funding account's bill."""
    wallets = (TRADING, FUNDING) if raw["type"] == FROM_TRADING else (FUNDING, TRADING)
    return row | {
        "amount": abs(row["amount"]),
        "fee_cost": None,
        "fee_currency": None,
        "from_wallet": wallets[0],
        "to_wallet": wallets[1],
        "status": "ok",
    }
