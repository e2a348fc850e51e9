"""Events that happen once in every account that is old enough, whatever the seed.

A coin that is bought, sold completely and then delisted; a loan or a short sale; a liquidation; an
auto-deleveraging. Days are counted from the start of the account.
"""

from collections.abc import Callable
from decimal import Decimal

from exchange_simulator.account import Account
from exchange_simulator.layout import Layout
from exchange_simulator.markets import DAY, HOUR, MINUTE, Catalogue, Market
from exchange_simulator.money import ZERO, whole_steps
from exchange_simulator.records import FillKind, Side, Wallet
from exchange_simulator.trader import Schedule, Trader
from exchange_simulator.treasury import Treasury

LOAN_DAY, LOAN_DAYS = 100, 4
LIQUIDATION_DAY = 140
DELEVERAGING_DAY = 180
_SHORT, _SHORT_INTEREST = Decimal(2), Decimal("0.00002")
_OPTION_EVERY = 9
_TIES_EVERY = 3
_MARGIN_LOAN_EVERY = 30
_MARGIN_LOAN_DAY, _PORTFOLIO_LOAN_DAY = 20, 3
_MARGIN_LOANS = (("USDT", Decimal(25_000)), ("BTC", Decimal("0.3")))

# None sells everything left, which is less than was bought where fees are charged in the coin
_DELISTED_COIN: tuple[tuple[int, Side, int | None], ...] = (
    (12, "buy", 5000),
    (20, "buy", 3000),
    (40, "sell", 2000),
    (66, "sell", None),
)


