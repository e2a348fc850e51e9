"""The registry of datasets. Each dataset is defined in a file of its own."""

from alphapulse_pipeline.datasets.balances import BALANCES
from alphapulse_pipeline.datasets.books import BOOKS
from alphapulse_pipeline.datasets.candles import CANDLES
from alphapulse_pipeline.datasets.conversions import CONVERSIONS
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
        BOOKS,
    )
}
"""By name, in the order of a run: prices need the assets and markets of what is held, and books are
added up from all of them."""

HISTORIES: dict[str, History] = {
    history.name: history
    for history in (
        ORDERS,
        TRADES,
        TRANSFERS,
        FUNDING,
        CONVERSIONS,
        LEDGER,
        CANDLES,
    )
}
"""By name, in the order of a run: candles need the assets of the others."""

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
