"""Daily candles through ccxt: what the answers prove, whatever the exchange does with a window."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Incomplete, Kind
from alphapulse_pipeline.exchange.feed import Page
from alphapulse_pipeline.exchange.venues import VENUES, ccxt_overrides
from alphapulse_pipeline.exchange.venues.call_plans import CallPlanner
from alphapulse_pipeline.exchange.venues.candles import DAYS_OF_CCXT, LIMIT_OF_CCXT
from alphapulse_pipeline.exchange.venues.dry_run import SYMBOLS, Answer, DryRun, times
from alphapulse_pipeline.exchange.venues.generic import describe, generic
from alphapulse_pipeline.exchange.venues.support_matrix import page
from alphapulse_pipeline.settings.accounts import exchanges

ALL = tuple(exchange for exchange in exchanges() if exchange not in VENUES)
READ = tuple(exchange for exchange in ALL if generic(exchange).supports("candles"))
DAY = 86_400_000
DAYS = 400
FEED = generic("hollaex").histories["candles"]["spot"].feed


@dataclass(frozen=True)
class Server:
    """An exchange's candles, and what it does with the arguments."""

    traded: frozenset[int]
    """The days with trades; the others have no candle."""
    cap: int
    newest_first: bool
    ignores_since: bool
    ignores_until: bool
    margin: int
    """The milliseconds by which a window has to exceed a candle's time, for it to be returned."""

    def answer(self, since: int, limit: int, params: Mapping[str, Any], **_: Any) -> list[Any]:
        first = 0 if self.ignores_since else since + self.margin
        last = DAYS * DAY if self.ignores_until else params["until"] - self.margin
        found = [day for day in sorted(self.traded) if first <= day * DAY <= last]
        cap = min(self.cap, limit)
        some = found[-cap:] if self.newest_first else found[:cap]
        return [[day * DAY, "1", "1", "1", f"{day}.5", "0"] for day in some]


SERVERS = st.builds(
    Server,
    # a market is listed at some time, and is quiet on some days or for long
    st.builds(
        lambda listed, quiet, asleep: frozenset(
            day for day in range(listed, DAYS) if day not in quiet and day // 30 not in asleep
        ),
        st.integers(1, DAYS + 10),
        st.frozensets(st.integers(0, DAYS), max_size=200),
        st.frozensets(st.integers(0, DAYS // 30), max_size=12),
    ),
    st.integers(10, 500),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 1, 1000, 1001]),
)


def walk(server: Server) -> tuple[list[Page], str, int]:
    """The pages of all days but the current one, why there are no more, how many requests."""
    asked = 0

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        nonlocal asked
        asked += 1
        return server.answer(**params)

    async def collect() -> tuple[list[Page], str]:
        pages = []
        try:
            async for found in FEED.paging.walk(call, FEED, DAY, (DAYS - 1) * DAY, None):
                pages.append(found)
        except Incomplete as error:
            return pages, error.problem
        return pages, ""

    pages, why = asyncio.run(collect())
    return pages, why, asked


