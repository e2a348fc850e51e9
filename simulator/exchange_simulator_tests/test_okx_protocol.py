"""OKX: authentication, error messages, limits and parameters."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exchange_simulator import Key, Simulator, World, serve
from exchange_simulator_tests.client import Answer, get
from exchange_simulator_tests.conftest import NOW
from exchange_simulator_tests.okx_client import headers, rows, signed, stamp

CONFIG = "account/config"


@pytest.fixture(scope="module")
def okx(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW, limits=False) as simulator:
        yield simulator


def refused(answer: Answer) -> tuple[int, str]:
    assert answer.json["data"] == []
    assert answer.json["msg"]
    return answer.status, answer.json["code"]


def test_a_signed_request_is_answered_in_okxs_envelope(okx: Simulator) -> None:
    answer = signed(okx, CONFIG)
    assert answer.status == 200
    assert set(answer.json) == {"code", "data", "msg"}
    assert (answer.json["code"], answer.json["msg"]) == ("0", "")
    assert answer.json["data"][0]["posMode"] == "net_mode"


def test_demo_trading_is_selected_by_a_header(okx: Simulator, world: World) -> None:
    """A key belongs to live or to demo trading."""
    demo = {"x-simulated-trading": "1"}
    assert signed(okx, CONFIG, extra=demo).json["code"] == "50101"
    with serve(world, clock=lambda: NOW, limits=False, keys=[Key(demo=True)]) as other:
        assert signed(other, CONFIG, extra=demo).json["code"] == "0"
        assert signed(other, CONFIG).json["code"] == "50101"


@pytest.mark.parametrize(
    ("late", "code"),
    [(0, "0"), (30_000, "0"), (30_001, "50102"), (-29_999, "0"), (-30_000, "50102")],
)
def test_a_request_expires_after_thirty_seconds(okx: Simulator, late: int, code: str) -> None:
    assert signed(okx, CONFIG, at=NOW - late).json["code"] == code


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        ("OK-ACCESS-KEY", "50103"),
        ("OK-ACCESS-PASSPHRASE", "50104"),
        ("OK-ACCESS-SIGN", "50106"),
        ("OK-ACCESS-TIMESTAMP", "50107"),
    ],
)
def test_every_header_is_required(okx: Simulator, missing: str, code: str) -> None:
    sent = headers(f"/api/v5/{CONFIG}", NOW, Key())
    del sent[missing]
    assert refused(get(okx, f"/api/v5/{CONFIG}", sent)) == (401, code)


@pytest.mark.parametrize("written", ["1763642096", "yesterday", "2026-13-20T12:34:56.789Z"])
def test_timestamps_are_iso_with_milliseconds(okx: Simulator, written: str) -> None:
    answer = signed(okx, CONFIG, extra={"OK-ACCESS-TIMESTAMP": written})
    assert refused(answer) == (401, "50112")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (Key(key="unknown"), "50111"),
        (Key(secret="guessed"), "50113"),
        (Key(passphrase="guessed"), "50105"),
    ],
)
def test_wrong_credentials(okx: Simulator, key: Key, code: str) -> None:
    assert refused(signed(okx, CONFIG, key=key)) == (401, code)


def test_the_signature_covers_the_query_as_it_was_sent(okx: Simulator) -> None:
    path = "/api/v5/account/balance?ccy=BTC"
    sent = headers(path, NOW, Key())
    assert get(okx, path, sent).json["code"] == "0"
    assert refused(get(okx, f"{path},ETH", sent)) == (401, "50113")
    encoded = "/api/v5/account/balance?ccy=BTC%2CETH"
    assert get(okx, encoded, headers(encoded, NOW, Key())).json["code"] == "0"


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        (lambda key: replace(key, expires_at=NOW), CONFIG, "50119"),
        (lambda key: replace(key, expires_at=NOW + 1), CONFIG, "0"),
        (lambda key: replace(key, ips=("10.0.0.1",)), CONFIG, "50110"),
        (lambda key: replace(key, ips=("10.0.0.1", "127.0.0.1")), CONFIG, "0"),
        (lambda key: replace(key, scopes=frozenset({"account"})), CONFIG, "0"),
        (lambda key: replace(key, scopes=frozenset({"account"})), "asset/balances", "50120"),
    ],
)
def test_the_permissions_of_a_key(
    world: World, change: Callable[[Key], Key], path: str, code: str
) -> None:
    key = change(Key())
    with serve(world, clock=lambda: NOW, keys=[key]) as simulator:
        assert signed(simulator, path, key=key).json["code"] == code


def test_the_key_endpoint(world: World) -> None:
    keys = [
        Key(),
        Key(key="trader", may_trade=True, ips=("127.0.0.1", "10.0.0.1")),
        Key(key="thief", may_withdraw=True),
    ]
    with serve(world, clock=lambda: NOW, keys=keys) as simulator:
        facts = [signed(simulator, CONFIG, key=key).json["data"][0] for key in keys]
    assert [about["perm"] for about in facts] == [
        "read_only",
        "read_only,trade",
        "read_only,withdraw",
    ]
    assert [about["ip"] for about in facts] == ["", "127.0.0.1,10.0.0.1", ""]


def test_each_endpoint_has_an_allowance_in_two_seconds(world: World) -> None:
    path, params = "trade/fills-history", {"instType": "SPOT", "limit": 1}
    with serve(world, clock=lambda: NOW) as simulator:
        answers = [signed(simulator, path, params) for _ in range(11)]
        assert [answer.status for answer in answers] == [200] * 10 + [429]
        assert refused(answers[-1]) == (429, "50011")
        assert signed(simulator, "trade/fills", params).status == 200


def test_some_allowances_are_per_instrument_type(world: World) -> None:
    path = "/api/v5/public/instruments?instType="
    with serve(world, clock=lambda: NOW) as simulator:
        answers = [get(simulator, path + "SPOT") for _ in range(21)]
        assert [answer.status for answer in answers] == [200] * 20 + [429]
        assert get(simulator, path + "SWAP").status == 200


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("trade/fills-history", {}, "50014"),
        ("trade/orders-history", {}, "50014"),
        ("trade/orders-history-archive", {}, "50014"),
        ("trade/fills-history", {"instType": "STOCKS"}, "51000"),
        ("trade/fills", {"instType": "STOCKS"}, "51000"),
        ("trade/fills", {"limit": "many"}, "51000"),
        ("trade/fills", {"limit": 0}, "51000"),
        ("trade/fills", {"after": "abc"}, "51000"),
        ("trade/fills", {"begin": 2, "end": 1}, "51000"),
        ("account/bills", {"before": -1}, "51000"),
        ("account/positions", {"instType": "SWAP", "instId": "BTC-USDT"}, "51015"),
        ("asset/bills-history", {"pagingType": 3}, "51000"),
        ("asset/transfer-state", {}, "50014"),
        ("asset/transfer-state", {"transId": 1}, "58129"),
        ("trade/order", {"ordId": 1}, "50014"),
        ("trade/order", {"instId": "BTC-USDT"}, "51003"),
        ("trade/order", {"instId": "BTC-USDT", "ordId": 1}, "51603"),
        ("public/instruments", {}, "50014"),
        ("public/instruments", {"instType": "OPTION"}, "50015"),
        ("public/instruments", {"instType": "SPOT", "instId": "DOGE-USDT"}, "51001"),
        ("public/funding-rate", {"instId": "BTC-USDT"}, "51000"),
        ("market/tickers", {}, "50014"),
        ("market/ticker", {"instId": "DOGE-USDT"}, "51001"),
    ],
)
def test_wrong_parameters(okx: Simulator, path: str, params: dict[str, Any], code: str) -> None:
    status, facts = refused(signed(okx, path, params))
    assert facts == code
    assert status == (200 if code in {"51001", "51015", "51603", "58129"} else 400)


def test_faults_use_okxs_error_format(okx: Simulator) -> None:
    okx.set_faults("retcode=50001:/api/v5/account*1", "retcode=50013:/api/v5/account*1")
    assert refused(signed(okx, CONFIG)) == (503, "50001")
    assert refused(signed(okx, CONFIG)) == (429, "50013")
    assert signed(okx, CONFIG).status == 200


def test_the_time(okx: Simulator) -> None:
    assert get(okx, "/api/v5/public/time").json["data"] == [{"ts": str(NOW)}]
    assert stamp(NOW) == "2026-11-20T12:34:56.789Z"


def test_contracts_are_of_okxs_sizes(okx: Simulator) -> None:
    swaps = {row["instId"]: row for row in rows(okx, "public/instruments", {"instType": "SWAP"})}
    assert {
        name: (row["ctVal"], row["ctValCcy"], row["settleCcy"], row["ctType"], row["lotSz"])
        for name, row in swaps.items()
    } == {
        "BTC-USDT-SWAP": ("0.01", "BTC", "USDT", "linear", "0.01"),
        "ETH-USDT-SWAP": ("0.1", "ETH", "USDT", "linear", "0.01"),
        "SOL-USDT-SWAP": ("1", "SOL", "USDT", "linear", "0.01"),
        "XRP-USDT-SWAP": ("100", "XRP", "USDT", "linear", "0.01"),
        "BTC-USDC-SWAP": ("0.0001", "BTC", "USDC", "linear", "1"),
        "BTC-USD-SWAP": ("100", "USD", "BTC", "inverse", "0.1"),
    }


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"instType": "SPOT"}, 6),
        ({"instType": "MARGIN"}, 6),
        ({"instType": "SWAP", "instFamily": "BTC-USDT"}, 1),
        ({"instType": "FUTURES"}, 0),
        ({"instType": "OPTION", "uly": "BTC-USD"}, 0),
    ],
)
def test_instruments(okx: Simulator, asked: dict[str, str], count: int) -> None:
    # without the delisted coin
    assert len(rows(okx, "public/instruments", asked)) == count


def test_prices_are_those_of_the_world(okx: Simulator) -> None:
    facts = {row["market"]: row for row in okx.truth(exchange="okx")["prices"]}
    swap = rows(okx, "market/ticker", {"instId": "BTC-USD-SWAP"})[0]
    assert (swap["last"], swap["bidPx"], swap["askPx"]) == tuple(
        facts["BTC/USD:BTC"][name] for name in ("last", "bid", "ask")
    )
    names = [
        row["instId"]
        for type in ("SPOT", "SWAP")
        for row in rows(okx, "market/tickers", {"instType": type})
    ]
    assert len(names) == len(set(names)) == len(facts)
    mark = rows(okx, "public/mark-price", {"instType": "SWAP", "instId": "BTC-USDT-SWAP"})[0]
    world = okx.world.on("okx")
    market = world.catalogue.by_name["BTC/USDT:USDT"]
    assert Decimal(mark["markPx"]) == world.prices.mark(market, NOW)


def test_funding_rates_are_paged_by_time(okx: Simulator) -> None:
    path, params = "public/funding-rate-history", {"instId": "BTC-USDT-SWAP"}
    everything = rows(okx, path, params)
    times = [int(row["fundingTime"]) for row in everything]
    assert len(times) == 270
    assert times == sorted(times, reverse=True)
    older = rows(okx, path, params | {"after": times[9], "limit": 5})
    assert older == everything[10:15]
    newer = rows(okx, path, params | {"before": times[9], "limit": 5})
    assert newer == everything[:5]
    due = rows(okx, "public/funding-rate", {"instId": "BTC-USDT-SWAP"})[0]
    assert int(due["fundingTime"]) == times[0] + 8 * 3_600_000
