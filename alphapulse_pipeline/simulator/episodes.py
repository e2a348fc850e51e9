"""What must have happened once in every account that is old enough, whatever the seed.

A coin that is bought, sold to the last digit and then delisted; a loan; a liquidation; an
auto-deleveraging. Days are counted from the account's first.
"""

from collections.abc import Callable
from decimal import Decimal

from alphapulse_pipeline.simulator.account import Account
from alphapulse_pipeline.simulator.markets import HOUR, MINUTE, Catalogue, Market
from alphapulse_pipeline.simulator.records import FillKind, Side
from alphapulse_pipeline.simulator.trader import Schedule, Trader
from alphapulse_pipeline.simulator.treasury import Treasury

LOAN_DAY, LOAN_DAYS = 100, 4
LIQUIDATION_DAY = 140
DELEVERAGING_DAY = 180
_OPTION_EVERY = 9

# bought with a fee of one per mille in the coin itself: 8000 less 8 is what is sold later
_FORGOTTEN_COIN: tuple[tuple[int, Side, int], ...] = (
    (12, "buy", 5000),
    (20, "buy", 3000),
    (40, "sell", 2000),
    (66, "sell", 5992),
)


class Episodes:
    def __init__(
        self,
        account: Account,
        trader: Trader,
        treasury: Treasury,
        catalogue: Catalogue,
        schedule: Schedule,
    ) -> None:
        self._account = account
        self._trader = trader
        self._treasury = treasury
        self._catalogue = catalogue
        self._schedule = schedule

    def new_day(self, day: int, start: int) -> None:
        for on, side, amount in _FORGOTTEN_COIN:
            if day == on:
                self._schedule(start + 7 * HOUR, self._coin_taker(side, Decimal(amount)))
        if day % _OPTION_EVERY == 4:
            self._schedule(start + 9 * HOUR + 11 * MINUTE, self._trader.buy_option)
        if day == LOAN_DAY:
            self._schedule(start + 10 * HOUR, self._borrow)
        if day == LIQUIDATION_DAY:
            market = self._catalogue.by_name["XRP/USDT:USDT"]
            self._schedule(start + 13 * HOUR, self._closer(market, "liquidation", Decimal(1)))
        if day == DELEVERAGING_DAY:
            market = self._catalogue.by_name["ETH/USDT:USDT"]
            self._schedule(start + 15 * HOUR, self._closer(market, "adl", Decimal("0.5")))

    def _coin_taker(self, side: Side, amount: Decimal) -> Callable[[int], None]:
        def take(at: int) -> None:
            self._trader.take(at, self._catalogue.delisted, side, amount)

        return take

    def _borrow(self, at: int) -> None:
        self._treasury.borrow(at, "USDT", Decimal(7_500), LOAN_DAYS)

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
