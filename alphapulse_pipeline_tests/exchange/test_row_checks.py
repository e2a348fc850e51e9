"""What is seen of whole pages at a glance is what a look at each row says."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.datasets.values import NESTED_TOO_DEEPLY
from alphapulse_pipeline.exchange.ccxt_client import ClientConfig, build
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.lean_import import exchange_class
from alphapulse_pipeline.exchange.row_checks import all_fit, check
from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.settings.environment import AccountEnvironment

TRADES = HISTORIES["trades"]
ROW = {
    "market": "BTC/USDT",
    "trade_id": "1",
    "side": "buy",
    "wallet": "spot",
    "order_id": None,
    "executed_at": datetime(2026, 1, 1, tzinfo=UTC),
    "price": Decimal(1),
    "amount": Decimal(2),
    "cost": None,
    "fee_cost": None,
    "fee_currency": None,
    "taker_or_maker": None,
    "kind": "trade",
    "realized_pnl": None,
    "raw": {"id": "1"},
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.floats(),
    st.sampled_from(["", "buy", "x" * 501, r"a\u0000b", "\\", "u0000", ROW["executed_at"]]),
    st.lists(st.just(1), max_size=1),
    st.just({"deep": {"deep": NESTED_TOO_DEEPLY}}),
)
CHANGES = st.dictionaries(st.sampled_from([*ROW, "extra"]), VALUES, max_size=2)


def is_fit(row: dict[str, Any]) -> bool:
    try:
        check("method", TRADES, row)
    except Unreadable:
        return False
    return True


@given(st.lists(CHANGES, max_size=4))
def test_rows_that_fit_at_a_glance_fit_each(changes: list[dict[str, Any]]) -> None:
    rows = [ROW | change for change in changes]
    assert not all_fit(TRADES, rows) or all(map(is_fit, rows))


def test_ordinary_rows_are_seen_at_a_glance() -> None:
    assert all_fit(TRADES, [ROW, ROW | {"order_id": "7", "cost": 2, "raw": {"nested": [1]}}])


@pytest.mark.parametrize(
    "change",
    [
        {"price": None},
        {"market": ""},
        {"amount": "2"},
        {"fee_cost": 1.5},
        {"order_id": "x" * 501},
        {"trade_id": r"a\u0000b"},
        {"raw": {"deep": [NESTED_TOO_DEEPLY]}},
    ],
    ids=str,
)
def test_a_row_that_does_not_fit_is_seen(change: dict[str, Any]) -> None:
    assert not is_fit(ROW | change)
    assert not all_fit(TRADES, [ROW, ROW | change])


def test_a_row_without_a_column_is_seen() -> None:
    for name in (*TRADES.required, *TRADES.key[1:]):
        rest = {key: value for key, value in ROW.items() if key != name}
        assert not is_fit(rest)
        assert not all_fit(TRADES, [ROW, rest])
        assert not all_fit(TRADES, [rest])


FEED = VENUES["bybit"].histories["trades"]["spot"].feed
RAW: dict[str, Any] = {
    **dict.fromkeys(FEED.required, "1"),
    **dict.fromkeys(FEED.flags, True),
    "execTime": "1767225600000",
}
SENT = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just([]))


@given(st.lists(st.dictionaries(st.sampled_from([*RAW, ""]), SENT, max_size=2), max_size=4))
def test_rows_that_are_sound_at_a_glance_are_sound_each(changes: list[dict[str, Any]]) -> None:
    rows = [RAW | change for change in changes]
    if FEED.all_sound(rows):
        for row in rows:
            FEED.check({name: value for name, value in row.items() if name})


def test_ordinary_answers_are_seen_at_a_glance() -> None:
    assert FEED.all_sound([RAW, RAW | {"note": None}])
    for name in (*FEED.required, *FEED.flags):
        assert not FEED.all_sound([RAW, RAW | {name: None}])
        assert not FEED.all_sound([RAW, {key: RAW[key] for key in RAW if key != name}])
    assert not FEED.all_sound([RAW | {"execTime": "0"}])


OURS = build(ClientConfig(AccountEnvironment("main"), "bybit", "", ""))


@given(st.one_of(st.integers(-1, 8_640_000_000_000_001), SENT))
def test_times_are_written_as_ccxt_writes_them(timestamp: Any) -> None:
    assert OURS.iso8601(timestamp) == exchange_class("bybit").iso8601(timestamp)