class Episodes:
    def __init__(
        self,
        account: Account,
        trader: Trader,
        treasury: Treasury,
        catalogue: Catalogue,
        schedule: Schedule,
        layout: Layout,
        ties: int,
        holds_extra: bool,
    ) -> None:
        self._account = account
        self._trader = trader
        self._treasury = treasury
        self._catalogue = catalogue
        self._schedule = schedule
        self._layout = layout
        self._ties = ties
        self._holds_extra = holds_extra

    def new_day(self, day: int, start: int) -> None:
        for on, side, amount in _DELISTED_COIN:
            if day == on:
                self._schedule(start + 7 * HOUR, self._coin_taker(side, amount))
        for turn, coin in enumerate(self._catalogue.option_coins):
            if day % _OPTION_EVERY == 4 + turn:
                self._schedule(start + 9 * HOUR + 11 * MINUTE, self._option_buyer(coin))
        if self._layout.writes_options:
            self._write_options(day, start)
        if self._layout.loans:
            self._lend(day, start)
        if self._layout.shorts and day == LOAN_DAY:
            self._schedule(start + 10 * HOUR, self._sell_short)
        if "linear" in self._layout.wallet_of:
            self._close_by_force(day, start)
        if self._layout.conditional:
            self._condition(day, start)
        if self._holds_extra and day == 0:
            for market in self._catalogue.standing:
                if market.kind == "linear" and not market.weight and self._layout.trades(market):
                    self._schedule(start + 2 * HOUR, self._buyer(market))
        if self._ties and day % _TIES_EVERY == 1:
            self._tie(day // _TIES_EVERY, start + 11 * HOUR)

    def _lend(self, day: int, start: int) -> None:
        if day == LOAN_DAY:
            self._schedule(start + 10 * HOUR, self._borrower("USDT", Decimal(7_500)))
        first = _PORTFOLIO_LOAN_DAY if self._layout.portfolio_margin else _MARGIN_LOAN_DAY
        if self._layout.margin and day % _MARGIN_LOAN_EVERY == first:
            loan = _MARGIN_LOANS[day // _MARGIN_LOAN_EVERY % len(_MARGIN_LOANS)]
            self._schedule(start + 14 * HOUR, self._borrower(*loan))

    def _close_by_force(self, day: int, start: int) -> None:
        if day == LIQUIDATION_DAY:
            market = self._catalogue.by_name["XRP/USDT:USDT"]
            self._schedule(start + 13 * HOUR, self._closer(market, "liquidation", Decimal(1)))
        if day == DELEVERAGING_DAY:
            market = self._catalogue.by_name["ETH/USDT:USDT"]
            self._schedule(start + 15 * HOUR, self._closer(market, "adl", Decimal("0.5")))

    def _condition(self, day: int, start: int) -> None:
        """Conditional orders on each futures wallet: triggered, cancelled, or waiting for days."""
        for place, name in enumerate(("BTC/USDT:USDT", "BTC/USD:BTC")):
            market = self._catalogue.by_name[name]
            if not self._layout.trades(market):
                continue
            waits = (5 * HOUR, 9 * HOUR, 50 * HOUR)[(day + place) % 3]
            at = start + 3 * HOUR + place * MINUTE
            self._schedule(at, self._conditioner(market, waits))

    def _conditioner(self, market: Market, waits: int) -> Callable[[int], None]:
        triggered = waits == 5 * HOUR
        side: Side = "sell" if triggered else "buy"

        def place(at: int) -> None:
            self._trader.condition(at, market, side, ends=at + waits, triggered=triggered)

        return place

    def _tie(self, turn: int, at: int) -> None:
        """Buy in one millisecond and soon sell in another, so that it stays affordable."""
        places = [(name, wallet) for name, wallet in self._tied() if wallet]
        name, wallet = places[turn % len(places)]
        market = self._catalogue.by_name[name]
        self._schedule(at, self._tier(market, wallet, "buy"))
        self._schedule(at + MINUTE, self._tier(market, wallet, "sell"))

    def _tied(self) -> tuple[tuple[str, Wallet | None], ...]:
        """Markets with cheap minimum fills; None: not traded on this exchange."""
        wallets = self._layout.wallet_of
        return (
            ("SOL/USDT", self._layout.spot_wallet),
            ("XRP/USDT:USDT", wallets.get("linear")),
            ("BTC/USD:BTC", wallets.get("inverse")),
            ("SOL/USDT", self._layout.margin),
        )

    def _tier(self, market: Market, wallet: Wallet, side: Side) -> Callable[[int], None]:
        def tie(at: int) -> None:
            self._trader.tie(at, market, wallet, side, self._ties)

        return tie

    def _buyer(self, market: Market) -> Callable[[int], None]:
        return lambda at: self._trader.take(at, market, "buy", market.minimum)

    def _option_buyer(self, coin: str) -> Callable[[int], None]:
        return lambda at: self._trader.buy_option(at, coin)

    def _write_options(self, day: int, start: int) -> None:
        """Sell a part of what was bought the day before, and something that is not held."""
        for turn, coin in enumerate(self._catalogue.option_coins):
            if day % _OPTION_EVERY == 5 + turn:
                self._schedule(start + 10 * HOUR, self._trader.sell_options)
                self._schedule(start + 15 * HOUR, self._option_writer(coin))

    def _option_writer(self, coin: str) -> Callable[[int], None]:
        return lambda at: self._trader.write_option(at, coin)

    def _coin_taker(self, side: Side, amount: int | None) -> Callable[[int], None]:
        market = self._catalogue.delisted

        def take(at: int) -> None:
            held = self._account.books.head(self._layout.spot_wallet, market.base)
            self._trader.take(at, market, side, held if amount is None else Decimal(amount))

        return take

    def _borrower(self, asset: str, principal: Decimal) -> Callable[[int], None]:
        def borrow(at: int) -> None:
            self._treasury.borrow(at, asset, principal, LOAN_DAYS)

        return borrow

    def _sell_short(self, at: int) -> None:
        """Sell all bitcoin and two more, pay interest for it, and buy it back."""
        market, wallet = self._catalogue.by_name["BTC/USDT"], self._layout.shorts
        assert wallet is not None, "this exchange lends"
        owed = whole_steps(self._account.books.head(wallet, "BTC") + _SHORT, market.step)
        self._trader.take(at, market, "sell", owed)

        def accrue(now: int) -> None:
            self._account.lend(now, wallet, "BTC", "interest", -_SHORT_INTEREST, ZERO)

        def buy_back(now: int) -> None:
            owed = max(-self._account.books.head(wallet, "BTC"), ZERO)
            self._trader.take(now, market, "buy", whole_steps(owed, market.step) + market.step)

        for day in range(1, LOAN_DAYS):
            self._schedule(at + day * DAY, accrue)
        self._schedule(at + LOAN_DAYS * DAY, buy_back)

    def _closer(self, market: Market, cause: FillKind, share: Decimal) -> Callable[[int], None]:
        """The exchange closes a share of the position; a flat trader opens one first."""

        def close(at: int) -> None:
            size = self._account.positions.head(market).size
            steps = int(abs(size) * share / market.step)
            if not steps:
                self._trader.take(at, market, "buy", market.minimum * 200)
                self._schedule(at + MINUTE, close)
                return
            side: Side = "sell" if size > 0 else "buy"
            self._trader.take(at, market, side, steps * market.step, cause)

        return close
