"""Coins that are staked for a token of their own at 1:1, as ETH for BETH, and back.

What is given leaves the main wallet at once, for the wallet `staking`, where it is exchanged once
the request is completed: a purchase after minutes, a redemption after days. Every day what is held
of a token earns more of it. Decided by pseudorandom numbers of their own.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Literal, NamedTuple

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import DAY, HOUR, MINUTE
from exchange_simulator.money import SATOSHI, whole_steps
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import Wallet
from exchange_simulator.timeline import Timeline
from exchange_simulator.trader import Schedule

STAKING: Wallet = "staking"
_DICE = 0x57A4E
_DAILY = Decimal("0.00008")
_SECOND = 1000


class Request(NamedTuple):
    """A purchase of a token, or a redemption."""

    number: int
    happened_at: int
    kind: Literal["purchase", "redeem"]
    coin: str
    token: str
    amount: Decimal
    done_at: int
    canceled: bool

    @property
    def sides(self) -> tuple[str, str]:
        """What is given, and what for."""
        pair = self.coin, self.token
        return pair if self.kind == "purchase" else pair[::-1]

    def status(self, at: int) -> Literal["pending", "success", "cancelled"]:
        if self.done_at > at:
            return "pending"
        return "cancelled" if self.canceled else "success"


class TokenStaker:
    def __init__(self, seed: int, account: Account, schedule: Schedule, layout: Layout) -> None:
        self._seed = seed
        self._account = account
        self._schedule = schedule
        self._layout = layout
        self.requests: Timeline[Request] = Timeline()

    def new_day(self, day: int, start: int) -> None:
        for place, (coin, token) in enumerate(self._layout.staked_tokens.items()):
            dice = Random(mix(self._seed, day, _DICE, place))  # noqa: S311 - reproducible
            self._schedule(start + 3 * HOUR, lambda at, token=token: self._reward(at, token))  # type: ignore[misc]
            chance, share = dice.random(), Decimal(5 + int(dice.random() * 30)) / 100
            # times are whole seconds
            at = start + int((4 + dice.random() * 19) * HOUR) // _SECOND * _SECOND
            if chance < 0.5:
                done = at + int(dice.random() * 90) * MINUTE
                self._schedule(at, self._request("purchase", coin, token, share, done))
            elif chance < 0.8:
                done = at + DAY + int(dice.random() * 2 * DAY) // _SECOND * _SECOND
                self._schedule(
                    at, self._request("redeem", coin, token, share, done, canceled=chance < 0.6)
                )

    def _reward(self, at: int, token: str) -> None:
        amount = whole_steps(self._account.books.head(self._layout.main, token) * _DAILY, SATOSHI)
        if amount > 0:
            self._account.transfer(at, "reward", token, amount, to_wallet=self._layout.main)

    def _request(
        self,
        kind: Literal["purchase", "redeem"],
        coin: str,
        token: str,
        share: Decimal,
        done_at: int,
        *,
        canceled: bool = False,
    ) -> Callable[[int], None]:
        def request(at: int) -> None:
            given = coin if kind == "purchase" else token
            if kind == "purchase":
                self._provide(at, coin)
            spare = self._account.free(self._layout.main, given)
            amount = whole_steps(spare * share, Decimal("0.0001"))
            if amount <= 0:
                return
            number = len(self.requests.rows)
            made = Request(number, at, kind, coin, token, amount, done_at, canceled)
            self.requests.append(at, made)
            self._move(at, given, amount, self._layout.main, STAKING)
            self._schedule(done_at, lambda at: self._complete(at, made))

        return request

    def _provide(self, at: int, coin: str) -> None:
        """Move some to the main wallet, if nothing is there."""
        home, main = self._layout.spot_wallet, self._layout.main
        amount = whole_steps(self._account.free(home, coin) / 20, Decimal("0.0001"))
        if self._account.free(main, coin) < Decimal("0.01") and amount > 0:
            self._move(at, coin, amount, home, main)

    def _complete(self, at: int, made: Request) -> None:
        given, received = made.sides
        if made.canceled:
            received = given
        else:
            self._account.convert(
                at, STAKING, (given, made.amount), (received, made.amount), Decimal(0)
            )
        self._move(at, received, made.amount, STAKING, self._layout.main)

    def _move(
        self, at: int, asset: str, amount: Decimal, from_wallet: Wallet, to_wallet: Wallet
    ) -> None:
        self._account.transfer(
            at, "transfer", asset, amount, from_wallet=from_wallet, to_wallet=to_wallet
        )