@settings(max_examples=200, deadline=None)
@given(SERVERS)
def test_a_day_is_there_or_is_not_proved(server: Server) -> None:
    pages, why, _ = walk(server)
    found = {int(row["timestamp"]) // DAY: row["close"] for page in pages for row in page.rows}
    proved = [(page.start, page.end) for page in pages if page.start < page.end]
    for day in server.traded:
        assert day in found or not any(start <= day * DAY < end for start, end in proved)
    assert all(close == f"{day}.5" for day, close in found.items())
    assert DAYS - 1 not in found  # the current day is not over
    assert not (set(found) - server.traded)
    if not why:
        days = {day for s, e in proved for day in range(s // DAY, -(-e // DAY))}
        assert days == set(range(1, DAYS - 1))


@settings(max_examples=200, deadline=None)
@given(SERVERS)
def test_days_without_trades_leave_no_gap_where_windows_count(server: Server) -> None:
    assert walk(replace(server, ignores_since=False, ignores_until=False))[1] == ""


@pytest.mark.parametrize("cap", [10, 92, 100])
@pytest.mark.parametrize("margin", [0, 1, 1000])
def test_newest_first_only_the_end_of_a_window_has_to_count(cap: int, margin: int) -> None:
    listed_later = frozenset(range(150, DAYS)) - {200, 300, 301}
    assert walk(Server(listed_later, cap, True, True, False, margin))[1] == ""


def test_a_market_that_trades_every_day_takes_a_request_for_each_window() -> None:
    every_day = frozenset(range(DAYS))
    _, why, asked = walk(Server(every_day, 100, False, False, False, 0))
    assert (why, asked) == ("", -(-(DAYS - 2) // (DAYS_OF_CCXT - 2)))


def test_days_that_begin_at_another_time_are_refused() -> None:
    rows = [[day * DAY + 16 * 3_600_000, "1", "1", "1", "1", "1"] for day in range(3)]
    with pytest.raises(ExchangeFailure) as raised:
        FEED.read(rows)
    assert raised.value.kind is Kind.NOT_OFFERED
    assert "do not begin at 00:00 UTC, but at 16:00" in raised.value.problem
    # a candle that is dated by its last trade does not stand for the others
    assert len(FEED.read([[DAY, "1", "1", "1", "1", "1"], *rows])) == 4


def test_candles_that_have_the_date_of_their_end_are_refused() -> None:
    today = time.time_ns() // 1_000_000 // DAY * DAY
    assert FEED.read([[today, "1", "1", "1", "1", "1"]])
    with pytest.raises(ExchangeFailure) as raised:
        FEED.read([[today + n * DAY, "1", "1", "1", "1", "1"] for n in (0, 2)])
    assert raised.value.kind is Kind.NOT_OFFERED
    assert "are dated by their end" in raised.value.problem


def asked(exchange: str, first: int, last: int) -> Answer:
    [source] = generic(exchange).histories["candles"].values()
    arguments = {**source.feed.params, **source.feed.between(first, last)}
    return DryRun(exchange).ask(source.feed.method, symbol=SYMBOLS["spot"], **arguments)


@pytest.mark.parametrize("exchange", READ)
@pytest.mark.parametrize("end", [17_000 * DAY, 20_500 * DAY])
def test_a_request_is_for_the_whole_window(exchange: str, end: int) -> None:
    """In one unit, so that a window is not read as one of another century."""
    for days in (1, 10, DAYS_OF_CCXT):
        first, last = end - days * DAY, end - 1
        sent = times(asked(exchange, first, last).params)
        assert len({unit for unit, _ in sent}) == 1
        begins, ends = sorted(time for _, time in sent)
        assert begins <= first + 1000
        assert abs(ends - last) <= 1000


@pytest.mark.parametrize("exchange", READ)
def test_candles_come_from_the_exchange_with_nothing_of_ccxts_own(exchange: str) -> None:
    run = DryRun(exchange)
    assert run.ccxt.has["fetchOHLCV"] is True
    assert run.ccxt.timeframes["1d"]
    assert run.ccxt.has["spot"]
    assert "until" not in asked(exchange, 20_000 * DAY, 20_090 * DAY - 1).params
    [source] = generic(exchange).histories["candles"].values()
    assert source.for_prices
    assert source.by_name
    assert source.feed.between(0, 1)["limit"] == LIMIT_OF_CCXT > DAYS_OF_CCXT


def test_shorter_requests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CallPlanner("kucoin").candles(DAYS_OF_CCXT, LIMIT_OF_CCXT)
    # ccxt derives the end from the limit
    monkeypatch.delitem(ccxt_overrides.ENDS, ("kucoin", "fetchOHLCV"))
    assert not CallPlanner("kucoin").candles(DAYS_OF_CCXT, LIMIT_OF_CCXT)
    assert CallPlanner("gate").candles(DAYS_OF_CCXT, LIMIT_OF_CCXT)
    assert not CallPlanner("gate").candles(DAYS_OF_CCXT, DAYS_OF_CCXT - 10)


def test_exchanges_whose_candles_are_not_read_say_why() -> None:
    reasons = {
        "alpaca": "its days begin at 05:00 or 06:00 UTC",
        "bithumb": "ccxt lists no daily ones",
        "bitopro": "ccxt adds candles that the exchange does not have",
        "gemini": "ccxt cannot request exact days",
        "htx": "its days begin at 16:00 UTC",
    }
    for exchange, reason in reasons.items():
        assert f"candles: not read, since {reason}" in describe(exchange).remarks
        assert reason in page()
    # without spot markets, there is nothing to read
    assert not generic("binanceusdm").supports("candles")
    for exchange in ALL:
        refused = any(remark.startswith("candles: ") for remark in describe(exchange).remarks)
        assert not (refused and generic(exchange).supports("candles"))


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"from": 1_790_035_200}, {("s", 1_790_035_200_000)}),
        ({"req": {"from": "1790035200000"}}, {("ms", 1_790_035_200_000)}),
        ({"from": 1_790_035_200_000_000}, {("us", 1_790_035_200_000)}),
        ({"from": "2026-09-22T00:00:00.000Z"}, {("date", 1_790_035_200_000)}),
        ({"from": "2026-09-22 00:00:00"}, {("date", 1_790_035_200_000)}),
        ({"until": 1_790_035_200_000, "limit": 100, "symbol": "BTC"}, set()),
    ],
)
def test_the_times_of_a_request_are_recognized(
    params: dict[str, Any], found: set[tuple[str, int]]
) -> None:
    assert times(params) == found
