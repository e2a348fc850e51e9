"""Loans against collateral that is moved into the wallet `loan`, and back.

What is borrowed comes into that wallet with the debt and goes on to the main wallet, a repayment
comes from there and takes the debt away. Interest is added to the debt. Decided by pseudorandom
numbers of their own, so that the trading is the same with and without it.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Literal

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR
from exchange_simulator.money import SATOSHI, ZERO, whole_steps
from exchange_simulator.prices import Prices
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Wallet
from exchange_simulator.trader import Schedule

LOAN: Wallet = "loan"
_DICE = 0x91ED6E
_STEP = Decimal("0.0001")
_LTV = Decimal("0.4")
_DAILY = Decimal("0.0002")


class Pledger:
    def __init__(
        self, seed: int, account: Account, prices: Prices, schedule: Schedule, layout: Layout
    ) -> None:
        self._seed = seed
        self._account = account
        self._prices = prices
        self._schedule = schedule
        self._layout = layout
        self._owed: dict[str, Decimal] = {}

    def new_day(self, day: int, start: int) -> None:
        """Each step has an hour of its own, so that no two of them are at the same time."""
        for place, (collateral, coin) in enumerate(self._layout.pledged.items()):
            dice = Random(mix(self._seed, day, _DICE, place))  # noqa: S311 - reproducible
            steps = (
                (self._accrue(coin), 1.0),
                (self._pledge(collateral, _share(dice, 5, 20)), 0.6),
                (self._borrow(coin, collateral, _share(dice, 20, 60)), 0.6),
                (self._repay(coin, _share(dice, 20, 60)), 0.5),
                (self._release(collateral, _share(dice, 5, 30)), 0.4),
            )
            for number, (step, chance) in enumerate(steps):
                at = start + (3 + 3 * number + place) * HOUR + int(dice.random() * 3_000) * 1000
                if dice.random() < chance:
                    self._schedule(at, step)

    # -- scheduled actions -----------------------------------------------------------------------

    def _pledge(self, collateral: str, share: Decimal) -> Callable[[int], None]:
        def pledge(at: int) -> None:
            home, main = self._layout.spot_wallet, self._layout.main
            amount = whole_steps(self._account.free(home, collateral) * share, _STEP)
            if amount > 0:
                self._move(at, collateral, amount, home, main)
                self._move(at + 1000, collateral, amount, main, LOAN)

        return pledge

    def _borrow(self, coin: str, collateral: str, share: Decimal) -> Callable[[int], None]:
        def borrow(at: int) -> None:
            index = self._prices.index
            held = self._account.books.head(LOAN, collateral)
            most = held * index(collateral, at) / index(coin, at) * _LTV - self._debt(coin)
            amount = whole_steps(most * share, _STEP)
            if amount > 0:
                self._book(at, "borrow", coin, amount)
                self._move(at, coin, amount, LOAN, self._layout.main)

        return borrow

    def _repay(self, coin: str, share: Decimal) -> Callable[[int], None]:
        def repay(at: int) -> None:
            wanted = whole_steps(self._debt(coin) * share, _STEP)
            amount = min(wanted, self._account.free(self._layout.main, coin))
            if amount > 0:
                self._move(at, coin, amount, self._layout.main, LOAN)
                self._book(at, "repay", coin, -amount)

        return repay

    def _release(self, collateral: str, share: Decimal) -> Callable[[int], None]:
        def release(at: int) -> None:
            amount = whole_steps(self._account.books.head(LOAN, collateral) * share, _STEP)
            if amount > 0:
                self._move(at, collateral, amount, LOAN, self._layout.main)

        return release

    def _accrue(self, coin: str) -> Callable[[int], None]:
        def accrue(at: int) -> None:
            if interest := whole_steps(self._debt(coin) * _DAILY, SATOSHI):
                self._owed[coin] += interest
                self._account.owe(at, LOAN, coin, self._owed[coin])

        return accrue

    # -- internals -------------------------------------------------------------------------------

    def _debt(self, coin: str) -> Decimal:
        return self._owed.get(coin, ZERO)

    def _book(self, at: int, kind: Literal["borrow", "repay"], coin: str, amount: Decimal) -> None:
        self._owed[coin] = self._debt(coin) + amount
        self._account.lend(at, LOAN, coin, kind, amount, self._owed[coin])

    def _move(
        self, at: int, asset: str, amount: Decimal, from_wallet: Wallet, to_wallet: Wallet
    ) -> None:
        self._account.transfer(
            at, "transfer", asset, amount, from_wallet=from_wallet, to_wallet=to_wallet
        )


def _share(dice: Random, first: int, last: int) -> Decimal:
    return Decimal(first + int(dice.random() * (last - first))) / 100
