"""The datasets that are read from Bybit."""

from alphapulse_pipeline import datasets
from alphapulse_pipeline.exchange.venues import VENUES

DATASETS = {n: d for n, d in datasets.DATASETS.items() if VENUES["bybit"].supports(n)}
HISTORIES = {n: d for n, d in datasets.HISTORIES.items() if n in DATASETS}
SNAPSHOTS = datasets.SNAPSHOTS
