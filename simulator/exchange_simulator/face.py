"""A face: an exchange's own protocol, names and habits, in front of the world."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from starlette.responses import Response
from starlette.routing import Route

from exchange_simulator.exchange import Exchange
from exchange_simulator.markets import Market
from exchange_simulator.records import (
    Fill,
    Funding,
    LedgerEntry,
    Order,
    OrderStatus,
    Transfer,
)
from exchange_simulator.retention import Kept, kept_for
from exchange_simulator.rows import Rows
from exchange_simulator.troubles import Troubles
from exchange_simulator.world import World

DATASETS = frozenset(
    {"balances", "positions", "prices", "trades", "orders", "transfers", "funding", "ledger"}
)


class Names(Protocol):
    """How an exchange calls things. Its answers and its truth are made with the same functions,
    so a module with these functions is what fits best."""

    def trade_id(self, world: World, fill: Fill) -> str: ...

    def order_id(self, world: World, order: Order) -> str: ...

    def funding_id(self, world: World, funding: Funding) -> str: ...

    def transfer_id(self, world: World, transfer: Transfer) -> str: ...

    def entry_id(self, world: World, entry: LedgerEntry) -> str: ...

    def entry_kind(self, entry: LedgerEntry) -> str:
        """The exchange's own raw word for a ledger entry's kind, as it stands in the answer."""

    def contracts(self, market: Market, amount: Decimal) -> Decimal:
        """Base currency (dollars of an inverse market) in the exchange's contracts."""

    def contract_size(self, market: Market) -> Decimal: ...


def _as_placed(world: World, order: Order) -> str:
    return order.client_order_id


def _as_it_is(status: OrderStatus) -> OrderStatus:
    return status


@dataclass(frozen=True)
class Face:
    exchange: str
    routes: Callable[[Exchange], list[Route]]
    names: Names
    refusal: Callable[[int, int], Response]
    """An error code and the exchange's time (ms) as the answer that clients know errors by."""
    troubles: Troubles
    rows: Sequence[Rows]
    """Where the rows of its answers lie; the first that fits an answer counts."""
    paging: frozenset[str]
    """The parameters by which the pages of a history differ."""
    key_header: str
    """Of private requests, in small letters: names the key."""
    kept: Kept = field(default_factory=dict)
    """How long a history is served, in milliseconds. Keys: "trades", "orders" (since they were
    placed), "unfilled" (orders that ended without a fill, since they ended), "transfers",
    "funding", "ledger"; "trades:usdm" is for one wallet and comes before "trades"."""
    unserved: frozenset[str] = frozenset()
    """What the exchange does not serve: datasets ("funding"), those of a wallet ("ledger:spot"), or
    the balances that go with a ledger ("balance_after")."""

    passphrase: bool = False
    """Whether its keys have a passphrase too."""
    whole_seconds: frozenset[str] = frozenset()
    """Histories whose times are told without their milliseconds ("transfers:withdrawal")."""
    client_order_id: Callable[[World, Order], str] = _as_placed
    """Where it is given to orders that were placed without one."""
    order_status: Callable[[OrderStatus], OrderStatus] = _as_it_is
    """Where not all of them are told apart."""
    reference_id: Callable[[World, LedgerEntry], str] | None = None
    """Where a ledger does not refer to the ids of trades, funding payments and transfers."""
    parts: Callable[[World, LedgerEntry], Sequence[tuple[str, str, Decimal]]] | None = None
    """Where one ledger entry is told in several rows: raw kind, id and amount of each."""

    def __post_init__(self) -> None:
        known = DATASETS | {"unfilled", "balance_after"}
        for name in (*self.kept, *self.unserved, *self.whole_seconds):
            if name.partition(":")[0] not in known:
                raise ValueError(f"{self.exchange}: there is no dataset {name!r}")

    def keeps(self, dataset: str, wallet: str = "") -> int | None:
        """Milliseconds; None: for ever."""
        return kept_for(self.kept, dataset, wallet)

    def rows_of(self, world: World, entry: LedgerEntry) -> Sequence[tuple[str, str, Decimal]]:
        """Raw kind, id and amount of each row that tells of a ledger entry."""
        if self.parts is not None:
            return self.parts(world, entry)
        return [(self.names.entry_kind(entry), self.names.entry_id(world, entry), entry.amount)]

    def told_at(self, dataset: str, wallet: str, at: int) -> int:
        """A time (ms) as it is told."""
        whole = self.whole_seconds & {dataset, f"{dataset}:{wallet}"}
        return at - at % 1000 if whole else at

    def serves(self, dataset: str, wallet: str = "") -> bool:
        return dataset not in self.unserved and f"{dataset}:{wallet}" not in self.unserved
