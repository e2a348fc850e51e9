"""Money in products that pay rewards: what is subscribed, what is redeemed, and the rewards.

Flexible products pay in two ways: one reward is added to the position, the other is paid to spot.
Locked products pay to spot every day, and are returned when their time is over. The amounts come
from a pseudorandom stream of their own, so that the trading is the same with and without them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Literal, NamedTuple

from exchange_simulator.account import Account
from exchange_simulator.markets import DAY, HOUR, MINUTE
from exchange_simulator.money import SATOSHI, ZERO, whole_steps
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Reward, Transfer, Wallet
from exchange_simulator.timeline import Timeline
from exchange_simulator.trader import Schedule

Product = Literal["flexible", "locked"]
_STREAM = 7_001
_ASSETS = ("USDT", "BTC", "ETH")
_LOCKED_DAYS = 5
_DAILY = Decimal("0.0001")
_BONUS = Decimal("0.00003")


class Move(NamedTuple):
    """A subscription or a redemption."""

    number: int
    product: Product
    action: Literal["subscription", "redemption"]
    position: int
    """The locked position; 0 for flexible products, which have one per asset."""
    transfer: Transfer
    is_collateral: bool = False
    """Whether it was subscribed as collateral of a loan."""

    @property
    def id(self) -> int:
        return (26_055 if self.action == "subscription" else 40_607) + self.number

    @property
    def name(self) -> str:
        return f"{self.product} {self.action} {self.id}"


@dataclass(frozen=True, slots=True)
class Locked:
    position: int
    asset: str
    amount: Decimal
    since: int
    until: int


class Saver:
    def __init__(self, seed: int, account: Account, schedule: Schedule) -> None:
        self._seed = seed
        self._account = account
        self._schedule = schedule
        self.moves: dict[int, Move] = {}
        """By the number of their transfer."""
        self.history: Timeline[Move] = Timeline()
        self.rewards: Timeline[Reward] = Timeline()
        self._locked: list[Locked] = []
        self._flexible: dict[str, Timeline[Decimal]] = {}
        self._pledged: dict[str, Decimal] = {}

    def new_day(self, day: int, start: int) -> None:
        dice = Random(mix(self._seed, _STREAM + day))  # noqa: S311 - reproducible, not secret
        self._schedule(start + 5 * MINUTE, self._pay)
        for product in ("flexible", "locked"):
            asset = _ASSETS[int(dice.random() * len(_ASSETS))]
            share = Decimal(2 + int(dice.random() * 6)) / 100
            at = start + HOUR + int(dice.random() * 10 * HOUR)
            self._schedule(at, self._subscriber(product, asset, share))
        if dice.random() < 0.6:
            asset = _ASSETS[int(dice.random() * len(_ASSETS))]
            share = Decimal(30 + int(dice.random() * 50)) / 100
            at = start + 13 * HOUR + int(dice.random() * 10 * HOUR)
            self._schedule(at, self._redeemer(asset, share))

    def flexible(self, at: int) -> dict[str, Decimal]:
        """What is in flexible products, by asset."""
        amounts = {asset: held.latest(at) or ZERO for asset, held in self._flexible.items()}
        return {asset: amount for asset, amount in sorted(amounts.items()) if amount}

    def locked(self, at: int) -> list[Locked]:
        return [held for held in self._locked if held.since <= at < held.until]

    # -- collateral ------------------------------------------------------------------------------

    def unpledged(self, asset: str) -> Decimal:
        """What is in a flexible product now and is not collateral."""
        return self._head(asset) - self._pledged.get(asset, ZERO)

    def pledge(self, asset: str, amount: Decimal) -> None:
        """Make so much of it collateral of a loan; less than zero: release it."""
        self._pledged[asset] = self._pledged.get(asset, ZERO) + amount

    def subscribe_collateral(self, at: int, asset: str, share: Decimal) -> None:
        """Save a share of what is in spot, to pledge it."""
        amount = whole_steps(self._account.free("spot", asset) * share, Decimal("0.0001"))
        if amount > 0:
            self._move(
                at,
                *("flexible", "subscription", asset, amount, "spot", "earn", 0),
                is_collateral=True,
            )
            self._hold(at, asset, amount)

    # -- scheduled actions -----------------------------------------------------------------------

    def _subscriber(self, product: Product, asset: str, share: Decimal) -> Callable[[int], None]:
        def subscribe(at: int) -> None:
            free = self._account.free("spot", asset)
            amount = whole_steps(free * share, Decimal("0.0001"))
            if amount <= 0:
                return
            move = self._move(at, product, "subscription", asset, amount, "spot", "earn", 0)
            if product == "flexible":
                self._hold(at, asset, amount)
            else:
                until = at + _LOCKED_DAYS * DAY
                held = Locked(move.position, asset, amount, at, until)
                self._locked.append(held)
                self._schedule(until, self._matured(held))

        return subscribe

    def _matured(self, held: Locked) -> Callable[[int], None]:
        def mature(at: int) -> None:
            self._move(
                at, "locked", "redemption", held.asset, held.amount, "earn", "spot", held.position
            )

        return mature

    def _redeemer(self, asset: str, share: Decimal) -> Callable[[int], None]:
        def redeem(at: int) -> None:
            amount = whole_steps(self.unpledged(asset) * share, Decimal("0.0001"))
            if amount > 0:
                self._move(at, "flexible", "redemption", asset, amount, "earn", "spot", 0)
                self._hold(at, asset, -amount)

        return redeem

    def _pay(self, at: int) -> None:
        for asset in sorted(self._flexible):
            held = self._head(asset)
            self._reward(at, "earn", asset, held * _DAILY, "flexible")
            self._reward(at, "spot", asset, held * _BONUS, "flexible")
        for locked in self.locked(at):
            self._reward(at, "spot", locked.asset, locked.amount * _DAILY, "locked")

    # -- internals -------------------------------------------------------------------------------

    def _move(
        self,
        at: int,
        product: Product,
        action: Literal["subscription", "redemption"],
        asset: str,
        amount: Decimal,
        source: Wallet,
        target: Wallet,
        position: int,
        *,
        is_collateral: bool = False,
    ) -> Move:
        transfer = self._account.transfer(
            at, "transfer", asset, amount, from_wallet=source, to_wallet=target
        )
        number = len(self.history.rows)
        if product == "locked":
            position = position or 123_123 + number
        move = Move(number, product, action, position, transfer, is_collateral)
        self.moves[transfer.number] = move
        self.history.append(at, move)
        return move

    def _reward(
        self, at: int, wallet: Wallet, asset: str, amount: Decimal, product: Product
    ) -> None:
        paid = whole_steps(amount, SATOSHI)
        if not paid:
            return
        reward = Reward(len(self.rewards.rows), at, wallet, asset, paid, product)
        self.rewards.append(at, reward)
        self._account.books.book(at, wallet, asset, "reward", paid, reward)
        if wallet == "earn":
            self._hold(at, asset, paid)

    def _hold(self, at: int, asset: str, change: Decimal) -> None:
        after = self._head(asset) + change
        self._flexible.setdefault(asset, Timeline()).append(at, after)

    def _head(self, asset: str) -> Decimal:
        held = self._flexible.get(asset)
        return held.rows[-1] if held else ZERO
