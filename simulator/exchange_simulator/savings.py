"""What is saved in the wallet earn: it is moved there and back, and earns a reward every day.

Decided by pseudorandom numbers of its own, so that what happens otherwise does not depend on it.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR
from exchange_simulator.money import SATOSHI, whole_steps
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Wallet
from exchange_simulator.trader import Schedule

EARN: Wallet = "earn"
_DICE = 0x5A7E
_DAILY = Decimal("0.00011")
"""The reward of a day, about 4 % a year."""


class Savings:
    def __init__(self, seed: int, account: Account, schedule: Schedule, layout: Layout) -> None:
        self._seed = seed
        self._account = account
        self._schedule = schedule
        self._layout = layout

    def new_day(self, day: int, start: int) -> None:
        for place, (asset, most) in enumerate(self._layout.savings.items()):
            dice = Random(mix(self._seed, day, _DICE, place))  # noqa: S311 - reproducible
            self._schedule(start + HOUR, self._reward(asset))
            at = start + int((2 + dice.random() * 21) * HOUR)
            share = Decimal(20 + int(dice.random() * 80)) / 100
            if dice.random() < 0.4:
                self._schedule(at, self._save(asset, most, share))
            elif dice.random() < 0.4:
                self._schedule(at, self._take_back(asset, share))

    def _reward(self, asset: str) -> Callable[[int], None]:
        def reward(at: int) -> None:
            saved = self._account.books.head(EARN, asset)
            amount = whole_steps(saved * _DAILY, SATOSHI)
            if amount > 0:
                paid_out = self._layout.staked | self._layout.paid_out
                paid_to = self._layout.main if asset in paid_out else EARN
                self._account.transfer(at, "reward", asset, amount, to_wallet=paid_to)

        return reward

    def _save(self, asset: str, most: Decimal, share: Decimal) -> Callable[[int], None]:
        """A share of what is missing, if there is so much in the main wallet."""

        def save(at: int) -> None:
            missing = most - self._account.books.head(EARN, asset)
            spare = self._account.free(self._layout.main, asset) / 2
            amount = whole_steps(min(missing * share, spare), Decimal("0.0001"))
            if amount > 0:
                self._move(at, asset, amount, self._layout.main, EARN)

        return save

    def _take_back(self, asset: str, share: Decimal) -> Callable[[int], None]:
        def take_back(at: int) -> None:
            amount = whole_steps(self._account.books.head(EARN, asset) * share, Decimal("0.0001"))
            if amount > 0:
                self._move(at, asset, amount, EARN, self._layout.main)

        return take_back

    def _move(
        self, at: int, asset: str, amount: Decimal, from_wallet: Wallet, to_wallet: Wallet
    ) -> None:
        self._account.transfer(
            at, "transfer", asset, amount, from_wallet=from_wallet, to_wallet=to_wallet
        )
