"""What `alphapulse sync` says at the end."""

from datetime import date

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli.sync_summary import Result, completeness, done, print_next

READ = [
    Result(account, dataset, "completed", 1234, 1.0, None)
    for account in ("binance", "okx")
    for dataset in ("balances", "trades", "orders")
]


@pytest.mark.parametrize(
    ("statuses", "warnings", "said"),
    [
        ({"bybit": "completed", "okx": "completed"}, 0, "2 accounts synced in 1:02: 2,468 rows"),
        ({"bybit": "completed"}, 1, "1 account synced in 1:02: 1,234 rows, 1 warning"),
        (
            {"bybit": "completed", "okx": "failed"},
            0,
            "1 of 2 accounts synced without an error in 1:02: 2,468 rows",
        ),
    ],
)
def test_it_says_what_was_done(statuses: dict[str, str], warnings: int, said: str) -> None:
    results = [
        Result(account, "trades", status, 1234, 1.0, None) for account, status in statuses.items()
    ]
    assert done(results, 62.0, warnings, demo=False) == said
    assert "rows of simulated data" in done(results, 62.0, warnings, demo=True)


@pytest.mark.parametrize(("demo", "option"), [(False, ""), (True, " --demo")])
def test_it_says_what_can_be_done_next(
    demo: bool, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("UV", raising=False)
    print_next(demo=demo)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"next: `alphapulse status{option}`, or `alphapulse up{option}`" in printed.err


def test_it_says_what_is_missing(db: Connection[TupleRow]) -> None:
    since = date(2026, 9, 20)
    for result in READ:
        db.execute(
            "INSERT INTO alphapulse.datasets (account, dataset, exchange, supported)"
            " VALUES (%s, %s, %s, TRUE)",
            [result.account, result.dataset, result.account],
        )
        if result.dataset == "balances":
            continue
        db.execute(
            "INSERT INTO alphapulse.streams (account, dataset, stream, first_seen, source, wanted)"
            " VALUES (%s, %s, 'all', '2026-09-20', 'test', '[2026-09-20, 2026-10-20)')",
            [result.account, result.dataset],
        )
        db.execute(
            "INSERT INTO alphapulse.coverage (account, dataset, stream, covered, updated_at)"
            " VALUES (%s, %s, 'all', '{[2026-09-20, 2026-10-20)}', now())",
            [result.account, result.dataset],
        )
    whole = ["the history since 2026-09-20 is complete: nothing is missing"]
    assert completeness(db, READ, since) == whole
    assert completeness(db, READ[:1], since) == []  # no history was synced

    db.execute(
        "UPDATE alphapulse.coverage SET covered = '{[2026-09-20, 2026-09-21),"
        " [2026-09-22, 2026-09-23)}' WHERE account = 'binance'"
    )
    db.execute(
        "UPDATE alphapulse.coverage SET covered = '{[2026-09-21, 2026-10-20)}',"
        " unreachable = '{[2026-09-20, 2026-09-21)}'"
        " WHERE account = 'okx' AND dataset = 'orders'"
    )
    lost = "the exchange no longer serves it"
    orders = f"  okx/orders (all): {lost}; no balance and no profit depends on it"
    assert completeness(db, READ, since) == [
        "the history since 2026-09-20 is not complete:",
        "  binance/orders: 2 gaps; the next `alphapulse sync` reads on",
        "  binance/trades: 2 gaps; the next `alphapulse sync` reads on",
        orders,
    ]
    [_, _, _, _, trades_of_okx, orders_of_okx] = READ
    assert completeness(db, [trades_of_okx], since) == whole  # only what was synced
    served = "the history since 2026-09-20 is complete, as far as exchanges serve it:"
    assert completeness(db, [orders_of_okx], since) == [served, orders]

    db.execute(
        "UPDATE alphapulse.coverage SET unreachable = '{[2026-09-20, 2026-09-21)}',"
        " covered = '{[2026-09-21, 2026-10-20)}' WHERE account = 'okx' AND dataset = 'trades'"
    )
    [_, trades] = completeness(db, [trades_of_okx], since)
    assert "`alphapulse import` reads an export" in trades
