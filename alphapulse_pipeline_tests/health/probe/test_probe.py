"""The probe: all assumptions hold on the simulated exchanges, and each that is broken is named."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from alphapulse_pipeline.exchange.venues import VENUES
from alphapulse_pipeline.health.probe.account import Probe
from alphapulse_pipeline.health.probe.finding import Assumption, Finding, Verdict
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.warehouse.connection import account_lock, connect
from alphapulse_pipeline_tests.exchange.servers import replying
from alphapulse_pipeline_tests.health.probe.conftest import Open
from alphapulse_pipeline_tests.sync.hollaex import Hollaex, fills, stamp
from exchange_simulator import (
    EXCHANGES,
    Key,
    Simulator,
    Timing,
    World,
    serve,
)

DB = Connection[TupleRow]
DAY_MS = 86_400_000


def probed(found: Account, db: DB | None = None) -> list[Finding]:
    return list(Probe(found, db, tables=db is not None).run())


def of(findings: list[Finding], verdict: Verdict) -> list[Finding]:
    return [finding for finding in findings if finding.verdict is verdict]


TESTED = {
    "bybit": set(Assumption)
    - {Assumption.ANSWERS, Assumption.DEBT, Assumption.LAG, Assumption.RETENTION},
    "binance": set(Assumption) - {Assumption.ANSWERS, Assumption.LAG, Assumption.DEBT},
    "okx": set(Assumption)
    - {Assumption.ANSWERS, Assumption.DEBT, Assumption.LAG, Assumption.LONGEST},
    # its pages have no limit, and its transfers fit on one
    "kraken": {
        Assumption.FIELDS,
        Assumption.READABLE,
        Assumption.ORDER,
        Assumption.IDS,
        Assumption.WINDOW,
        Assumption.ENDS,
        Assumption.WHOLE,
        Assumption.PAGES,
    },
}
"""What the simulated account has enough rows for."""


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_nothing_is_contradicted_where_the_assumptions_hold(
    exchange: str, simulator: Simulator, account: Open
) -> None:
    findings = probed(account(simulator.url, exchange))
    assert of(findings, Verdict.CONTRADICTED) == []
    held = {finding.assumption for finding in of(findings, Verdict.HELD)}
    assert TESTED[exchange] - held == set()
    datasets = {finding.source.partition("/")[0] for finding in findings}
    assert set(VENUES[exchange].histories) <= datasets
    assert all(finding.evidence for finding in findings)


A = Assumption
BROKEN: list[tuple[str, list[tuple[str, Assumption, str]]]] = [
    (
        "bybit",
        [
            ("reversed:/v5/execution/list", A.ORDER, "ExecutionList"),
            ("doubled:/v5/order/history", A.IDS, "OrderHistory"),
            ("exclusive-end:/v5/account/transaction-log", A.ENDS, "TransactionLog"),
            ("page=4:/v5/asset/deposit", A.WHOLE, "DepositQueryRecord"),
            ("missing=walletBalance:/v5/account", A.FIELDS, "fetch_balance"),
            ("renamed=leverage:/v5/position/list", A.FIELDS, "PositionList"),
        ],
    ),
    (
        "bybit",
        [
            ("repeated=execId:/v5/execution/list", A.IDS, "ExecutionList"),
            ("retyped=isMaker:/v5/execution/list", A.FIELDS, "ExecutionList"),
            ("no-window:/v5/order/history", A.WINDOW, "OrderHistory"),
            ("missing=cashBalance:/v5/account/transaction-log", A.FIELDS, "TransactionLog"),
            ("short-window=15:/v5/asset/deposit", A.LONGEST, "DepositQueryRecord"),
        ],
    ),
    (
        "bybit",
        [
            ("page=5:/v5/execution/list", A.PAGES, "ExecutionList"),
            ("previous:/v5/account/transaction-log", A.PAGES, "TransactionLog"),
            ("retcode=10001:/v5/order/history", A.ANSWERS, "OrderHistory"),
        ],
    ),
    (
        "binance",
        [
            ("reversed:/fapi/v1/userTrades", A.ORDER, "fapiPrivateGetUserTrades"),
            ("repeated=tranId:/sapi/v1/asset/transfer", A.IDS, "AssetTransfer"),
            ("nulled=commission:/api/v3/myTrades", A.FIELDS, "privateGetMyTrades"),
            ("exclusive-end:/dapi/v1/income", A.ENDS, "dapiPrivateGetIncome"),
            ("page=2:/api/v3/allOrders", A.LIMIT, "privateGetAllOrders"),
            ("page=2:/sapi/v1/capital/withdraw", A.WHOLE, "WithdrawHistory"),
            ("previous:/fapi/v1/allOrders", A.PAGES, "fapiPrivateGetAllOrders"),
        ],
    ),
    (
        "okx",
        [
            ("reversed:/api/v5/trade/fills-history", A.ORDER, "FillsHistory"),
            ("repeated=depId:/api/v5/asset/deposit-history", A.IDS, "DepositHistory"),
            ("exclusive-end:/api/v5/asset/deposit-history", A.ENDS, "DepositHistory"),
            ("no-window:/api/v5/asset/bills-history", A.WINDOW, "AssetBillsHistory"),
            ("previous:/api/v5/trade/orders-history-archive", A.PAGES, "OrdersHistoryArchive"),
        ],
    ),
    (
        "kraken",
        [
            ("reversed:/0/private/Ledgers", A.ORDER, "Ledgers"),
            ("missing=cost:/0/private/TradesHistory", A.FIELDS, "TradesHistory"),
            ("no-window:/0/private/ClosedOrders", A.WINDOW, "ClosedOrders"),
            ("previous:/0/private/TradesHistory", A.PAGES, "TradesHistory"),
        ],
    ),
]
"""Exchange -> faults, each with the assumption that it breaks and ccxt's name of the endpoint."""


