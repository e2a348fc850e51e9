"""Authentication, error messages, and the request weight."""

from collections.abc import Iterator
from dataclasses import replace
from time import time
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange_simulator import Key, Simulator, World, serve
from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.endpoints import ENDPOINTS
from exchange_simulator.binance.limits import FUTURES, SPOT, Limiter, sapi
from exchange_simulator_tests.binance_client import send, sign, signed
from exchange_simulator_tests.conftest import NOW

PATH = "/api/v3/account"
HEADERS = {"X-MBX-APIKEY": Key().key}


# of sub-accounts only
_OF_OTHERS = dict.fromkeys(
    (
        "/sapi/v1/sub-account/transfer/subUserHistory",
        "/eapi/v1/marginAccount",
        "/eapi/v1/bill",
        "/eapi/v1/position",
        "/eapi/v1/userTrades",
        "/eapi/v1/exerciseRecord",
    ),
    -2015,
)


@pytest.fixture(scope="module")
def simulator(world: World) -> Iterator[Simulator]:
    with serve(world, clock=lambda: NOW, limits=False) as running:
        yield running


def test_an_answer_has_no_envelope(simulator: Simulator) -> None:
    assert send(simulator, "/api/v3/time").json == {"serverTime": NOW}
    assert signed(simulator, "/api/v3/openOrders", {"symbol": "FTMUSDT"}).json == []


def test_every_endpoint_answers(simulator: Simulator) -> None:
    asked: dict[str, dict[str, Any]] = {
        "/api/v3/order": {"orderId": 1},
        "/sapi/v1/margin/order": {"orderId": 1},
        "/fapi/v1/order": {"orderId": 1},
        "/dapi/v1/order": {"orderId": 1},
        "/fapi/v1/algoOrder": {"algoId": 1},
        "/dapi/v1/algoOrder": {"algoId": 1},
        "/sapi/v1/asset/transfer": {"type": "MAIN_MARGIN"},
        "/sapi/v1/margin/borrow-repay": {"type": "REPAY"},
        "/api/v3/klines": {"interval": "1d"},
        "/sapi/v1/convert/tradeFlow": {"startTime": 1, "endTime": 2},
        "/sapi/v1/fiat/orders": {"transactionType": 0},
        "/sapi/v1/fiat/payments": {"transactionType": 1},
        "/eapi/v1/bill": {"currency": "USDT"},
    }
    needs_symbol = ("order", "klines", "allOrders", "allAlgoOrders", "myTrades", "userTrades")
    for path, endpoint in ENDPOINTS.items():
        params = asked.get(path, {})
        if path.endswith(needs_symbol):
            params = params | {"symbol": "BTCUSD_PERP" if "/dapi/" in path else "BTCUSDT"}
        if endpoint.scope is None:
            answer = send(simulator, f"{path}?{urlencode(params)}")
        else:
            answer = signed(simulator, path, params, post=endpoint.method == "POST")
        refused = -2015 if path.startswith("/papi/") else _OF_OTHERS.get(path, -2013)
        assert answer.code in (0, refused), (path, answer.json)


@pytest.mark.parametrize(
    ("late", "code"), [(0, 0), (5000, 0), (5001, -1021), (-999, 0), (-1000, -1021)]
)
def test_the_receive_window(simulator: Simulator, late: int, code: int) -> None:
    answer = signed(simulator, PATH, stamp=NOW - late)
    assert answer.code == code
    if late == 5001:
        assert answer.status == 400
        assert answer.json["msg"] == "Timestamp for this request is outside of the recvWindow."


def test_a_wider_window_forgives_more_up_to_a_minute(simulator: Simulator) -> None:
    assert signed(simulator, PATH, stamp=NOW - 60_000, window=60_000).code == 0
    assert signed(simulator, PATH, window=60_001).code == -1131


