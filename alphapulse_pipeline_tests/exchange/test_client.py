"""The client: one loop, clean shutdown, waits as the exchange asks, a limited number of retries."""

import asyncio
import gc
import json
import logging
import threading
import time
import warnings
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import stamina

from alphapulse_pipeline.exchange import ccxt_client
from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.client import ExchangeClient, open_client
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Incomplete, Kind
from alphapulse_pipeline.exchange.rate_limit import RateLimiter
from alphapulse_pipeline.exchange.retry_after import (
    retry_after,
    throttled_until,
    until_next_minute,
)
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline_tests.exchange.servers import Reply, replying

TIME = json.dumps({"retCode": 0, "result": {}, "time": 1790000000123})
TOO_OFTEN = json.dumps({"retCode": 10006, "retMsg": "Too many visits!", "result": {}})


def connection(url: str) -> ClientConfig:
    return ClientConfig(
        AccountEnvironment("bybit"), "bybit", "some-key", "some-secret", api_url=url
    )


@pytest.fixture
def client() -> Iterator[ExchangeClient]:
    """A client of a server that only answers with the time."""
    with replying(lambda _: Reply(TIME.encode())) as url, open_client(connection(url)) as opened:
        yield opened


class Source:
    """An async generator that remembers how far it came and that it was closed."""

    def __init__(self, length: int, error: BaseException | None = None) -> None:
        self.length, self.error = length, error
        self.made = 0
        self.closed = threading.Event()

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self.length):
                await asyncio.sleep(0)
                self.made += 1
                yield number
            if self.error:
                raise self.error
        finally:
            self.closed.set()


def read(client: ExchangeClient, source: AsyncGenerator[int, None]) -> Generator[int, None, None]:
    """The items of one source, its error raised."""
    with closing(client.stream({"it": source})) as found:
        for items in found:
            for _, item in items:
                if isinstance(item, Exception):
                    raise item
                yield item


def test_a_stream_gives_everything_in_order(client: ExchangeClient) -> None:
    source = Source(50)
    assert list(read(client, source.items())) == list(range(50))
    assert source.closed.is_set()


def test_a_stream_runs_ahead_by_a_few_items_only(client: ExchangeClient) -> None:
    source = Source(10_000)
    stream = read(client, source.items())
    assert next(stream) == 0
    time.sleep(0.2)
    assert 1 < source.made < 20
    stream.close()


def test_an_early_close_stops_the_source(client: ExchangeClient) -> None:
    source = Source(10_000)
    stream = read(client, source.items())
    next(stream)
    stream.close()
    assert source.closed.wait(2)
    assert list(read(client, Source(3).items())) == [0, 1, 2]  # the loop lives on


def test_an_early_close_interrupts_a_source_that_waits(client: ExchangeClient) -> None:
    closed = threading.Event()

    async def source() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.sleep(3600)
        finally:
            closed.set()

    stream = read(client, source())
    next(stream)
    stream.close()
    assert closed.wait(2)


def test_what_a_source_raises_comes_after_its_items(client: ExchangeClient) -> None:
    source = Source(3, Incomplete("pages overlap"))
    stream = read(client, source.items())
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ExchangeFailure) as raised:
        next(stream)
    assert raised.value.kind is Kind.INCOMPLETE


def test_a_bug_in_a_source_is_raised_as_it_is(client: ExchangeClient) -> None:
    with pytest.raises(KeyError, match="execId"):
        list(read(client, Source(1, KeyError("execId")).items()))


def test_sources_run_side_by_side_and_one_that_fails_stops_no_other(
    client: ExchangeClient,
) -> None:
    sources = {n: Source(30, Incomplete("torn") if n == 3 else None) for n in range(20)}
    got: dict[int, list[int]] = {n: [] for n in sources}
    failed = {}
    first_of: list[int] = []
    for items in client.stream({n: source.items() for n, source in sources.items()}):
        for n, item in items:
            if isinstance(item, Exception):
                failed[n] = item
            else:
                got[n].append(item)
                first_of.append(n)
    assert got == {n: list(range(30)) for n in sources}
    assert list(failed) == [3]
    assert isinstance(failed[3], Incomplete)
    assert len(set(first_of[:30])) > 4  # several at a time
    assert 19 not in first_of[:100]  # but not all of them


