"""The support matrix. ALPHAPULSE_EXCHANGES=docs/exchanges.md regenerates the committed page."""

import os
from pathlib import Path

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.exchange.venues.known_gaps import KNOWN_GAPS
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
        assert said <= {"proven", "best effort", "no totals", "not available"}, exchange
        assert said - {"no totals", "not available"}, exchange
        assert ("best effort" not in said) or exchange not in VENUES
    assert cells["hollaex"][2 + list(DATASETS).index("trades")] == "proven"


def test_what_is_known_to_be_missing_is_about_exchanges_that_exist() -> None:
    assert sorted(set(KNOWN_GAPS) - set(exchanges())) == []
    [coinbase] = [line for line in page().splitlines() if line.startswith("| `coinbase` ")]
    assert KNOWN_GAPS["coinbase"][0] in coinbase
