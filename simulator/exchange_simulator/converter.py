"""Conversions outside of the order book, decided by pseudorandom numbers of their own."""

from decimal import Decimal
from random import Random

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR
from exchange_simulator.money import CENT, nearest, round_fee, whole_steps
from exchange_simulator.prices import Prices
from exchange_simulator.pseudorandom import mix
from exchange_simulator.trader import Schedule

_DICE = 0xC0117
_COINS = ("ETH", "SOL", "BTC")
_DOLLARS = "USDT"
_FEE = Decimal("0.01")


class Converter:
    def __init__(
        self, seed: int, account: Account, prices: Prices, schedule: Schedule, layout: Layout
    ) -> None:
        self._seed = seed
        self._account = account
        self._prices = prices
        self._schedule = schedule
        self._layout = layout

    def new_day(self, day: int, start: int) -> None:
        if not self._layout.converts:
            return
        dice = Random(mix(self._seed, day, _DICE))  # noqa: S311 - reproducible, not secret
        for _ in range(int(dice.random() * 3)):
            coin = _COINS[int(dice.random() * len(_COINS))]
            dollars = Decimal(2_000 + int(dice.random() * 30_000)) / 100
            buys = dice.random() < 0.5
            self._schedule(
                start + int(dice.random() * 24 * HOUR),
                lambda at, coin=coin, dollars=dollars, buys=buys: self._convert(  # type: ignore[misc]
                    at, coin, dollars, buys
                ),
            )

    def _convert(self, at: int, coin: str, dollars: Decimal, buys: bool) -> None:
        wallet = self._layout.spot_wallet
        amount = nearest(dollars / self._prices.index(coin, at))
        given = (_DOLLARS, dollars) if buys else (coin, amount)
        received = (coin, amount) if buys else (_DOLLARS, whole_steps(dollars, CENT))
        fee = round_fee(given[1] * _FEE) if self._layout.converts == "for a fee" else Decimal(0)
        if self._account.free(wallet, given[0]) > 2 * given[1]:
            self._account.convert(at, wallet, given, received, fee)
