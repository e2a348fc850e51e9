"""Crypto loans: coins borrowed against what is in flexible saving products, and repaid.

The debt is in the wallet `loan`, which holds nothing: what is borrowed comes into it and goes on to
the main wallet. Interest is added to the debt. The collateral stays saved and earns rewards.
Decided by pseudorandom numbers of its own, so that the trading is the same with and without it.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Literal, NamedTuple

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR, MINUTE
from exchange_simulator.money import SATOSHI, ZERO, plain, whole_steps
from exchange_simulator.prices import Prices
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Wallet
from exchange_simulator.saver import Saver
from exchange_simulator.timeline import Timeline
from exchange_simulator.trader import Schedule

LOAN: Wallet = "loan"
_DICE = 0x10A2
_STEP = Decimal("0.0001")
_LTV = Decimal("0.4")
_NEARLY_ALL = Decimal("0.8")
_DAILY = Decimal("0.0002")
_COINS = {"USDT": ("BTC", "ETH"), "BTC": ("USDT",), "ETH": ("USDT", "BTC")}
"""Collateral -> what is borrowed for it."""


class Deal(NamedTuple):
    """A loan or a repayment."""

    number: int
    list: Literal["loan", "repayment"]
    happened_at: int
    coin: str
    amount: Decimal
    collateral: str
    moved: Decimal
    """Collateral that was pledged or returned."""

    @property
    def id(self) -> str:
        return f"{self.list} {self.happened_at} {self.coin} for {self.collateral} " + plain(
            self.amount
        )


class Order(NamedTuple):
    """What is owed for one pair of coins, from a given time on."""

    coin: str
    collateral: str
    debt: Decimal
    pledged: Decimal


class Borrower:
    def __init__(
        self,
        seed: int,
        account: Account,
        prices: Prices,
        schedule: Schedule,
        saver: Saver,
        layout: Layout,
    ) -> None:
        self._seed = seed
        self._account = account
        self._prices = prices
        self._schedule = schedule
        self._saver = saver
        self._layout = layout
        self.deals: Timeline[Deal] = Timeline()
        self.transfer_ids: dict[int, str] = {}
        """By the number of the transfer."""
        self.entry_ids: dict[int, str] = {}
        """By the number of the entry in the wallet's ledger."""
        self._orders: dict[tuple[str, str], Timeline[Order]] = {}

    def new_day(self, day: int, start: int) -> None:
        if not self._layout.borrows:
            return
        dice = Random(mix(self._seed, day, _DICE))  # noqa: S311 - reproducible, not secret
        self._schedule(start + 6 * MINUTE, self._accrue)
        for collateral, coins in _COINS.items():
            coin = coins[int(dice.random() * len(coins))]
            share = Decimal(10 + int(dice.random() * 40)) / 100
            if dice.random() < 0.5:
                at = start + 11 * HOUR + int(dice.random() * HOUR)
                self._schedule(at, self._borrowing(coin, collateral, share))
            share = Decimal(20 + int(dice.random() * 80)) / 100
            if dice.random() < 0.4:
                at = start + 12 * HOUR + int(dice.random() * HOUR)
                self._schedule(at, self._repaying(coin, collateral, share))

    def orders(self, at: int) -> list[Order]:
        """Those that owe something."""
        found = [orders.latest(at) for _, orders in sorted(self._orders.items())]
        return [order for order in found if order is not None and order.debt]

    def pledged(self, at: int) -> dict[str, Decimal]:
        """Collateral by asset."""
        found: dict[str, Decimal] = {}
        for order in self.orders(at):
            found[order.collateral] = found.get(order.collateral, ZERO) + order.pledged
        return found

    # -- scheduled actions -----------------------------------------------------------------------

    def _borrowing(self, coin: str, collateral: str, share: Decimal) -> Callable[[int], None]:
        """A part of the collateral is taken from spot, and saved for it."""

        def borrow(at: int) -> None:
            self._saver.subscribe_collateral(at, collateral, share / 10)
            pledged = whole_steps(self._saver.unpledged(collateral) * share, _STEP)
            index = self._prices.index
            worth = pledged * index(collateral, at) / index(coin, at)
            amount = whole_steps(worth * _LTV, _STEP)
            if amount <= 0:
                return
            self._saver.pledge(collateral, pledged)
            order = self._head(coin, collateral)
            self._change(at, order, amount, pledged)
            deal = self._listed(at, "loan", coin, amount, collateral, pledged)
            self._book(at, deal, "borrow", amount)
            self._move(at, deal, LOAN, "spot")

        return borrow

    def _repaying(self, coin: str, collateral: str, share: Decimal) -> Callable[[int], None]:
        """All of the collateral is returned with the last of the debt."""

        def repay(at: int) -> None:
            order = self._head(coin, collateral)
            wanted = order.debt if share > _NEARLY_ALL else whole_steps(order.debt * share, _STEP)
            amount = min(wanted, self._account.free("spot", coin))
            if amount <= 0:
                return
            returned = order.pledged if amount == order.debt else ZERO
            self._saver.pledge(collateral, -returned)
            self._change(at, order, -amount, -returned)
            deal = self._listed(at, "repayment", coin, amount, collateral, returned)
            self._move(at, deal, "spot", LOAN)
            self._book(at, deal, "repay", -amount)

        return repay

    def _accrue(self, at: int) -> None:
        for order in self.orders(at):
            interest = whole_steps(order.debt * _DAILY, SATOSHI)
            self._change(at, order, interest, ZERO)
            self._account.owe(at, LOAN, order.coin, self._owed(order.coin))

    # -- internals -------------------------------------------------------------------------------

    def _head(self, coin: str, collateral: str) -> Order:
        known = self._orders.get((coin, collateral))
        return known.rows[-1] if known else Order(coin, collateral, ZERO, ZERO)

    def _change(self, at: int, order: Order, debt: Decimal, pledged: Decimal) -> None:
        after = order._replace(debt=order.debt + debt, pledged=order.pledged + pledged)
        pair = order.coin, order.collateral
        self._orders.setdefault(pair, Timeline()).append(at, after)

    def _owed(self, coin: str) -> Decimal:
        return sum((o.rows[-1].debt for pair, o in self._orders.items() if pair[0] == coin), ZERO)

    def _book(self, at: int, deal: Deal, kind: Literal["borrow", "repay"], amount: Decimal) -> None:
        self.entry_ids[len(self._account.books.ledger[LOAN].rows)] = deal.id
        self._account.lend(at, LOAN, deal.coin, kind, amount, self._owed(deal.coin))

    def _listed(
        self,
        at: int,
        name: Literal["loan", "repayment"],
        coin: str,
        amount: Decimal,
        collateral: str,
        moved: Decimal,
    ) -> Deal:
        deal = Deal(len(self.deals.rows), name, at, coin, amount, collateral, moved)
        self.deals.append(at, deal)
        return deal

    def _move(self, at: int, deal: Deal, from_wallet: Wallet, to_wallet: Wallet) -> None:
        moved = self._account.transfer(
            at, "transfer", deal.coin, deal.amount, from_wallet=from_wallet, to_wallet=to_wallet
        )
        self.transfer_ids[moved.number] = deal.id
