"""Answers that would leak a signed request, fill the memory, or hang or break what reads them."""

import gzip
import json
import time
import zlib
from collections.abc import Callable
from decimal import Decimal
from resource import RUSAGE_SELF, getrusage
from typing import Any

import pytest
from ccxt.base.errors import BadResponse
from ccxt.base.precise import Precise
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipeline.datasets.values import NESTED_TOO_DEEPLY, number
from alphapulse_pipeline.exchange import ccxt_client, request_count
from alphapulse_pipeline.exchange.bounded_precise import bound_precise
from alphapulse_pipeline.exchange.ccxt_client import ClientConfig, build
from alphapulse_pipeline.exchange.client import open_client
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.json_answer import read_json
from alphapulse_pipeline.settings.environment import LARGEST_ANSWER, AccountEnvironment
from alphapulse_pipeline.settings.printable import escape
from alphapulse_pipeline.warehouse.imports.cells import BadValue
from alphapulse_pipeline.warehouse.imports.cells import number as cell_number
from alphapulse_pipeline_tests.exchange.servers import Reply, replying

EXCHANGES = {
    "bybit": "privateGetV5UserQueryApi",
    "binance": "sapiGetAccountInfo",
    "okx": "privateGetAccountConfig",
    "kraken": "privatePostBalance",
}


NO_KEY = ClientConfig(AccountEnvironment("main"), "bybit", "", "")


def ask(exchange: str, reply: Callable[[str], Reply]) -> Any:
    """What a signed request gets."""
    with replying(reply) as url:
        config = ClientConfig(
            AccountEnvironment("main"), exchange, "key", "c2VjcmV0", "word", api_url=url
        )
        with open_client(config) as client:
            client.disable_retries()
            return client.run(client.request, EXCHANGES[exchange], {})


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(exchange: str, status: int) -> None:
    """The other server would receive the key, the signature and the passphrase."""
    received: list[str] = []

    def elsewhere(path: str) -> Reply:
        received.append(path)
        return Reply(b'{"code": "0", "data": []}')

    with replying(elsewhere) as other:
        moved = Reply(b"", status, {"Location": f"{other}/collect"})
        with pytest.raises(ExchangeFailure, match="redirects are not followed"):
            ask(exchange, lambda _: moved)
    assert received == []


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_of_unlimited_size_is_refused(
    packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LARGEST_ANSWER, "1")
    body = b'{"retCode": 0, "a": "' + b"x" * 3 * 2**20 + b'"}'
    headers = {"Content-Encoding": "gzip"} if packed else {}
    reply = Reply(gzip.compress(body) if packed else body, 200, headers)
    with pytest.raises(ExchangeFailure, match="has more than 1 MB, the limit in ALPHAPULSE"):
        ask("bybit", lambda _: reply)
    monkeypatch.setenv(LARGEST_ANSWER, "4")
    assert len(ask("bybit", lambda _: reply)["a"]) == 3 * 2**20


def bomb(megabytes: int) -> bytes:
    """An answer that is a thousand times as large as what is sent of it."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    blanks = b" " * 2**20
    return b"".join([*(packer.compress(blanks) for _ in range(megabytes)), packer.flush()])


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_of_700_mb_does_not_fill_the_memory(packed: bool) -> None:
    reply = (
        Reply(bomb(700), 200, {"Content-Encoding": "gzip"})
        if packed
        else Reply(b" " * 2**20, times=700)
    )
    before = getrusage(RUSAGE_SELF).ru_maxrss
    with pytest.raises(ExchangeFailure, match="has more than 64 MB, the limit in ALPHAPULSE"):
        ask("bybit", lambda _: reply)
    assert (getrusage(RUSAGE_SELF).ru_maxrss - before) // 1024 < 300


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_an_answer_that_drips_in_is_given_up(
    exchange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte arrives in time, the answer as a whole does not."""
    monkeypatch.setattr(ccxt_client, "_REQUEST_TIMEOUT_MS", 500)
    dripping = Reply(b'{"retCode": 0, "code": "0", "error": [], "result": {}}', drip=0.1)
    with pytest.raises(ExchangeFailure, match="timed out") as given_up:
        ask(exchange, lambda _: dripping)
    assert given_up.value.kind is Kind.TRANSIENT


