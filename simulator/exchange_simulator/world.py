"""The world: one account on one exchange, as a pure function of seed, genesis, pace and time.

It is simulated day by day, in order and each day once, as far as callers ask. Queries never change
what happens, so two worlds with the same parameters are identical, and a restarted one continues
where it was.
"""

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from threading import Lock
from typing import NamedTuple

from exchange_simulator.account import Account
from exchange_simulator.borrower import Borrower
from exchange_simulator.cashier import Cashier
from exchange_simulator.converter import Converter
from exchange_simulator.episodes import Episodes
from exchange_simulator.isolated import IsolatedMargin
from exchange_simulator.layout import LAYOUTS, Layout
from exchange_simulator.markets import DAY, FUNDING_PERIOD, Catalogue, Market
from exchange_simulator.money import ZERO, nearest
from exchange_simulator.peers import Peers
from exchange_simulator.pledger import LOAN, Pledger
from exchange_simulator.prices import Prices
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Order, Position, Wallet
from exchange_simulator.referrer import Referrer
from exchange_simulator.saver import Saver
from exchange_simulator.savings import EARN, Savings
from exchange_simulator.staker import Staker
from exchange_simulator.swapper import Swapper
from exchange_simulator.token_staker import STAKING, TokenStaker
from exchange_simulator.trader import Trader
from exchange_simulator.treasury import Treasury

GENESIS = datetime(2026, 1, 1, tzinfo=UTC)
ORDERS_A_DAY = 60


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Disable garbage collection: everything is kept, and scanning it takes longer than creating
    it."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


_Amounts = defaultdict[tuple[Wallet, str], Decimal]
"""By wallet and asset."""


class Balance(NamedTuple):
    wallet: Wallet
    asset: str
    total: Decimal
    locked: Decimal
    """Locked by open spot orders, or for a time in a saving product."""
    order_margin: Decimal
    position_margin: Decimal
    debt: Decimal
    isolated: Decimal = ZERO
    """Margin of isolated positions."""

    @property
    def used(self) -> Decimal:
        used = self.locked + self.order_margin + self.position_margin + self.isolated
        return min(used, max(self.total, ZERO))

    @property
    def free(self) -> Decimal:
        """Nothing is available of what is owed."""
        return max(self.total, ZERO) - self.used


