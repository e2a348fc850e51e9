"""The same trader on exchanges with different wallets: the books balance on all of them."""

from collections import defaultdict
from decimal import Decimal
from functools import cache
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_simulator import World
from exchange_simulator.layout import LAYOUTS
from exchange_simulator.markets import DAY, FORGOTTEN_COIN
from exchange_simulator.records import Fill, Funding, Transfer, Wallet

DAYS = 200
TIES = 30
EXCHANGES = sorted(LAYOUTS)
SEEDS = (7, 8, 9)
every_exchange = pytest.mark.parametrize("exchange", EXCHANGES)
every_world = pytest.mark.parametrize("seed", SEEDS)


@cache
def grown(exchange: str, seed: int) -> World:
    world = World(seed=seed, pace=0.3, exchange=exchange, ties=TIES)
    world.advance_to(world.genesis + DAYS * DAY)
    return world


def fills(world: World) -> list[Fill]:
    return [fill for fills in world.account.fills_of.values() for fill in fills.rows]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(EXCHANGES), st.sampled_from(SEEDS), st.integers(0, DAYS * DAY))
def test_the_sum_of_a_wallets_entries_is_its_balance(exchange: str, seed: int, age: int) -> None:
    world = grown(exchange, seed)
    at = world.genesis + age
    sums: dict[tuple[Wallet, str], Decimal] = defaultdict(Decimal)
    for wallet, entries in world.account.books.ledger.items():
        for entry in entries.rows[: entries.until(at)]:
            assert entry.wallet == wallet
            sums[wallet, entry.asset] += entry.amount
            assert sums[wallet, entry.asset] == entry.balance_after
    assert sums == {(b.wallet, b.asset): b.total for b in world.balances(at)}


@every_exchange
@every_world
def test_no_wallet_is_negative_but_for_a_short_sale(exchange: str, seed: int) -> None:
    world = grown(exchange, seed)
    for wallet, entries in world.account.books.ledger.items():
        assert entries.rows, "a wallet without entries"
        negative = {entry.asset for entry in entries.rows if entry.balance_after < 0}
        assert ("BTC" in negative) == (wallet == world.layout.shorts)
        # the dollars may be spent when the coins are bought back
        assert negative <= {"BTC", "USDT"}
    for day in range(1, DAYS, 3):
        for balance in world.balances(world.genesis + day * DAY):
            assert balance.free >= 0, balance


@every_exchange
@every_world
def test_positions_are_the_sum_of_their_fills(exchange: str, seed: int) -> None:
    world = grown(exchange, seed)
    for day in range(5, DAYS, 40):
        at = world.genesis + day * DAY
        sizes: dict[str, Decimal] = defaultdict(Decimal)
        for fill in fills(world):
            if fill.order.market.kind != "spot" and fill.happened_at <= at:
                signed = fill.amount if fill.order.side == "buy" else -fill.amount
                sizes[fill.order.market.name] += signed
        held = {position.market.name: position.size for position in world.open_positions(at)}
        assert held == {name: size for name, size in sizes.items() if size}


@every_exchange
def test_everything_is_booked_where_it_is_traded(exchange: str) -> None:
    world = grown(exchange, SEEDS[0])
    layout, account = world.layout, world.account
    for order in account.orders.rows:
        allowed = {layout.wallet_of[order.market.kind]}
        if order.market.kind == "spot" and layout.margin:
            allowed.add(layout.margin)
        assert order.wallet in allowed
    for wallet, entries in account.books.ledger.items():
        for entry in entries.rows:
            if isinstance(entry.source, Fill):
                assert entry.source.order.wallet == wallet
            elif isinstance(entry.source, Funding):
                assert layout.wallet_of[entry.source.market.kind] == wallet


@every_exchange
def test_a_transfer_balances_both_wallets(exchange: str) -> None:
    world = grown(exchange, SEEDS[0])
    booked: dict[int, list[tuple[Wallet, Decimal]]] = defaultdict(list)
    for wallet, entries in world.account.books.ledger.items():
        for entry in entries.rows:
            if isinstance(entry.source, Transfer) and entry.kind != "refund":
                assert entry.happened_at == entry.source.happened_at
                booked[entry.source.number].append((wallet, entry.amount))
    for transfer in world.account.transfers.rows:
        expected = [
            (wallet, amount)
            for wallet, amount in (
                (transfer.from_wallet, -transfer.amount - transfer.fee),
                (transfer.to_wallet, transfer.amount),
            )
            if wallet
        ]
        assert transfer.amount > 0
        assert sorted(booked[transfer.number]) == sorted(expected)
    moves = {(t.from_wallet, t.to_wallet) for t in world.account.transfers.rows}
    beside = {wallet for wallet in world.layout.wallets if wallet != world.layout.spot_wallet}
    assert moves >= {(world.layout.spot_wallet, wallet) for wallet in beside}, (
        "every wallet receives"
    )
    assert moves >= {(wallet, world.layout.spot_wallet) for wallet in beside}, "every wallet sends"


@every_world
def test_wallets_stay_near_their_shares(seed: int) -> None:
    world = grown("binance", seed)
    layout, books = world.layout, world.account.books
    for day in range(1, DAYS, 2):
        at = world.genesis + day * DAY
        for (wallet, asset), share in layout.shares.items():
            whole = sum(books.balance(each, asset, at) for each in layout.wallets)
            assert books.balance(wallet, asset, at) > whole * share * Decimal("0.4")


