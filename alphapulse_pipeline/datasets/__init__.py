"""The datasets: one file each. Everything that lists datasets reads the registry below."""

from alphapulse_pipeline.datasets.balances import BALANCES
from alphapulse_pipeline.datasets.dataset import (
    PROVENANCE,
    Dataset,
    History,
    Place,
    Snapshot,
    Structure,
)
from alphapulse_pipeline.datasets.funding import FUNDING
from alphapulse_pipeline.datasets.ledger import LEDGER
from alphapulse_pipeline.datasets.orders import ORDERS
from alphapulse_pipeline.datasets.positions import POSITIONS
from alphapulse_pipeline.datasets.prices import PRICES
from alphapulse_pipeline.datasets.table import SCHEMA, Column, Index, Table, Type
from alphapulse_pipeline.datasets.trades import TRADES
from alphapulse_pipeline.datasets.transfers import TRANSFERS

SNAPSHOTS: dict[str, Snapshot] = {
    snapshot.name: snapshot
    for snapshot in (
        BALANCES,
        POSITIONS,
        PRICES,
    )
}
"""By name, in the order in which a run takes them: prices need what the others list."""

HISTORIES: dict[str, History] = {
    history.name: history
    for history in (
        ORDERS,
        TRADES,
        TRANSFERS,
        FUNDING,
        LEDGER,
    )
}
"""By name, in the order in which a run reads them."""

DATASETS: dict[str, Dataset] = {**SNAPSHOTS, **HISTORIES}

__all__ = [
    "DATASETS",
    "HISTORIES",
    "PROVENANCE",
    "SCHEMA",
    "SNAPSHOTS",
    "Column",
    "Dataset",
    "History",
    "Index",
    "Place",
    "Snapshot",
    "Structure",
    "Table",
    "Type",
]