class World:
    """`pace` scales the trading (1: about 60 orders and 90 fills a day); `extra_markets` adds
    listed markets that are never traded; with `holds_extra`, those that are perpetuals are bought
    on the first day and held. With `ties`, every three days an order gets that many fills in one
    millisecond, in each kind of market in turn. `unfilled` is the share of orders that a market
    maker would cancel without a fill. `layout` overrides the layout of its exchange.
    `option_coins`: the coins whose options are listed, of those in `markets.OPTIONS`.
    `upgraded_at`: when the account became a unified account, which changes where Bybit lists its
    history. Raises ValueError for an unknown exchange."""

    def __init__(
        self,
        seed: int = 7,
        genesis: datetime = GENESIS,
        pace: float = 1,
        extra_markets: int = 0,
        exchange: str = "bybit",
        ties: int = 0,
        layout: Layout | None = None,
        holds_extra: bool = False,
        unfilled: float = 0,
        option_coins: tuple[str, ...] = ("BTC",),
        upgraded_at: datetime | None = None,
    ) -> None:
        if exchange not in LAYOUTS:
            raise ValueError(f"unknown exchange {exchange!r}; one of {', '.join(LAYOUTS)}")
        self._sibling = partial(
            World,
            seed,
            genesis,
            pace,
            extra_markets,
            ties=ties,
            holds_extra=holds_extra,
            unfilled=unfilled,
        )
        self.layout = LAYOUTS[exchange] if layout is None else layout
        self._siblings = {self.layout.exchange: self}
        self.seed = seed
        self.genesis = int(genesis.timestamp()) * 1000
        self.prices = Prices(seed)
        self.upgraded_at = int(upgraded_at.timestamp() * 1000) if upgraded_at else 0
        self.catalogue = Catalogue(
            self.prices, self.genesis, extra_markets, self.layout, option_coins
        )
        self.account = Account(seed, self.layout)
        self._orders_a_day = Decimal(ORDERS_A_DAY) * Decimal(str(pace))
        self._trader = Trader(
            seed,
            self.account,
            self.prices,
            self.catalogue,
            self.schedule,
            Decimal(str(pace)),
            self.layout,
            unfilled,
        )
        self._treasury = Treasury(self.account, self.prices, self.schedule, self.layout)
        self._converter = Converter(seed, self.account, self.prices, self.schedule, self.layout)
        self.cashier = Cashier(seed, self.account, self.prices, self.schedule, self.layout)
        self.peers = Peers(seed, self.account, self.schedule, self.layout)
        self.staker = Staker(seed, self.account, self.schedule, self.layout)
        self.referrer = Referrer(seed, self.account, self.schedule, self.layout)
        self._swapper = Swapper(seed, self.account, self.prices, self.schedule, self.layout)
        self._savings = Savings(seed, self.account, self.schedule, self.layout)
        self.token_staker = TokenStaker(seed, self.account, self.schedule, self.layout)
        self._pledger = Pledger(seed, self.account, self.prices, self.schedule, self.layout)
        self.isolated = IsolatedMargin(
            seed, self.account, self.prices, self.catalogue, self.schedule, self.layout
        )
        self.saver = Saver(seed, self.account, self.schedule)
        self.borrower = Borrower(
            seed, self.account, self.prices, self.schedule, self.saver, self.layout
        )
        self._episodes = Episodes(
            self.account,
            self._trader,
            self._treasury,
            self.catalogue,
            self.schedule,
            self.layout,
            ties,
            holds_extra,
        )
        self._future: list[tuple[int, int, Callable[[int], None]]] = []
        self._tickets = count()
        self._dawns: list[tuple[Order, ...]] = []
        self._lived_until = self.genesis
        self._lock = Lock()
        self._siblings_lock = Lock()
        if not self.layout.empty:
            self._treasury.open_account(self.genesis)

    def on(self, exchange: str) -> "World":
        """The same trader's account on a different exchange: a world with the same parameters,
        created once and cached."""
        with self._siblings_lock:
            sibling = self._siblings.get(exchange)
            if sibling is None:
                sibling = self._siblings[exchange] = self._sibling(exchange=exchange)
                sibling._siblings = self._siblings
                sibling._siblings_lock = self._siblings_lock
            return sibling

    def advance_to(self, at: int) -> None:
        """Simulate everything up to `at` (and the rest of its day)."""
        if at < self._lived_until:
            return
        with self._lock, _without_garbage_collection():
            while self._lived_until <= at:
                self._simulate_day()

    def open_orders(self, at: int) -> list[Order]:
        """Orders that are open at `at`, oldest first."""
        self.advance_to(at)
        if at < self.genesis:
            return []
        day = (at - self.genesis) // DAY
        dawn = self.genesis + day * DAY
        today = (self.account.orders.rows[index] for index in self.account.orders.span(dawn, at))
        return [
            order
            for order in (*self._dawns[day], *today)
            if order.ended_at is None or order.ended_at > at
        ]

    def open_positions(self, at: int) -> list[Position]:
        self.advance_to(at)
        return self.account.positions.at(at)

    def balances(self, at: int) -> list[Balance]:
        """Every asset that was ever held, per wallet; zero balances are included."""
        self.advance_to(at)
        locked, order_margin = self._reserved(at)
        position_margin: _Amounts = defaultdict(Decimal)
        for position in self.open_positions(at):
            market = position.market
            if market.name in self.layout.isolated or self.layout.portfolio_margin:
                continue
            account = self.layout.wallet_of[market.kind], market.settle
            position_margin[account] += self.position_margin(position, at)
        books = self.account.books
        return [
            Balance(
                wallet,
                asset,
                books.balance(wallet, asset, at),
                locked[wallet, asset],
                order_margin[wallet, asset],
                position_margin[wallet, asset],
                books.debt(wallet, asset, at),
                books.isolated(wallet, asset, at),
            )
            for wallet in sorted(self.layout.wallets)
            for asset in books.assets(wallet, at)
        ]

    def position_margin(self, position: Position, at: int) -> Decimal:
        """Initial margin of a position; a bought option is paid in full and needs none."""
        if position.market.kind == "option":
            return ZERO
        mark = self.prices.mark(position.market, at)
        return nearest(position.value(mark) / position.market.leverage)

    def liquidation_price(self, position: Position) -> Decimal | None:
        market = position.market
        if market.kind == "option":
            return None
        distance = 1 / market.leverage - Decimal("0.005")
        away = position.entry_price * (1 - distance if position.size > 0 else 1 + distance)
        return (away / market.tick).quantize(Decimal(1)) * market.tick

    def schedule(self, at: int, what: Callable[[int], None]) -> None:
        """Let something else happen at a time (ms) that was not simulated yet."""
        heappush(self._future, (at, next(self._tickets), what))

    # -- internals ---------------------------------------------------------------------------

    def _reserved(self, at: int) -> tuple[_Amounts, _Amounts]:
        locked: _Amounts = defaultdict(Decimal)
        margin: _Amounts = defaultdict(Decimal)
        for order in self.open_orders(at):
            market = order.market
            left = order.amount - order.at(at).filled
            if market.kind == "spot":
                bought = order.side == "buy"
                asset = market.quote if bought else market.base
                locked[order.wallet, asset] += left * order.limit if bought else left
            else:
                if self.layout.portfolio_margin:
                    continue
                value = left / order.limit if market.kind == "inverse" else left * order.limit
                margin[order.wallet, market.settle] += nearest(value / market.leverage)
        for asset in self.layout.staked:
            locked[EARN, asset] = self.account.books.balance(EARN, asset, at)
        if self.layout.stakes:
            for asset in self.account.books.assets("staking", at):
                locked["staking", asset] += self.account.books.balance("staking", asset, at)
        for asset in (name for pair in self.layout.staked_tokens.items() for name in pair):
            locked[STAKING, asset] = self.account.books.balance(STAKING, asset, at)
        for asset in self.layout.pledged:
            locked[LOAN, asset] = self.account.books.balance(LOAN, asset, at)
        for held in self.saver.locked(at):
            locked["earn", held.asset] += held.amount
        for asset, amount in self.borrower.pledged(at).items():
            locked["earn", asset] += amount
        return locked, margin

    def _simulate_day(self) -> None:
        start = self._lived_until
        end = start + DAY
        day = (start - self.genesis) // DAY
        self._dawns.append(tuple(self.account.open.values()))
        if self.layout.empty:
            self._lived_until = end
            return
        dice = Random(mix(self.seed, day))  # noqa: S311 - reproducible, not secret
        self._trader.new_day(dice)
        self._treasury.new_day(start, dice)
        self._savings.new_day(day, start)
        self.staker.new_day(day, start)
        self._converter.new_day(day, start)
        self.cashier.new_day(day, start)
        self.peers.new_day(day, start)
        self.token_staker.new_day(day, start)
        self._pledger.new_day(day, start)
        self.referrer.new_day(day, start)
        self.isolated.new_day(day, start)
        self._swapper.new_day(day, start)
        self._episodes.new_day(day, start)
        if self.layout.saves:
            self.saver.new_day(day, start)
        self.borrower.new_day(day, start)
        first_funding = -(-start // FUNDING_PERIOD) * FUNDING_PERIOD
        for at in range(first_funding, end, FUNDING_PERIOD):
            self.schedule(at, self._pay_funding)
        for _ in range(int(self._orders_a_day * Decimal(80 + int(dice.random() * 41)) / 100)):
            self.schedule(start + int(dice.random() * DAY), self._trader.trade)
        while self._future and self._future[0][0] < end:
            at, _, what = heappop(self._future)
            what(at)
        self._lived_until = end

    def _pay_funding(self, at: int) -> None:
        for position in self.account.positions.open_heads():
            market: Market = position.market
            if market.kind != "option":
                rate = self.prices.funding_rate(market, at)
                if self.layout.rollover is not None:
                    # paid by both sides
                    rate = self.layout.rollover.copy_sign(position.size)
                self.account.fund(at, market, self.prices.mark(market, at), rate)
