"""Derivative positions: one per market, one-way mode, cross margin."""

from decimal import Decimal
from typing import NamedTuple

from exchange_simulator.markets import Market
from exchange_simulator.money import ZERO, nearest
from exchange_simulator.records import Position, Side
from exchange_simulator.timeline import Timeline


class Change(NamedTuple):
    closed: Decimal
    profit: Decimal
    size: Decimal


class Positions:
    def __init__(self) -> None:
        self._by_market: dict[str, Timeline[Position]] = {}

    def head(self, market: Market) -> Position:
        """The position after everything traded so far."""
        series = self._by_market.get(market.name)
        return series.rows[-1] if series else Position(market, ZERO, ZERO, ZERO, ZERO, 0, 0)

    def open_heads(self) -> list[Position]:
        return [series.rows[-1] for series in self._by_market.values() if series.rows[-1].size]

    def at(self, at: int) -> list[Position]:
        """Open positions, ordered by market name."""
        found = (series.latest(at) for _, series in sorted(self._by_market.items()))
        return [position for position in found if position is not None and position.size]

    def of(self, market: Market, at: int) -> Position | None:
        series = self._by_market.get(market.name)
        return series.latest(at) if series else None

    def trade(
        self, at: int, market: Market, side: Side, amount: Decimal, cost: Decimal, fee: Decimal
    ) -> Change:
        """Book a fill: realize profit on the closed part, and open or add with the rest."""
        old = self.head(market)
        signed = amount if side == "buy" else -amount
        size, basis, profit, closed = old.size + signed, old.basis, ZERO, ZERO
        settled = old.settled
        if old.size * signed >= 0:
            basis += cost
        else:
            held = abs(old.size)
            closed = min(held, amount)
            released = basis if closed == held else nearest(basis * closed / held)
            received = cost if closed == amount else nearest(cost * closed / amount)
            gain = received - released
            # an inverse contract's cost is in coins: it falls when the price rises
            profit = gain if (old.size > 0) == (market.kind != "inverse") else -gain
            paid = settled if closed == held else nearest(settled * closed / held)
            profit, settled = profit - paid, settled - paid
            basis = basis - released if closed == amount else cost - received
        fresh = not old.size or old.size * size < 0
        realised = profit - fee if fresh else old.realised + profit - fee
        self._set(
            Position(
                market=market,
                size=size,
                basis=basis,
                realised=realised,
                realised_ever=old.realised_ever + profit - fee,
                opened_at=at if fresh else old.opened_at,
                updated_at=at,
                settled=settled,
            )
        )
        return Change(closed, profit, size)

    def settle(self, at: int, market: Market, price: Decimal) -> Decimal:
        """Pay out the unrealized profit at `price`; the entry price stays."""
        old = self.head(market)
        profit = old.profit(price)
        self._set(
            old._replace(
                settled=old.settled + profit,
                realised=old.realised + profit,
                realised_ever=old.realised_ever + profit,
                updated_at=at,
            )
        )
        return profit

    def fund(self, at: int, market: Market, amount: Decimal) -> None:
        old = self.head(market)
        self._set(
            old._replace(
                realised=old.realised + amount,
                realised_ever=old.realised_ever + amount,
                updated_at=at,
            )
        )

    def _set(self, position: Position) -> None:
        self._by_market.setdefault(position.market.name, Timeline()).append(
            position.updated_at, position
        )