@every_exchange
def test_debts_are_loans_minus_repayments(exchange: str) -> None:
    world = grown(exchange, SEEDS[0])
    owed: dict[tuple[Wallet, str], Decimal] = defaultdict(Decimal)
    for wallet, entries in world.account.books.ledger.items():
        for entry in entries.rows:
            if entry.kind in ("borrow", "repay"):
                owed[wallet, entry.asset] += entry.amount
                debt = world.account.books.debt(wallet, entry.asset, entry.happened_at)
                assert debt == owed[wallet, entry.asset] >= 0
    assert bool(owed) == (world.layout.loans is not None)
    assert {wallet for wallet, _ in owed} <= {world.layout.loans}


def test_on_binance_coins_and_dollars_are_borrowed_for_margin_trading() -> None:
    world = grown("binance", SEEDS[0])
    lent = [e for e in world.account.books.ledger["margin"].rows if e.kind == "borrow"]
    assert {entry.asset for entry in lent} == {"USDT", "BTC"}
    traded = [order for order in world.account.orders_of["spot"].rows if order.wallet == "margin"]
    assert len(traded) > 300
    markets = {order.market.name for order in traded}
    # some markets are traded in both wallets; only the order shows which
    assert markets & {
        o.market.name for o in world.account.orders_of["spot"].rows if o.wallet == "spot"
    }


@every_exchange
def test_only_listed_markets_are_traded_in_valid_steps(exchange: str) -> None:
    world = grown(exchange, SEEDS[0])
    account, layout = world.account, world.layout
    assert {order.market.kind for order in account.orders.rows} == set(layout.wallet_of)
    for order in account.orders.rows:
        assert order.amount % order.market.step == 0
        assert order.amount >= order.market.minimum
        assert all(fill.amount % order.market.step == 0 for fill in order.fills)
    assert bool(account.fundings.rows) == ("linear" in layout.wallet_of)
    listed = {
        kind: world.catalogue.listed(kind, world.genesis + DAY)
        for kind in ("spot", "linear", "inverse", "option")
    }
    assert {kind for kind, markets in listed.items() if markets} == set(layout.wallet_of)


@every_exchange
def test_a_coin_is_sold_to_the_last_digit_and_delisted(exchange: str) -> None:
    world = grown(exchange, SEEDS[0])
    name = f"{FORGOTTEN_COIN}/USDT"
    assert len(world.account.fills_of[name].rows) >= 4
    held = {b.asset: b.total for b in world.balances(world.genesis + 90 * DAY) if b.asset == "FTM"}
    assert held == {FORGOTTEN_COIN: 0}
    listed = world.catalogue.listed("spot", world.genesis + 90 * DAY)
    assert name not in {market.name for market in listed}


def test_kraken_takes_its_fees_in_the_quote_currency() -> None:
    for fill in fills(grown("kraken", SEEDS[0])):
        assert fill.fee_currency == fill.order.market.quote


@every_exchange
def test_ties_in_every_kind_of_market(exchange: str) -> None:
    world = grown(exchange, SEEDS[0])
    tied = []
    for rows in world.account.fills_of.values():
        for at, group in groupby(rows.rows, key=lambda fill: fill.happened_at):
            together = list(group)
            if len(together) >= TIES:
                assert len({fill.order.number for fill in together}) == 1
                tied.append((at, together[0].order))
    days = sorted({(at - world.genesis) // DAY for at, _ in tied})
    assert days == list(range(1, DAYS, 3))
    places = {(order.market.kind, order.wallet) for _, order in tied}
    expected = {(k, w) for k, w in world.layout.wallet_of.items() if k != "option"}
    if world.layout.margin:
        expected.add(("spot", world.layout.margin))
    assert places == expected


@every_exchange
def test_histories_per_market_are_parts_of_the_whole(exchange: str) -> None:
    account = grown(exchange, SEEDS[0]).account
    orders = {order.number for rows in account.orders_on.values() for order in rows.rows}
    assert orders == {order.number for order in account.orders.rows}
    executions = {row.number for rows in account.executions.values() for row in rows.rows}
    of_markets = {fill.number for fills in account.fills_of.values() for fill in fills.rows}
    assert executions == of_markets | {funding.number for funding in account.fundings.rows}
    for name, timeline in account.fills_of.items():
        assert {fill.order.market.name for fill in timeline.rows} <= {name}
        times = [fill.happened_at for fill in timeline.rows]
        assert times == sorted(times)


def test_a_sibling_has_the_same_parameters() -> None:
    world = World(seed=5, pace=0.3, extra_markets=2, ties=4)
    okx = world.on("okx")
    assert okx is world.on("okx")
    assert okx.on("bybit") is world
    assert okx.on("kraken") is world.on("kraken")
    alone = World(seed=5, pace=0.3, extra_markets=2, ties=4, exchange="okx")
    for each in (okx, alone):
        each.advance_to(each.genesis + 20 * DAY)
    assert [entry[:7] for entry in okx.account.books.ledger["trading"].rows] == [
        entry[:7] for entry in alone.account.books.ledger["trading"].rows
    ]
    assert len(okx.catalogue.standing) == len(alone.catalogue.standing)


def test_an_unknown_exchange_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"unknown exchange 'mtgox'; .*bybit"):
        World(exchange="mtgox")
