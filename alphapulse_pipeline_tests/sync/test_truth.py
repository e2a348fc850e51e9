"""What is stored equals what happened: set equality with the simulator's own books."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.accounts import HISTORIES, Account
from alphapulse_pipeline.simulator import Simulator
from alphapulse_pipeline.sync.histories import history, whole_history
from alphapulse_pipeline.sync.session import open_session
from alphapulse_pipeline.sync.snapshots import snapshot
from alphapulse_pipeline.warehouse.batches import Written
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.conftest import NOW_MS

Make = Callable[..., Account]

NUMBERS = {
    *("free", "used", "total", "debt", "contracts", "contract_size", "entry_price"),
    *("mark_price", "unrealized_pnl", "leverage", "liquidation_price"),
    *("last", "bid", "ask", "price", "amount", "cost", "fee_cost", "filled", "average"),
    "balance_after",
}
TIMES = {"executed_at", "created_at", "updated_at", "happened_at"}


def sync_all(account: Account, url: str) -> dict[str, Written]:
    """Everything of the account, as `alphapulse sync` does it, without Dagster."""
    with open_session(account, url, "test") as session:
        written = {
            dataset: write(session.connection, snapshot(session, dataset), "test")
            for dataset in ("balances", "positions", "prices")
        }
        for dataset in HISTORIES:
            batches = history(session, dataset, whole_history(session), fill=True)
            written[dataset] = write(session.connection, batches, "test")
    return written


def stored(db: Connection[TupleRow], table: str, columns: list[str]) -> set[tuple[Any, ...]]:
    rows = db.execute(f"SELECT {', '.join(columns)} FROM alphapulse.{table}".encode()).fetchall()
    found = set(rows)
    assert len(found) == len(rows)
    return found


def true(rows: list[dict[str, Any]], columns: list[str]) -> set[tuple[Any, ...]]:
    return {tuple(_value(name, row[name]) for name in columns) for row in rows}


def _value(name: str, value: Any) -> Any:
    if name in TIMES:
        return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=value)
    if name in NUMBERS and value is not None:
        return Decimal(value)
    return None if name in BLANK and value == "" else value


BLANK = {"client_order_id", "fee_currency", "from_wallet", "to_wallet", "reference_id"}
BALANCES = ["wallet", "asset", "free", "used", "total", "debt"]
POSITIONS = [
    *("market", "side", "margin_mode", "contracts", "contract_size", "entry_price"),
    *("mark_price", "unrealized_pnl", "leverage", "liquidation_price"),
]
TRADES = [
    *("market", "trade_id", "side", "wallet", "order_id", "executed_at", "price", "amount"),
    *("cost", "fee_cost", "fee_currency", "taker_or_maker", "kind"),
]
ORDERS = [
    *("market", "order_id", "wallet", "client_order_id", "status", "type", "side", "price"),
    *("amount", "filled", "average", "created_at", "updated_at"),
]
TRANSFERS = [
    *("kind", "transfer_id", "asset", "amount", "from_wallet", "to_wallet", "status"),
    *("fee_currency", "happened_at"),
]
FUNDING = ["market", "funding_id", "wallet", "asset", "amount", "happened_at"]
LEDGER = [
    *("wallet", "kind", "entry_id", "asset", "amount", "balance_after", "reference_id"),
    "happened_at",
]


def test_tables_equal_the_truth(
    simulator: Simulator, make_account: Make, database: str, db: Connection[TupleRow]
) -> None:
    sync_all(make_account(simulator.url), database)
    truth = simulator.truth(NOW_MS)
    held = [b for b in truth["balances"] if any(Decimal(b[k]) for k in ("total", "used", "debt"))]
    assert stored(db, "balances_latest", BALANCES) == true(held, BALANCES)
    assert stored(db, "positions_latest", POSITIONS) == true(truth["positions"], POSITIONS)
    assert stored(db, "trades", TRADES) == true(truth["trades"], TRADES)
    assert stored(db, "orders", ORDERS) == true(truth["orders"], ORDERS)
    assert stored(db, "transfers", TRANSFERS) == true(truth["transfers"], TRANSFERS)
    fees = {t["transfer_id"]: Decimal(t["fee_cost"]) for t in truth["transfers"]}
    paid = db.execute("SELECT transfer_id, coalesce(fee_cost, 0) FROM alphapulse.transfers")
    assert dict(paid.fetchall()) == fees
    assert stored(db, "funding", FUNDING) == true(truth["funding"], FUNDING)
    entries = [row | {"kind": row["raw_kind"]} for row in truth["ledger"]]
    assert stored(db, "ledger", LEDGER) == true(entries, LEDGER)
    prices = true(truth["prices"], ["market", "last", "bid", "ask"])
    assert stored(db, "prices_latest", ["market", "last", "bid", "ask"]) <= prices
    markets = {row[0] for row in stored(db, "prices_latest", ["market"])}
    assert {p["market"] for p in truth["positions"] if "-" not in p["market"]} <= markets
    gaps = db.execute("SELECT stream, gap FROM alphapulse.coverage_gaps").fetchall()
    assert gaps == []
