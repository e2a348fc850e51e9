"""Short ways to write histories and prices by hand, and to read what was made of them."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import realized_pnl
from alphapulse_pipeline.settings.portfolio import PortfolioSettings

DB = Connection[TupleRow]
START = datetime(2026, 10, 1, tzinfo=UTC)
_ids = itertools.count(1)


def hour(number: float) -> datetime:
    return START + timedelta(hours=number)


def price(db: DB, asset: str, value: object, at: float | None = None) -> None:
    """A price since that hour; without one, since ever."""
    db.execute(
        "INSERT INTO portfolio.prices (asset, at, price, path, evidence_at)"
        " VALUES (%s, %s, %s, '{}', %s) ON CONFLICT (asset, at) DO UPDATE SET"
        " price = excluded.price, recorded_at = clock_timestamp()",
        [asset, "-infinity" if at is None else hour(at), value, START],
    )


def fill(
    db: DB,
    at: float,
    market: str,
    side: str,
    amount: object,
    cost: object,
    *,
    fee: tuple[object, str] = ("0", ""),
    trade_id: str = "",
    account: str = "a",
    realized: object = None,
    kind: str = "trade",
) -> str:
    """The entry's name."""
    trade_id = trade_id or str(next(_ids))
    db.execute(
        "INSERT INTO alphapulse.trades (account, market, trade_id, side, wallet, executed_at,"
        " price, amount, cost, fee_cost, fee_currency, kind, realized_pnl, raw, run_id)"
        " VALUES (%s, %s, %s, %s, 'unified', %s, 1, %s, %s, %s, %s, %s, %s, '{}', 'test')",
        [account, market, trade_id, side, hour(at), amount, cost, *fee, kind, realized],
    )
    return f"{market} {trade_id}"


def transfer(
    db: DB,
    at: float,
    kind: str,
    asset: str,
    amount: object,
    *,
    fee: object = "0",
    txid: str = "",
    account: str = "a",
    status: str = "ok",
    updated: float | None = None,
    transfer_id: str = "",
) -> str:
    transfer_id = transfer_id or str(next(_ids))
    db.execute(
        "INSERT INTO alphapulse.transfers (account, kind, transfer_id, asset, amount, fee_cost,"
        " fee_currency, from_wallet, to_wallet, status, txid, happened_at, updated_at, raw,"
        " run_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '{}', 'test')",
        [
            account,
            kind,
            transfer_id,
            asset,
            amount,
            fee,
            asset,
            "unified" if kind == "withdrawal" else "",
            "unified" if kind == "deposit" else "",
            status,
            txid,
            hour(at),
            None if updated is None else hour(updated),
        ],
    )
    return f"{kind} {transfer_id}"


def half(
    db: DB, at: float, asset: str, amount: object, transfer_id: str, *, account: str, sent: bool
) -> str:
    """One side of a transfer between two accounts of one owner."""
    wallets = ("unified", "") if sent else ("", "unified")
    db.execute(
        "INSERT INTO alphapulse.transfers (account, kind, transfer_id, asset, amount, from_wallet,"
        " to_wallet, status, happened_at, raw, run_id)"
        " VALUES (%s, 'transfer', %s, %s, %s, %s, %s, 'ok', %s, '{}', 'test')",
        [account, transfer_id, asset, amount, *wallets, hour(at)],
    )
    return f"transfer {transfer_id}"


def group(db: DB, master: str, *subs: str) -> None:
    """Deploy a master account and its sub-accounts."""
    for account in (master, *subs):
        db.execute(
            "INSERT INTO alphapulse.accounts (account, parent) VALUES (%s, %s)"
            " ON CONFLICT (account) DO UPDATE SET parent = excluded.parent",
            [account, None if account == master else master],
        )


def funding(db: DB, at: float, market: str, amount: object, account: str = "a") -> str:
    number = str(next(_ids))
    db.execute(
        "INSERT INTO alphapulse.funding (account, market, funding_id, wallet, asset, amount,"
        " happened_at, raw, run_id) VALUES (%s, %s, %s, 'unified', %s, %s, %s, '{}', 'test')",
        [account, market, number, market.partition(":")[2], amount, hour(at)],
    )
    return f"{market} {number}"