@pytest.mark.parametrize(
    ("key", "status", "code", "message"),
    [
        (Key(secret="guessed"), 400, -1022, "Signature for this request is not valid."),
        (Key(key="unknown"), 401, -2015, "Invalid API-key, IP, or permissions for action."),
        (Key(key="no body!"), 401, -2014, "API-key format invalid."),
        (Key(key=""), 401, -2014, "API-key format invalid."),
    ],
)
def test_invalid_keys(simulator: Simulator, key: Key, status: int, code: int, message: str) -> None:
    answer = signed(simulator, PATH, key=key)
    assert (answer.status, answer.json) == (status, {"code": code, "msg": message})


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (replace(Key(), ips=("10.1.2.3",)), PATH),
        (replace(Key(), expires_at=NOW), PATH),
        (replace(Key(), scopes=frozenset({"wallet"})), PATH),
        (replace(Key(), scopes=frozenset({"account"})), "/fapi/v3/positionRisk"),
        (replace(Key(), scopes=frozenset({"account"})), "/sapi/v1/capital/deposit/hisrec"),
    ],
)
def test_missing_permissions(world: World, key: Key, path: str) -> None:
    with serve(world, clock=lambda: NOW, keys=[key]) as running:
        assert signed(running, path).code == -2015


def test_the_signature_covers_what_was_sent_and_is_not_case_sensitive(
    simulator: Simulator,
) -> None:
    text = f"omitZeroBalances=true&timestamp={NOW}"
    signature = sign(Key(), text)
    for last in (signature, signature.upper()):
        assert send(simulator, f"{PATH}?{text}&signature={last}", HEADERS).code == 0
    changed = text.replace("true", "false")
    assert send(simulator, f"{PATH}?{changed}&signature={signature}", HEADERS).code == -1022
    assert send(simulator, f"{PATH}?{text}", HEADERS).code == -1102
    assert send(simulator, f"{PATH}?signature={signature}", HEADERS).code == -1102


def test_query_and_body_are_signed_as_one_text(simulator: Simulator) -> None:
    path, query, body = "/sapi/v1/asset/get-funding-asset", "asset=USDT", f"timestamp={NOW}"
    signature = sign(Key(), query + body)
    answer = send(simulator, f"{path}?{query}", HEADERS, f"{body}&signature={signature}")
    assert [row["asset"] for row in answer.result] == ["USDT"]


def test_invalid_parameters(simulator: Simulator) -> None:
    trades, orders = "/api/v3/myTrades", "/fapi/v1/allOrders"
    asked: list[tuple[str, dict[str, Any], int]] = [
        (trades, {}, -1102),
        (trades, {"symbol": "DOGEUSDT"}, -1121),
        (trades, {"symbol": "BTCUSDT", "fromId": "x"}, -1100),
        (trades, {"symbol": "BTCUSDT", "since": 1}, -1104),
        ("/fapi/v1/userTrades", {"symbol": "BTCUSD_PERP"}, -1121),
        ("/fapi/v1/userTrades", {"symbol": "BTCUSDT", "since": 1}, 0),
        (orders, {"symbol": "BTCUSDT", "limit": 1001}, -1130),
        ("/sapi/v1/asset/transfer", {}, -1102),
        ("/sapi/v1/asset/transfer", {"type": "MAIN_MOON"}, -1102),
        ("/sapi/v1/margin/borrow-repay", {}, -1102),
    ]
    for path, params, code in asked:
        assert signed(simulator, path, params).code == code, (path, params)
    twice = f"symbol=A&symbol=B&timestamp={NOW}"
    assert send(simulator, f"{trades}?{twice}&signature={sign(Key(), twice)}", HEADERS).code == (
        -1101
    )


def test_faults_use_binances_error_format(simulator: Simulator) -> None:
    simulator.set_faults("retcode=1003:/api/v3/account*1", "retcode=-1008:/fapi/v3/account*1")
    assert (signed(simulator, PATH).status, signed(simulator, PATH).code) == (429, 0)
    answer = signed(simulator, "/fapi/v3/account")
    assert (answer.status, answer.code) == (503, -1008)


# -- limits ------------------------------------------------------------------------------------


def test_the_weight_is_reported_and_limited(world: World) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        (PATH, {}),
        ("/api/v3/openOrders", {"symbol": "BTCUSDT"}),
        ("/api/v3/openOrders", {}),
        # USD-M and COIN-M share a minute; spot has a separate one
        ("/fapi/v1/income", {}),
        ("/dapi/v1/income", {}),
    ]
    used: list[str] = []
    minute = -1.0
    # retry if the minute ended in between
    while minute != time() // 60:
        minute = time() // 60
        with serve(world, clock=lambda: NOW) as running:
            answers = [signed(running, path, params) for path, params in asked]
            used = [answer.headers["x-mbx-used-weight-1m"] for answer in answers]
    assert used == ["20", "26", "106", "30", "50"]


