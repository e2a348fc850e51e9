"""Rows found by the ids that Kraken gives them."""

from collections.abc import Callable
from typing import Generic, TypeVar, cast

from exchange_simulator.kraken import names
from exchange_simulator.records import Fill, LedgerEntry, Order
from exchange_simulator.timeline import Timeline
from exchange_simulator.world import World

Row = TypeVar("Row")


class Directory(Generic[Row]):
    """A timeline and the index of every id in it. Rows are added when somebody asks."""

    def __init__(self, timeline: Timeline[Row], name: Callable[[Row], str]) -> None:
        self.timeline = timeline
        self.name = name
        self._index: dict[str, int] = {}

    def find(self, name: str) -> int | None:
        rows = self.timeline.rows
        for index in range(len(self._index), len(rows)):
            self._index[self.name(rows[index])] = index
        return self._index.get(name)


class Directories:
    def __init__(self, world: World) -> None:
        account = world.account
        # nobody pays funding on spot: all executions there are fills
        fills = cast(Timeline[Fill], account.executions["spot"])
        self.trades = Directory(fills, lambda fill: names.trade_id(world, fill))
        self.orders: Directory[Order] = Directory(
            account.orders, lambda order: names.order_id(world, order)
        )
        self.entries: Directory[LedgerEntry] = Directory(
            account.books.ledger[world.layout.home], lambda entry: names.entry_id(world, entry)
        )