def booked(
    db: DB, at: float, kind: str, asset: str, amount: object, account: str = "a", id_: str = ""
) -> str:
    """An entry that no other history repeats."""
    number = id_ or str(next(_ids))
    class_ = {"BORROW": "loan", "REPAY": "loan", "MOVE": "transfer"}.get(kind, "other")
    db.execute(
        "INSERT INTO alphapulse.ledger (account, wallet, kind, entry_id, asset, amount, class,"
        " happened_at, raw, run_id) VALUES (%s, 'unified', %s, %s, %s, %s, %s, %s, '{}', 'test')",
        [account, kind, number, asset, amount, class_, hour(at)],
    )
    return f"{kind} {number}"


def balances(db: DB, at: float, held: dict[str, object], account: str = "a") -> None:
    db.execute(
        "INSERT INTO alphapulse.snapshots (account, dataset, captured_at, run_id, rows)"
        " VALUES (%s, 'balances', %s, 'test', %s)",
        [account, hour(at), len(held)],
    )
    for asset, total in held.items():
        db.execute(
            "INSERT INTO alphapulse.balances (account, captured_at, wallet, asset, total, debt)"
            " VALUES (%s, %s, 'unified', %s, %s, 0)",
            [account, hour(at), asset, total],
        )


def refresh(db: DB, **settings: Any) -> dict[str, Any]:
    return dict(realized_pnl.refresh(db, PortfolioSettings(**settings)))


def rows(db: DB, query: str, *values: object) -> list[TupleRow]:
    return db.execute(query.encode(), values).fetchall()


def lines(db: DB, asset: str, *columns: str) -> list[TupleRow]:
    """Of one asset, in order: by itself what was realised."""
    chosen = ", ".join(columns or ("kind", "amount", "proceeds", "cost", "pnl"))
    return rows(
        db,
        f"SELECT {chosen} FROM portfolio.realized_pnl WHERE asset = %s ORDER BY account, line_id",
        asset,
    )


def held(db: DB) -> dict[tuple[str, str], tuple[Any, Any]]:
    """(account, asset) -> (amount, what it cost)."""
    found = rows(db, "SELECT account, asset, amount, cost FROM portfolio.cost_basis")
    return {(account, asset): (amount, cost) for account, asset, amount, cost in found}


_KEPT = ("cost_basis", "lots", "realized_pnl", "openings", "own_transfers")


def everything(db: DB) -> dict[str, list[TupleRow]]:
    """All that is derived, without what is empty of meaning: an asset that is not held."""
    found = {
        table: rows(db, f"SELECT * FROM portfolio.{table} ORDER BY 1, 2, 3") for table in _KEPT
    }
    found["cost_basis"] = [row for row in found["cost_basis"] if row[2]]
    return found


_EMPTY = "TRUNCATE " + ", ".join(
    (
        "alphapulse.trades",
        "alphapulse.transfers",
        "alphapulse.funding",
        "alphapulse.ledger",
        "alphapulse.snapshots",
        "alphapulse.balances",
        "alphapulse.positions",
        "portfolio.prices",
        "portfolio.refreshed",
        "portfolio.rewritten",
        "portfolio.lot_settings",
        "portfolio.lot_accounts",
        "portfolio.openings",
        "portfolio.own_transfers",
        "portfolio.matched_lines",
        "portfolio.matched_lots",
        "portfolio.matched_sums",
        "portfolio.finality",
    )
)


def from_nothing(db: DB, **settings: Any) -> dict[str, list[TupleRow]]:
    """All that is derived, made at once."""
    db.execute("DELETE FROM portfolio.lot_settings")
    refresh(db, **settings)
    return everything(db)


def forget(db: DB) -> None:
    """An empty database."""
    db.execute(_EMPTY.encode())


def total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, Decimal(0))
