"""Lists that Binance has per pair of isolated margin, and the rows of its transfers."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Page, milliseconds
from alphapulse_pipeline.exchange.venues.binance.isolated import WALLET, OfPairs, transfers
from alphapulse_pipeline.exchange.walker import Windows

SIDE = {"free": "1", "locked": "0.5", "borrowed": "2", "interest": "0.25"}
ROW = {
    "amount": "0.10000000",
    "asset": "BNB",
    "status": "CONFIRMED",
    "timestamp": 1566898617,
    "txId": 5240372201,
    "type": "ROLL_IN",
    "transFrom": "SPOT",
    "transTo": "ISOLATED_MARGIN",
}
SOURCE = transfers()["isolated margin"]


def walked(answer: Any, listed: Mapping[str, Any]) -> list[Page]:
    """`listed`: the rows of each pair; an error is raised."""

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        if method == "sapiGetMarginIsolatedAccount":
            return answer
        rows = listed[params["symbol"]]
        if isinstance(rows, Exception):
            raise rows
        return rows

    async def walk() -> list[Page]:
        feed = Feed("list", Windows(margin=1), time=milliseconds("at"))
        return [page async for page in OfPairs(feed.paging, "symbol").walk(call, feed, 0, 9, None)]

    return asyncio.run(walk())


def test_a_range_is_proven_once_every_pair_has_been_read() -> None:
    pairs = {"assets": [{"symbol": "SOLUSDT"}, {"symbol": "BTCUSDT"}]}
    found = walked(pairs, {"BTCUSDT": [{"at": 3}], "SOLUSDT": [{"at": 5}]})
    assert found == [Page([{"at": 3}], 0, 0), Page([{"at": 5}], 0, 9)]
    with pytest.raises(ValueError, match="cannot be read"):
        walked(pairs, {"BTCUSDT": [{"at": 3}], "SOLUSDT": ValueError("cannot be read")})


def test_without_a_pair_nothing_else_is_requested() -> None:
    assert walked({"assets": []}, {}) == [Page([], 0, 9)]


@pytest.mark.parametrize("answer", [{}, {"assets": {}}, {"assets": [{}]}, {"assets": ["BTCUSDT"]}])
def test_pairs_that_cannot_be_read_are_not_none(answer: Any) -> None:
    with pytest.raises(Unreadable):
        walked(answer, {})


def test_balances_of_all_pairs_are_one_wallet() -> None:
    side = {**SIDE, "asset": "USDT"}
    pair = {"baseAsset": {**SIDE, "asset": "BTC"}, "quoteAsset": side}
    assert WALLET.assets is not None
    found = {
        asset: tuple(map(str, amounts))
        for asset, *amounts in WALLET.assets({"assets": [pair, {**pair, "baseAsset": side}]})
    }
    assert found == {"BTC": ("1.5", "0.5", "2.25"), "USDT": ("4.5", "1.5", "6.75")}


@pytest.mark.parametrize(
    ("changed", "wallets"),
    [
        ({}, ("spot", "isolated")),
        ({"transFrom": "CROSS_MARGIN"}, ("margin", "isolated")),
        ({"transFrom": "ISOLATED_MARGIN", "transTo": "FUTURES"}, ("isolated", "usdm")),
        ({"transFrom": "MOON"}, ("moon", "isolated")),
        ({"transFrom": "ISOLATED_MARGIN", "type": "ROLL_OUT"}, ("isolated", "isolated")),
        # the list of the other pair has it
        ({"transFrom": "ISOLATED_MARGIN"}, None),
        # the lists of transfers between accounts have it
        ({"transFrom": "MOTHER_SPOT"}, None),
    ],
)
def test_transfers_say_both_wallets(
    changed: dict[str, Any], wallets: tuple[str, str] | None
) -> None:
    found = SOURCE.amend(ROW | changed, {"status": "ok"})
    if wallets is None:
        assert found is None
        return
    assert found is not None
    assert (found["from_wallet"], found["to_wallet"]) == wallets
    assert found["transfer_id"] == "5240372201"
    assert f"{found['happened_at']:%Y-%m-%d %H:%M:%S}" == "2019-08-27 09:36:57"


@pytest.mark.parametrize("time", [1566898617, "1566898617000"])
def test_times_are_in_seconds_or_milliseconds(time: Any) -> None:
    assert SOURCE.feed.time(ROW | {"timestamp": time}) == 1566898617000
