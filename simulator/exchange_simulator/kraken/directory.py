"""Index of rows by their Kraken ids."""

from collections.abc import Callable
from typing import Generic, TypeVar

from exchange_simulator.kraken import names
from exchange_simulator.records import Fill, LedgerEntry, Order
from exchange_simulator.timeline import Timeline
from exchange_simulator.world import World

Row = TypeVar("Row")


class Directory(Generic[Row]):
    """A timeline with an index of its ids, extended on lookup."""

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
        self.trades: Directory[Fill] = Directory(
            account.fills, lambda fill: names.trade_id(world, fill)
        )
        self.orders: Directory[Order] = Directory(
            account.orders, lambda order: names.order_id(world, order)
        )
        self.entries: Directory[LedgerEntry] = Directory(
            account.books.entries,
            lambda entry: names.entry_id(world, entry),
        )
