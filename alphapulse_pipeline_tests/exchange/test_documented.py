"""Which answers are whole according to the exchange's page."""

import pytest

from alphapulse_pipeline.exchange.documented import Documented


def page(limit: int | None, default: int | None) -> Documented:
    return Documented(page="exchange/page", dated="2026-01-01", limit=limit, default_limit=default)


@pytest.mark.parametrize(
    ("limit", "default", "requested", "whole_below"),
    [
        (1000, 100, 1000, 100),  # the limit may get lost on the way
        (1000, 500, 200, 200),
        (1000, None, 1000, 1000),
        (1000, 100, None, 100),
        (None, 100, 50, 50),
        (None, None, 100, None),
    ],
)
def test_a_short_answer_is_whole(
    limit: int | None, default: int | None, requested: int | None, whole_below: int | None
) -> None:
    assert page(limit, default).whole_below(requested) == whole_below


@pytest.mark.parametrize(
    ("rows", "honored"), [(99, False), (100, False), (101, True), (999, True), (1000, False)]
)
def test_an_answer_beyond_the_default_shows_that_the_limit_arrived(
    rows: int, honored: bool
) -> None:
    assert page(1000, 100).honors(1000, rows) is honored
    assert page(1000, None).honors(1000, rows) is False
    assert page(500, 100).honors(1000, rows) is (100 < rows < 500)
