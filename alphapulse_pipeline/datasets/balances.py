"""Balances: what each wallet holds."""

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
        numeric("total", "Amount in the wallet: free plus used.", nullable=False),
        numeric("debt", "Amount borrowed, including accrued interest.", nullable=False),
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
    wallet: str, asset: str, total: Decimal, used: Decimal, debt: Decimal = _ZERO
) -> Row:
    """The row of an asset, from the exchange's own amounts."""
    return {
        "wallet": wallet,
        "asset": asset,
        "free": total - used,
        "used": used,
        "total": total,
        "debt": debt,
    }
