"""Deposits, withdrawals, transfers between wallets, and a loan."""

from collections.abc import Callable
from decimal import Decimal
from random import Random

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import DAY, HOUR, MINUTE
from exchange_simulator.money import SATOSHI, ZERO, nearest, whole_steps
from exchange_simulator.prices import Prices
from exchange_simulator.records import Transfer, Wallet
from exchange_simulator.trader import Schedule

NETWORKS = {
    "USDT": "TRX",
    "USDC": "ETH",
    "BTC": "BTC",
    "ETH": "ETH",
    "SOL": "SOL",
    "XRP": "XRP",
    "FTM": "FTM",
}
NETWORK_FEES = {
    "USDT": Decimal("1"),
    "USDC": Decimal("4.5"),
    "BTC": Decimal("0.0001"),
    "ETH": Decimal("0.0009"),
    "SOL": Decimal("0.008"),
    "XRP": Decimal("0.25"),
    "FTM": Decimal("1.2"),
}

# the opening deposits
_OPENING = (
    ("USDT", Decimal(140_000)),
    ("BTC", Decimal("1.85")),
    ("USDC", Decimal(42_000)),
    ("ETH", Decimal("21.4")),
    ("SOL", Decimal(190)),
    ("XRP", Decimal(16_500)),
)
# deposits go to the asset that is furthest below this many dollars
_TARGETS = {"USDT": 60_000, "BTC": 60_000, "USDC": 25_000, "ETH": 30_000, "SOL": 12_000}
_BALANCED_EVERY = 4
"""Hours."""
_TOLERANCE = Decimal("0.35")
_SPARE = Decimal("0.6")
_WITHDRAWN = ("USDT", "ETH", "BTC", "XRP")