def test_a_list_of_markets_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """ccxt follows a cursor that leads to itself."""
    monkeypatch.setattr(request_count, "MOST", 20)
    page = {"list": [{"symbol": "BTCUSDT"}], "rows": [], "nextPageCursor": "1"}
    answer = json.dumps({"retCode": 0, "retMsg": "OK", "result": page}).encode()
    sent: list[str] = []

    def reply(path: str) -> Reply:
        sent.append(path)
        return Reply(answer, headers={"Content-Type": "application/json"})

    with (
        replying(reply) as url,
        open_client(
            ClientConfig(AccountEnvironment("main"), "bybit", "", "", api_url=url)
        ) as client,
        pytest.raises(ExchangeFailure, match="still another page after 20 requests") as caught,
    ):
        client.load_markets()
    assert caught.value.kind is Kind.UNREADABLE
    assert len(sent) <= 20


def test_what_cannot_be_stored_or_shown_is_escaped() -> None:
    body = (
        b'{"retCode": 0, "symbol": "A\\u0001\\u0000B\\u202e", "raw": "\\ud800", "bytes": "\xff",'
        b' "emoji": "\\ud83d\\ude00", "fine": "\xc3\xa9\\\\"}'
    )
    assert ask("bybit", lambda _: Reply(body)) == {
        "retCode": 0,
        "symbol": "A\\u0001\\u0000B\\u202e",
        "raw": "\\ud800",
        "bytes": "\\udcff",
        "emoji": "\U0001f600",
        "fine": "é\\",
    }


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=5), st.booleans())
def test_every_text_becomes_printable_and_ordinary_text_stays(value: Any, ascii: bool) -> None:
    found = json.dumps(read_json(json.dumps({"a": value}, ensure_ascii=ascii)))
    assert "\\u0000" not in found.replace("\\\\u", "")
    assert read_json(json.dumps({"a": value}, ensure_ascii=ascii)) == {"a": _escaped(value)}


def _escaped(value: Any) -> Any:
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return escape(value) if isinstance(value, str) else value


@pytest.mark.parametrize(
    "nested", ["[" * 100_000 + "]" * 100_000, '{"a":' * 2000 + "1" + "}" * 2000]
)
def test_what_is_nested_without_end_is_replaced(nested: str) -> None:
    """So that the rest of the answer can be read."""
    answer = read_json(f'{{"rows": [{{"id": "1]}}\\""}}, {{"id": "2", "more": {nested}}}]}}')
    assert answer["rows"][0] == {"id": '1]}"'}
    assert NESTED_TOO_DEEPLY in str(answer["rows"][1])
    with pytest.raises(BadResponse, match="nested too deeply"):
        read_json("[" * 100_000)


def test_an_endless_integer_becomes_text() -> None:
    assert read_json(f'{{"a": {"9" * 5000}, "b": 7}}') == {"a": "9" * 5000, "b": 7}


@pytest.mark.parametrize("text", ["1e999999999", "1e-999999999", "-1E+101", "1" * 102])
def test_a_number_of_endless_digits_is_refused_at_once(text: str) -> None:
    bound_precise()
    began = time.monotonic()
    with pytest.raises(ValueError, match="digits"):
        number(text)
    if "e" in text and len(text) > 8:
        with pytest.raises(ValueError, match="digits"):
            Precise.string_mul(text, "2")
    with pytest.raises(BadValue):
        cell_number(text)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("digits", ["9999999999999999", "-9999999999999999"])
def test_a_precision_of_endless_digits_is_refused_at_once(digits: str) -> None:
    """ccxt would write it out until the memory is full."""
    exchange = build(ClientConfig(AccountEnvironment("main"), "binance", "key", "secret"))
    for convert in (exchange.parse_precision, exchange.integer_precision_to_amount):
        with pytest.raises(ValueError, match="digits"):
            convert(digits)
        assert convert("8") == "0.00000001"


def test_a_setting_of_endless_digits_is_refused_before_it_fills_the_memory() -> None:
    """ccxt would write a leverage of 1e999999999 out twice: two gigabytes for one position."""
    exchange = build(ClientConfig(AccountEnvironment("main"), "binance", "key", "secret"))
    before = getrusage(RUSAGE_SELF).ru_maxrss
    for text in ("1e999999999", "-1e999999999", "1e-999999999", "NaN and more"):
        with pytest.raises(ValueError, match="number"):
            exchange.parse_to_int(text)
    assert exchange.parse_to_int("20") == 20
    assert getrusage(RUSAGE_SELF).ru_maxrss - before < 100_000  # KB


def test_real_numbers_are_not_refused() -> None:
    bound_precise()
    for text in ("0.000000000000000001", "1e-18", "123456789012345678901234567890.5", "0E-18"):
        assert number(text) == Decimal(text) == cell_number(text)
    assert Precise.string_mul("1e-18", "1e18") == "1"
