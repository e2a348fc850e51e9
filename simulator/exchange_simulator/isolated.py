"""Isolated margin: each pair is an account of its own, with its two assets and its own debt.

Decided by pseudorandom numbers of its own, so that what happens otherwise does not depend on it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from random import Random

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import HOUR, MINUTE, Catalogue
from exchange_simulator.money import CENT, ZERO, nearest, whole_steps
from exchange_simulator.prices import Prices
from exchange_simulator.pseudorandom import mix
from exchange_simulator.records import EntryKind, Fill, LedgerEntry, Side, Wallet
from exchange_simulator.trader import Schedule

ISOLATED: Wallet = "isolated"
_DICE = 0x150
_DOLLARS = "USDT"
_PAID_IN, _FROM_CROSS, _BETWEEN_PAIRS, _PAID_OUT = (Decimal(n) for n in (900, 70, 45, 120))
_PRINCIPAL, _INTEREST = Decimal(300), Decimal("0.00023")

_Pair = str
"""A market's name."""


class IsolatedMargin:
    """What is held in each pair follows from the entries of the wallet's ledger."""

    def __init__(
        self,
        seed: int,
        account: Account,
        prices: Prices,
        catalogue: Catalogue,
        schedule: Schedule,
        layout: Layout,
    ) -> None:
        self._seed = seed
        self._account = account
        self._prices = prices
        self._catalogue = catalogue
        self._schedule = schedule
        self._layout = layout
        self._pairs: dict[int, _Pair] = {}
        """Of the entries that are not about a fill, by their number."""
        self._debts: list[tuple[int, _Pair, str, Decimal]] = []
        """Time, pair, asset, and what is owed from then on."""
        self.ends: dict[int, tuple[_Pair, _Pair]] = {}
        """The pairs that a transfer leaves and enters, by its number; blank: another wallet."""

    @property
    def pairs(self) -> tuple[_Pair, ...]:
        return self._layout.isolated_pairs

    def pair_of(self, entry: LedgerEntry) -> _Pair:
        source = entry.source
        return source.order.market.name if isinstance(source, Fill) else self._pairs[entry.number]

    def held(self, pair: _Pair, at: int) -> dict[str, Decimal]:
        """By asset, including what is locked by orders and what was borrowed."""
        held: defaultdict[str, Decimal] = defaultdict(Decimal)
        ledger = self._account.books.ledger[ISOLATED]
        for entry in ledger.rows[: ledger.until(at)]:
            if self.pair_of(entry) == pair:
                held[entry.asset] += entry.amount
        return held

    def owed(self, pair: _Pair, asset: str, at: int) -> Decimal:
        for then, owing, owed_asset, owed in reversed(self._debts):
            if then <= at and (owing, owed_asset) == (pair, asset):
                return owed
        return ZERO

    def new_day(self, day: int, start: int) -> None:
        if not self.pairs:
            return
        dice = Random(mix(self._seed, day, _DICE))  # noqa: S311 - reproducible, not secret
        pair = self.pairs[day % len(self.pairs)]
        other = self.pairs[(day + 1) % len(self.pairs)]
        steps: list[Callable[[int], None]] = [
            self._mover(_PAID_IN, self._layout.main, ISOLATED, "", pair),
            self._taker(pair, "buy"),
            self._borrower(pair),
            self._mover(_FROM_CROSS, "margin", ISOLATED, "", other),
            self._mover(_BETWEEN_PAIRS, ISOLATED, ISOLATED, pair, other),
            self._taker(pair, "sell"),
            self._rester(other),
            self._payer(pair),
            self._mover(_PAID_OUT, ISOLATED, self._layout.main, other, ""),
        ]
        for hour, step in enumerate(steps):
            at = start + (2 * hour + 1) * HOUR + int(dice.random() * HOUR)
            self._schedule(at, step)

    # -- what happens --------------------------------------------------------------------------

    def _mover(
        self, dollars: Decimal, source: Wallet, target: Wallet, leaves: _Pair, enters: _Pair
    ) -> Callable[[int], None]:
        def move(at: int) -> None:
            held = (
                self.held(leaves, at)[_DOLLARS] if leaves else self._account.free(source, _DOLLARS)
            )
            if held < 2 * dollars:
                return
            with self._noting(*filter(None, (leaves, enters))):
                transfer = self._account.transfer(
                    at, "transfer", _DOLLARS, dollars, from_wallet=source, to_wallet=target
                )
            self.ends[transfer.number] = leaves, enters

        return move

    def _taker(self, pair: _Pair, side: Side) -> Callable[[int], None]:
        """A market order for a part of what the pair holds."""

        def take(at: int) -> None:
            market = self._catalogue.by_name[pair]
            price = self._prices.last(market, at)
            held = self.held(pair, at)
            spent = held[market.quote] / price if side == "buy" else held[market.base]
            amount = whole_steps(spent * Decimal("0.4"), market.step)
            if amount < market.minimum:
                return
            order = self._account.place(
                at, market, side, "market", price, amount, price, wallet=ISOLATED
            )
            self._account.fill(order, at, price, amount, maker=False)

        return take

    def _rester(self, pair: _Pair) -> Callable[[int], None]:
        """A limit order that waits for longer than a day, and is cancelled."""

        def rest(at: int) -> None:
            market = self._catalogue.by_name[pair]
            last = self._prices.last(market, at)
            limit = whole_steps(last / 2, market.tick)
            spare = self.held(pair, at)[market.quote] / 10
            amount = whole_steps(spare / limit, market.step)
            if amount < market.minimum:
                return
            order = self._account.place(
                at, market, "buy", "limit", limit, amount, last, wallet=ISOLATED
            )
            cancelled = at + 30 * HOUR + MINUTE
            self._schedule(cancelled, lambda now: self._account.finish(order, now, "canceled"))

        return rest

    def _borrower(self, pair: _Pair) -> Callable[[int], None]:
        def borrow(at: int) -> None:
            owed = self.owed(pair, _DOLLARS, at)
            self._lend(at, pair, _DOLLARS, "borrow", _PRINCIPAL, owed + _PRINCIPAL)

        return borrow

    def _payer(self, pair: _Pair) -> Callable[[int], None]:
        """Pays the interest, and repays half of what is owed."""

        def pay(at: int) -> None:
            owed = self.owed(pair, _DOLLARS, at)
            held = self.held(pair, at)[_DOLLARS]
            half = whole_steps(owed / 2, CENT)
            interest = nearest(owed * _INTEREST)
            if held < half + interest:
                return
            self._lend(at, pair, _DOLLARS, "interest", -interest, owed)
            self._lend(at, pair, _DOLLARS, "repay", -half, owed - half)

        return pay

    # -- bookkeeping ---------------------------------------------------------------------------

    def _lend(
        self, at: int, pair: _Pair, asset: str, kind: EntryKind, amount: Decimal, owed: Decimal
    ) -> None:
        """`owed`: what the pair owes afterwards; the wallet owes what all its pairs do."""
        elsewhere = sum((self.owed(p, asset, at) for p in self.pairs if p != pair), ZERO)
        self._debts.append((at, pair, asset, owed))
        with self._noting(pair):
            self._account.lend(at, ISOLATED, asset, kind, amount, owed + elsewhere)

    @contextmanager
    def _noting(self, *pairs: _Pair) -> Iterator[None]:
        """Note which pairs the entries are about that are booked meanwhile, in this order."""
        entries = self._account.books.ledger[ISOLATED].rows
        booked = len(entries)
        yield
        self._pairs.update(zip(range(booked, len(entries)), pairs, strict=True))
