"""The books balance exactly, at any time."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_simulator import EXCHANGES, World
from exchange_simulator.markets import DAY
from exchange_simulator.truth import truth
from exchange_simulator_tests.conftest import NOW

SEEDS = (8, 9)
_worlds: dict[int, World] = {}


def grown(seed: int) -> World:
    return _worlds.setdefault(seed, World(seed=seed))


def amount_of(row: dict[str, Any], name: str) -> Decimal:
    return Decimal(row[name])


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 200 * DAY))
def test_the_sum_of_the_ledger_is_the_balance(seed: int, age: int) -> None:
    world = grown(seed)
    facts = truth(world, world.genesis + age)
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in facts["ledger"]:
        account = entry["wallet"], entry["asset"]
        sums[account] += amount_of(entry, "amount")
        assert sums[account] == amount_of(entry, "balance_after")
    assert sums == {
        (balance["wallet"], balance["asset"]): amount_of(balance, "total")
        for balance in facts["balances"]
        if EXCHANGES["bybit"].serves("ledger", balance["wallet"])
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_no_balance_is_ever_negative(seed: int) -> None:
    world = grown(seed)
    world.advance_to(NOW)
    for ledger in world.account.books.ledger.values():
        assert min(entry.balance_after for entry in ledger.rows) >= 0
    for at in range(world.genesis + DAY, NOW, 11 * DAY):
        for balance in world.balances(at):
            assert balance.free >= 0, balance


def test_fills_transfers_funding_and_loans_explain_every_balance(world: World) -> None:
    """Without the ledger: only from what a client can read."""
    facts = truth(world, NOW)
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for transfer in facts["transfers"]:
        amount, asset = amount_of(transfer, "amount"), transfer["asset"]
        if transfer["status"] == "canceled":
            continue
        if transfer["from_wallet"]:
            sums[transfer["from_wallet"], asset] -= amount + amount_of(transfer, "fee_cost")
        if transfer["to_wallet"]:
            sums[transfer["to_wallet"], asset] += amount
    for trade in facts["trades"]:
        cost, amount = amount_of(trade, "cost"), amount_of(trade, "amount")
        sign = 1 if trade["side"] == "buy" else -1
        if ":" not in trade["market"]:
            base, quote = trade["market"].split("/")
            assert cost == amount_of(trade, "price") * amount
            sums["unified", base] += sign * amount
            sums["unified", quote] -= sign * cost
        elif "-" in trade["market"]:
            sums["unified", "USDT"] -= sign * cost
        sums["unified", trade["fee_currency"]] -= amount_of(trade, "fee_cost")
    for payment in facts["funding"]:
        sums["unified", payment["asset"]] += amount_of(payment, "amount")
    for account, profit in realised(facts).items():
        sums[account] += profit
    sums["unified", "USDT"] -= 3 * Decimal("1.725")  # three days' interest
    assert {account: total for account, total in sums.items() if total} == {
        (balance["wallet"], balance["asset"]): amount_of(balance, "total")
        for balance in facts["balances"]
        if balance["total"] != "0"
    }


def realised(facts: dict[str, Any]) -> dict[tuple[str, str], Decimal]:
    """Profits of perpetuals, calculated independently: the cash of all fills plus the cost of the
    positions that are still open."""
    profits: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for trade in facts["trades"]:
        name = trade["market"]
        if ":" in name and "-" not in name:
            settle = name.partition(":")[2]
            inverse = name.startswith(f"{settle}/")
            bought = (trade["side"] == "buy") != inverse
            profits["unified", settle] += amount_of(trade, "cost") * (-1 if bought else 1)
    for position in facts["positions"]:
        name = position["market"]
        if "-" not in name:
            settle = name.partition(":")[2]
            inverse = name.startswith(f"{settle}/")
            long = (position["side"] == "long") != inverse
            profits["unified", settle] += amount_of(position, "notional") * (1 if long else -1)
    return profits


@pytest.mark.parametrize("seed", SEEDS)
def test_positions_are_the_sum_of_their_fills(seed: int) -> None:
    world = grown(seed)
    for at in range(world.genesis + 5 * DAY, NOW, 90 * DAY):
        facts = truth(world, at)
        sizes: dict[str, Decimal] = defaultdict(Decimal)
        for trade in facts["trades"]:
            if ":" in trade["market"]:
                amount = amount_of(trade, "amount")
                sizes[trade["market"]] += amount if trade["side"] == "buy" else -amount
        assert {name: size for name, size in sizes.items() if size} == {
            position["market"]: amount_of(position, "contracts")
            * (1 if position["side"] == "long" else -1)
            for position in facts["positions"]
        }


def test_orders_are_the_sum_of_their_fills(world: World) -> None:
    facts = truth(world, NOW, expired=True)
    filled: dict[str, Decimal] = defaultdict(Decimal)
    for trade in facts["trades"]:
        if trade["kind"] != "settlement":
            filled[trade["order_id"]] += amount_of(trade, "amount")
    for order in facts["orders"]:
        assert amount_of(order, "filled") == filled[order["order_id"]]
        if order["status"] == "closed":
            assert order["filled"] == order["amount"]
        else:
            assert amount_of(order, "filled") < amount_of(order, "amount")


def test_open_spot_orders_lock_what_is_left_of_them(world: World) -> None:
    world.advance_to(NOW)
    half_done = [
        order
        for order in world.account.orders_of["spot"].rows
        if order.fills and order.end == "canceled"
    ]
    for side in ("buy", "sell"):
        order = next(order for order in half_done if order.side == side)
        at = order.fills[-1].happened_at
        locked: dict[str, Decimal] = defaultdict(Decimal)
        for row in truth(world, at)["orders"]:
            if row["status"] == "open" and ":" not in row["market"]:
                base, quote = row["market"].split("/")
                left = amount_of(row, "amount") - amount_of(row, "filled")
                if row["side"] == "buy":
                    locked[quote] += left * amount_of(row, "price")
                else:
                    locked[base] += left
        assert locked == {
            balance.asset: balance.locked for balance in world.balances(at) if balance.locked
        }


def test_the_trader_spends_only_free_balances(world: World) -> None:
    world.advance_to(NOW)
    evening = world.genesis + ((NOW - world.genesis) // DAY + 1) * DAY - 1
    for balance in world.balances(evening):
        # no derivative is settled in these, so only orders can lock them
        if balance.wallet == "unified" and balance.asset in ("ETH", "SOL", "XRP"):
            assert world.account.free("unified", balance.asset) == balance.free


def test_every_number_has_at_most_eight_decimals(world: World) -> None:
    for entry in truth(world, NOW)["ledger"]:
        for name in ("amount", "balance_after"):
            assert "E" not in entry[name]
            assert len(entry[name].partition(".")[2]) <= 8