@pytest.mark.parametrize(("exchange", "broken"), BROKEN)
def test_a_broken_assumption_is_named_with_its_endpoint(
    exchange: str,
    broken: list[tuple[str, Assumption, str]],
    simulator: Simulator,
    account: Open,
) -> None:
    simulator.set_faults(*(fault for fault, _, _ in broken))
    probe = Probe(account(simulator.url, exchange), None, tables=False)
    found = of(list(probe.run()), Verdict.CONTRADICTED)
    assert probe.contradicted
    assert [fault for fault in simulator.faults() if not fault["fired"]] == []
    named = {(finding.assumption, finding.endpoint) for finding in found}
    missed = [
        (fault, assumption)
        for fault, assumption, endpoint in broken
        if not any(assumption is a and endpoint in name for a, name in named)
    ]
    assert missed == [], found
    # what is not broken is not accused
    paths = [fault.partition(":")[2] for fault, _, _ in broken]
    assert len({finding.endpoint for finding in found}) <= len(set(paths))


def test_rows_that_appear_late(simulator: Simulator, account: Open) -> None:
    """The rows of the last 58 minutes are hidden at first; each request takes a minute.

    So the rows that are 32 to 40 minutes old appear between the first answer and the last.
    """
    minute, late_by, now = 60_000, 3_480_000, simulator.now()
    fills = [fill["executed_at"] for fill in simulator.truth(now)["trades"]]
    busy = max(
        range(now - 3 * DAY_MS, now - DAY_MS, 5 * minute),
        key=lambda moment: sum(32 * minute < moment - fill < 40 * minute for fill in fills),
    )
    with serve(simulator.world, clock=lambda: busy, limits=False) as then:
        then.set_timing(Timing(late_share=Decimal(1), late_by=late_by, clock_step=minute))
        clock = {"timeDifference": now - busy, "recvWindow": 60_000}
        findings = probed(account(then.url, "bybit", **clock))
    late = [f for f in of(findings, Verdict.CONTRADICTED) if f.assumption is Assumption.LAG]
    assert late
    assert re.search(r"late; .+ is assumed", late[0].evidence)