class Treasury:
    def __init__(
        self, account: Account, prices: Prices, schedule: Schedule, layout: Layout
    ) -> None:
        self._account = account
        self._prices = prices
        self._schedule = schedule
        self._layout = layout
        self._dice = Random(0)  # noqa: S311 - reproducible, not secret

    def open_account(self, genesis: int) -> None:
        for place, (asset, amount) in enumerate(_OPENING):
            arrival = genesis + place * MINUTE
            self._schedule(arrival, self._depositor(asset, amount))
            share = amount if place % 2 else whole_steps(amount * Decimal("0.9"), Decimal("0.01"))
            self._move_later(arrival + 10 * MINUTE, asset, share, self._layout.main)
            for wallet, held in self._layout.shares:
                if held == asset:
                    given = whole_steps(
                        amount * self._layout.shares[wallet, asset], Decimal("0.01")
                    )
                    self._schedule(
                        arrival + 12 * MINUTE,
                        self._mover(asset, given, self._layout.spot_wallet, wallet),
                    )

    def new_day(self, start: int, dice: Random) -> None:
        self._dice = dice
        if dice.random() < 0.2:
            self._schedule(start + int(dice.random() * 20 * HOUR), self._deposit_where_needed)
        if dice.random() < 0.11:
            self._schedule(start + int(dice.random() * 20 * HOUR), self._prepare_withdrawal)
        if self._layout.parent:
            self._schedule(start + 18 * HOUR, self._receive(self._layout.parent))
        if self._layout.shares:
            for hour in range(1, 24, _BALANCED_EVERY):
                self._schedule(start + hour * HOUR + int(dice.random() * HOUR), self._balance)
            if dice.random() < 0.4:
                self._schedule(start + int(dice.random() * DAY), self._shift)

    # -- deposits and withdrawals --------------------------------------------------------------

    def _deposit_where_needed(self, at: int) -> None:
        def shortage(asset: str) -> Decimal:
            held = self._account.books.head(self._layout.spot_wallet, asset) * self._prices.index(
                asset, at
            )
            return held / _TARGETS[asset]

        asset = min(sorted(_TARGETS), key=shortage)
        dollars = Decimal(1_500 + int(self._dice.random() * 9_000))
        cents = Decimal(int(self._dice.random() * 100_000_000)) * SATOSHI
        amount = nearest(dollars / self._prices.index(asset, at)) + cents / 100
        amount = whole_steps(amount, SATOSHI)
        self._depositor(asset, amount)(at)
        pause = int((4 + self._dice.random() * 90) * MINUTE)
        self._move_later(at + pause, asset, amount, self._layout.main)

    def _prepare_withdrawal(self, at: int) -> None:
        asset = _WITHDRAWN[int(self._dice.random() * len(_WITHDRAWN))]
        share = Decimal(2 + int(self._dice.random() * 7)) / 100
        home, main = self._layout.spot_wallet, self._layout.main
        amount = whole_steps(self._account.free(home, asset) * share, Decimal("0.0001"))
        fee = NETWORK_FEES[asset]
        if amount <= fee * 3:
            return
        if home != main:
            self._mover(asset, amount, home, main)(at)
        called_off = self._dice.random() < 0.12
        confirmed_after = int((6 + self._dice.random() * 40) * MINUTE)

        def withdraw(now: int) -> None:
            if self._account.free(main, asset) < amount:
                return
            done_at = now + confirmed_after
            transfer = self._account.transfer(
                now,
                "withdrawal",
                asset,
                amount - fee,
                from_wallet=main,
                fee=fee,
                network=NETWORKS[asset],
                done_at=done_at,
                end="canceled" if called_off else "ok",
            )
            if called_off:
                self._schedule(done_at, self._refunder(transfer))

        self._schedule(at + int((2 + self._dice.random() * 30) * MINUTE), withdraw)

    # -- a loan ------------------------------------------------------------------------------

    def borrow(self, at: int, asset: str, principal: Decimal, days: int) -> None:
        """Borrow, pay interest every day, and repay. If the borrowing wallet is short of the asset,
        the spot wallet covers the difference."""
        wallet = self._layout.loans
        assert wallet is not None, "this exchange has no loans"
        self._account.lend(at, wallet, asset, "borrow", principal, principal)
        interest = nearest(principal * Decimal("0.00023"))
        if self._layout.portfolio_margin:
            self._repay_with_interest(at, wallet, asset, principal, interest, days)
            return

        def accrue(now: int) -> None:
            self._provide(now, wallet, asset, interest)
            self._account.lend(now, wallet, asset, "interest", -interest, principal)

        def repay(now: int) -> None:
            self._provide(now, wallet, asset, principal)
            self._account.lend(now, wallet, asset, "repay", -principal, ZERO)

        for day in range(1, days):
            self._schedule(at + day * DAY, accrue)
        self._schedule(at + days * DAY, repay)

    def _repay_with_interest(
        self,
        at: int,
        wallet: Wallet,
        asset: str,
        principal: Decimal,
        interest: Decimal,
        days: int,
    ) -> None:
        """Owe interest from the start and for every day, and pay it with the repayment."""
        accrued = [principal + interest * (day + 1) for day in range(days)]

        def accrue(owed: Decimal) -> Callable[[int], None]:
            return lambda now: self._account.owe(now, wallet, asset, owed)

        def repay(now: int) -> None:
            self._provide(now, wallet, asset, accrued[-1])
            self._account.lend(now, wallet, asset, "interest", principal - accrued[-1], principal)
            self._account.lend(now, wallet, asset, "repay", -principal, ZERO)

        for day, owed in enumerate(accrued):
            self._schedule(at + day * DAY, accrue(owed))
        self._schedule(at + days * DAY, repay)

    # -- between the wallets -------------------------------------------------------------------

    def _balance(self, at: int) -> None:
        """Restore each wallet's share if it has drifted too far."""
        home, books = self._layout.spot_wallet, self._account.books
        for (wallet, asset), share in self._layout.shares.items():
            whole = sum((books.head(each, asset) for each in self._layout.wallets), ZERO)
            lacks = whole * share - books.head(wallet, asset)
            if lacks > 0:
                if lacks > whole * share * _TOLERANCE or self._account.free(wallet, asset) < 0:
                    self._move_what_is_free(at, asset, lacks, home, wallet)
            elif -lacks > whole * share * _TOLERANCE:
                self._move_what_is_free(at, asset, -lacks, wallet, home)

    def _shift(self, at: int) -> None:
        """Move a little to or from one of the wallets, as a trader would."""
        accounts = list(self._layout.shares)
        wallet, asset = accounts[int(self._dice.random() * len(accounts))]
        part = Decimal(1 + int(self._dice.random() * 12)) / 100
        directions = ((self._layout.spot_wallet, wallet), (wallet, self._layout.spot_wallet))
        giver, taker = directions[self._dice.random() < 0.5]
        self._move_what_is_free(at, asset, self._account.free(giver, asset) * part, giver, taker)

    def _provide(self, at: int, wallet: Wallet, asset: str, amount: Decimal) -> None:
        lacks = amount - self._account.free(wallet, asset)
        if lacks > 0 and wallet != self._layout.spot_wallet:
            self._mover(asset, lacks, self._layout.spot_wallet, wallet)(at)

    def _move_what_is_free(
        self, at: int, asset: str, wanted: Decimal, from_wallet: Wallet, to_wallet: Wallet
    ) -> None:
        spare = self._account.free(from_wallet, asset) * _SPARE
        amount = whole_steps(min(wanted, spare), Decimal("0.0001"))
        if amount > 0:
            self._mover(asset, amount, from_wallet, to_wallet)(at)

    def _move_later(self, at: int, asset: str, amount: Decimal, from_wallet: Wallet) -> None:
        if from_wallet != self._layout.spot_wallet:
            self._schedule(at, self._mover(asset, amount, from_wallet, self._layout.spot_wallet))

    def _receive(self, wallet: Wallet) -> Callable[[int], None]:
        """The parent account pays some dollars into a wallet."""

        def receive(at: int) -> None:
            amount = Decimal(500 + int(self._dice.random() * 100_000)) / 100
            self._account.transfer(at, "transfer", "USDT", amount, to_wallet=wallet)

        return receive

    # -- scheduled actions -----------------------------------------------------------------------

    def _depositor(self, asset: str, amount: Decimal) -> Callable[[int], None]:
        def deposit(at: int) -> None:
            self._account.transfer(
                at, "deposit", asset, amount, to_wallet=self._layout.main, network=NETWORKS[asset]
            )

        return deposit

    def _mover(
        self, asset: str, amount: Decimal, from_wallet: Wallet, to_wallet: Wallet
    ) -> Callable[[int], None]:
        def move(at: int) -> None:
            self._account.transfer(
                at, "transfer", asset, amount, from_wallet=from_wallet, to_wallet=to_wallet
            )

        return move

    def _refunder(self, transfer: Transfer) -> Callable[[int], None]:
        def refund(at: int) -> None:
            self._account.refund(at, transfer)

        return refund
