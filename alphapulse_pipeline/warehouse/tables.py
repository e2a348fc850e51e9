"""The tables of the data, and how each is written. What is known of them: `bookkeeping`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects import postgresql

from alphapulse_pipeline.warehouse.columns import (
    ACCOUNT,
    MARKET,
    WALLET,
    amount,
    key_part,
    metadata,
    moment,
    provenance,
    words,
)

snapshots = Table(
    "snapshots",
    metadata,
    key_part("account", ACCOUNT),
    key_part("dataset", "balances, positions or prices."),
    moment("captured_at", "The exchange's time when the first request was sent.", key=True),
    words("run_id", "The Dagster run that took the snapshot.", nullable=False),
    Column("rows", Integer, nullable=False, comment="How many rows it has; 0 is a fact too."),
    moment("read_until", "The exchange's time when the last answer had come."),
    comment="Every complete snapshot, the empty ones too: the newest one decides what is held.",
)

balances = Table(
    "balances",
    metadata,
    key_part("account", ACCOUNT),
    moment("captured_at", "When the snapshot was taken, exchange time.", key=True),
    key_part("wallet", WALLET),
    key_part("asset", "The asset's unified name, e.g. BTC."),
    amount("free", "What can be used now."),
    amount("used", "What is locked in orders or as margin."),
    amount("total", "What is in the wallet.", nullable=False),
    amount("debt", "What is borrowed, with its interest.", nullable=False),
    comment="Balances per wallet and asset; what a snapshot does not name is zero.",
)

positions = Table(
    "positions",
    metadata,
    key_part("account", ACCOUNT),
    moment("captured_at", "When the snapshot was taken, exchange time.", key=True),
    key_part("market", MARKET),
    key_part("side", "long or short."),
    key_part("margin_mode", "cross or isolated."),
    amount("contracts", "How many contracts are held.", nullable=False),
    amount("contract_size", "What one contract stands for."),
    amount("entry_price", "The average price of entry."),
    amount("mark_price", "The exchange's mark price."),
    amount("notional", "The position's value in its settlement currency."),
    amount("unrealized_pnl", "Profit or loss that is not realised."),
    amount("leverage", "The leverage that is set."),
    amount("liquidation_price", "The price at which the exchange would close it."),
    comment="Open positions; what a snapshot does not name is closed.",
)

prices = Table(
    "prices",
    metadata,
    key_part("account", ACCOUNT),
    moment("captured_at", "When the snapshot was taken, exchange time.", key=True),
    key_part("market", MARKET),
    amount("last", "The last price traded."),
    amount("bid", "The best bid."),
    amount("ask", "The best ask."),
    comment="Prices of the markets of what the account holds.",
)

trades = Table(
    "trades",
    metadata,
    key_part("account", ACCOUNT),
    key_part("market", MARKET),
    key_part("trade_id", "The exchange's id of the fill."),
    key_part("side", "buy or sell."),
    words("wallet", WALLET, nullable=False),
    words("order_id", "The order that was filled."),
    moment("executed_at", "When it was executed, exchange time.", nullable=False),
    amount("price", "Price of one unit of the base, in the quote.", nullable=False),
    amount("amount", "Base currency on spot, contracts on derivatives.", nullable=False),
    amount("cost", "What was paid or received, before fees.", nullable=False),
    amount("fee_cost", "Positive when paid, negative when a rebate."),
    words("fee_currency", "The currency of the fee."),
    words("taker_or_maker", "taker or maker."),
    words("kind", "trade, liquidation, adl or settlement.", nullable=False),
    amount("realized_pnl", "Of what it closed, before its fee, as told; blank on spot."),
    *provenance(),
    Index("trades_executed_at", "account", "executed_at"),
    Index("trades_of_market", "account", "market", "executed_at"),
    Index("trades_recorded_at", "account", "recorded_at"),
    comment="Every fill, once.",
)

orders = Table(
    "orders",
    metadata,
    key_part("account", ACCOUNT),
    key_part("market", MARKET),
    key_part("order_id", "The exchange's id of the order."),
    words("wallet", WALLET, nullable=False),
    words("client_order_id", "The id that the client gave."),
    words("status", "open, closed, canceled, expired or rejected.", nullable=False),
    words("type", "limit, market, ..."),
    words("side", "buy or sell.", nullable=False),
    amount("price", "The limit price."),
    amount("amount", "Base currency on spot, contracts on derivatives."),
    amount("filled", "How much of it was filled."),
    amount("average", "The average price of the fills."),
    moment("created_at", "When it was placed, exchange time.", nullable=False),
    moment("updated_at", "When it last changed, exchange time.", nullable=False),
    *provenance(),
    Index("orders_created_at", "account", "created_at"),
    Index("orders_of_market", "account", "market", "created_at"),
    Index("orders_recorded_at", "account", "recorded_at"),
    Index("orders_still_open", "account", postgresql_where=text("status = 'open'")),
    comment="Every order in its last known state.",
)

transfers = Table(
    "transfers",
    metadata,
    key_part("account", ACCOUNT),
    key_part("kind", "deposit, withdrawal or transfer."),
    key_part("transfer_id", "The exchange's id."),
    words("asset", "The asset moved.", nullable=False),
    amount("amount", "How much was moved.", nullable=False),
    amount("fee_cost", "What the move cost."),
    words("fee_currency", "The currency of the fee."),
    words("from_wallet", "Where it came from."),
    words("to_wallet", "Where it went."),
    words("status", "ok, pending, failed or canceled."),
    words("network", "The chain."),
    words("txid", "The chain's transaction id."),
    moment("happened_at", "When it happened, exchange time.", nullable=False),
    moment("updated_at", "When it was credited, sent or given back, where that is told."),
    *provenance(),
    Index("transfers_happened_at", "account", "happened_at"),
    Index("transfers_recorded_at", "account", "recorded_at"),
    comment="Deposits, withdrawals and transfers between own wallets.",
)

funding = Table(
    "funding",
    metadata,
    key_part("account", ACCOUNT),
    key_part("market", MARKET),
    key_part("funding_id", "The exchange's id of the payment."),
    words("wallet", WALLET, nullable=False),
    words("asset", "The asset paid.", nullable=False),
    amount("amount", "Received is positive, paid is negative.", nullable=False),
    moment("happened_at", "When it happened, exchange time.", nullable=False),
    *provenance(),
    Index("funding_happened_at", "account", "happened_at"),
    Index("funding_recorded_at", "account", "recorded_at"),
    comment="Funding payments of perpetual positions.",
)

ledger = Table(
    "ledger",
    metadata,
    key_part("account", ACCOUNT),
    key_part("wallet", WALLET),
    key_part("kind", "The exchange's word for the entry."),
    key_part("entry_id", "The exchange's id of the entry."),
    words("asset", "The asset booked.", nullable=False),
    amount("amount", "Signed: what the balance changed by.", nullable=False),
    amount("balance_after", "The balance that it left."),
    words("reference_id", "What it was booked for."),
    Column(
        "class",
        Text,
        nullable=False,
        server_default=text("'other'"),
        comment="What it is: trade, fee, transfer, funding, interest, reward, conversion, loan, "
        "adjustment or other. The first four and conversions repeat a history.",
    ),
    moment("happened_at", "When it happened, exchange time.", nullable=False),
    *provenance(),
    Index("ledger_happened_at", "account", "happened_at"),
    Index("ledger_recorded_at", "account", "recorded_at"),
    comment="What the exchange itself booked.",
)

# Filled by the database or by the writer, not by the exchange: no news in themselves.
PROVENANCE = frozenset({"origin", "run_id", "recorded_at"})


@dataclass(frozen=True)
class Dataset:
    """How rows of one table are written and read."""

    table: Table
    time: str
    """The column by which a row belongs to a day."""
    newest_by: str | None = None
    """Where a key is written again, the row with the greater value wins."""
    may_lack: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    """Columns that rows need not have, and what stands there then: not every source knows them."""
    columns: tuple[str, ...] = field(init=False)
    key: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(c.name for c in self.table.columns if c.name != "recorded_at")
        object.__setattr__(self, "columns", names)
        object.__setattr__(self, "key", tuple(c.name for c in self.table.primary_key))

    @property
    def name(self) -> str:
        return str(self.table.name)

    @property
    def is_snapshot(self) -> bool:
        return self.time == "captured_at"

    @property
    def newest(self) -> str:
        """The relation with what holds now: of a snapshot the newest one, a history whole."""
        return f"{self.name}_latest" if self.is_snapshot else self.name


SNAPSHOTS = {table.name: Dataset(table, "captured_at") for table in (balances, positions, prices)}
HISTORIES = {
    d.name: d
    for d in (
        Dataset(trades, "executed_at", may_lack={"realized_pnl": None}),
        Dataset(orders, "created_at", newest_by="updated_at"),
        Dataset(transfers, "happened_at", may_lack={"updated_at": None}),
        Dataset(funding, "happened_at"),
        Dataset(ledger, "happened_at", may_lack={"class": "other"}),
    )
}
DATASETS = SNAPSHOTS | HISTORIES


def database_type(column: Column[Any]) -> str:
    """A column's type in PostgreSQL's own words, e.g. `numeric`."""
    return column.type.compile(postgresql.dialect()).lower()  # type: ignore[no-untyped-call]
