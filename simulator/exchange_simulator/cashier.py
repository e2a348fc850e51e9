"""Fiat money paid in and out, and crypto bought and sold for it.

Decided by pseudorandom numbers of its own, so that the trading is the same with and without it."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import NamedTuple

from exchange_simulator.account import Account
from exchange_simulator.identity import hexadecimal, uuid
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR, MINUTE
from exchange_simulator.money import CENT, ZERO, nearest, whole_steps
from exchange_simulator.prices import Prices
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Conversion, Transfer
from exchange_simulator.timeline import Timeline
from exchange_simulator.trader import Schedule

_DICE = 0xCA54
_MONEY = "EUR"
_BANK_FEE = Decimal("1.50")
_SMALLEST = Decimal(20)
_COINS = ("BTC", "ETH", "SOL")
_BALANCE = "Cash Balance"
_METHODS = (_BALANCE, "Credit Card", "Online Banking", "Bank Transfer")
_CARD_FEE = Decimal("0.02")


class FiatOrder(NamedTuple):
    """A deposit or a withdrawal of fiat money. Its fee is part of the amount that was ordered."""

    number: int
    id: str
    transfer: Transfer


class Payment(NamedTuple):
    """Crypto that was bought or sold for fiat money."""

    number: int
    id: str
    bought: bool
    method: str
    conversion: Conversion


class Cashier:
    def __init__(
        self, seed: int, account: Account, prices: Prices, schedule: Schedule, layout: Layout
    ) -> None:
        self._seed = seed
        self._account = account
        self._prices = prices
        self._schedule = schedule
        self._layout = layout
        self.orders: Timeline[FiatOrder] = Timeline()
        self.payments: Timeline[Payment] = Timeline()
        self.ids: dict[int, str] = {}
        """The exchange's ids by the number of a transfer."""
        self.payment_ids: dict[int, str] = {}
        """The same by the number of a conversion."""

    def new_day(self, day: int, start: int) -> None:
        if not self._layout.pays_in_fiat:
            return
        dice = Random(mix(self._seed, day, _DICE))  # noqa: S311 - reproducible, not secret
        self._bank(start, dice)
        self._brokerage(start, dice)

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

    def _brokerage(self, start: int, dice: Random) -> None:
        for _ in range(1 + int(dice.random() * 2)):
            coin = _COINS[int(dice.random() * len(_COINS))]
            money = Decimal(5_000 + int(dice.random() * 20_000)) / 100
            method = _METHODS[int(dice.random() * len(_METHODS))]
            self._schedule(_within(dice, start, 2, 11), self._buyer(coin, money, method))
        if dice.random() < 0.6:
            coin = _COINS[int(dice.random() * len(_COINS))]
            money = Decimal(3_000 + int(dice.random() * 9_000)) / 100
            self._schedule(_within(dice, start, 11, 20), self._seller(coin, money))

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

    def _buyer(self, coin: str, money: Decimal, method: str) -> Callable[[int], None]:
        """What is not paid from the balance arrives with the purchase."""

        def buy(at: int) -> None:
            wallet = self._layout.spot_wallet
            fee = ZERO if method == _BALANCE else whole_steps(money * _CARD_FEE, CENT)
            if method != _BALANCE:
                paid = self._account.transfer(at, "deposit", _MONEY, money, to_wallet=wallet)
                self.ids[paid.number] = f"purchase {self._payment_id()}"
            elif self._account.free(wallet, _MONEY) < money:
                return
            crypto = nearest((money - fee) / self._price(coin, at))
            self._account.convert(at, wallet, (_MONEY, money - fee), (coin, crypto), fee)
            self._pay(at, method)

        return buy

    def _seller(self, coin: str, money: Decimal) -> Callable[[int], None]:
        def sell(at: int) -> None:
            wallet = self._layout.spot_wallet
            crypto = nearest(money / self._price(coin, at))
            if self._account.free(wallet, coin) > 2 * crypto:
                self._account.convert(at, wallet, (coin, crypto), (_MONEY, money), ZERO)
                self._pay(at, "")

        return sell

    def _price(self, coin: str, at: int) -> Decimal:
        return self._prices.index(coin, at) / self._prices.index(_MONEY, at)

    def _payment_id(self) -> str:
        """Of the next payment."""
        return hexadecimal(self._seed, "payment", len(self.payments.rows))[:32]

    def _pay(self, at: int, method: str) -> None:
        """Record the newest conversion; `method` is blank for a sale."""
        number, conversion = len(self.payments.rows), self._account.conversions.rows[-1]
        payment = Payment(number, self._payment_id(), bool(method), method, conversion)
        self.payments.append(at, payment)
        self.payment_ids[conversion.number] = payment.id

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
