"""Assumptions about balances."""

from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import number
from alphapulse_pipeline.exchange.errors import MISREAD
from alphapulse_pipeline.exchange.feed import Feed, Raw
from alphapulse_pipeline.exchange.venues import Wallet
from alphapulse_pipeline.exchange.walker import Whole
from alphapulse_pipeline.health.probe.finding import (
    Outcome,
    contradicted,
    count,
    held,
    not_testable,
)
from alphapulse_pipeline.health.probe.rows import fields

_ZERO = Decimal(0)


def wallet_rows(wallet: Wallet, balance: Any) -> list[Raw]:
    """The exchange's own rows of an answer of ccxt's `fetch_balance`; empty if it lists none."""
    if wallet.lists:
        return [row for feed in wallet.lists for row in balance["info"][feed.method]]
    try:
        found = wallet.rows(balance["info"]) if wallet.rows else []
    except MISREAD:
        return []
    return [row for row in found or [] if isinstance(row, dict)]


def wallet_fields(wallet: Wallet, rows: list[Raw]) -> Outcome:
    return fields(Feed("fetch_balance", Whole(), required=wallet.required), rows, timed=False)


def debt_apart(wallet: Wallet, balance: Any) -> Outcome:
    """Debt is subtracted from totals. A total that already contains it is negative as soon as the
    borrowed amount has been spent."""
    try:
        amounts = _amounts(wallet, balance)
    except MISREAD:
        return not_testable("its amounts cannot be read")
    owed = [total for total, debt in amounts if debt > 0]
    if not owed:
        return not_testable(f"nothing borrowed in {count(len(amounts), 'asset')}")
    if negative := sum(total < 0 for total in owed):
        return contradicted(
            f"the total of {negative} of {count(len(owed), 'asset')} with debt is negative, so it "
            "already contains the debt, which would be subtracted twice"
        )
    return held(f"the totals of {count(len(owed), 'asset')} with debt are not negative")


def _amounts(wallet: Wallet, balance: Any) -> list[tuple[Decimal, Decimal]]:
    """The total and the debt of each asset, as a snapshot reads them."""
    if wallet.assets is not None:
        listed = wallet.assets(balance["info"])
        found = [(number(total), number(debt)) for _, total, _, debt, *_ in listed]
    else:
        entries = [balance[asset] for asset in balance.get("total", {})]
        found = [(number(entry.get("total")), number(entry.get("debt"))) for entry in entries]
    return [(total or _ZERO, debt or _ZERO) for total, debt in found]
