"""The trader: when orders are placed, how large they are, and how they end.

Prices are in closed form, so the future is known: an order that is to be filled at three o'clock is
placed at the price of three o'clock. Fills therefore always match the market, without a matching
engine.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random

from exchange_simulator.account import Account
from exchange_simulator.bursts import burst
from exchange_simulator.identity import uuid
from exchange_simulator.layout import Layout
from exchange_simulator.markets import (
    DAY,
    HOUR,
    MINUTE,
    OPTIONS,
    Catalogue,
    Market,
    expiries,
    option,
)
from exchange_simulator.money import ZERO, whole_steps
from exchange_simulator.prices import Prices
from exchange_simulator.records import Conditional, FillKind, Order, Side, Wallet

Schedule = Callable[[int, Callable[[int], None]], None]
"""schedule(at, action) runs an action at a time."""

_LARGEST_POSITION = Decimal(24_000)
_PART_OF_FREE = Decimal("0.22")
_ON_MARGIN = 0.25
_QUOTED_FOR = 6 * HOUR
"""The longest time after which a market maker cancels a quote."""


class Trader:
    def __init__(
        self,
        seed: int,
        account: Account,
        prices: Prices,
        catalogue: Catalogue,
        schedule: Schedule,
        pace: Decimal,
        layout: Layout,
        unfilled: float,
    ) -> None:
        self._seed = seed
        self._account = account
        self._prices = prices
        self._markets = catalogue.traded
        self._catalogue = catalogue
        self._weights = sum(market.weight for market in self._markets)
        self._schedule = schedule
        self._layout = layout
        self._unfilled = unfilled
        # a busier trader trades smaller, so that fees do not use up the account
        self._size = Decimal(1) / max(Decimal(1), pace)
        self._dice = Random(0)  # noqa: S311 - reproducible, not secret

    def new_day(self, dice: Random) -> None:
        self._dice = dice

    # -- one order ---------------------------------------------------------------------------

    def trade(self, at: int) -> None:
        """Place one order on a random market, with a random outcome."""
        market = self._pick()
        wallet = self._wallet(market)
        if self._unfilled and self._dice.random() < self._unfilled:
            self._change_mind(at, market, wallet, _QUOTED_FOR)
            return
        fate = self._dice.random()
        if fate < 0.56:
            self.take(at, market, wallet=wallet)
        elif fate < 0.90:
            self._rest(at, market, wallet, fate)
        elif fate < 0.96:
            self._change_mind(at, market, wallet)
        else:
            self._be_refused(at, market, wallet)

    def take(
        self,
        at: int,
        market: Market,
        side: Side | None = None,
        amount: Decimal | None = None,
        cause: FillKind = "trade",
        wallet: Wallet | None = None,
    ) -> None:
        """A market order, filled at once: the larger the burst, the deeper into the book."""
        wallet = wallet or self._layout.wallet_of[market.kind]
        side = side or self._side(at, market, wallet)
        last = self._prices.last(market, at)
        if amount is None:
            amount = self._amount(at, market, wallet, side, last)
        if amount < market.minimum:
            return
        up = 1 if side == "buy" else -1
        worst = _worst(market, side, last)
        held = self._account.positions.head(market).size if market.kind != "spot" else ZERO
        reduces = held * up < 0 and abs(held) >= amount
        order = self._account.place(
            at,
            market,
            side,
            "market",
            worst,
            amount,
            last,
            client_order_id=self._client_id() if cause == "trade" else "",
            reduce_only=cause != "trade" or (reduces and self._dice.random() < 0.3),
            cause=cause,
            wallet=wallet,
        )
        depth = 1
        for moment, part in burst(self._dice, at, market, amount):
            price = max(last + up * market.tick * depth, market.tick)
            if self._dice.random() < 0.6:
                depth = min(depth + 1, 3)
            self._schedule(moment, self._filler(order, price, part, maker=False))

    def tie(self, at: int, market: Market, wallet: Wallet, side: Side, fills: int) -> Order:
        """A market order with many fills of the minimum size, all in the same millisecond."""
        last = self._prices.last(market, at)
        worst = _worst(market, side, last)
        amount = market.minimum * fills
        order = self._account.place(at, market, side, "market", worst, amount, last, wallet=wallet)
        for _ in range(fills):
            self._account.fill(order, at, last, market.minimum, maker=False)
        return order

    def condition(self, at: int, market: Market, side: Side, *, ends: int, triggered: bool) -> None:
        """A conditional order of the minimum size: a market order, or a limit order if it is
        cancelled."""
        last = self._prices.last(market, at)
        away = Decimal("1.01") if side == "buy" else Decimal("0.99")
        trigger = whole_steps(last * away, market.tick)
        waiting = Conditional(
            number=len(self._account.conditionals.rows),
            market=market,
            side=side,
            type="stop_market" if triggered else "take_profit",
            trigger=trigger,
            limit=ZERO if triggered else trigger,
            amount=market.minimum,
            happened_at=at,
        )
        self._account.conditionals.append(at, waiting)

        def end(now: int) -> None:
            waiting.ended_at = now
            if triggered:
                wallet = self._layout.wallet_of[market.kind]
                waiting.placed = self.tie(now, market, wallet, side, 1)

        self._schedule(ends, end)

    def _rest(self, at: int, market: Market, wallet: Wallet, fate: float) -> None:
        """A limit order that waits in the book until the market reaches it."""
        if fate < 0.78:
            wait = int(MINUTE + self._dice.random() ** 2 * 5 * HOUR)
        else:
            wait = int(8 * HOUR + self._dice.random() * 5 * DAY)
        met_at = at + wait
        last, later = self._prices.last(market, at), self._prices.last(market, met_at)
        side: Side = "buy" if later < last else "sell"
        if side == "buy":
            limit = max(min(later, last - market.tick), market.tick)
        else:
            limit = max(later, last + market.tick)
        amount = self._amount(at, market, wallet, side, limit)
        if amount < market.minimum:
            return
        order = self._limit_order(at, market, wallet, side, limit, amount, last)
        if self._dice.random() < 0.2:
            self._leave_half_done(order, met_at)
            return
        for moment, part in burst(self._dice, met_at, market, amount):
            self._schedule(moment, self._filler(order, limit, part, maker=True))

    def _leave_half_done(self, order: Order, met_at: int) -> None:
        """The market touches the price, fills a part, and moves away; the rest is canceled
        later."""
        market = order.market
        share = Decimal(1 + int(self._dice.random() * 8)) / 10
        part = whole_steps(order.amount * share, market.step)
        if part >= market.minimum:
            self._schedule(met_at, self._filler(order, order.limit, part, maker=True))
        wait = int((0.1 + self._dice.random()) * 1.5 * DAY)
        self._schedule(met_at + wait, self._canceller(order))

    def _change_mind(self, at: int, market: Market, wallet: Wallet, longest: int = 4 * DAY) -> None:
        """A limit order far from the market, canceled without a fill."""
        side = self._side(at, market, wallet)
        last = self._prices.last(market, at)
        away = Decimal(10 + int(self._dice.random() * 60)) / 1000
        limit = last * (1 - away if side == "buy" else 1 + away)
        limit = max(whole_steps(limit, market.tick), market.tick)
        amount = self._amount(at, market, wallet, side, limit)
        if amount < market.minimum:
            return
        order = self._limit_order(at, market, wallet, side, limit, amount, last)
        wait = int(5_000 + self._dice.random() ** 3 * longest)
        self._schedule(at + wait, self._canceller(order))

    def _be_refused(self, at: int, market: Market, wallet: Wallet) -> None:
        """A post-only order that is rejected because it would have traded at once."""
        side = self._side(at, market, wallet)
        last = self._prices.last(market, at)
        limit = last + market.tick * (2 if side == "buy" else -2)
        amount = self._amount(at, market, wallet, side, limit)
        if amount < market.minimum or limit <= 0:
            return
        order = self._limit_order(at, market, wallet, side, limit, amount, last)
        order.post_only = True
        self._account.finish(order, at, "rejected")

    # -- options -----------------------------------------------------------------------------

    def buy_option(self, at: int, base: str) -> None:
        """Buy one of the listed options of a coin and hold it until it expires."""
        expiry = next(friday for friday in expiries(at) if friday - at > 4 * DAY)
        strikes = self._catalogue.strikes(expiry, base)
        spot = self._prices.index(base, at)
        strike = min(strikes, key=lambda rung: abs(rung - spot)) + OPTIONS[base].rung * int(
            self._dice.random() * 3 - 1
        )
        if strike not in strikes:
            return
        market = option(base, expiry, strike, "CP"[int(self._dice.random() * 2)])
        amount = market.step * (1 + int(self._dice.random() * 20))
        if (
            self._account.free(self._layout.wallet_of["option"], market.quote)
            < amount * self._prices.last(market, at) * 2
        ):
            return
        self.take(at, market, "buy", amount)
        self._schedule(expiry, lambda now: self._expire(now, market))

    def sell_options(self, at: int) -> None:
        """Sell half of each option that was bought, in whole steps."""
        for position in self._account.positions.open_heads():
            market = position.market
            if market.kind == "option" and position.size > 0:
                half = whole_steps(position.size / 2, market.step)
                self.take(at, market, "sell", half)

    def write_option(self, at: int, base: str) -> None:
        """Sell the option of a coin that is nearest to its price, and hold it until it expires."""
        expiry = next(friday for friday in expiries(at) if friday - at > DAY)
        spot = self._prices.index(base, at)
        strike = min(self._catalogue.strikes(expiry, base), key=lambda rung: abs(rung - spot))
        market = option(base, expiry, strike, "C")
        self.take(at, market, "sell", market.step * 3)
        self._schedule(expiry, lambda now: self._expire(now, market))

    def _expire(self, at: int, market: Market) -> None:
        if self._account.positions.head(market).size:
            payoff = self._prices.payoff(market, at)
            self._account.deliver(at, market, payoff, self._prices.index(market.base, at))

    # -- choices -----------------------------------------------------------------------------

    def _pick(self) -> Market:
        stop = self._dice.random() * self._weights
        for market in self._markets:
            stop -= market.weight
            if stop < 0:
                return market
        return self._markets[-1]

    def _wallet(self, market: Market) -> Wallet:
        margin = self._layout.margin
        if margin and market.kind == "spot" and self._dice.random() < _ON_MARGIN:
            return margin
        return self._layout.wallet_of[market.kind]

    def _side(self, at: int, market: Market, wallet: Wallet) -> Side:
        """The side that restores the balance: of the spot inventory, or towards a flat position."""
        if market.kind == "spot":
            price = self._prices.last(market, at)
            base = self._account.free(wallet, market.base) * price
            quote = self._account.free(wallet, market.quote)
            chance = quote / (base + quote) if base + quote > 0 else Decimal(1)
        else:
            full = _LARGEST_POSITION * self._size
            size = self._account.positions.head(market).size
            chance = Decimal("0.5") - self._dollars(at, market, size) / full / 2
        return "buy" if self._dice.random() < min(max(float(chance), 0.12), 0.88) else "sell"

    def _amount(
        self, at: int, market: Market, wallet: Wallet, side: Side, price: Decimal
    ) -> Decimal:
        dollars = Decimal(60 + int(self._dice.random() ** 3 * 3500)) * self._size
        if market.kind == "spot":
            dollars = max(dollars, Decimal(2))
            wanted = dollars / self._prices.index(market.base, at)
            spends = market.quote if side == "buy" else market.base
            spendable = self._account.free(wallet, spends) * _PART_OF_FREE
            wanted = min(wanted, spendable / price if side == "buy" else spendable)
        else:
            held = self._account.positions.head(market).size
            dollars *= 3
            if abs(self._dollars(at, market, held)) > _LARGEST_POSITION * self._size and (
                (held > 0) == (side == "buy")
            ):
                return ZERO
            if market.kind == "inverse":
                wanted = dollars
            else:
                wanted = dollars / self._prices.index(market.base, at)
            wanted = max(wanted, market.minimum)
            if self._dice.random() < 0.25 and held and (held > 0) == (side == "sell"):
                # close the position or reverse it
                wanted = abs(held) * (1 if self._dice.random() < 0.7 else 2)
            if self._account.free(wallet, market.settle) <= 0:
                return ZERO
        return whole_steps(wanted, market.step)

    def _dollars(self, at: int, market: Market, size: Decimal) -> Decimal:
        return size if market.kind == "inverse" else size * self._prices.index(market.base, at)

    # -- scheduled actions -----------------------------------------------------------------------

    def _limit_order(
        self,
        at: int,
        market: Market,
        wallet: Wallet,
        side: Side,
        limit: Decimal,
        amount: Decimal,
        last: Decimal,
    ) -> Order:
        return self._account.place(
            at,
            market,
            side,
            "limit",
            limit,
            amount,
            last,
            client_order_id=self._client_id(),
            post_only=self._dice.random() < 0.3,
            wallet=wallet,
        )

    def _client_id(self) -> str:
        roll = self._dice.random()
        if roll < 0.5:
            return ""
        return "bot-" + uuid(self._seed, "client", int(roll * 1e12))[:18]

    def _filler(
        self, order: Order, price: Decimal, amount: Decimal, *, maker: bool
    ) -> Callable[[int], None]:
        def fill(at: int) -> None:
            self._account.fill(order, at, price, amount, maker=maker)

        return fill

    def _canceller(self, order: Order) -> Callable[[int], None]:
        def cancel(at: int) -> None:
            self._account.finish(order, at, "canceled")

        return cancel


def _worst(market: Market, side: Side, last: Decimal) -> Decimal:
    """Worst price of a market order: the exchange protects it against an empty book."""
    slack = market.tick * (3 + int(last / market.tick / 200))
    return max(last + slack if side == "buy" else last - slack, market.tick)
