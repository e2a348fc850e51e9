"""Balances: what each wallet holds."""

from collections.abc import Iterator
from decimal import Decimal

from alphapulse_pipeline.datasets.dataset import Part, Snapshot, Structure, snapshot_columns
from alphapulse_pipeline.datasets.table import WALLET, key, numeric
from alphapulse_pipeline.datasets.values import Row, number

_ZERO = Decimal(0)

BALANCES = Snapshot(
    name="balances",
    comment="Balances per wallet and asset; what a snapshot does not list is zero.",
    description="What each wallet holds now, by asset. What a snapshot does not list is zero.",
    columns=snapshot_columns(
        key("wallet", WALLET),
        key("asset", "The asset's unified name, e.g. BTC."),
        numeric("free", "Available."),
        numeric("used", "Locked in orders or as margin."),
        numeric("total", "In the wallet: free and used.", nullable=False),
        numeric("debt", "Borrowed, with accrued interest.", nullable=False),
    ),
    part=Part("wallet", "wallet", lambda row: str(row["wallet"])),
)


def balance_rows(wallet: str, balance: Structure) -> Iterator[Row]:
    """The rows of a ccxt balance structure. An asset of which nothing is held gives no row."""
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
    """The row of amounts that the exchange itself calls total and used."""
    return {
        "wallet": wallet,
        "asset": asset,
        "free": total - used,
        "used": used,
        "total": total,
        "debt": debt,
    }
