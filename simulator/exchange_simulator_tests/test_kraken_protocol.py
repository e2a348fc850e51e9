"""Authentication, error messages, and public endpoints."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from urllib.error import HTTPError

import pytest

from exchange_simulator import Key, Simulator, serve
from exchange_simulator.kraken.auth import NONCE_WINDOW, signature
from exchange_simulator.kraken.limits import Limiter
from exchange_simulator.markets import DAY, DELISTING_DAY
from exchange_simulator.traffic import Tier
from exchange_simulator_tests.kraken_client import (
    DAYS,
    NOW,
    ninety_days,
    private,
    public,
)

_keys = (f"key-{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def kraken() -> Iterator[Simulator]:
    keys = [Key(), *(Key(key=f"key-{number}") for number in range(9))]
    with serve(ninety_days(), clock=lambda: NOW, limits=False, keys=keys) as simulator:
        yield simulator


def test_the_signature_of_krakens_own_example() -> None:
    body = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    secret = (
        "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
    )
    assert signature(secret, "/0/private/AddOrder", "1616492376594", body) == (
        "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="
    )


def test_an_unknown_key(kraken: Simulator) -> None:
    assert private(kraken, "Balance", key=Key(key="unknown")).body == {
        "error": ["EAPI:Invalid key"]
    }


def test_a_wrong_secret(kraken: Simulator) -> None:
    answer = private(kraken, "Balance", key=Key(secret="Z3Vlc3NlZA=="))
    assert answer.error == ["EAPI:Invalid signature"]


def test_a_secret_that_is_not_base64_is_rejected() -> None:
    key = Key(secret="odd+length0")
    with serve(ninety_days(), clock=lambda: NOW, keys=[key]) as simulator:
        answer = private(simulator, "Balance", key=replace(key, secret=Key().secret))
    assert answer.error == ["EAPI:Invalid key"]


def test_a_nonce_is_valid_once_and_within_the_window(kraken: Simulator) -> None:
    key = Key(key=next(_keys))

    def reported(nonce: int) -> list[str]:
        return private(kraken, "Balance", key=key, nonce=nonce).error

    assert reported(1_000_000) == []
    assert reported(1_000_000) == ["EAPI:Invalid nonce"]
    # overtaken by a request with a higher nonce
    assert reported(1_000_000 - NONCE_WINDOW + 1) == []
    assert reported(1_000_000 - NONCE_WINDOW + 1) == ["EAPI:Invalid nonce"]
    assert reported(1_000_000 - NONCE_WINDOW) == ["EAPI:Invalid nonce"]
    # every key has a separate counter
    assert private(kraken, "Balance", key=Key(key=next(_keys)), nonce=7).error == []


@pytest.mark.parametrize(
    ("change", "name", "error"),
    [
        (lambda key: replace(key, expires_at=NOW), "Balance", ["EAPI:Invalid key"]),
        (lambda key: replace(key, expires_at=NOW + 1), "Balance", []),
        (lambda key: replace(key, ips=("10.0.0.1",)), "Balance", ["EGeneral:Permission denied"]),
        (lambda key: replace(key, ips=("127.0.0.1",)), "Balance", []),
        (lambda key: replace(key, scopes=frozenset({"wallet"})), "Ledgers", []),
        (lambda key: replace(key, scopes=frozenset({"wallet"})), "WithdrawStatus", []),
        (
            lambda key: replace(key, scopes=frozenset({"account"})),
            "TradesHistory",
            ["EGeneral:Permission denied"],
        ),
        (lambda key: replace(key, scopes=frozenset()), "GetApiKeyInfo", []),
        (lambda key: key, "WithdrawMethods", ["EGeneral:Permission denied"]),
        (lambda key: replace(key, may_withdraw=True), "WithdrawMethods", []),
        (lambda key: key, "AddOrder", ["EGeneral:Unknown method"]),
    ],
)
def test_the_permissions_of_a_key(
    change: Callable[[Key], Key], name: str, error: list[str]
) -> None:
    key = change(Key())
    with serve(ninety_days(), clock=lambda: NOW, keys=[key]) as simulator:
        assert private(simulator, name, key=key).error == error


def test_the_key_endpoint() -> None:
    reader = Key(ips=("127.0.0.1",))
    thief = Key(key="thief", may_trade=True, may_withdraw=True, expires_at=NOW + DAY)
    with serve(ninety_days(), clock=lambda: NOW, keys=[reader, thief]) as simulator:
        reported = [
            private(simulator, "GetApiKeyInfo", key=key, nonce=5).result for key in (reader, thief)
        ]
    assert reported[0]["permissions"] == [
        "query-funds",
        "query-ledger",
        "query-open-trades",
        "query-closed-trades",
    ]
    assert {"modify-trades", "withdraw-funds"} <= set(reported[1]["permissions"])
    assert (reported[0]["nonce"], reported[0]["validUntil"]) == ("5", "0")
    assert reported[0]["ipAllowlist"] == ["127.0.0.1"]
    assert reported[1]["ipAllowlist"] == []
    assert reported[1]["validUntil"] == str((NOW + DAY) // 1000)


def test_histories_cost_two_calls_and_the_counter_ends_at_fifteen() -> None:
    with serve(ninety_days(), clock=lambda: NOW) as simulator:
        reported = [private(simulator, "TradesHistory").error for _ in range(7)]
        reported += [private(simulator, "Balance").error for _ in range(2)]
        # public endpoints do not count
        assert public(simulator, "Time").error == []
    assert reported == [[]] * 8 + [["EAPI:Rate limit exceeded"]]


@pytest.mark.parametrize(
    ("tier", "at_once", "in_a_minute"),
    [("starter", 15, 0.33 * 60), ("intermediate", 20, 0.5 * 60), ("pro", 20, 60)],
)
def test_a_tier_decides_how_many_calls_and_how_soon(
    tier: Tier, at_once: int, in_a_minute: float
) -> None:
    now = [0.0]
    limiter = Limiter(tier, clock=lambda: now[0])
    assert [limiter.visit("key", 1) for _ in range(at_once + 1)] == [True] * at_once + [False]
    assert limiter.visit("other", 1)
    allowed = 0
    for second in range(1, 61):
        now[0] = second
        allowed += limiter.visit("key", 1)
    assert abs(allowed - in_a_minute) <= 1


def test_calls_that_go_on_after_a_rejection_prolong_it() -> None:
    now = [0.0]
    limiter = Limiter("starter", clock=lambda: now[0])
    while limiter.visit("key", 2):
        pass
    hasty = []
    for second in range(1, 60):
        now[0] = second
        hasty.append(limiter.visit("key", 2))
    assert not any(hasty)
    now[0] += 6.1
    assert limiter.visit("key", 2)


def test_faults_use_krakens_error_format(kraken: Simulator) -> None:
    kraken.set_faults("retcode=429:/0/private/Balance*1", "retcode=503:/0/public/Time*1")
    assert private(kraken, "Balance").error == ["EAPI:Rate limit exceeded"]
    assert public(kraken, "Time").error == ["EService:Unavailable"]
    assert private(kraken, "Balance").error == []


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("TradesHistory", {"start": "yesterday"}),
        ("TradesHistory", {"type": "mine"}),
        ("TradesHistory", {"ofs": "-1"}),
        ("Ledgers", {"end": "TAAAAA-AAAAA-AAAAAA"}),
        ("Ledgers", {"type": "lost"}),
        ("ClosedOrders", {"closetime": "never"}),
        ("QueryOrders", {}),
        ("QueryTrades", {"txid": ",".join(["TAAAAA-AAAAA-AAAAAA"] * 21)}),
        ("QueryLedgers", {}),
        ("DepositStatus", {"cursor": "bm9uc2Vuc2U="}),
        ("DepositStatus", {"start": "yesterday"}),
    ],
)
def test_invalid_arguments(kraken: Simulator, name: str, params: dict[str, str]) -> None:
    assert private(kraken, name, params).error == ["EGeneral:Invalid arguments"]


def test_time_and_status(kraken: Simulator) -> None:
    assert public(kraken, "Time").result == {
        "unixtime": NOW // 1000,
        "rfc1123": "Fri, 20 Nov 26 12:34:56 +0000",
    }
    assert public(kraken, "SystemStatus").result == {
        "status": "online",
        "timestamp": "2026-11-20T12:34:56Z",
    }


def test_the_names_of_assets_and_pairs(kraken: Simulator) -> None:
    assets = public(kraken, "Assets").result
    names = {"XXBT": "XBT", "XETH": "ETH", "XXRP": "XRP", "USDT": "USDT", "ZUSD": "USD"}
    assert {name: assets[name]["altname"] for name in names} == names
    pairs = public(kraken, "AssetPairs").result
    # two old assets give a long name, any other pair a short one
    reported = {name: (pair["altname"], pair["wsname"]) for name, pair in pairs.items()}
    assert reported["XETHXXBT"] == ("ETHXBT", "ETH/XBT")
    assert reported["XBTUSDT"] == ("XBTUSDT", "XBT/USDT")
    assert pairs["XBTUSDT"]["base"] == "XXBT"


def test_a_delisted_pair_is_unlisted_and_its_trades_keep_its_name(kraken: Simulator) -> None:
    listed = NOW - DAYS * DAY + (DELISTING_DAY - 1) * DAY
    kraken.set_clock(lambda: listed)
    assert "FTMUSDT" in public(kraken, "AssetPairs").result
    kraken.set_clock(lambda: NOW)
    assert "FTMUSDT" not in public(kraken, "AssetPairs").result
    assert public(kraken, "Ticker", {"pair": "FTMUSDT"}).error == ["EQuery:Unknown asset pair"]
    assert public(kraken, "Assets").result["FTM"]["status"] == "withdrawal_only"
    reported = kraken.truth(exchange="kraken")["trades"]
    trade = next(trade for trade in reported if trade["market"] == "FTM/USDT")
    found = private(kraken, "QueryTrades", {"txid": trade["trade_id"]}).result
    assert found[trade["trade_id"]]["pair"] == "FTMUSDT"


def test_a_ticker_by_any_of_its_names(kraken: Simulator) -> None:
    reported = {row["market"]: row for row in kraken.truth(exchange="kraken")["prices"]}
    assert len(public(kraken, "Ticker").result) == len(reported)
    for name in ("XETHXXBT", "ETHXBT", "ETH/XBT"):
        found = public(kraken, "Ticker", {"pair": name}).result["XETHXXBT"]
        prices = [Decimal(found[side][0]) for side in ("c", "b", "a")]
        assert prices == [Decimal(reported["ETH/BTC"][side]) for side in ("last", "bid", "ask")]
    assert list(public(kraken, "Ticker", {"pair": "XBTUSDT,SOLUSDT"}).result) == [
        "XBTUSDT",
        "SOLUSDT",
    ]


def test_private_endpoints_require_post(kraken: Simulator) -> None:
    try:
        answer = public(kraken, "../private/Balance")
    except HTTPError as error:
        pytest.fail(f"status {error.code}")
    assert answer.error == ["EGeneral:Unknown method"]
