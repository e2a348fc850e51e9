"""OKX's flexible loans: the collateral and what is owed for it.

Collateral leaves the funding account and comes back there, and so does what is borrowed: by the
account's bills, which have each step. Their other half is the wallet `loan`, which holds the
collateral: what is borrowed comes into it with the debt and goes on to the funding account, a
repayment comes from there and takes the debt away. Interest is added to the debt; of a repayment,
no bill says how much is interest: all of it is booked as repaid. What a liquidation takes from the
collateral is in no bill: it is a difference of the wallet.

Pages (www.okx.com/docs-v5/en, read as copies of 2025-11-30): Loan info, Loan history, Asset bills
details.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.feed import Caller, Feed, Raw
from alphapulse_pipeline.exchange.venues.okx.common import DATA, LOAN, documented, per_user
from alphapulse_pipeline.exchange.venues.okx.transfers import asset_bills
from alphapulse_pipeline.exchange.venues.venue import Source, Wallet
from alphapulse_pipeline.exchange.walker import Whole

# loan, repayment; of multi-collateral loans: borrowed, repaid
_OWED = frozenset({"176", "179", "217", "218"})
# locked, added, returned and unlocked collateral; of multi-collateral loans: locked, released
MOVED = _OWED | {"175", "177", "178", "180", "212", "215"}
"""Types of the funding account's bills whose other half is in `loan`."""

_READ = "undated, read on 2026-11-29"
_HISTORY = "privateGetFinanceFlexibleLoanLoanHistory"
_LISTS = ("loanData", "collateralData")
_PART = "part"
"""A field that is added to the rows of loan info: the list that they are in."""
_ZERO = Decimal(0)


@dataclass(frozen=True)
class _Info(Whole):
    async def everything(self, call: Caller, feed: Feed) -> list[Raw]:
        """Raises `ExchangeFailure` if nothing was ever borrowed."""
        rows = await super().everything(call, feed)
        if not rows and DATA(await call(_HISTORY, {"limit": 1})) == []:
            raise ExchangeFailure(Kind.NOT_ENABLED, "nothing was ever borrowed", "nothing to do")
        return rows


def _rows(answer: Any) -> Any:
    """What is owed and the collateral, by currency; None if one of them is no list."""
    data = DATA(answer)
    if not isinstance(data, list):
        return None
    found: list[Any] = []
    for info in data:
        for name in _LISTS:
            listed = info.get(name) if isinstance(info, dict) else None
            if not isinstance(listed, list):
                return None
            found += [{**row, _PART: name} if isinstance(row, dict) else row for row in listed]
    return found


_INFO = Feed(
    "privateGetFinanceFlexibleLoanLoanInfo",
    _Info(),
    rows=_rows,
    required=("ccy", "amt"),
    documented=documented(
        "financial-product-flexible-loan-get-loan-info",
        _READ,
        per_user(5),
        limit=None,
        default_limit=None,
        note="read as a copy of 2025-11-30; whether amt has the interest is not said. If it is "
        "empty, financial-product-flexible-loan-get-loan-history says whether anything was ever "
        "borrowed",
    ),
)


def _amounts(answer: Any) -> Iterator[tuple[str, Decimal, Decimal, Decimal]]:
    """(asset, total, used, debt): all of the collateral is used."""
    held: dict[str, dict[str, Decimal]] = {}
    for row in answer[_INFO.method]:
        amounts = held.setdefault(row["ccy"], dict.fromkeys(_LISTS, _ZERO))
        amounts[row[_PART]] += number(row["amt"]) or _ZERO
    for asset, amounts in held.items():
        collateral = amounts["collateralData"]
        yield asset, collateral, collateral, amounts["loanData"]


def wallet() -> Wallet:
    return Wallet(LOAN, assets=_amounts, documented=_INFO.documented, lists=(_INFO,))


def ledger() -> dict[str, Source]:
    """From all bills, since a list of one type would be four."""
    return {LOAN: replace(asset_bills("", _booked), wallet=LOAN, once_used=True)}


def _booked(raw: Raw, row: Row) -> Row | None:
    if raw["type"] not in _OWED:
        return None
    return row | {
        "kind": raw["type"],
        "class": "loan",
        "amount": number(raw["balChg"]),
        "balance_after": None,
        "reference_id": "",
    }
