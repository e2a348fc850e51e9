"""ETH and SOL staked for tokens that stand for them, and redeemed.

A redemption takes some days: until then, what is redeemed is in the wallet `staking`. Decided by
pseudorandom numbers of its own, so that the trading is the same with and without it.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import NamedTuple

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import DAY, HOUR
from exchange_simulator.money import ZERO, nearest, plain, whole_steps
from exchange_simulator.prices import STAKED
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Wallet
from exchange_simulator.timeline import Timeline
from exchange_simulator.trader import Schedule

_DICE = 0x57A4E
_STEP = Decimal("0.0001")
_TOKENS = {"ETH": "WBETH", "SOL": "BNSOL"}


class Swap(NamedTuple):
    """Coins given for tokens or back, in one of the exchange's lists."""

    list: str
    number: int
    happened_at: int
    arrives_at: int
    given: tuple[str, Decimal]
    received: tuple[str, Decimal]

    @property
    def id(self) -> str:
        asset, amount = self.given
        return f"{self.list} {self.happened_at} {asset} {plain(amount)}"


class Staker:
    def __init__(self, seed: int, account: Account, schedule: Schedule, layout: Layout) -> None:
        self._seed = seed
        self._account = account
        self._schedule = schedule
        self._layout = layout
        self.swaps: Timeline[Swap] = Timeline()
        self.conversion_ids: dict[int, str] = {}
        """By the number of the conversion."""
        self.transfer_ids: dict[int, str] = {}
        """By the number of the transfer."""

    def new_day(self, day: int, start: int) -> None:
        if not self._layout.stakes:
            return
        dice = Random(mix(self._seed, day, _DICE))  # noqa: S311 - reproducible, not secret
        for coin in _TOKENS:
            share = Decimal(4 + int(dice.random() * 12)) / 100
            self._schedule(_within(dice, start, 1, 8), self._staking(coin, share))
            if dice.random() < 0.6:
                share = Decimal(10 + int(dice.random() * 20)) / 100
                pause = int((0.2 + dice.random() * 2.5) * DAY)
                self._schedule(_within(dice, start, 9, 20), self._redeeming(coin, share, pause))
        if dice.random() < 0.7:
            share = Decimal(10 + int(dice.random() * 20)) / 100
            self._schedule(_within(dice, start, 8, 9), self._unwrap(share))

    # -- scheduled actions -----------------------------------------------------------------------

    def _staking(self, coin: str, share: Decimal) -> Callable[[int], None]:
        def stake(at: int) -> None:
            token = _TOKENS[coin]
            amount = whole_steps(self._account.free("spot", coin) * share, _STEP)
            if amount > 0:
                received = token, nearest(amount / STAKED[token][1])
                self._swap(at, f"{coin.lower()} stake", (coin, amount), received)

        return stake

    def _unwrap(self, share: Decimal) -> Callable[[int], None]:
        """Of what is unwrapped, half is wrapped again later."""

        def unwrap(at: int) -> None:
            ratio = STAKED["WBETH"][1]
            amount = whole_steps(self._account.free("spot", "WBETH") * share, _STEP)
            if amount > 0:
                old = nearest(amount * ratio)
                self._swap(at, "wbeth unwrap", ("WBETH", amount), ("BETH", old))
                half = whole_steps(old / 2, _STEP)
                received = "WBETH", nearest(half / ratio)
                self._schedule(
                    at + HOUR, lambda now: self._swap(now, "beth wrap", ("BETH", half), received)
                )

        return unwrap

    def _redeeming(self, coin: str, share: Decimal, pause: int) -> Callable[[int], None]:
        def redeem(at: int) -> None:
            token = _TOKENS[coin]
            amount = whole_steps(self._account.free("spot", token) * share, _STEP)
            if amount <= 0:
                return
            received = coin, nearest(amount * STAKED[token][1])
            name = f"{coin.lower()} redemption"
            swap = self._listed(at, name, (token, amount), received, at + pause)
            left = self._account.transfer(
                at, "transfer", token, amount, from_wallet="spot", to_wallet="staking"
            )
            self.transfer_ids[left.number] = f"{swap.id} leaves"
            self._schedule(at + pause, self._arrival(swap))

        return redeem

    def _arrival(self, swap: Swap) -> Callable[[int], None]:
        def arrive(at: int) -> None:
            self._convert(at, "staking", swap)
            asset, amount = swap.received
            arrived = self._account.transfer(
                at, "transfer", asset, amount, from_wallet="staking", to_wallet="spot"
            )
            self.transfer_ids[arrived.number] = f"{swap.id} arrives"

        return arrive

    # -- internals -------------------------------------------------------------------------------

    def _swap(
        self, at: int, name: str, given: tuple[str, Decimal], received: tuple[str, Decimal]
    ) -> None:
        if given[1] > 0:
            self._convert(at, "spot", self._listed(at, name, given, received, at))

    def _listed(
        self,
        at: int,
        name: str,
        given: tuple[str, Decimal],
        received: tuple[str, Decimal],
        arrives_at: int,
    ) -> Swap:
        swap = Swap(name, len(self.swaps.rows), at, arrives_at, given, received)
        self.swaps.append(at, swap)
        return swap

    def _convert(self, at: int, wallet: Wallet, swap: Swap) -> None:
        self._account.convert(at, wallet, swap.given, swap.received, ZERO)
        self.conversion_ids[self._account.conversions.rows[-1].number] = swap.id


def _within(dice: Random, start: int, first: int, last: int) -> int:
    """A time between two hours of a day, in milliseconds."""
    return start + first * HOUR + int(dice.random() * (last - first) * HOUR)
