"""Every endpoint of the four venues states what its page says, and the pages are generated."""

import re

import pytest

from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline_tests.docs.venue_pages import FOLDER, NAMES, page, sources


@pytest.mark.parametrize("exchange", NAMES)
def test_every_endpoint_has_a_page_with_a_date(exchange: str) -> None:
    venue = VENUES[exchange]
    feeds = [(f"{d}/{s}", source.feed.documented) for d, s, source in sources(venue)]
    wallets = [(f"balances/{wallet.name}", wallet.documented) for wallet in venue.wallets]
    without = [name for name, documented in (*wallets, *feeds) if documented is None]
    assert without == []
    for name, documented in (*wallets, *feeds):
        assert documented is not None
        assert re.fullmatch(r"(undated, read on )?20\d\d-\d\d(-\d\d)?", documented.dated), name
        assert re.fullmatch(r"[a-z.-]+\.[a-z]+/\S+", documented.page), name


@pytest.mark.parametrize("exchange", NAMES)
def test_the_page_is_generated(exchange: str) -> None:
    committed = (FOLDER / f"{exchange}.md").read_text(encoding="utf-8")
    assert committed == page(exchange)
