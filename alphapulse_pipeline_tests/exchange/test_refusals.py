"""How the four exchanges reject a key, through the real ccxt."""

import json

import pytest

from alphapulse_pipeline.exchange import ccxt_client
from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.client import open_client
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.refusals import address_in
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline_tests.exchange.servers import Reply, replying

NAMES = AccountEnvironment("main")
ASKED = {
    "bybit": "privateGetV5AccountInfo",
    "binance": "sapiGetAccountApiRestrictions",
    "okx": "privateGetAccountConfig",
    "kraken": "privatePostGetApiKeyInfo",
}


def bybit(code: int, sentence: str) -> tuple[str, Reply]:
    return "bybit", Reply(json.dumps({"retCode": code, "retMsg": sentence, "result": {}}).encode())


def binance(code: int, sentence: str, status: int = 400) -> tuple[str, Reply]:
    return "binance", Reply(json.dumps({"code": code, "msg": sentence}).encode(), status)


def okx(code: int, sentence: str) -> tuple[str, Reply]:
    body = {"code": str(code), "data": [], "msg": sentence}
    return "okx", Reply(json.dumps(body).encode(), 401)


def kraken(error: str) -> tuple[str, Reply]:
    return "kraken", Reply(json.dumps({"error": [error]}).encode())


NO_RIGHT = ["lacks a permission"]
NOT_KNOWN = ["does not know the API key", "check MAIN_API_KEY", "expired"]
NO_MATCH = ["the signature is wrong", "check MAIN_API_SECRET"]
PASSPHRASE = ["the passphrase is wrong", "check MAIN_API_PASSWORD"]
EXPIRED = ["the API key has expired", "create a new read-only key"]
HERE = "this machine's address"
REFUSED: list[tuple[tuple[str, Reply], list[str]]] = [
    (bybit(10003, "API key is invalid."), [*NOT_KNOWN, '"API key is invalid" (10003)']),
    (bybit(10003, "API key is invalid."), ["bybiteu", "set MAIN_API_URL to their host"]),
    (bybit(10004, "error sign! origin_string[1790000000000key5000]"), [*NO_MATCH, "(10004)"]),
    (
        bybit(10005, "Permission denied, please check your API key permissions."),
        ["lacks a permission"],
    ),
    (bybit(10010, "Unmatched IP, please check your API key's bound IP addresses."), [HERE]),
    (bybit(33004, "Your api key has expired."), EXPIRED),
    (binance(-2014, "API-key format invalid.", 401), NOT_KNOWN),
    (binance(-2008, "Invalid Api-Key ID."), NOT_KNOWN),
    (binance(-1022, "Signature for this request is not valid."), [*NO_MATCH, "(-1022)"]),
    (
        binance(-1002, "You are not authorized to execute this request.", 401),
        ["lacks a permission"],
    ),
    (
        binance(-2015, "Invalid API-key, IP, or permissions for action.", 401),
        ["unknown, lacks a permission, or may not be used from this address", HERE],
    ),
    (
        binance(-2015, "Invalid API-key, IP, or permissions for action, request ip: 8.8.4.4", 401),
        ["check MAIN_API_KEY", "IP allowlist contains 8.8.4.4", '"Enable Futures"'],
    ),
    (okx(50100, "API frozen, please contact customer service."), ["has frozen the key"]),
    (okx(50101, "APIKey does not match current environment."), ["MAIN_TESTNET=true", "demo"]),
    (okx(50103, 'Request header "OK-ACCESS-KEY" can not be empty.'), NOT_KNOWN),
    (okx(50104, 'Request header "OK-ACCESS-PASSPHRASE" can not be empty.'), PASSPHRASE),
    (okx(50105, 'Request header "OK-ACCESS-PASSPHRASE" incorrect.'), PASSPHRASE),
    (
        okx(50110, "Your IP 2001:db8::7 is not included in your API key's 42 IP whitelist."),
        ["may not be used from this address", "add 2001:db8::7 to the IP allowlist"],
    ),
    (okx(50111, "Invalid OK-ACCESS-KEY."), [*NOT_KNOWN, "okxus", "myokx"]),
    (okx(50113, "Invalid Sign."), NO_MATCH),
    (okx(50114, "Invalid authorization."), NOT_KNOWN),
    (okx(50119, "API key doesn't exist"), [*NOT_KNOWN, "okxus", "myokx"]),
    (okx(50007, "User blocked."), ["has disabled the account"]),
    (okx(50030, "You don't have permission to use this API endpoint"), NO_RIGHT),
    (
        okx(50035, "This endpoint requires that APIKey must be bound to IP"),
        ["IP allowlist", HERE],
    ),
    (
        okx(50120, "This API key doesn't have permission to use this function."),
        ["lacks a permission"],
    ),
    (kraken("EAPI:Invalid key"), [*NOT_KNOWN, "EAPI:Invalid key"]),
    (kraken("EAPI:Invalid signature"), NO_MATCH),
    (kraken("EGeneral:Permission denied"), ["lacks a permission, or may not be used", HERE]),
]


