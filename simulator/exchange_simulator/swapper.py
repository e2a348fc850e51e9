"""Conversions in the main wallet, and of small balances, decided by pseudorandom numbers of their
own. They happen some seconds after they were offered."""

from decimal import Decimal
from random import Random

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR
from exchange_simulator.money import CENT, SATOSHI, nearest, round_fee, whole_steps
from exchange_simulator.prices import Prices
from exchange_simulator.pseudorandom import mix
from exchange_simulator.trader import Schedule

_DICE = 0x5FA99
_COINS = ("ETH", "SOL", "BTC")
_DOLLARS = "USDT"
_SMALL = ("SOL", "XRP", "ETH")
_FEE = Decimal("0.02")
"""Of what is received for small balances: "Request a Quote" of Bybit's Convert Small Balances."""


class Swapper:
    def __init__(
        self, seed: int, account: Account, prices: Prices, schedule: Schedule, layout: Layout
    ) -> None:
        self._seed = seed
        self._account = account
        self._prices = prices
        self._schedule = schedule
        self._layout = layout
        self._swaps = 0

    def new_day(self, day: int, start: int) -> None:
        if self._layout.repays:
            self._schedule(start + mix(self._seed, day, _DICE) % (24 * HOUR), self._repay)
        if not self._layout.swaps:
            return
        dice = Random(mix(self._seed, day, _DICE))  # noqa: S311 - reproducible, not secret
        for wallet in (self._layout.main, self._layout.spot_wallet):
            for _ in range(int(dice.random() * 3)):
                coin = _COINS[int(dice.random() * len(_COINS))]
                dollars = Decimal(500 + int(dice.random() * 3_000)) / 100
                buys = dice.random() < 0.7
                self._schedule(
                    start + int(dice.random() * 24 * HOUR),
                    lambda at, wallet=wallet, coin=coin, dollars=dollars, buys=buys: (  # type: ignore[misc]
                        self._convert(at, wallet, coin, dollars, buys)
                    ),
                )
        if dice.random() < 0.6:
            self._schedule(start + int(dice.random() * 24 * HOUR), self._swap)

    def _convert(self, at: int, wallet: str, coin: str, dollars: Decimal, buys: bool) -> None:
        amount = nearest(dollars / self._prices.index(coin, at))
        given = (_DOLLARS, dollars) if buys else (coin, amount)
        received = (coin, amount) if buys else (_DOLLARS, whole_steps(dollars, CENT))
        if self._account.free(wallet, given[0]) > 2 * given[1]:  # type: ignore[arg-type]
            self._account.convert(at, wallet, given, received, Decimal(0), quoted_at=at - 4_321)  # type: ignore[arg-type]

    def _repay(self, at: int) -> None:
        """Dollars become some of the bitcoin that may be owed."""
        dollars = Decimal(20) + at % 1_000 / Decimal(100)
        amount = nearest(dollars / self._prices.index("BTC", at))
        if self._account.free(self._layout.spot_wallet, _DOLLARS) > 2 * dollars:
            self._account.convert(
                at,
                self._layout.spot_wallet,
                (_DOLLARS, dollars),
                ("BTC", amount),
                Decimal(0),
                repays=True,
            )

    def _swap(self, at: int) -> None:
        """The small part of what is held of two or three coins becomes dollars."""
        wallet = self._layout.spot_wallet
        self._swaps += 1
        for place, coin in enumerate(_SMALL[: 2 + self._swaps % 2]):
            amount = nearest((1 + self._swaps + place) * SATOSHI * 1_000)
            if self._account.free(wallet, coin) < 2 * amount:
                continue
            worth = nearest(amount * self._prices.index(coin, at))
            self._account.convert(
                at,
                wallet,
                (coin, amount),
                (_DOLLARS, worth),
                round_fee(worth * _FEE),
                quoted_at=at - 9_876,
                swap=self._swaps,
            )
