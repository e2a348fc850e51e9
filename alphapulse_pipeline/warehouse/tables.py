"""The tables of the schema `alphapulse`, and how each is written.

Amounts are `NUMERIC` without a scale: what the exchange said, to the last digit. Times are
`TIMESTAMPTZ`. Parts of a key are `NOT NULL DEFAULT ''`, so that a key never contains a NULL that
would let a row in twice.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    Interval,
    MetaData,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, TSTZMULTIRANGE, TSTZRANGE

SCHEMA = "alphapulse"
metadata = MetaData(schema=SCHEMA)


def _key(name: str, comment: str) -> Column[Any]:
    return Column(
        name, Text, primary_key=True, nullable=False, server_default=text("''"), comment=comment
    )


def _text(name: str, comment: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Text, nullable=nullable, comment=comment)


def _amount(name: str, comment: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Numeric, nullable=nullable, comment=comment)


def _time(name: str, comment: str, *, nullable: bool = True, key: bool = False) -> Column[Any]:
    return Column(
        name,
        TIMESTAMP(timezone=True),
        nullable=nullable and not key,
        primary_key=key,
        comment=comment,
    )


def _provenance() -> tuple[Column[Any], ...]:
    """What every row of a history carries besides its facts."""
    return (
        Column("raw", JSONB, nullable=False, comment="The exchange's own JSON, whole."),
        Column(
            "origin",
            Text,
            nullable=False,
            server_default=text("'api'"),
            comment="Where the row came from: api or import.",
        ),
        _text("run_id", "The Dagster run that wrote the row last.", nullable=False),
        Column(
            "recorded_at",
            TIMESTAMP(timezone=True),
            nullable=False,
            server_default=text("clock_timestamp()"),
            comment="When the row was written last.",
        ),
    )


_ACCOUNT = "The account: the name of its folder under defs/."
_WALLET = "The wallet inside the account, e.g. unified or funding."
_MARKET = "The market's unified name, e.g. BTC/USDT or BTC/USDT:USDT."

snapshots = Table(
    "snapshots",
    metadata,
    _key("account", _ACCOUNT),
    _key("dataset", "balances, positions or prices."),
    _time("captured_at", "The exchange's time when the first request was sent.", key=True),
    _text("run_id", "The Dagster run that took the snapshot.", nullable=False),
    Column("rows", Integer, nullable=False, comment="How many rows it has; 0 is a fact too."),
    comment="Every complete snapshot, the empty ones too: the newest one decides what is held.",
)

balances = Table(
    "balances",
    metadata,
    _key("account", _ACCOUNT),
    _time("captured_at", "When the snapshot was taken, exchange time.", key=True),
    _key("wallet", _WALLET),
    _key("asset", "The asset's unified name, e.g. BTC."),
    _amount("free", "What can be used now."),
    _amount("used", "What is locked in orders or as margin."),
    _amount("total", "What is in the wallet.", nullable=False),
    _amount("debt", "What is borrowed, with its interest.", nullable=False),
    comment="Balances per wallet and asset; what a snapshot does not name is zero.",
)

positions = Table(
    "positions",
    metadata,
    _key("account", _ACCOUNT),
    _time("captured_at", "When the snapshot was taken, exchange time.", key=True),
    _key("market", _MARKET),
    _key("side", "long or short."),
    _key("margin_mode", "cross or isolated."),
    _amount("contracts", "How many contracts are held.", nullable=False),
    _amount("contract_size", "What one contract stands for."),
    _amount("entry_price", "The average price of entry."),
    _amount("mark_price", "The exchange's mark price."),
    _amount("notional", "The position's value in its settlement currency."),
    _amount("unrealized_pnl", "Profit or loss that is not realised."),
    _amount("leverage", "The leverage that is set."),
    _amount("liquidation_price", "The price at which the exchange would close it."),
    comment="Open positions; what a snapshot does not name is closed.",
)

prices = Table(
    "prices",
    metadata,
    _key("account", _ACCOUNT),
    _time("captured_at", "When the snapshot was taken, exchange time.", key=True),
    _key("market", _MARKET),
    _amount("last", "The last price traded."),
    _amount("bid", "The best bid."),
    _amount("ask", "The best ask."),
    comment="Prices of the markets of what the account holds.",
)

trades = Table(
    "trades",
    metadata,
    _key("account", _ACCOUNT),
    _key("market", _MARKET),
    _key("trade_id", "The exchange's id of the fill."),
    _key("side", "buy or sell."),
    _text("wallet", _WALLET, nullable=False),
    _text("order_id", "The order that was filled."),
    _time("executed_at", "When it was executed, exchange time.", nullable=False),
    _amount("price", "Price of one unit of the base, in the quote.", nullable=False),
    _amount("amount", "Base currency on spot, contracts on derivatives.", nullable=False),
    _amount("cost", "What was paid or received, before fees.", nullable=False),
    _amount("fee_cost", "Positive when paid, negative when a rebate."),
    _text("fee_currency", "The currency of the fee."),
    _text("taker_or_maker", "taker or maker."),
    _text("kind", "trade, liquidation, adl or settlement.", nullable=False),
    *_provenance(),
    Index("trades_executed_at", "account", "executed_at"),
    Index("trades_of_market", "account", "market", "executed_at"),
    Index("trades_recorded_at", "account", "recorded_at"),
    comment="Every fill, once.",
)

orders = Table(
    "orders",
    metadata,
    _key("account", _ACCOUNT),
    _key("market", _MARKET),
    _key("order_id", "The exchange's id of the order."),
    _text("wallet", _WALLET, nullable=False),
    _text("client_order_id", "The id that the client gave."),
    _text("status", "open, closed, canceled, expired or rejected.", nullable=False),
    _text("type", "limit, market, ..."),
    _text("side", "buy or sell.", nullable=False),
    _amount("price", "The limit price."),
    _amount("amount", "Base currency on spot, contracts on derivatives."),
    _amount("filled", "How much of it was filled."),
    _amount("average", "The average price of the fills."),
    _time("created_at", "When it was placed, exchange time.", nullable=False),
    _time("updated_at", "When it last changed, exchange time.", nullable=False),
    *_provenance(),
    Index("orders_created_at", "account", "created_at"),
    Index("orders_of_market", "account", "market", "created_at"),
    Index("orders_recorded_at", "account", "recorded_at"),
    Index("orders_still_open", "account", postgresql_where=text("status = 'open'")),
    comment="Every order in its last known state.",
)

transfers = Table(
    "transfers",
    metadata,
    _key("account", _ACCOUNT),
    _key("kind", "deposit, withdrawal or transfer."),
    _key("transfer_id", "The exchange's id."),
    _text("asset", "The asset moved.", nullable=False),
    _amount("amount", "How much was moved.", nullable=False),
    _amount("fee_cost", "What the move cost."),
    _text("fee_currency", "The currency of the fee."),
    _text("from_wallet", "Where it came from."),
    _text("to_wallet", "Where it went."),
    _text("status", "ok, pending, failed or canceled."),
    _text("network", "The chain."),
    _text("txid", "The chain's transaction id."),
    _time("happened_at", "When it happened, exchange time.", nullable=False),
    *_provenance(),
    Index("transfers_happened_at", "account", "happened_at"),
    Index("transfers_recorded_at", "account", "recorded_at"),
    comment="Deposits, withdrawals and transfers between own wallets.",
)

funding = Table(
    "funding",
    metadata,
    _key("account", _ACCOUNT),
    _key("market", _MARKET),
    _key("funding_id", "The exchange's id of the payment."),
    _text("wallet", _WALLET, nullable=False),
    _text("asset", "The asset paid.", nullable=False),
    _amount("amount", "Received is positive, paid is negative.", nullable=False),
    _time("happened_at", "When it happened, exchange time.", nullable=False),
    *_provenance(),
    Index("funding_happened_at", "account", "happened_at"),
    Index("funding_recorded_at", "account", "recorded_at"),
    comment="Funding payments of perpetual positions.",
)

ledger = Table(
    "ledger",
    metadata,
    _key("account", _ACCOUNT),
    _key("wallet", _WALLET),
    _key("kind", "The exchange's word for the entry."),
    _key("entry_id", "The exchange's id of the entry."),
    _text("asset", "The asset booked.", nullable=False),
    _amount("amount", "Signed: what the balance changed by.", nullable=False),
    _amount("balance_after", "The balance that it left."),
    _text("reference_id", "What it was booked for."),
    _time("happened_at", "When it happened, exchange time.", nullable=False),
    *_provenance(),
    Index("ledger_happened_at", "account", "happened_at"),
    Index("ledger_recorded_at", "account", "recorded_at"),
    comment="What the exchange itself booked.",
)

datasets = Table(
    "datasets",
    metadata,
    _key("account", _ACCOUNT),
    _key("dataset", "The dataset."),
    _text("exchange", "The ccxt exchange id, empty where it came from none.", nullable=False),
    Column("supported", Boolean, nullable=False, comment="Whether the exchange has such a thing."),
    _time("next_tick", "When the schedule runs next."),
    Column(
        "deployed",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="Whether a defs.yaml names it still; rows stay where none does.",
    ),
    Column(
        "stored",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="How many rows the table holds of it, counted as they are written.",
    ),
    comment="Every dataset of every account that was ever deployed.",
)

streams = Table(
    "streams",
    metadata,
    _key("account", _ACCOUNT),
    _key("dataset", "The history."),
    _key("stream", "What is walked by itself, e.g. a market category or a symbol."),
    _time("first_seen", "When it was first known.", nullable=False),
    _text("source", "Why it is walked.", nullable=False),
    Column(
        "wanted",
        TSTZRANGE,
        nullable=False,
        server_default=text("'empty'"),
        comment="From history_start to the last sync less the exchange's lag.",
    ),
    comment="Everything that must be walked for a history to be complete.",
)

coverage = Table(
    "coverage",
    metadata,
    _key("account", _ACCOUNT),
    _key("dataset", "The history."),
    _key("stream", "The stream."),
    Column(
        "covered",
        TSTZMULTIRANGE,
        nullable=False,
        server_default=text("'{}'"),
        comment="The times that are proved complete, half-open.",
    ),
    Column(
        "unreachable",
        TSTZMULTIRANGE,
        nullable=False,
        server_default=text("'{}'"),
        comment="The times that the exchange no longer serves.",
    ),
    _text("unreachable_reason", "Why it does not, e.g. how far back it serves."),
    Column(
        "imported",
        TSTZMULTIRANGE,
        nullable=False,
        server_default=text("'{}'"),
        comment="What of the covered times rests on an imported file, not on the exchange.",
    ),
    _time("newest_row", "When the newest row that was read happened: a later answer's witness."),
    _time("suspect_since", "Since when the exchange has not shown that row any more."),
    _text("last_failure", "What went wrong last, empty when the last attempt was good."),
    _time("last_failure_at", "When it went wrong."),
    _time("updated_at", "When the row last changed.", nullable=False),
    comment="The proof: which times of which stream are complete.",
)

markets = Table(
    "markets",
    metadata,
    _key("account", _ACCOUNT),
    _key("market", _MARKET),
    _text("raw_id", "The exchange's own id.", nullable=False),
    _text(
        "type", "spot, swap, future or option; none: guessed, and there is none.", nullable=False
    ),
    _text("base", "The base currency."),
    _text("quote", "The quote currency."),
    _text("settle", "The settlement currency."),
    _amount("contract_size", "What one contract stands for, in base (quote on inverse)."),
    Column("active", Boolean, nullable=False, comment="Whether the exchange lists it."),
    _time("seen_at", "When it was last listed; 1970 where it was only guessed.", nullable=False),
    comment="Every market ever resolved; a name once given never changes.",
)

market_catalogues = Table(
    "market_catalogues",
    metadata,
    _key("account", _ACCOUNT),
    _text("version", "The ccxt version that wrote it.", nullable=False),
    _time("loaded_at", "When the exchange was asked.", nullable=False),
    _text("catalogue", "ccxt's markets and currencies, as JSON.", nullable=False),
    comment="What lets a run know the markets without asking the exchange again.",
)

suspects = Table(
    "suspects",
    metadata,
    _key("account", _ACCOUNT),
    _key("dataset", "The snapshot."),
    _key("part", "A wallet, or the currency that positions are settled in."),
    _time("since", "When it was told empty first.", nullable=False),
    Column("asked", Integer, nullable=False, comment="In how many runs it was told empty."),
    Column(
        "believed",
        Boolean,
        nullable=False,
        comment="Whether it was taken for the truth in the end: then it may be empty again.",
    ),
    comment="Parts of snapshots that were never empty and are said to be: kept apart at first.",
)

keys = Table(
    "keys",
    metadata,
    _key("account", _ACCOUNT),
    _text(
        "fingerprint",
        "Tells this key from another one; the key cannot be found from it.",
        nullable=False,
    ),
    Column("can_read", Boolean, comment="Whether it may read; NULL: the exchange does not tell."),
    Column("can_trade", Boolean, comment="Whether it may change something in the account."),
    Column("can_withdraw", Boolean, comment="Whether money can leave the account by it."),
    _time("expires_at", "When it expires; NULL: never, or the exchange does not tell."),
    Column(
        "addresses",
        ARRAY(Text),
        comment="Where it may be used from; empty: from anywhere, NULL: it is not told.",
    ),
    _time("checked_at", "When the exchange was asked.", nullable=False),
    comment="What the API key of each account may do, as the exchange says; not the key.",
)

circuit = Table(
    "circuit",
    metadata,
    _key("account", _ACCOUNT),
    _text("state", "closed, open or half_open.", nullable=False),
    Column("failures", Integer, nullable=False, comment="Failed runs in a row."),
    _time("opened_at", "When it opened."),
    _time("retry_at", "When the next trial may run."),
    Column("cooldown", Interval, comment="How long it stays open before the next trial."),
    _text("reason", "Why it opened."),
    _text("credentials", "Which credentials were refused, as a fingerprint, where that is why."),
    comment="Whether an account is being left alone, and why.",
)

checked = Table(
    "checked",
    metadata,
    _key("account", _ACCOUNT),
    _key("dataset", "The history."),
    _key("check_name", "The check, e.g. keys_unique."),
    _time("up_to", "Rows recorded before this are known to be good.", nullable=False),
    comment="How far each check has read a history and found nothing: runs go on from there.",
)

failed_checks = Table(
    "failed_checks",
    metadata,
    _key("account", _ACCOUNT),
    _key("dataset", "The dataset."),
    _key("check_name", "The check, e.g. complete."),
    _text("finding", "What it found, in one line.", nullable=False),
    comment="The checks that failed when they were evaluated last, without mere warnings.",
)

alerts = Table(
    "alerts",
    metadata,
    _key("about", "run or check."),
    _key("account", _ACCOUNT),
    _key("cause", "The kind of the failure, or the check."),
    _time("since", "When it was told.", nullable=False),
    _text("finding", "What was told, without secrets.", nullable=False),
    comment="What is wrong and was told to somebody: told again only once it is over.",
)

sync_log = Table(
    "sync_log",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    _text("account", _ACCOUNT, nullable=False),
    _text("dataset", "The dataset.", nullable=False),
    _text("run_id", "The Dagster run.", nullable=False),
    _time("started_at", "When it began.", nullable=False),
    _time("finished_at", "When it ended; NULL while it runs or after a kill."),
    _text("status", "started, completed or failed.", nullable=False),
    Column("rows_written", Integer, nullable=False, server_default=text("0")),
    Column("requests", Integer, nullable=False, server_default=text("0")),
    _text("error_kind", "The class of the failure, e.g. credentials, incomplete or bug."),
    _text("error", "What went wrong, without secrets."),
    Index("sync_log_newest", "account", "dataset", text("id DESC")),
    comment="Every attempt to sync a dataset and how it ended.",
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
        Dataset(trades, "executed_at"),
        Dataset(orders, "created_at", newest_by="updated_at"),
        Dataset(transfers, "happened_at"),
        Dataset(funding, "happened_at"),
        Dataset(ledger, "happened_at"),
    )
}
DATASETS = SNAPSHOTS | HISTORIES


def database_type(column: Column[Any]) -> str:
    """A column's type in PostgreSQL's own words, e.g. `numeric`."""
    return column.type.compile(postgresql.dialect()).lower()  # type: ignore[no-untyped-call]
