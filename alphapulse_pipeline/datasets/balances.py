"""Balances: what each wallet holds.

A debt counts exactly once: what a wallet is worth is `total - debt`, in every asset. So

* `total` is the balance that the exchange's own ledger adds up to: borrowed coins are part of it, a
  liability that the exchange books as a negative balance makes it negative, and neither unrealized
  profit nor the value of options is part of it (both are positions);
* `debt`, zero or more, is what is owed *beyond* `total`: only what the exchange has not subtracted
  from it. Where the balance is negative already, the debt is zero.

A venue chooses the fields accordingly. Bybit ("Get Wallet Balance", 2026-07-24): equity is
`walletBalance - spotBorrow + unrealisedPnl` + option value, so the debt is `spotBorrow`;
`borrowAmount` also has derivatives' liabilities, which are in `walletBalance`. OKX: `cashBal` is
negative where something is owed, and `liab` repeats it, so there is no debt. Binance margin: `free`
and `locked` contain borrowed coins, so the debt is `borrowed` and `interest`.
"""

from collections.abc import Iterator
from decimal import Decimal

from alphapulse_pipeline.datasets.dataset import Part, Snapshot, Structure, snapshot_columns
from alphapulse_pipeline.datasets.table import WALLET, key, numeric
from alphapulse_pipeline.datasets.values import Row, number

_ZERO = Decimal(0)

BALANCES = Snapshot(
    name="balances",
    comment="Balances per wallet and asset. An asset that a snapshot does not list is zero.",
    description="What each wallet holds, by asset. An asset that a snapshot does not list is zero.",
    columns=snapshot_columns(
        key("wallet", WALLET),
        key("asset", "The asset's unified name, e.g. BTC."),
        numeric("free", "Amount available."),
        numeric("used", "Amount locked in orders or as margin."),
        numeric(
            "total",
            "Balance of the wallet as the exchange's ledger adds it up: with borrowed coins, "
            "without unrealized profit. Negative where the exchange books a liability as such.",
            nullable=False,
        ),
        numeric(
            "debt",
            "What is owed and not yet subtracted from the total, with accrued interest: the wallet "
            "is worth total - debt.",
            nullable=False,
        ),
    ),
    part=Part("wallet", "wallet", lambda row: str(row["wallet"])),
)


def balance_rows(wallet: str, balance: Structure) -> Iterator[Row]:
    """The rows of a ccxt balance structure, without assets whose amounts are all zero."""
    for asset in balance.get("total", {}):
        entry = balance[asset]
        total = number(entry.get("total")) or _ZERO
        used = number(entry.get("used")) or _ZERO
        debt = number(entry.get("debt")) or _ZERO
        if total or used or debt:
            yield {
                "wallet": wallet,
                "asset": asset,
                "free": number(entry.get("free")),
                "used": used,
                "total": total,
                "debt": debt,
            }


def balance_row(
    wallet: str,
    asset: str,
    total: Decimal,
    used: Decimal,
    debt: Decimal = _ZERO,
    free: Decimal | None = None,
) -> Row:
    """The row of an asset, from the exchange's own amounts; `free` is what is not used, unless the
    exchange says."""
    return {
        "wallet": wallet,
        "asset": asset,
        "free": total - used if free is None else free,
        "used": used,
        "total": total,
        "debt": debt,
    }
