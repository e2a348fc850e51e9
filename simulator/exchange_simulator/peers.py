"""Deals with other users of an exchange: crypto bought and sold, and payments received and made.

Decided by pseudorandom numbers of its own, so that the trading is the same with and without it."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import NamedTuple

from exchange_simulator.account import Account
from exchange_simulator.identity import hexadecimal, snowflake
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR
from exchange_simulator.money import SATOSHI, ZERO, round_fee, whole_steps
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Transfer, Wallet
from exchange_simulator.timeline import Timeline
from exchange_simulator.trader import Schedule

_DICE = 0x9EE25
_DOLLARS = "USDT"
_MAKER_FEE = Decimal("0.001")
_TINY = Decimal("0.0005")


class Deal(NamedTuple):
    """Crypto bought or sold. The fee of the one who advertised it is in crypto."""

    number: int
    id: str
    maker: bool
    transfer: Transfer


class Payment(NamedTuple):
    """Received or paid; several assets and wallets may have paid."""

    number: int
    id: str
    parts: tuple[Transfer, ...]


class Peers:
    def __init__(self, seed: int, account: Account, schedule: Schedule, layout: Layout) -> None:
        self._seed = seed
        self._account = account
        self._schedule = schedule
        self._layout = layout
        self.deals: Timeline[Deal] = Timeline()
        self.payments: Timeline[Payment] = Timeline()
        self.deal_of: dict[int, Deal] = {}
        """By the number of its transfer, as `payment_of`."""
        self.payment_of: dict[int, Payment] = {}

    def new_day(self, day: int, start: int) -> None:
        if not self._layout.deals_with_peers:
            return
        dice = Random(mix(self._seed, day, _DICE))  # noqa: S311 - reproducible, not secret
        for hours, action in ((4, self._buyer), (9, self._payee), (14, self._seller)):
            if dice.random() < 0.7:
                amount = Decimal(5_000 + int(dice.random() * 15_000)) / 100
                maker = dice.random() < 0.5
                at = start + hours * HOUR + int(dice.random() * 4 * HOUR)
                # a whole second, as Binance's withdrawals from the chain have
                self._schedule(at - at % 1000, action(amount, maker))
        for hours in (5, 18):
            amount = Decimal(1_000 + int(dice.random() * 4_000)) / 100
            at = start + hours * HOUR + int(dice.random() * 4 * HOUR)
            self._schedule(at - at % 1000, self._payer(amount, int(dice.random() * 3)))

    # -- scheduled actions -----------------------------------------------------------------------

    def _buyer(self, amount: Decimal, maker: bool) -> Callable[[int], None]:
        def buy(at: int) -> None:
            fee = self._fee(amount, maker)
            bought = self._account.transfer(
                at, "deposit", _DOLLARS, amount - fee, to_wallet="funding", fee=fee
            )
            self._deal(at, maker, bought)

        return buy

    def _seller(self, amount: Decimal, maker: bool) -> Callable[[int], None]:
        def sell(at: int) -> None:
            fee = self._fee(amount, maker)
            if self._account.free("funding", _DOLLARS) > amount + fee:
                sold = self._account.transfer(
                    at, "withdrawal", _DOLLARS, amount, from_wallet="funding", fee=fee
                )
                self._deal(at, maker, sold)

        return sell

    def _payee(self, amount: Decimal, in_spot: bool) -> Callable[[int], None]:
        def receive(at: int) -> None:
            wallet: Wallet = "spot" if in_spot else "funding"
            self._pay(
                at, [self._account.transfer(at, "deposit", _DOLLARS, amount, to_wallet=wallet)]
            )

        return receive

    def _payer(self, amount: Decimal, way: int) -> Callable[[int], None]:
        """From funding, from funding and spot, or from both with some of a different asset."""

        def pay(at: int) -> None:
            half = whole_steps(amount / 2, SATOSHI)
            shares: list[tuple[Wallet, str, Decimal]] = [("funding", _DOLLARS, amount)]
            if way:
                shares = [("funding", _DOLLARS, half), ("spot", _DOLLARS, amount - half)]
            if way == 2:
                shares.append(("spot", "ETH", _TINY))
            if all(self._account.free(wallet, asset) > paid for wallet, asset, paid in shares):
                self._pay(
                    at,
                    [
                        self._account.transfer(at, "withdrawal", asset, paid, from_wallet=wallet)
                        for wallet, asset, paid in shares
                    ],
                )

        return pay

    def _fee(self, amount: Decimal, maker: bool) -> Decimal:
        return round_fee(amount * _MAKER_FEE) if maker else ZERO

    def _deal(self, at: int, maker: bool, transfer: Transfer) -> None:
        number = len(self.deals.rows)
        deal = Deal(number, snowflake(self._seed, number, at), maker, transfer)
        self.deals.append(at, deal)
        self.deal_of[transfer.number] = deal

    def _pay(self, at: int, parts: list[Transfer]) -> None:
        number = len(self.payments.rows)
        name = f"M_P_{int(hexadecimal(self._seed, 'pay', number)[:14], 16)}"
        payment = Payment(number, name, tuple(parts))
        self.payments.append(at, payment)
        self.payment_of |= dict.fromkeys((part.number for part in parts), payment)
