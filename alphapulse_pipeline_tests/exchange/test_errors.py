"""Real answers through the real ccxt: each becomes a kind, and one line with problem and fix."""

import json
import socket

import pytest
from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange import ccxt_client
from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.client import open_client
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind, failure, kind_of
from alphapulse_pipeline.exchange.venues import venue_of
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline_tests.exchange.servers import Reply, replying

KEY = "key-that-must-not-be-seen"
SECRET = "secret-that-must-not-be-seen"
NAMES = AccountEnvironment("bybit")


@pytest.fixture(autouse=True)
def _one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_client, "_MAX_ATTEMPTS", 1)
    monkeypatch.setenv(NAMES.api_key, KEY)
    monkeypatch.setenv(NAMES.api_secret, SECRET)


def bybit(code: int, message: str) -> Reply:
    return Reply(json.dumps({"retCode": code, "retMsg": message, "result": {}}).encode())


def ask(url: str) -> ExchangeFailure:
    """What a signed request of an account at `url` fails with."""
    settings = venue_of("bybit").settings
    connection = ClientConfig(NAMES, "bybit", KEY, SECRET, api_url=url, settings=settings)
    with open_client(connection) as client, pytest.raises(ExchangeFailure) as raised:
        client.run(client.request, "privateGetV5AccountInfo", {"extra": "asked"})
    return raised.value


