"""Rebates, decided by pseudorandom numbers of their own, so that the trading is the same with and
without them."""

from decimal import Decimal
from random import Random
from typing import Literal

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR
from exchange_simulator.money import SATOSHI
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Reward
from exchange_simulator.timeline import Timeline
from exchange_simulator.trader import Schedule

_DICE = 0x2EBA7
_ASSETS = ("USDT", "BTC", "ETH", "USDT")
_A_DAY = 30


class Referrer:
    def __init__(self, seed: int, account: Account, schedule: Schedule, layout: Layout) -> None:
        self._seed = seed
        self._account = account
        self._schedule = schedule
        self._layout = layout
        self.rebates: Timeline[Reward] = Timeline()

    def new_day(self, day: int, start: int) -> None:
        """Many at once, some of which are equal."""
        if not self._layout.refers:
            return
        dice = Random(mix(self._seed, day, _DICE))  # noqa: S311 - reproducible, not secret
        for hours in (4, 12):
            at = start + hours * HOUR + int(dice.random() * HOUR)
            paid = [
                (
                    _ASSETS[int(dice.random() * len(_ASSETS))],
                    (1 + int(dice.random() * 9)) * 100 * SATOSHI,
                    dice.random() < 0.3,
                )
                for _ in range(_A_DAY)
            ]
            self._schedule(at, lambda now, paid=paid: self._pay(now, paid))  # type: ignore[misc]

    def _pay(self, at: int, paid: list[tuple[str, Decimal, bool]]) -> None:
        for asset, amount, own in paid:
            wallet = self._layout.spot_wallet
            product: Literal["rebate", "kickback"] = "kickback" if own else "rebate"
            rebate = Reward(len(self.rebates.rows), at, wallet, asset, amount, product)
            self.rebates.append(at, rebate)
            self._account.books.book(at, wallet, asset, "reward", amount, rebate)
