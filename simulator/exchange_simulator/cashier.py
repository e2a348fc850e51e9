"""Fiat money paid in and out, decided by pseudorandom numbers of its own, so that the trading is
the same with and without it."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import NamedTuple

from exchange_simulator.account import Account
from exchange_simulator.identity import uuid
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR, MINUTE
from exchange_simulator.money import CENT, ZERO, whole_steps
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Transfer
from exchange_simulator.timeline import Timeline
from exchange_simulator.trader import Schedule

_DICE = 0xCA54
_MONEY = "EUR"
_BANK_FEE = Decimal("1.50")
_SMALLEST = Decimal(20)


class FiatOrder(NamedTuple):
    """A deposit or a withdrawal of fiat money. Its fee is part of the amount that was ordered."""

    number: int
    id: str
    transfer: Transfer


class Cashier:
    def __init__(self, seed: int, account: Account, schedule: Schedule, layout: Layout) -> None:
        self._seed = seed
        self._account = account
        self._schedule = schedule
        self._layout = layout
        self.orders: Timeline[FiatOrder] = Timeline()
        self.ids: dict[int, str] = {}
        """The exchange's ids by the number of a transfer."""

    def new_day(self, day: int, start: int) -> None:
        if not self._layout.pays_in_fiat:
            return
        dice = Random(mix(self._seed, day, _DICE))  # noqa: S311 - reproducible, not secret
        self._bank(start, dice)

    def _bank(self, start: int, dice: Random) -> None:
        if dice.random() < 0.8:
            amount = Decimal(20_000 + int(dice.random() * 90_000)) / 100
            fee = _BANK_FEE if dice.random() < 0.3 else ZERO
            self._schedule(_within(dice, start, 1, 9), self._depositor(amount - fee, fee))
        if dice.random() < 0.7:
            share = Decimal(2 + int(dice.random() * 20)) / 100
            called_off = dice.random() < 0.25
            pause = int((3 + dice.random() * 50) * MINUTE)
            self._schedule(_within(dice, start, 12, 22), self._withdrawer(share, pause, called_off))

    # -- scheduled actions -----------------------------------------------------------------------

    def _depositor(self, amount: Decimal, fee: Decimal) -> Callable[[int], None]:
        def deposit(at: int) -> None:
            wallet = self._layout.spot_wallet
            self._order(
                at,
                self._account.transfer(at, "deposit", _MONEY, amount, to_wallet=wallet, fee=fee),
            )

        return deposit

    def _withdrawer(self, share: Decimal, pause: int, called_off: bool) -> Callable[[int], None]:
        def withdraw(at: int) -> None:
            wallet = self._layout.spot_wallet
            ordered = whole_steps(self._account.free(wallet, _MONEY) * share, CENT)
            if ordered < _SMALLEST:
                return
            transfer = self._account.transfer(
                at,
                "withdrawal",
                _MONEY,
                ordered - _BANK_FEE,
                from_wallet=wallet,
                fee=_BANK_FEE,
                done_at=at + pause,
                end="canceled" if called_off else "ok",
            )
            self._order(at, transfer)
            if called_off:
                self._schedule(at + pause, lambda now: self._account.refund(now, transfer))

        return withdraw

    def _order(self, at: int, transfer: Transfer) -> None:
        number = len(self.orders.rows)
        order = FiatOrder(number, uuid(self._seed, "fiat order", number), transfer)
        self.orders.append(at, order)
        self.ids[transfer.number] = order.id


def _within(dice: Random, start: int, first: int, last: int) -> int:
    """A time between two hours of a day, in milliseconds; a whole second, as Binance's withdrawals
    from the chain have."""
    at = start + first * HOUR + int(dice.random() * (last - first) * HOUR)
    return at - at % 1000
