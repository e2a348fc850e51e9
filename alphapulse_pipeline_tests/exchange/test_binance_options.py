"""European options of Binance: the answers as documented, and others."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Page
from alphapulse_pipeline.exchange.venues.binance.option_trading import trades
from alphapulse_pipeline.exchange.venues.binance.options import WALLET, ledger, positions
from alphapulse_pipeline.exchange.venues.binance.trading import position
from alphapulse_pipeline_tests.exchange.option_samples import FILL, HOLDING, IDLE, SAMPLES, SOLD

METHOD = "eapiPrivateGetMarginAccount"
ENTRY = SAMPLES["ledger", "option"]


@pytest.mark.parametrize(
    ("sample", "total", "used"),
    [(HOLDING, "10099.448", "1084.52138"), (IDLE, "99998.87365244", "3115.14630870")],
)
def test_what_is_held_is_not_part_of_the_balance(
    sample: dict[str, str], total: str, used: str
) -> None:
    assert WALLET.assets is not None
    found = list(WALLET.assets({METHOD: [sample]}))
    assert found == [("USDT", Decimal(total), Decimal(used), None)]


def test_every_stored_field_of_a_balance_is_required() -> None:
    [feed] = WALLET.lists
    assert feed.method == METHOD
    assert set(feed.required) == {"asset", "marginBalance", "initialMargin"}
    assert feed.read({"asset": [HOLDING]}) == [HOLDING]


@pytest.mark.parametrize("answer", [{}, {"asset": None}, {"asset": {}}, [], None, "USDT"])
def test_an_answer_without_a_list_is_no_empty_wallet(answer: Any) -> None:
    [feed] = WALLET.lists
    with pytest.raises(Unreadable):
        feed.read(answer)


@pytest.mark.parametrize("name", ["id", "asset", "amount", "type", "createDate"])
def test_an_entry_that_lacks_a_field_is_not_read(name: str) -> None:
    feed = ledger().feed
    feed.check(ENTRY)
    with pytest.raises(Unreadable):
        feed.check({key: value for key, value in ENTRY.items() if key != name})


@pytest.mark.parametrize("name", ["symbol", "quantity", "markPrice", "markValue", "optionSide"])
def test_a_position_that_lacks_a_field_is_not_read(name: str) -> None:
    feed = positions().feed
    feed.check(SOLD)
    with pytest.raises(Unreadable):
        feed.check({key: value for key, value in SOLD.items() if key != name})


def walked(listed: Any, *symbols: str) -> list[Any]:
    """The `unit` of fills of these contracts, while `listed` are the contracts of the exchange."""
    feed = trades()["option"].feed
    fills = [FILL | {"symbol": symbol, "id": n} for n, symbol in enumerate(symbols)]
    asked = []

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        asked.append(method)
        return fills if method == feed.method else listed

    async def rows() -> list[Any]:
        walk = feed.paging.walk(call, feed, FILL["time"], FILL["time"] + 1, None)
        return [row.get("unit") async for page in walk for row in page.rows]

    found = asyncio.run(rows())
    assert len(asked) == (2 if symbols else 1)  # without a fill, nothing more is asked
    return found


def test_a_fill_has_the_coins_of_its_contract_or_of_all_others_on_the_coin() -> None:
    listed = {
        "optionSymbols": [
            {"symbol": "BTC-261225-90000-C", "unit": 1},
            {"symbol": "BTC-261225-95000-C", "unit": 1},
            {"symbol": "DOGE-261225-1-C", "unit": 1000},
            {"symbol": "SOL-261225-90-C", "unit": 1},
            {"symbol": "SOL-261225-95-C", "unit": 10},
        ]
    }
    held = ("BTC-261225-90000-C", "BTC-200730-9000-C", "DOGE-200730-1-C", "SOL-261225-95-C")
    assert walked(listed, *held) == ["1", "1", "1000", "10"]
    assert walked(listed, "SOL-200730-90-C", "XRP-200730-1-C") == [None, None]
    assert walked(listed) == []


DAY = 86_400_000
EXPIRED = 1_596_067_200_000
"""2020-07-30T00:00Z, the day of `FILL["symbol"]`."""


@pytest.mark.parametrize(
    ("start", "end", "requested", "unverified"),
    [
        # within the time in which it may have been traded
        (-9, -3, (-9, -3), None),
        # it expired meanwhile, or long ago
        (-9, 9, (-9, 2), None),
        (5, 9, None, None),
        # nobody knows whether it was listed so early
        (-500, -398, (-400, -398), (-500, -400)),
        (-500, -490, None, (-500, -490)),
    ],
)
def test_a_contract_is_requested_for_the_time_in_which_it_was_traded(
    start: int,
    end: int,
    requested: tuple[int, int] | None,
    unverified: tuple[int, int] | None,
) -> None:
    feed = trades()["option"].feed
    feed = replace(feed, params={**feed.params, "symbol": FILL["symbol"]})
    asked: list[int] = []

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        asked.extend((params["startTime"], params["endTime"]))
        return []

    async def pages() -> list[Page]:
        first, last = EXPIRED + start * DAY, EXPIRED + end * DAY
        return [page async for page in feed.paging.walk(call, feed, first, last, None)]

    found = asyncio.run(pages())
    days = [((page.start - EXPIRED) // DAY, (page.end - EXPIRED) // DAY) for page in found]
    assert sorted(days)[0][0] == start
    assert sorted(days)[-1][1] == end
    assert all(newer[0] == older[1] for newer, older in itertools.pairwise(days))
    assert [d for d, page in zip(days, found, strict=True) if page.unverified] == (
        [unverified] if unverified else []
    )
    ends = [round((time - EXPIRED) / DAY) for time in asked]
    span = (min(ends), max(ends)) if ends else None
    assert span == requested


@pytest.mark.parametrize(
    "listed",
    [
        {},
        [],
        {"optionSymbols": {}},
        {"optionSymbols": [{"symbol": "BTC-261225-90000-C"}]},
        {"optionSymbols": [{"symbol": "BTC-261225-90000-C", "unit": 0}]},
        {"optionSymbols": [{"symbol": "BTC-261225-90000-C", "unit": "-1"}]},
    ],
)
def test_an_answer_without_contracts_says_nothing_of_their_coins(listed: Any) -> None:
    with pytest.raises(Unreadable):
        walked(listed, "BTC-261225-90000-C")


def entry(**changes: Any) -> Row:
    row = ledger().amend({**ENTRY, **changes}, {})
    assert row is not None
    return row


def test_an_entry_has_a_sign_and_its_own_id() -> None:
    assert entry() == {
        "class": "fee",
        "kind": "FEE",
        "asset": "USDT",
        "entry_id": "1125899906842624000",
        "amount": Decimal("-0.552"),
        "reference_id": "",
    }


@pytest.mark.parametrize(
    ("kind", "class_"),
    [("CONTRACT", "trade"), ("TRANSFER", "transfer"), ("SOMETHING_NEW", "other")],
)
def test_an_unknown_type_counts_as_what_only_the_ledger_has(kind: str, class_: str) -> None:
    row = entry(type=kind, amount="100")
    assert (row["class"], row["kind"], row["amount"]) == (class_, kind, Decimal(100))


@pytest.mark.parametrize(
    ("changes", "side", "contracts", "size"),
    [
        ({}, "short", "0.1", "1"),
        ({"quantity": "0.1", "side": "LONG"}, "long", "0.1", "1"),
        ({"markValue": "-105.00138"}, "short", "0.1", "1"),
        # contracts of another size, which the answer does not say
        ({"markValue": "1050.0138"}, "short", "0.1", None),
    ],
)
def test_a_position_has_a_size_that_its_value_shows(
    changes: dict[str, str], side: str, contracts: str, size: str | None
) -> None:
    found = position({**SOLD, **changes}, {"symbol": "BTC/USDT:USDT-200730-9000-C"})
    assert found is not None
    assert (found["side"], found["contracts"], found["contractSize"]) == (side, contracts, size)
