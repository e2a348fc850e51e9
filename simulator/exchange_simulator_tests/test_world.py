"""The world is a function of seed, genesis, pace and time, and contains every kind of event."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_simulator import World
from exchange_simulator.markets import DAY, HOUR, MINUTE
from exchange_simulator.records import Fill, Funding
from exchange_simulator.truth import truth
from exchange_simulator_tests.conftest import NOW

GENESIS = World().genesis


def test_the_order_of_queries_does_not_matter() -> None:
    forwards, backwards = World(seed=3), World(seed=3)
    times = [GENESIS + day * DAY + 1234 * day for day in (2, 9, 16, 23)]
    facts = {at: truth(forwards, at, expired=True) for at in times}
    assert {at: truth(backwards, at, expired=True) for at in reversed(times)} == facts


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 40 * DAY), st.integers(0, 40 * DAY))
def test_queries_change_nothing(first: int, second: int) -> None:
    asked_twice, asked_once = World(seed=5, pace=0.3), World(seed=5, pace=0.3)
    truth(asked_twice, GENESIS + first)
    assert truth(asked_twice, GENESIS + second) == truth(asked_once, GENESIS + second)


def test_seeds_differ() -> None:
    at = GENESIS + 3 * DAY
    assert truth(World(seed=1), at)["trades"] != truth(World(seed=2), at)["trades"]


def test_the_past_does_not_change_when_the_world_grows_older(world: World) -> None:
    early, late = truth(world, NOW - 30 * DAY, expired=True), truth(world, NOW, expired=True)
    for history in ("trades", "funding", "ledger", "transfers"):
        ids = {tuple(sorted(map(str, row.items()))) for row in late[history]}
        changed = [row for row in early[history] if tuple(sorted(map(str, row.items()))) not in ids]
        # only a withdrawal that was pending may have changed
        assert all(row.get("status") == "pending" for row in changed)


def test_before_its_genesis_there_is_nothing() -> None:
    facts = truth(World(), GENESIS - 1)
    assert not any(facts[name] for name in ("balances", "positions", "trades", "orders", "ledger"))


def test_something_happens_every_half_hour(world: World) -> None:
    world.advance_to(NOW)
    days = (NOW - GENESIS) // DAY
    orders = world.account.orders.rows
    fills = [row for rows in world.account.executions.values() for row in rows.rows]
    fills = [row for row in fills if isinstance(row, Fill)]
    assert 50 < len(orders) / days < 70
    assert 75 < len(fills) / days < 110
    events = sorted({order.created_at for order in orders} | {fill.happened_at for fill in fills})
    gaps = [later - earlier for earlier, later in pairwise(events)]
    assert sum(gaps) / len(gaps) < 25 * MINUTE


def test_the_history_contains_every_kind_of_event(world: World) -> None:
    facts = truth(world, NOW, expired=True)
    trades, orders = facts["trades"], facts["orders"]
    kinds = [trade["kind"] for trade in trades]
    assert kinds.count("liquidation") >= 1
    assert kinds.count("adl") >= 1
    assert kinds.count("settlement") > 5
    assert {trade["taker_or_maker"] for trade in trades} == {"taker", "maker"}
    assert any(Decimal(trade["fee_cost"]) < 0 for trade in trades), "a maker's rebate"
    assert {order["status"] for order in orders} == {"open", "closed", "canceled", "rejected"}
    partly = [o for o in orders if Decimal(0) < Decimal(o["filled"]) < Decimal(o["amount"])]
    assert any(order["status"] == "canceled" for order in partly)
    assert any(o["updated_at"] - o["created_at"] > 2 * DAY for o in orders if o["filled"] != "0")
    assert {transfer["kind"] for transfer in facts["transfers"]} == {
        "deposit",
        "withdrawal",
        "transfer",
    }
    assert any(transfer["status"] == "canceled" for transfer in facts["transfers"])
    payments = [Decimal(payment["amount"]) for payment in facts["funding"]]
    assert min(payments) < 0 < max(payments)
    assert {trade["market"].partition("-")[0] for trade in trades} == {
        "BTC/USDT",
        "ETH/USDT",
        "SOL/USDT",
        "XRP/USDT",
        "ETH/BTC",
        "BTC/USDC",
        "FTM/USDT",
        "BTC/USDT:USDT",
        "ETH/USDT:USDT",
        "SOL/USDT:USDT",
        "XRP/USDT:USDT",
        "BTC/USDC:USDC",
        "BTC/USD:BTC",
    }


def test_positions_are_opened_increased_reduced_closed_and_flipped(world: World) -> None:
    world.advance_to(NOW)
    fills = [f for f in world.account.executions["linear"].rows if isinstance(f, Fill)]
    assert any(fill.closed and not fill.position for fill in fills), "closed"
    assert any(fill.closed and fill.closed == fill.amount and fill.position for fill in fills)
    assert any(Decimal(0) < fill.closed < fill.amount for fill in fills), "through zero"


def test_an_order_is_partly_filled_while_it_is_open(world: World) -> None:
    times = range(NOW - 60 * DAY, NOW, 7 * HOUR)
    states = [order.at(at) for at in times for order in world.open_orders(at)]
    assert any(state.filled for state in states)
    assert any(not state.filled for state in states)


def test_bursts_share_a_millisecond(world: World) -> None:
    world.advance_to(NOW)
    fills = [f for f in world.account.executions["spot"].rows if isinstance(f, Fill)]
    together = sum(
        a.happened_at == b.happened_at and a.order is b.order for a, b in pairwise(fills)
    )
    assert together > len(fills) / 20


def test_a_loan_is_taken_and_repaid(world: World) -> None:
    debts = {
        day: {b.asset: b.debt for b in world.balances(GENESIS + day * DAY) if b.wallet == "unified"}
        for day in (99, 102, 110)
    }
    assert debts[99]["USDT"] == 0
    assert debts[102]["USDT"] == 7500
    assert debts[110]["USDT"] == 0


def test_one_coin_is_sold_to_the_last_digit_and_delisted(world: World) -> None:
    balances = {(b.wallet, b.asset): b.total for b in world.balances(NOW)}
    assert balances["unified", "FTM"] == 0
    listed = {market.name for market in world.catalogue.listed("spot", NOW)}
    assert "FTM/USDT" not in listed
    assert any(trade["market"] == "FTM/USDT" for trade in truth(world, NOW)["trades"])


def test_funding_is_paid_every_eight_hours(world: World) -> None:
    world.advance_to(NOW)
    payments = [f for f in world.account.executions["linear"].rows if isinstance(f, Funding)]
    assert all(payment.happened_at % (8 * HOUR) == 0 for payment in payments)
    assert len(payments) > 1000


def test_pace_scales_the_trading() -> None:
    quiet, busy = World(pace=0.1), World(pace=4)
    at = GENESIS + 5 * DAY
    assert len(truth(quiet, at)["trades"]) * 10 < len(truth(busy, at)["trades"])


def test_extra_markets_are_listed() -> None:
    plain, crowded = World(), World(extra_markets=4000)
    at = GENESIS + DAY
    assert len(truth(crowded, at)["prices"]) == len(truth(plain, at)["prices"]) + 4000


def test_genesis_may_be_any_day() -> None:
    world = World(genesis=datetime(2031, 5, 17, tzinfo=UTC))
    assert len(truth(world, world.genesis + 2 * DAY)["trades"]) > 50


def test_the_default_world_does_not_change() -> None:
    """The documentation has figures of this world: anyone who changes what happens on Bybit must
    update this number."""
    world = World()
    at = GENESIS + 50 * DAY
    world.advance_to(at)
    digest = hashlib.sha256()
    for entries in world.account.books.ledger.values():
        for entry in entries.rows[: entries.until(at)]:
            digest.update(repr(entry[:7]).encode())
    for order in world.account.orders.rows[: world.account.orders.until(at)]:
        digest.update(repr((order.order_id, order.market.name, order.limit, order.at(at))).encode())
    for market in world.catalogue.standing:
        digest.update(repr(world.prices.last(market, at)).encode())
    assert digest.hexdigest()[:16] == "6d23e350a8a56cde"