def test_exceeding_the_weight_is_rejected_with_retry_after(world: World) -> None:
    answers = []
    minute = -1.0
    while minute != time() // 60:
        minute = time() // 60
        with serve(world, clock=lambda: NOW) as running:
            answers = [signed(running, "/fapi/v1/openOrders") for _ in range(61)]
    assert [answer.status for answer in answers] == [200] * 60 + [429]
    assert answers[-1].code == -1003
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60))
def test_a_minute_holds_its_limit_and_no_more(weights: list[int]) -> None:
    limiter = Limiter(clock=lambda: 30.0)
    used = 0
    for weight in weights[:20]:
        used += weight
        if used <= FUTURES.limit:
            headers = limiter.spend("1.2.3.4", FUTURES, weight)
            assert headers == {"X-MBX-USED-WEIGHT-1M": str(used)}
        else:
            with pytest.raises(Refused) as refusal:
                limiter.spend("1.2.3.4", FUTURES, weight)
            assert (refusal.value.code, refusal.value.status) == (-1003, 429)
            assert refusal.value.headers["Retry-After"] == "31"
    assert limiter.spend("5.6.7.8", FUTURES, 1)
    assert limiter.spend("1.2.3.4", SPOT, 1)


def test_withdrawals_count_per_user_and_allow_ten_a_minute(world: World) -> None:
    path = "/sapi/v1/capital/withdraw/history"
    other = Key(key="other", uid=2)
    answers = []
    minute = -1.0
    while minute != time() // 60:
        minute = time() // 60
        with serve(world, clock=lambda: NOW, keys=[Key(), other]) as running:
            answers = [signed(running, path) for _ in range(11)]
            answers.append(signed(running, path, key=other))
    assert [answer.status for answer in answers] == [200] * 10 + [429, 200]
    used = [answer.headers["x-sapi-used-uid-weight-1m"] for answer in answers]
    assert used == [str(18_000 * n) for n in (*range(1, 12), 1)]


def test_sapi_never_bans() -> None:
    limiter = Limiter(clock=lambda: 30.0)
    statuses = set()
    for _ in range(100):
        try:
            limiter.spend("ip", sapi("/sapi/v1/margin/allOrders", per_user=False), 200)
        except Refused as refusal:
            statuses.add(refusal.status)
    assert statuses == {429}


def test_a_different_client_at_the_address_uses_its_share_evenly() -> None:
    now = [600.0]
    limiter = Limiter(clock=lambda: now[0], others=0.4)
    used = []
    for second in (0, 30, 59):
        now[0] = 600 + second
        used.append(limiter.spend("ip", SPOT, 20)["X-MBX-USED-WEIGHT-1M"])
    assert used == ["20", "1240", "2420"]


def test_bans_of_repeat_offenders_last_longer() -> None:
    now = [0.0]
    limiter = Limiter(clock=lambda: now[0])
    lengths = []
    for _ in range(14):
        banned = None
        while banned is None:
            try:
                limiter.spend("ip", SPOT, SPOT.limit)
            except Refused as refusal:
                banned = refusal if refusal.status == 418 else None
        lengths.append(int(banned.headers["Retry-After"]) - 1)
        now[0] += lengths[-1]
    assert lengths[:3] == [120, 240, 480]
    assert lengths[-1] == 3 * 86_400


def test_clients_that_continue_are_banned_for_two_minutes() -> None:
    now = [0.0]
    limiter = Limiter(clock=lambda: now[0])
    limiter.spend("ip", FUTURES, FUTURES.limit)
    statuses = []
    for _ in range(22):
        with pytest.raises(Refused) as refusal:
            limiter.spend("ip", FUTURES, 1)
        statuses.append(refusal.value.status)
    assert statuses == [429] * 20 + [418] * 2
    now[0] = 119
    with pytest.raises(Refused):
        limiter.spend("ip", SPOT, 1)
    now[0] = 120
    assert limiter.spend("ip", FUTURES, 7) == {"X-MBX-USED-WEIGHT-1M": "7"}
