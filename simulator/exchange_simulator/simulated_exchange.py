"""A simulated exchange: its protocol, names and limits, on top of the world."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from starlette.responses import Response
from starlette.routing import Route

from exchange_simulator.markets import Market
from exchange_simulator.outages import Outages
from exchange_simulator.records import (
    Conditional,
    Conversion,
    Fill,
    Funding,
    LedgerEntry,
    Order,
    OrderStatus,
    Transfer,
)
from exchange_simulator.retention import Retention, retention_of
from exchange_simulator.rows import Rows
from exchange_simulator.state import ExchangeState
from exchange_simulator.world import World

DATASETS = frozenset(
    {
        *("balances", "positions", "prices"),
        *("trades", "orders", "transfers", "funding", "conversions", "ledger"),
    }
)


class Names(Protocol):
    """An exchange's names and ids. Its answers and its truth use the same functions; a module with
    these functions satisfies the protocol."""

    def trade_id(self, world: World, fill: Fill) -> str: ...

    def order_id(self, world: World, order: Order) -> str: ...

    def funding_id(self, world: World, funding: Funding) -> str: ...

    def transfer_id(self, world: World, transfer: Transfer) -> str: ...

    def entry_id(self, world: World, entry: LedgerEntry) -> str: ...

    def entry_kind(self, entry: LedgerEntry) -> str:
        """The exchange's raw name of a ledger entry's kind, as in its answers."""

    def contracts(self, market: Market, amount: Decimal) -> Decimal:
        """An amount in base currency (dollars in inverse markets) as a number of contracts."""

    def contract_size(self, market: Market) -> Decimal: ...


def _as_placed(world: World, order: Order) -> str:
    return order.client_order_id


def _as_it_is(status: OrderStatus) -> OrderStatus:
    return status


@dataclass(frozen=True)
class SimulatedExchange:
    name: str
    routes: Callable[[ExchangeState], list[Route]]
    names: Names
    refusal: Callable[[int, int], Response]
    """Error response for an error code and the exchange's time (ms), as clients of the exchange
    know it."""
    outages: Outages
    rows: Sequence[Rows]
    """Where rows are in its answers; the first match counts."""
    paging: frozenset[str]
    """Parameters in which the pages of one history differ."""
    key_header: str
    """Lower-case name of the header that carries the API key of private requests."""
    retention: Retention = field(default_factory=dict)
    """How long each history is served, in milliseconds. Keys: "trades", "orders" (since they were
    placed), "unfilled" (orders that ended without a fill, since they ended), "transfers",
    "funding", "ledger". A key with a wallet, "trades:usdm", takes precedence over "trades"."""
    unserved: frozenset[str] = frozenset()
    """Not served by the exchange: datasets ("funding"), datasets of one wallet ("ledger:spot"), or
    the ledger's balances ("balance_after")."""

    passphrase: bool = False
    """Whether its API keys have a passphrase."""
    whole_seconds: frozenset[str] = frozenset()
    """Histories whose times are truncated to seconds ("transfers:withdrawal")."""
    client_order_id: Callable[[World, Order], str] = _as_placed
    """For exchanges that assign a client order id to orders placed without one."""
    order_status: Callable[[OrderStatus], OrderStatus] = _as_it_is
    """For exchanges that do not distinguish every status."""
    conditional_id: Callable[[World, Conditional], str] | None = None
    """For exchanges that list conditional orders apart, under ids of their own."""
    conditional_expired: Callable[[Conditional, int], bool] | None = None
    """Whether a conditional order is no longer served at a time (ms)."""
    conversion_id: Callable[[World, Conversion], str] | None = None
    """For exchanges that list conversions."""
    conversion_kind: str = "convert"
    conversion_kind_of: Callable[[World, Conversion], str] | None = None
    """For exchanges that list conversions of several kinds."""
    reference_id: Callable[[World, LedgerEntry], str] | None = None
    """For ledgers that do not reference the ids of trades, funding payments and transfers."""
    exercises_are_fills: bool = True
    """Whether options that end are listed as fills are: those took an order, or were one."""
    parts: Callable[[World, LedgerEntry], Sequence[tuple[str, str, Decimal]]] | None = None
    """For ledgers that split one entry into several rows: raw kind, id and amount of each."""

    def __post_init__(self) -> None:
        known = DATASETS | {"unfilled", "balance_after", "candles"}
        for dataset in (*self.retention, *self.unserved, *self.whole_seconds):
            if dataset.partition(":")[0] not in known:
                raise ValueError(f"{self.name}: unknown dataset {dataset!r}")

    def retention_for(self, dataset: str, wallet: str = "") -> int | None:
        """Retention in milliseconds; None: forever."""
        return retention_of(self.retention, dataset, wallet)

    def rows_of(self, world: World, entry: LedgerEntry) -> Sequence[tuple[str, str, Decimal]]:
        """Raw kind, id and amount of each row that reports a ledger entry."""
        if self.parts is not None:
            return self.parts(world, entry)
        return [(self.names.entry_kind(entry), self.names.entry_id(world, entry), entry.amount)]

    def reported_at(self, dataset: str, wallet: str, at: int) -> int:
        """A time (ms) with the precision that the exchange reports."""
        whole = self.whole_seconds & {dataset, f"{dataset}:{wallet}"}
        return at - at % 1000 if whole else at

    def serves(self, dataset: str, wallet: str = "") -> bool:
        return dataset not in self.unserved and f"{dataset}:{wallet}" not in self.unserved