ORIGIN = f"error sign! origin_string[1790000000000{KEY}5000extra=asked]"
ANSWERS = {
    "10002": (
        bybit(10002, "invalid request, please check your server timestamp"),
        Kind.CLOCK,
        ['timestamp" (10002)', "NTP", "recvWindow"],
    ),
    "10003": (
        bybit(10003, "API key is invalid."),
        Kind.CREDENTIALS,
        ['does not know the API key: "API key is invalid" (10003)', "check BYBIT_API_KEY"],
    ),
    "10004": (
        bybit(10004, ORIGIN),
        Kind.CREDENTIALS,
        ['"error sign!" (10004)', "check BYBIT_API_SECRET"],
    ),
    "10005": (
        bybit(10005, "Permission denied, please check your API key permissions."),
        Kind.PERMISSION,
        ["Permission denied", "(10005)", "read permission"],
    ),
    "10006": (
        bybit(10006, "Too many visits!"),
        Kind.THROTTLED,
        ['too many requests: "Too many visits!" (10006)', "sync less often"],
    ),
    "10010": (
        bybit(10010, "Unmatched IP, please check your API key's bound IP addresses."),
        Kind.CREDENTIALS,
        ["Unmatched IP", "add this machine's address to the IP allowlist"],
    ),
    # "Error Codes" (2026-07-20)
    "-1": (bybit(-1, "request expired: o@0, now[] diff[]"), Kind.CLOCK, ["(-1)", "NTP"]),
    "429": (
        bybit(429, "The trading service is experiencing a high server load."),
        Kind.TRANSIENT,
        ["(429)", "the next run retries"],
    ),
    "10009": (
        bybit(10009, "Service Restricted: Access is currently unavailable for your region."),
        Kind.RESTRICTED,
        ["does not serve this location", "(10009)", "site for your region"],
    ),
    "10024": (
        bybit(10024, "Compliance rules triggered"),
        Kind.RESTRICTED,
        ["restricts the account", "(10024)", "sign in at the exchange"],
    ),
    "10027": (bybit(10027, "Transactions are banned."), Kind.RESTRICTED, ["(10027)"]),
    "10028": (
        bybit(10028, "The API can only be accessed by unified account users."),
        Kind.RESTRICTED,
        ["not a unified account", "upgrade it"],
    ),
    "10029": (
        bybit(10029, "The requested symbol is invalid, please check symbol whitelist"),
        Kind.NO_MARKET,
        ["does not offer this market"],
    ),
    "10032": (bybit(10032, "Demo trading are not supported."), Kind.NOT_OFFERED, ["(10032)"]),
    "131001": (bybit(131001, "openapi svc error"), Kind.TRANSIENT, ["(131001)"]),
    "131003": (bybit(131003, "Internal error"), Kind.TRANSIENT, ["(131003)"]),
    "131200": (bybit(131200, "Service error"), Kind.TRANSIENT, ["(131200)"]),
    "131201": (bybit(131201, "Internal error"), Kind.TRANSIENT, ["(131201)"]),
    "131230": (
        bybit(131230, "The system is busy, please try again later"),
        Kind.TRANSIENT,
        ["(131230)"],
    ),
    "CloudFront's 403": (
        Reply(
            b"<HTML><TITLE>ERROR: The request could not be satisfied</TITLE>"
            b"<H1>403 ERROR</H1> The Amazon CloudFront distribution is configured to block access "
            b"from your country.</HTML>",
            403,
        ),
        Kind.RESTRICTED,
        ["does not serve this location", "403 Forbidden", "site for your region"],
    ),
    "403 of an exceeded limit": (
        Reply(b"<html><h1>403, access too frequent</h1></html>", 403),
        Kind.BANNED,
        ["temporarily banned"],
    ),
    "10016": (bybit(10016, "Internal server error."), Kind.TRANSIENT, ["(10016)", "BYBIT_API_URL"]),
    "10429": (bybit(10429, "System level frequency protection"), Kind.THROTTLED, ["(10429)"]),
    "33004": (
        bybit(33004, "Your api key has expired."),
        Kind.CREDENTIALS,
        ["the API key has expired", "(33004)", "new read-only key", "BYBIT_API_KEY"],
    ),
    "a symbol that is not listed": (
        bybit(10001, "params error: symbol invalid FTMUSDT"),
        Kind.NO_MARKET,
        ["symbol invalid"],
    ),
    "a parameter that is wrong": (
        bybit(10001, "params error: category"),
        Kind.BUG,
        ['params error: category" (10001)', "report this message"],
    ),
    "HTML with 200": (
        Reply(b"<html><body>Just a moment...</body></html>"),
        Kind.TRANSIENT,
        ["/v5/account/info", "not JSON"],
    ),
    "nothing with 200": (Reply(b""), Kind.TRANSIENT, ["not JSON"]),
    "HTML with 503": (
        Reply(b"<html class='" + b"x" * 999 + b"'><h1>Down</h1></html>", 503),
        Kind.TRANSIENT,
        ["503 Service Unavailable"],
    ),
    # what Bybit answers where one address asks too often
    "HTML with 403": (Reply(b"<html><h1>Forbidden", 403), Kind.THROTTLED, ["403 Forbidden"]),
    "JSON with 502": (
        Reply(b'{"message":"bad gateway"}', 502),
        Kind.TRANSIENT,
        ["bad gateway"],
    ),
    "HTML with 429": (Reply(b"<html>", 429), Kind.THROTTLED, ["429 Too Many Requests"]),
    "JSON with 429": (Reply(b'{"message":"slow down"}', 429), Kind.THROTTLED, ["slow down"]),
    "half a JSON": (Reply(b'{"retCode":0,"res'), Kind.TRANSIENT, ["not JSON"]),
    "a body that is cut": (Reply(b'{"retCode":0', cut=500), Kind.TRANSIENT, ["cannot be reached"]),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_every_answer_becomes_a_sentence(case: str) -> None:
    reply, kind, words = ANSWERS[case]
    with replying(lambda _: reply) as url:
        found = ask(url)
    assert found.kind is kind
    check_sentence(str(found), words)


def test_a_refused_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = ask(f"http://127.0.0.1:{port}")
    assert found.kind is Kind.TRANSIENT
    check_sentence(str(found), ["cannot be reached", str(port), "BYBIT_API_URL"])


def test_a_server_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_client, "_REQUEST_TIMEOUT_MS", 200)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = ask(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert found.kind is Kind.TRANSIENT
    check_sentence(str(found), ["cannot be reached"])


def check_sentence(sentence: str, words: list[str]) -> None:
    assert [word for word in words if word not in sentence] == [], sentence
    assert "\n" not in sentence
    assert len(sentence) < 600
    for unwanted in (KEY, SECRET, "<", "?extra", "origin_string", "5000extra"):
        assert unwanted not in sentence


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        # binance's bad key, as ccxt calls it once a private call has succeeded
        (ccxt.DDoSProtection('binance {"code":-2015,"msg":"Invalid API-key"}'), Kind.PERMISSION),
        (ccxt.DDoSProtection("binance 418 I'm a teapot"), Kind.THROTTLED),
        (ccxt.RateLimitExceeded("okx 429 Too Many Requests error code: 1015"), Kind.BANNED),
        (ccxt.OnMaintenance("okx"), Kind.TRANSIENT),
        (ccxt.RequestTimeout("bybit GET"), Kind.TRANSIENT),
        (TimeoutError(), Kind.TRANSIENT),
        (ConnectionResetError(), Kind.TRANSIENT),
        (ccxt.NotSupported("bybit fetchLedger"), Kind.UNSUPPORTED),
        (ccxt.AccountSuspended("gate"), Kind.CREDENTIALS),
        (ccxt.ExchangeError("bybit what?"), Kind.BUG),
        (ccxt.ExchangeError("bybit []"), Kind.UNREADABLE),
        (ccxt.ExchangeError("kraken parseCurrency() missing code"), Kind.UNREADABLE),
        (ccxt.BadSymbol("bybit XXX"), Kind.NO_MARKET),
    ],
)
def test_kinds(error: BaseException, kind: Kind) -> None:
    assert kind_of(error) is kind
    check_sentence(str(failure(error, NAMES)), [])


def test_a_secret_is_masked_before_the_text_is_cut() -> None:
    for padding in range(360, 400):
        assert "must-not" not in str(failure(ccxt.ExchangeError("x" * padding + KEY), NAMES))
