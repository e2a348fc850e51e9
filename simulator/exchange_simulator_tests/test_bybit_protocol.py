"""Authentication and error messages."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from exchange_simulator import DEMO_KEY, Key, Simulator, World, serve
from exchange_simulator.bybit.endpoints import PRIVATE
from exchange_simulator.bybit.limits import Limiter
from exchange_simulator_tests.client import Answer, get, signed
from exchange_simulator_tests.conftest import NOW

PATH = "/v5/account/info"


def test_a_signed_request_is_answered_in_bybits_envelope(frozen: Simulator) -> None:
    answer = signed(frozen, PATH)
    assert set(answer.json) == {"retCode", "retMsg", "result", "retExtInfo", "time"}
    assert answer.json["retMsg"] == "OK"
    assert answer.json["time"] == NOW
    assert answer.result["unifiedMarginStatus"] == 6


@pytest.mark.parametrize(
    ("late", "code"), [(0, 0), (5000, 0), (5001, 10002), (-999, 0), (-1000, 10002)]
)
def test_the_receive_window(frozen: Simulator, late: int, code: int) -> None:
    answer = signed(frozen, PATH, stamp=NOW - late)
    assert answer.code == code
    if code:
        assert answer.json["retMsg"] == (
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{NOW - late}],server_timestamp[{NOW}],recv_window[5000]"
        )


def test_a_wider_window_forgives_more(frozen: Simulator) -> None:
    assert signed(frozen, PATH, stamp=NOW - 9000, window=10_000).code == 0


def test_an_unknown_key(frozen: Simulator) -> None:
    answer = signed(frozen, PATH, key=Key(key="unknown"))
    assert (answer.status, answer.code) == (200, 10003)
    assert answer.json["retMsg"] == "API key is invalid."


def test_no_key_at_all(frozen: Simulator) -> None:
    assert get(frozen, PATH).code == 10001


def test_a_wrong_secret_gets_the_string_to_sign(frozen: Simulator) -> None:
    answer = signed(frozen, PATH, {"a": "b"}, key=Key(secret="guessed"))
    assert answer.code == 10004
    assert f"origin_string[{NOW}{DEMO_KEY}5000a=b]" in answer.json["retMsg"]


def test_the_signature_covers_the_query(frozen: Simulator) -> None:
    headers = dict(signed_headers("category=spot"))
    assert get(frozen, "/v5/order/history?category=spot", headers).code == 0
    assert get(frozen, "/v5/order/history?category=linear", headers).code == 10004


def signed_headers(query: str) -> dict[str, str]:
    key = Key()
    origin = f"{NOW}{key.key}5000{query}"
    sign = hmac.new(key.secret.encode(), origin.encode(), hashlib.sha256).hexdigest()
    return {
        "X-BAPI-API-KEY": key.key,
        "X-BAPI-TIMESTAMP": str(NOW),
        "X-BAPI-RECV-WINDOW": "5000",
        "X-BAPI-SIGN": sign,
    }


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        (lambda key: replace(key, expires_at=NOW), PATH, 33004),
        (lambda key: replace(key, expires_at=NOW + 1), PATH, 0),
        (lambda key: replace(key, ips=("10.0.0.1",)), PATH, 10010),
        (lambda key: replace(key, ips=("10.0.0.1", "127.0.0.1")), PATH, 0),
        (lambda key: replace(key, scopes=frozenset({"account"})), PATH, 0),
        (
            lambda key: replace(key, scopes=frozenset({"account"})),
            "/v5/asset/coin/query-info",
            10005,
        ),
    ],
)
def test_the_permissions_of_a_key(
    world: World, change: Callable[[Key], Key], path: str, code: int
) -> None:
    key = change(Key())
    with serve(world, clock=lambda: NOW, keys=[key]) as simulator:
        assert signed(simulator, path, key=key).code == code


def test_the_key_endpoint(world: World) -> None:
    keys = [
        Key(),
        Key(key="trader", may_trade=True),
        Key(key="thief", may_withdraw=True, expires_at=NOW + 10 * 86_400_000),
    ]
    with serve(world, clock=lambda: NOW, keys=keys) as simulator:
        reported = [signed(simulator, "/v5/user/query-api", key=key).result for key in keys]
    assert [about["readOnly"] for about in reported] == [1, 0, 0]
    assert ["Withdraw" in about["permissions"]["Wallet"] for about in reported] == [
        False,
        False,
        True,
    ]
    assert reported[0]["ips"] == ["*"]
    assert reported[0]["uta"] == 1
    assert (reported[2]["deadlineDay"], reported[2]["expiredAt"]) == (10, "2026-11-30T12:34:56Z")


def test_the_rate_limit_is_counted_down_and_enforced(frozen: Simulator) -> None:
    path = "/v5/asset/transfer/query-account-coins-balance"
    answers = [signed(frozen, path, {"accountType": "FUND"}, patient=False) for _ in range(6)]
    assert [answer.code for answer in answers] == [0, 0, 0, 0, 0, 10006]
    assert [answer.headers["x-bapi-limit-status"] for answer in answers] == list("432100")
    refused = answers[-1]
    assert refused.status == 200
    assert refused.json["retMsg"] == "Too many visits!"
    assert refused.headers["x-bapi-limit"] == "5"
    assert NOW < int(refused.headers["x-bapi-limit-reset-timestamp"]) <= NOW + 1000
    assert {"traceid", "timenow"} <= {name.lower() for name in refused.headers}
    # every endpoint has a separate limit, which recovers
    assert signed(frozen, PATH).code == 0
    time.sleep(1.01)
    assert signed(frozen, path, {"accountType": "FUND"}).code == 0


def test_an_address_that_sends_too_much_is_banned_for_ten_minutes() -> None:
    now = [0.0]
    limiter = Limiter(strict=True, clock=lambda: now[0])
    assert all(limiter.arrive("ip") for _ in range(600))
    assert not limiter.arrive("ip")
    assert limiter.arrive("other")
    now[0] = 599
    assert not limiter.arrive("ip")
    now[0] = 601
    assert limiter.arrive("ip")


def test_limits_are_those_of_the_page() -> None:
    """The table of bybit-exchange.github.io/docs/v5/rate-limit (2026-07-24)."""
    assert PRIVATE["/v5/account/transaction-log"].limit == (25, 1000)
    assert PRIVATE["/v5/asset/deposit/query-record"].limit == (100, 60_000)
    assert PRIVATE["/v5/asset/withdraw/query-record"].limit == (300, 60_000)
    assert PRIVATE["/v5/asset/transfer/query-inter-transfer-list"].limit == (60, 60_000)


@pytest.mark.parametrize(
    ("path", "params", "message"),
    [
        ("/v5/order/history", {}, "category"),
        ("/v5/order/history", {"category": "stocks"}, "category"),
        ("/v5/execution/list", {"category": "spot", "limit": "many"}, "limit"),
        ("/v5/execution/list", {"category": "spot", "cursor": "garbage"}, "cursor"),
        ("/v5/execution/list", {"category": "spot", "startTime": 2, "endTime": 1}, "startTime"),
        ("/v5/order/realtime", {"category": "linear"}, "settleCoin"),
        ("/v5/position/list", {"category": "linear"}, "settleCoin"),
        ("/v5/position/list", {"category": "spot"}, "category"),
        ("/v5/account/wallet-balance", {}, "accountType"),
        ("/v5/account/wallet-balance", {"accountType": "CONTRACT"}, "UNIFIED"),
    ],
)
def test_wrong_parameters(
    frozen: Simulator, path: str, params: dict[str, object], message: str
) -> None:
    answer = signed(frozen, path, params)
    assert (answer.status, answer.code) == (200, 10001)
    assert message in answer.json["retMsg"]


def test_an_unknown_path_is_a_page_of_html(frozen: Simulator) -> None:
    answer: Answer = get(frozen, "/v5/order/hystory")
    assert answer.status == 404
    assert answer.body.startswith(b"<html>")
