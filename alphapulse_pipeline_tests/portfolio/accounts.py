"""Accounts as the tables tell of them, row by row: snapshots, fills and failures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import TupleRow

Rows = Iterable[Mapping[str, Any]]


def price(market: str, last: object, **values: object) -> dict[str, Any]:
    return {"market": market, "last": last, "bid": None, "ask": None, **values}


def balance(asset: str, total: object, **values: object) -> dict[str, Any]:
    return {"wallet": "spot", "asset": asset, "total": total, "debt": 0, **values}


def position(market: str, contracts: object, **values: object) -> dict[str, Any]:
    return {
        "market": market,
        "side": "long",
        "margin_mode": "cross",
        "contracts": contracts,
        "contract_size": 1,
        "mark_price": None,
        "unrealized_pnl": 0,
        "liquidation_price": None,
        **values,
    }


@dataclass
class Accounts:
    """Writes what syncs would have written."""

    db: Connection[TupleRow]

    def snapshot(self, account: str, dataset: str, at: datetime, rows: Rows = ()) -> None:
        rows = list(rows)
        self.deployed(account, dataset)
        self._insert(
            "snapshots",
            {"account": account, "dataset": dataset, "captured_at": at, "run_id": "test"}
            | {"rows": len(rows), "read_until": at},
        )
        for row in rows:
            self._insert(dataset, {"account": account, "captured_at": at, **row})

    def deployed(self, account: str, dataset: str) -> None:
        self.db.execute(
            "INSERT INTO alphapulse.datasets (account, dataset, exchange, supported)"
            " VALUES (%s, %s, 'test', true) ON CONFLICT DO NOTHING",
            [account, dataset],
        )

    def removed(self, account: str) -> None:
        self.db.execute(
            "UPDATE alphapulse.datasets SET deployed = false WHERE account = %s", [account]
        )

    def fill(
        self,
        account: str,
        market: str,
        at: datetime,
        price: object,
        number: object,
        amount: object = 1,
    ) -> None:
        self.deployed(account, "trades")
        self.db.execute(
            "INSERT INTO alphapulse.trades (account, market, trade_id, side, wallet, executed_at,"
            " price, amount, cost, kind, raw, run_id)"
            " VALUES (%s, %s, %s, 'buy', 'spot', %s, %s, %s, %s, 'trade', '{}', 'test')"
            " ON CONFLICT (account, market, trade_id, side) DO UPDATE SET price = excluded.price,"
            " executed_at = excluded.executed_at, recorded_at = clock_timestamp()",
            [account, market, str(number), at, price, amount, price],
        )

    def candle(self, account: str, market: str, day: date, close: object) -> None:
        self.deployed(account, "candles")
        opened_at = datetime.combine(day, time(), UTC)
        self._insert(
            "candles",
            {"account": account, "market": market, "day": str(day), "opened_at": opened_at}
            | {"close": close, "raw": "{}", "run_id": "test"},
        )

    def failed(self, account: str, at: datetime) -> None:
        self.deployed(account, "balances")
        self._insert(
            "sync_log",
            {"account": account, "dataset": "balances", "run_id": "test", "status": "failed"}
            | {"started_at": at, "finished_at": at},
        )

    def forget_everything(self) -> None:
        """Before another example."""
        self.db.execute(
            "TRUNCATE alphapulse.snapshots, alphapulse.balances, alphapulse.positions,"
            " alphapulse.prices, alphapulse.trades, alphapulse.candles, alphapulse.sync_log,"
            " alphapulse.datasets"
        )
        self.derive_from_nothing()

    def derive_from_nothing(self) -> None:
        """Before a refresh that knows of none before it."""
        self.db.execute(
            "TRUNCATE portfolio.prices, portfolio.priced, portfolio.bridges, portfolio.refreshed,"
            " portfolio.rewritten, portfolio.value, portfolio.valued, portfolio.reconciliation,"
            " portfolio.reconciled, portfolio.position_reconciliation,"
            " portfolio.reconciled_positions, portfolio.movements_daily"
        )

    def _insert(self, table: str, row: Mapping[str, Any]) -> None:
        self.db.execute(
            sql.SQL("INSERT INTO alphapulse.{} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() * len(row)),
            ),
            list(row.values()),
        )


def rows(db: Connection[TupleRow], table: str, order: str, columns: str = "*") -> list[TupleRow]:
    """A derived table without the times of its recording."""
    return db.execute(
        f"SELECT {columns} FROM portfolio.{table} ORDER BY {order}".encode()
    ).fetchall()