@pytest.fixture(autouse=True)
def _one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_client, "_MAX_ATTEMPTS", 1)


def fails(exchange: str, reply: Reply) -> ExchangeFailure:
    """What a signed request fails with."""
    with replying(lambda _: reply) as url:
        connection = ClientConfig(NAMES, exchange, "key", "c2VjcmV0", "word", api_url=url)
        with open_client(connection) as client, pytest.raises(ExchangeFailure) as raised:
            client.run(client.request, ASKED[exchange], {})
    return raised.value


@pytest.mark.parametrize(
    ("answer", "words"), REFUSED, ids=[f"{a[0]} {a[1].body.decode()[:40]}" for a, _ in REFUSED]
)
def test_every_refusal_has_a_problem_and_a_fix(answer: tuple[str, Reply], words: list[str]) -> None:
    found = fails(*answer)
    assert found.kind in (Kind.CREDENTIALS, Kind.PERMISSION)
    assert [word for word in words if word not in str(found)] == [], str(found)
    assert "{" not in str(found)
    assert "\n" not in str(found)


def test_a_used_nonce_is_no_matter_of_the_clock() -> None:
    found = fails(*kraken("EAPI:Invalid nonce"))
    assert found.kind is Kind.CLOCK
    assert "another program used the key" in str(found)
    assert "in no other program" in str(found)
    assert "NTP" not in str(found)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [(-3003, "Margin account does not exist."), (-1109, "Invalid account.")],
)
def test_a_wallet_that_was_never_opened_is_a_state(code: int, sentence: str) -> None:
    found = fails(*binance(code, sentence))
    assert found.kind is Kind.NOT_ENABLED
    assert "never opened" in str(found)


@pytest.mark.parametrize(
    ("code", "sentence", "kind"),
    [
        (50121, "You can't access our services through the IP address (10.0.0.1)", "restricted"),
        (50060, "For security and compliance purposes, please complete ...", "restricted"),
        # other endpoints may still answer
        (50051, "Due to compliance restrictions in your country or region, ...", "not offered"),
        (51010, "Request unsupported under current account mode", "not offered"),
        (50038, "This feature is unavailable in demo trading", "not offered"),
        (50040, "Too frequent operations, please try again later", "throttled"),
        (50046, "This feature is temporarily unavailable while we make ...", "transient"),
        (50013, "Systems are busy. Please try again later.", "transient"),
        (50102, "Timestamp request expired.", "clock"),
    ],
)
def test_what_okx_means(code: int, sentence: str, kind: str) -> None:
    body = json.dumps({"code": str(code), "data": [], "msg": sentence}).encode()
    assert fails("okx", Reply(body, 200)).kind == kind


def test_a_restricted_location_is_no_outage() -> None:
    """Binance's body has the code 0, which ccxt takes for success."""
    sentence = "Service unavailable from a restricted location according to 'b. Eligibility'"
    assert fails(*binance(0, sentence, 451)).kind is Kind.RESTRICTED


def test_an_archived_order_is_not_found() -> None:
    archived = "Order was canceled or expired with no executed qty over 90 days ago and has been"
    assert fails(*binance(-2026, f"{archived} archived.")).kind is Kind.NOT_FOUND
    reduce_only = "This OrderType is not supported when reduceOnly."
    assert fails(*binance(-2026, reduce_only)).kind is Kind.REFUSED


def test_a_window_before_the_retention_is_too_old() -> None:
    found = fails(*binance(-4166, "Search window is restricted to recent 90 days only."))
    assert found.kind is Kind.TOO_OLD


def test_what_is_not_about_the_key_is_not_taken_for_it() -> None:
    assert fails(*bybit(10001, "params error: code 10003")).kind is Kind.BUG
    assert fails(*kraken("EGeneral:Unknown method")).kind is Kind.REFUSED
    assert fails(*okx(51000, "Parameter instType error.")).kind is Kind.BUG


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Your IP 10.0.0.1 is not included in your API key's 3 IP whitelist.", "10.0.0.1"),
        ("permissions for action, request ip: 2001:db8::7", "2001:db8::7"),
        ("Unmatched IP, please check your API key's bound IP addresses.", "this machine's address"),
        ("at 12:30:45", "this machine's address"),
    ],
)
def test_the_address_that_the_exchange_saw(text: str, address: str) -> None:
    assert address_in(text) == address
