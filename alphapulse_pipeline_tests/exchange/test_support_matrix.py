"""The support matrix. ALPHAPULSE_EXCHANGES=docs/exchanges.md regenerates the committed page."""

import os
from pathlib import Path

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.exchange.venues.support_matrix import page
from alphapulse_pipeline.settings.accounts import exchanges

COMMITTED = Path(__file__).parents[2] / "docs" / "exchanges.md"


def test_the_committed_page_matches_the_installed_ccxt() -> None:
    if path := os.environ.get("ALPHAPULSE_EXCHANGES"):
        Path(path).write_text(page(), encoding="utf-8")
    assert COMMITTED.read_text(encoding="utf-8") == page()


def test_every_exchange_has_a_row_with_a_value_for_every_dataset() -> None:
    lines = [line for line in page().splitlines() if line.startswith("| `")]
    cells = {line.split(" | ")[0].strip("|` "): line.split(" | ") for line in lines}
    assert tuple(cells) == exchanges()
    for exchange, words in cells.items():
        said = set(words[2 : 2 + len(DATASETS)])
        own = exchange in VENUES
        assert said <= ({"own venue", "no"} if own else {"yes", "per market", "no"}), exchange
        assert said != {"no"}, exchange