def test_numbers_in_an_answer_are_text_as_they_were_sent() -> None:
    answer = (
        b'{"retCode": 0, "time": 7, "p": 0.10, "e": 1E-9, "big": 18446744073709551617, "n": NaN}'
    )
    with replying(lambda _: Reply(answer)) as url, open_client(connection(url)) as client:
        found = client.run(client.request, "publicGetV5MarketTime", {})
    assert found == {
        **{"retCode": 0, "time": 7, "p": "0.10", "e": "1E-9"},
        **{"big": 18446744073709551617, "n": "NaN"},
    }


def test_a_secret_that_cannot_sign_is_reported_as_wrong_without_a_request() -> None:
    names = AccountEnvironment("fund")
    with open_client(ClientConfig(names, "kraken", "some-key", "abcde")) as client:
        with pytest.raises(ExchangeFailure) as raised:
            client.run(client.request, "privatePostBalance", {})
        assert client.requests == 0
    assert raised.value.kind is Kind.CREDENTIALS
    assert "the secret does not have the format of kraken's secrets" in str(raised.value)
    assert "FUND_API_SECRET" in str(raised.value)
    assert "abcde" not in str(raised.value)


def test_nothing_is_left_behind_by_an_open_client() -> None:
    threads = threading.active_count()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with replying(lambda _: Reply(TIME.encode())) as url:
            with open_client(connection(url)) as client:
                client.now()
                stream = read(client, Source(10_000).items())
                next(stream)
            with pytest.raises(ZeroDivisionError), open_client(connection(url)) as client:
                client.now().replace(year=1 // 0)
        del stream, client
        gc.collect()
    assert threading.active_count() == threads
    assert [str(w.message) for w in caught if "unclosed" in str(w.message).lower()] == []


def test_now_is_the_exchanges_time_and_never_ahead(client: ExchangeClient) -> None:
    there = datetime(2026, 9, 21, 14, 13, 20, 123000, tzinfo=UTC)
    first = client.now()
    time.sleep(0.05)
    second = client.now()
    assert there <= first < second < there + timedelta(seconds=5)
    assert first.microsecond % 1000 == 0


def test_a_slow_clock_answer_does_not_put_now_ahead() -> None:
    """Coverage reaches to now less the lag: now in the future would prove what has not happened."""
    failures = iter([503, 503])

    def reply(_: str) -> Reply:
        if status := next(failures, None):
            return Reply(b"", status)
        clock = {"retCode": 0, "result": {}, "time": time.time_ns() // 1_000_000}
        return Reply(json.dumps(clock).encode())

    with replying(reply) as url, open_client(connection(url)) as client:
        assert client.now() <= datetime.now(UTC)


@pytest.mark.parametrize(("wrong", "warnings"), [(0, 0), (5000, 1)])
def test_a_request_that_was_late_is_not_blamed_on_a_clock_that_is_right(
    wrong: int, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    late = iter([True])

    def reply(path: str) -> Reply:
        now = time.time_ns() // 1_000_000 + wrong
        if "/time" not in path and next(late, None):
            return Reply(json.dumps({"retCode": 10002, "retMsg": "", "time": now}).encode())
        if "/time" in path:
            time.sleep(0.2)  # a slow answer is no wrong clock either
        return Reply(json.dumps({"retCode": 0, "result": {}, "time": now}).encode())

    with replying(reply) as url, open_client(connection(url)) as client:
        client.run(client.request, "privateGetV5UserQueryApi", {})
    assert sum("this machine's clock is" in text for text in caplog.messages) == warnings
    assert sum("seconds behind the" in text for text in caplog.messages) == warnings


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The seconds for which the whole account was held, without really waiting."""
    held: list[float] = []
    monkeypatch.setattr(RateLimiter, "hold", lambda _, seconds: held.append(seconds))
    stamina.set_testing(True, attempts=4, cap=True)
    yield held
    stamina.set_testing(False)


def throttled(headers: dict[str, str]) -> tuple[int, Kind | None]:
    """Requests and outcome of one call that is refused once."""
    left = iter(range(1))

    def reply(_: str) -> Reply:
        if next(left, None) is not None:
            return Reply(TOO_OFTEN.encode(), headers=headers)
        return Reply(TIME.encode())

    with replying(reply) as url, open_client(connection(url)) as client:
        try:
            client.run(client.ccxt.fetch_time)
            outcome = None
        except ExchangeFailure as failure:
            outcome = failure.kind
        return client.requests, outcome


def test_waits_as_bybit_asks(waits: list[float]) -> None:
    headers = {"X-Bapi-Limit-Reset-Timestamp": "1790000000300", "Timenow": "1790000000000"}
    assert throttled(headers) == (2, None)
    assert waits == [pytest.approx(0.35)]


def test_waits_as_retry_after_asks(waits: list[float]) -> None:
    assert throttled({"Retry-After": "2"}) == (2, None)
    assert waits == [2]


def test_waits_a_minute_if_the_limit_is_per_minute(waits: list[float]) -> None:
    assert throttled({"Retry-After": "60"}) == (2, None)
    assert waits == [60]


def test_waits_a_second_if_the_exchange_does_not_say(waits: list[float]) -> None:
    assert throttled({}) == (2, None)
    assert waits == [1]


def test_gives_up_if_the_wait_would_be_too_long(waits: list[float]) -> None:
    assert throttled({"Retry-After": "600"}) == (1, Kind.THROTTLED)
    assert waits == []


def test_a_counter_is_waited_for_longer_than_a_failure(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may use the counter too: four attempts a second apart are not enough."""
    stamina.set_testing(True, attempts=20, cap=True)
    monkeypatch.setattr(ccxt_client, "_MAX_ATTEMPTS", 2)
    left = iter(range(ccxt_client._MAX_THROTTLED))

    def reply(_: str) -> Reply:
        body = TIME if next(left, None) is None else TOO_OFTEN
        return Reply(body.encode())

    with replying(reply) as url, open_client(connection(url)) as client:
        client.run(client.ccxt.fetch_time)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_retry_after_headers() -> None:
    now = datetime(2026, 9, 1, tzinfo=UTC)
    now_ms = int(now.timestamp()) * 1000
    later = format_datetime(now + timedelta(seconds=7), usegmt=True)
    assert retry_after({"retry-after": later}, now_ms) == 7
    ours_is_wrong = {"Retry-After": later, "Date": format_datetime(now, usegmt=True)}
    assert retry_after(ours_is_wrong, now_ms + 3_600_000) == 7
    assert retry_after({"Retry-After": "soon"}, now_ms) is None
    assert retry_after({"X-Bapi-Limit-Reset-Timestamp": str(now_ms - 1)}, now_ms) is None
    assert retry_after({}, now_ms) is None


def test_kraken_says_in_the_message_when_to_try_again() -> None:
    message = 'kraken {"error":["EService:Throttled: 1790000004"]}'
    assert throttled_until(message, 1_790_000_000_000) == 5
    assert throttled_until(message, 1_790_000_009_000) == 1
    assert throttled_until('kraken {"error":["EAPI:Rate limit exceeded"]}', 0) is None


def test_a_minute_ends_by_the_exchanges_clock() -> None:
    assert until_next_minute("Fri, 27 Nov 2026 18:30:00 GMT") == 61
    assert until_next_minute("Fri, 27 Nov 2026 18:30:59 GMT") == 2
    assert 1 <= until_next_minute("soon") <= 61


def test_retries_are_spent_once() -> None:
    """A dead exchange costs its retries in one call; the next ones fail at once."""
    with replying(lambda _: Reply(b"", 503)) as url, open_client(connection(url)) as client:
        spent = []
        for _ in range(3):
            before = client.requests
            with pytest.raises(ExchangeFailure):
                client.run(client.ccxt.fetch_time)
            spent.append(client.requests - before)
    assert spent == [ccxt_client._MAX_ATTEMPTS, 1, 1]


def test_retries_are_restored_by_the_first_answer() -> None:
    sick = True
    with (
        replying(lambda _: Reply(b"", 503) if sick else Reply(TIME.encode())) as url,
        open_client(connection(url)) as client,
    ):
        with pytest.raises(ExchangeFailure):
            client.run(client.ccxt.fetch_time)
        sick = False
        client.run(client.ccxt.fetch_time)
        sick, before = True, client.requests
        with pytest.raises(ExchangeFailure):
            client.run(client.ccxt.fetch_time)
        assert client.requests - before == ccxt_client._MAX_ATTEMPTS


def test_a_retry_is_logged_without_the_query(caplog: pytest.LogCaptureFixture) -> None:
    pages = iter([Reply(b"<html>", 503)])
    with (
        caplog.at_level(logging.DEBUG),
        replying(lambda _: next(pages, Reply(TIME.encode()))) as url,
        open_client(connection(url)) as client,
    ):
        client.run(client.request, "publicGetV5MarketTime", {"signature": "abcdef0123456789"})
    assert "retrying in" in caplog.text
    assert "abcdef0123456789" not in caplog.text