def test_totals_that_contain_debt(
    simulator: Simulator, account: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a day with a loan: the total, which is free plus locked, is made negative."""
    monkeypatch.setitem(VENUES, "binance", replace(VENUES["binance"], histories={}))
    now = simulator.now()
    loan = next(day for day in range(now, now - 60 * DAY_MS, -DAY_MS) if owes(simulator, day))
    with serve(simulator.world, clock=lambda: loan, limits=False) as then:
        clock = {"timeDifference": now - loan + 30_000, "recvWindow": 60_000}
        found = account(then.url, "binance", **clock)
        for fault, verdict in (
            ("", Verdict.HELD),
            ("negated=free:/sapi/v1/margin/account", Verdict.CONTRADICTED),
        ):
            then.set_faults(*filter(None, [fault]))
            debts = {f.source: f.verdict for f in probed(found) if f.assumption is A.DEBT}
            assert debts["balances/margin"] is verdict
            assert debts["balances/spot"] is Verdict.NOT_TESTABLE


def owes(simulator: Simulator, at: int) -> bool:
    balances = simulator.truth(at, exchange="binance")["balances"]
    return any(Decimal(balance["debt"]) for balance in balances)


def remember(db: DB, withdrawal: dict[str, Any]) -> None:
    """Store a withdrawal, as a sync would have."""
    values = {
        "account": "savings",
        "kind": "withdrawal",
        "transfer_id": withdrawal["transfer_id"],
        "asset": withdrawal["asset"],
        "amount": withdrawal["amount"],
        "status": "ok",
        "from_wallet": "funding",
        "happened_at": datetime.fromtimestamp(withdrawal["happened_at"] / 1000, UTC),
        "raw": Jsonb({}),
        "run_id": "a run",
    }
    names, places = ", ".join(values), ", ".join(["%s"] * len(values))
    db.execute(
        f"INSERT INTO alphapulse.transfers ({names}) VALUES ({places})".encode(),
        list(values.values()),
    )


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [("", Verdict.HELD), ("short-retention=10:/v5/asset/withdraw", Verdict.CONTRADICTED)],
)
def test_a_row_that_the_database_has_is_asked_for(
    fault: str, verdict: Verdict, simulator: Simulator, account: Open, db: DB
) -> None:
    old = simulator.now() - 20 * DAY_MS
    transfers = simulator.truth(exchange="bybit")["transfers"]
    withdrawals = [t for t in transfers if t["kind"] == "withdrawal" and t["happened_at"] < old]
    remember(db, withdrawals[0])
    simulator.set_faults(*filter(None, [fault]))
    findings = probed(account(simulator.url, "bybit"), db)
    [found] = [
        f for f in findings if f.source == "transfers/withdrawals" and f.assumption is A.RETENTION
    ]
    assert found.verdict is verdict, found
    assert "days ago" in found.evidence


def test_a_new_account_has_nothing_to_test(account: Open) -> None:
    newborn = World(seed=7, genesis=datetime.now(UTC) - timedelta(minutes=1))
    with serve(newborn, limits=False) as simulator:
        findings = probed(account(simulator.url, "bybit"))
    assert of(findings, Verdict.CONTRADICTED) == []
    rows = [f for f in findings if f.source == "trades/option"]
    assert [(f.verdict, f.evidence) for f in rows] == [(Verdict.NOT_TESTABLE, "no rows")]


def test_an_exchange_without_a_venue_is_probed_as_well(account: Open) -> None:
    """Its fills are a day old: windows further back are requested until one has rows."""
    rows = fills(seed=5, count=300)[::10]
    times = [datetime.fromisoformat(row["timestamp"]) for row in rows]
    # whatever the time of day, and few enough for one answer
    younger = datetime.now(UTC) - timedelta(hours=25) - max(times)
    exchange = Hollaex(
        [{**row, "timestamp": stamp(time + younger)} for row, time in zip(rows, times, strict=True)]
    )
    with replying(exchange.reply) as url:
        findings = probed(account(url, "hollaex"))
    # the server has no page of transfers
    broken = {f.source.partition("/")[0] for f in of(findings, Verdict.CONTRADICTED)}
    assert broken == {"transfers"}
    held = {f.assumption for f in of(findings, Verdict.HELD) if f.source == "trades/all"}
    assert {A.READABLE, A.IDS, A.WINDOW, A.ENDS} <= held


def test_what_a_key_may_not_read_contradicts_nothing(simulator: Simulator, account: Open) -> None:
    simulator.set_faults("key=orders:/v5/order/history")
    findings = probed(account(simulator.url, "bybit"))
    assert of(findings, Verdict.CONTRADICTED) == []
    refused = [f for f in findings if f.source == "orders/spot"]
    assert [(f.verdict, f.evidence) for f in refused] == [
        (Verdict.NOT_TESTABLE, "the key may not read this")
    ]


def test_a_wrong_key_is_an_error(world: World, account: Open) -> None:
    with (
        serve(world, limits=False, keys=[Key(secret="another")]) as simulator,
        pytest.raises(UserError, match="signature is wrong"),
    ):
        probed(account(simulator.url, "bybit"))


def test_an_account_that_is_being_synced_is_left_alone(
    simulator: Simulator, account: Open, db: DB, database: str
) -> None:
    with (
        connect(database) as other,
        account_lock(other, "savings"),
        pytest.raises(UserError, match="a run is in progress"),
    ):
        probed(account(simulator.url, "bybit"), db)
