"""A portfolio of two accounts over two hundred days, one of which has failed for five of them.

What is derived is written as if it had been: every number is invented, and known.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

DB = Connection[TupleRow]
DAY = timedelta(days=1)
DAYS = 200
NOW = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
FAILED_AT = NOW - timedelta(days=5)
FAILURE = "the key was refused: it has expired"
TOTAL = Decimal("48211.3050000001")
"""What the newest value of all accounts is."""

_PRICES = (("BTC", "62000.5"), ("ETH", "2480.25"), ("USDT", "0.9998"), ("SOL", "141.2"))
_HOLDINGS = (
    ("bybit", "unified", "BTC", "balance", "0.4200000001", "62000.5"),
    ("bybit", "unified", "ETH", "balance", "3.5", "2480.25"),
    ("bybit", "unified", "USDT", "balance", "9120.55", "0.9998"),
    ("bybit", "unified", "USDT", "debt", "-1500", "0.9998"),
    ("bybit", "unified", "USDT", "unrealized", "-212.4", "0.9998"),
    ("bybit", "funding", "NEWCOIN", "balance", "125000", None),
    ("kraken", "spot", "SOL", "balance", "41.25", "141.2"),
)
_EXPOSURE = (
    ("", "BTC", "0.31", "0.53", "19220.15", "32860.26", "0.398", None, None),
    ("", "ETH", "-2.5", "9.5", "-6200.62", "23562.37", "-0.128", None, None),
    ("", "SOL", "41.25", "41.25", "5824.5", "5824.5", "0.12", None, None),
    ("", "", None, None, "18844.03", "62247.13", "1", "1.291", "0.184"),
    ("bybit", "", None, None, "13019.53", "56422.63", "1", "1.33", "0.184"),
    ("kraken", "", None, None, "5824.5", "5824.5", "1", "1", None),
)


def fill(db: DB) -> None:
    """The tables, full."""
    _raw(db)
    db.execute(
        "INSERT INTO portfolio.prices (asset, at, price, path, evidence_at)"
        " SELECT 'USD', '-infinity', 1, '{}', '-infinity' ON CONFLICT DO NOTHING"
    )
    for priced, price_then in _PRICES:
        db.execute(
            "INSERT INTO portfolio.prices (asset, at, price, path, evidence_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            [priced, NOW, price_then, [f"{priced}/USD"], NOW],
        )
    for account, wallet, asset, kind, amount, price in _HOLDINGS:
        value = Decimal(amount) * Decimal(price) if price else None
        at = FAILED_AT if account == "kraken" else NOW
        db.execute(
            "INSERT INTO portfolio.holdings (account, wallet, asset, kind, amount, price,"
            " priced_at, value, share, captured_at) VALUES"
            " (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [account, wallet, asset, kind, amount, price, price and NOW, value,
             value and value / TOTAL, at],
        )  # fmt: skip
    _values(db)
    for row in _EXPOSURE:
        db.execute(
            "INSERT INTO portfolio.exposure (account, asset, net, gross, net_value, gross_value,"
            " share, leverage, liquidation_distance) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            row,
        )
    _earned(db)
    _reconciled(db)


def _raw(db: DB) -> None:
    """Two accounts as their runs would leave them."""
    for account in ("bybit", "kraken"):
        for dataset in ("balances", "trades"):
            db.execute(
                "INSERT INTO alphapulse.datasets (account, dataset, exchange, supported, deployed,"
                " stored) VALUES (%s, %s, %s, true, true, 0)",
                [account, dataset, account],
            )
        failed = account == "kraken"
        for day in range(4, -1, -1) if failed else [0]:
            at = NOW - timedelta(days=day, minutes=0 if day else 1)
            db.execute(
                "INSERT INTO alphapulse.sync_log (account, dataset, run_id, status, started_at,"
                " finished_at, rows_written, error_kind, error) VALUES"
                " (%s, 'balances', 'r', %s, %s, %s, 0, %s, %s)",
                [account, "failed" if failed else "completed", at, at,
                 "auth" if failed else None, FAILURE if failed else None],
            )  # fmt: skip
        for captured_at in (FAILED_AT - timedelta(days=1), FAILED_AT if failed else NOW):
            db.execute(
                "INSERT INTO alphapulse.snapshots (account, dataset, captured_at, read_until, rows,"
                " run_id) VALUES (%s, 'balances', %s, %s, 1, 'r')",
                [account, captured_at, captured_at],
            )
            db.execute(
                "INSERT INTO alphapulse.balances (account, captured_at, wallet, asset, free, used,"
                " total, debt) VALUES (%s, %s, 'unified', 'USDT', 9120.55, 0, 9120.55, 1500)",
                [account, captured_at],
            )
    for number in range(40):
        db.execute(
            "INSERT INTO alphapulse.trades (account, market, trade_id, side, wallet, executed_at,"
            " price, amount, cost, fee_cost, fee_currency, kind, raw, run_id) VALUES"
            " ('bybit', 'BTC/USDT', %s, %s, 'unified', %s, 60000, 0.01, 600, 0.6, 'USDT', 'trade',"
            " '{}', 'r')",
            [str(number), ("buy", "sell")[number % 2], NOW - timedelta(days=4 * number)],
        )


def _values(db: DB) -> None:
    """bybit rises from 30,000 with its ups and downs; kraken stands still since it failed."""
    before: dict[str, Decimal] = {}
    for day in range(DAYS + 1):
        at = NOW - timedelta(days=DAYS - day)
        bybit = Decimal(30_000 + 50 * day + 90 * abs(day % 46 - 23) - 40 * (day % 7))
        kraken = Decimal(5000 + 13 * min(day, DAYS - 5))
        carried = kraken if at > FAILED_AT else Decimal(0)
        total = TOTAL if day == DAYS else bybit + kraken
        confidence = Decimal("0.995") if not carried else Decimal("0.93")
        for account, value, sure, kept in (
            ("", total, confidence, carried),
            ("bybit", total - kraken, Decimal("0.995"), Decimal(0)),
            ("kraken", kraken, Decimal("0.995"), Decimal(0)),
        ):
            opening, added = before.get(account, Decimal(0)), Decimal(0 if day else value)
            before[account] = value
            db.execute(
                "INSERT INTO portfolio.value_daily (account, day, value, flows, added, profit,"
                " growth, unpriced, state, reason) VALUES (%s, %s, %s, %s, %s, %s, %s, '{}', %s,"
                " %s)",
                [account, at.date(), value, added, added, value - opening - added,
                 value / (opening + added), "carried" if kept else "provisional", "prices"],
            )  # fmt: skip
            if carried and account == "kraken":
                continue  # of itself it has no point where it failed
            db.execute(
                "INSERT INTO portfolio.value (account, at, value, confidence, carried, unpriced,"
                " state) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [account, at, value, sure, kept, ["NEWCOIN"] if account != "kraken" else [],
                 "carried" if kept else "provisional"],
            )  # fmt: skip


def _earned(db: DB) -> None:
    for asset, amount in (("BTC", "0.4200000001"), ("ETH", "3.5")):
        at = NOW - timedelta(days=90)
        db.execute(
            "INSERT INTO portfolio.matched_lots (account, asset, lot_id, acquired_at, entered_at,"
            " amount, remaining, cost, source, opened_by, place)"
            " VALUES ('bybit', %s, 1, %s, %s, %s, %s, 20000.05, 'trade', %s, 1)",
            [asset, at, at, amount, amount, f"{asset}/USDT 1"],
        )
        db.execute(
            "INSERT INTO portfolio.matched_sums (account, asset, amount, cost)"
            " VALUES ('bybit', %s, %s, 20000.05)",
            [asset, amount],
        )
    for number in range(60):
        asset = ("BTC", "ETH", "SOL")[number % 3]
        pnl = Decimal((number * 37) % 101 - 38) * Decimal("4.05")
        at = NOW - timedelta(days=3 * number)
        db.execute(
            "INSERT INTO portfolio.matched_lines (account, asset, line_id, kind, realized_at,"
            " amount, proceeds, cost, acquired_at, opened_by, closed_by) VALUES"
            " ('bybit', %s, %s, 'trade', %s, 0.1, %s, 500, %s, %s, %s)",
            [asset, number, at, 500 + pnl, at - timedelta(days=9),
             f"{asset}/USDT {number}", f"{asset}/USDT {number + 1}"],
        )  # fmt: skip


def _reconciled(db: DB) -> None:
    """A window a day for each of two assets; one is a break, one still pending."""
    for day in range(60):
        for asset in ("BTC", "USDT"):
            residual, state, reason = Decimal(0), "reconciled", ""
            if (day, asset) == (20, "USDT"):
                residual, state = Decimal("-12.5"), "break"
                reason = "the histories do not explain it"
            if (day, asset) == (59, "BTC"):
                residual, state = Decimal("0.01"), "pending"
                reason = "trades are synced up to 2026-01-01 00:00:00 only"
            closed_at = NOW - timedelta(days=59 - day)
            db.execute(
                "INSERT INTO portfolio.reconciliation (account, wallet, asset, opened_at,"
                " closed_at, opening, fills, fees, transfers, funding, conversions, other, closing,"
                " pnl_reported, residual, state, reason) VALUES"
                " ('bybit', 'unified', %s, %s, %s, 100, 5, -0.1, 0, 0, 0, 0, %s, true, %s, %s, %s)",
                [asset, closed_at - timedelta(days=1), closed_at, Decimal("104.9") + residual,
                 residual, state, reason],
            )  # fmt: skip
