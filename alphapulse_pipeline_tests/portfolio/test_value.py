"""The equity curve and its confidence."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import prices, reconciliation, value
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.portfolio.accounts import Accounts, balance, position, price, rows
from alphapulse_pipeline_tests.warehouse.rows import T0

DB = Connection[TupleRow]
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DAY = 24 * HOUR


def refresh(db: DB, currency: str = "USD") -> dict[str, Any]:
    chosen = PortfolioSettings(currency=currency)
    prices.refresh(db, chosen)
    return dict(value.refresh(db, chosen))


def reconcile_and_refresh(db: DB) -> None:
    reconciliation.refresh(db, PortfolioSettings())
    refresh(db)


def curve(db: DB, account: str = "") -> list[tuple[Any, ...]]:
    """(hours since the beginning, value, confidence, carried, unpriced, state)."""
    found = db.execute(
        "SELECT at, value, confidence, carried, unpriced, state FROM portfolio.value"
        " WHERE account = %s ORDER BY at",
        [account],
    ).fetchall()
    return [((row[0] - T0) / HOUR, *row[1:]) for row in found]


def test_a_point_for_each_snapshot_and_one_for_all_together(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USD", 1000)])
    accounts.snapshot("a", "balances", T0, [balance("BTC", 2, debt="0.5")])
    accounts.snapshot("b", "balances", T0 + HOUR, [balance("USD", 10)])
    accounts.snapshot("a", "prices", T0 + 2 * HOUR, [price("BTC/USD", 1100)])
    accounts.snapshot("a", "balances", T0 + 2 * HOUR, [balance("BTC", 2)])
    refresh(db)
    assert curve(db, "a") == [
        (0, 1500, 1, 0, [], "provisional"),
        (2, 2200, 1, 0, [], "provisional"),
    ]
    assert curve(db, "b") == [(1, 10, 1, 0, [], "provisional")]
    assert curve(db) == [
        (0, 1500, 1, 0, [], "provisional"),
        (1, 1510, 1, 0, [], "provisional"),
        (2, 2210, 1, 0, [], "provisional"),
    ]


def test_positions_and_prices_that_were_read_with_the_balances_count(
    accounts: Accounts, db: DB
) -> None:
    accounts.snapshot("a", "prices", T0 - HOUR, [price("BTC/USD", 900)])
    accounts.snapshot("a", "balances", T0, [balance("BTC", 1)])
    accounts.snapshot("a", "positions", T0 + timedelta(seconds=4), [position("BTC/USD:BTC", 1,
        unrealized_pnl="0.5")])  # fmt: skip
    accounts.snapshot("a", "prices", T0 + timedelta(seconds=9), [price("BTC/USD", 1000)])
    refresh(db)
    assert curve(db, "a") == [(0, 1500, 1, 0, [], "provisional")]


def test_positions_that_arrive_after_the_first_refresh_are_counted_then(
    accounts: Accounts, db: DB
) -> None:
    accounts.deployed("a", "positions")
    accounts.snapshot("a", "balances", T0, [balance("USD", 100)])
    refresh(db)
    assert curve(db) == [(0, 100, Decimal("0.5"), 0, [], "partial")]
    shown = [position("BTC/USD:USD", 1, unrealized_pnl="-7")]
    accounts.snapshot("a", "positions", T0 + timedelta(seconds=4), shown)
    refresh(db)
    assert curve(db) == [(0, 93, 1, 0, [], "provisional")]


def test_an_account_that_fails_for_a_day_makes_the_curve_flat_and_marked_and_no_dent(
    accounts: Accounts, db: DB
) -> None:
    for hour in range(60):
        accounts.snapshot("a", "balances", T0 + hour * HOUR, [balance("USD", 100)])
        if 12 <= hour < 36:
            accounts.failed("b", T0 + hour * HOUR - MINUTE)
        else:
            accounts.snapshot("b", "balances", T0 + hour * HOUR, [balance("USD", 300)])
        refresh(db)
    points = curve(db)
    assert {point[1] for point in points} == {400}
    failing = [point for point in points if 11.5 < point[0] < 35.5]
    assert len(failing) == 2 * 24
    assert [point for point in points if point[5] == "carried"] == failing
    assert {point[3] for point in failing} == {300}
    assert {point[2] for point in points if point not in failing} == {1}
    sure = [point[2] for point in failing]
    assert sure == sorted(sure, reverse=True)
    assert 0 < sure[-1] < sure[0] < 1
    assert len(curve(db, "b")) == 36


def test_an_account_that_is_no_longer_synced_is_carried_after_two_hours(
    accounts: Accounts, db: DB
) -> None:
    accounts.snapshot("b", "balances", T0, [balance("USD", 300)])
    for hour in (1, 2, 3, 24 * 8):
        accounts.snapshot("a", "balances", T0 + hour * HOUR, [balance("USD", 100)])
    refresh(db)
    assert [point[5] for point in curve(db)] == [
        "provisional",
        "provisional",
        "provisional",
        "carried",
        "carried",
    ]
    assert curve(db)[-1][1:4] == (400, Decimal("0.25"), 300)


def test_positions_that_fail_are_carried(accounts: Accounts, db: DB) -> None:
    shown = [position("BTC/USD:USD", 1, unrealized_pnl=100)]
    accounts.snapshot("a", "positions", T0, shown)
    accounts.snapshot("a", "balances", T0 + 84 * HOUR, [balance("USD", 300)])
    refresh(db)
    assert curve(db) == [(84, 400, Decimal("0.875"), 100, [], "carried")]


def test_an_account_that_was_never_read_makes_the_sum_partial(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 100)])
    accounts.snapshot("a", "balances", T0 + HOUR, [balance("USD", 100)])
    accounts.failed("b", T0 + MINUTE)
    refresh(db)
    assert [point[1:3] + point[5:] for point in curve(db)] == [
        (100, 1, "provisional"),
        (100, Decimal("0.5"), "partial"),
        (100, Decimal("0.5"), "partial"),
    ]


def test_an_only_account_that_fails_is_marked_while_it_fails(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 100)])
    refresh(db)
    for hour in (1, 2):
        accounts.failed("a", T0 + hour * HOUR)
        refresh(db)
    accounts.snapshot("a", "balances", T0 + 3 * HOUR, [balance("USD", 90)])
    refresh(db)
    assert [(point[0], point[1], point[3], point[5]) for point in curve(db)] == [
        (0, 100, 0, "provisional"),
        (1, 100, 100, "carried"),
        (2, 100, 100, "carried"),
        (3, 90, 0, "provisional"),
    ]
    assert 0 < curve(db)[2][2] < curve(db)[1][2] < 1
    accounts.removed("a")
    refresh(db)
    assert [point[0] for point in curve(db)] == [0, 1, 2, 3]
    accounts.derive_from_nothing()
    refresh(db)
    assert [point[0] for point in curve(db)] == [0, 1, 2, 3]


def test_an_account_that_is_no_longer_deployed_ends_with_its_last_snapshot(
    accounts: Accounts, db: DB
) -> None:
    for hour in range(3):
        accounts.snapshot("a", "balances", T0 + hour * HOUR, [balance("USD", 100)])
    accounts.snapshot("b", "balances", T0 + HOUR, [balance("USD", 7)])
    refresh(db)
    assert [point[1] for point in curve(db)] == [100, 107, 107]
    accounts.removed("b")
    refresh(db)
    assert [point[1] for point in curve(db)] == [100, 107, 100]


def test_what_has_no_price_is_named_and_counted_once_it_has_one(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 100), balance("NEW", 3)])
    refresh(db)
    assert curve(db) == [(0, 100, Decimal("0.5"), 0, ["NEW"], "partial")]
    accounts.snapshot("a", "prices", T0 + 9 * DAY, [price("NEW/USD", 2)])
    assert refresh(db)["points"] == 1
    assert curve(db) == [(0, 106, 1, 0, [], "provisional")]


def test_what_no_history_explains_is_uncertainty_of_its_size_until_it_does(
    accounts: Accounts, db: DB
) -> None:
    def unexplained(account: str) -> list[tuple[Any, ...]]:
        return db.execute(
            "SELECT value, unexplained, confidence FROM portfolio.value WHERE account = %s"
            " ORDER BY at",
            [account],
        ).fetchall()

    accounts.snapshot("a", "prices", T0, [price("BTC/USD", 1000)])
    accounts.snapshot("a", "balances", T0, [balance("BTC", 2), balance("USD", 1000)])
    for hour in (1, 2):
        now = [balance("BTC", 3), balance("USD", 500)]
        accounts.snapshot("a", "balances", T0 + hour * HOUR, now)
    accounts.snapshot("b", "balances", T0 + 90 * MINUTE, [balance("USD", 6500)])
    reconcile_and_refresh(db)
    assert unexplained("a") == [(3000, 0, 1), (3500, 1500, Decimal("0.5714")), (3500, 0, 1)]
    together = [(3500, 1500, Decimal("0.5714")), (10000, 1500, Decimal("0.8500")), (10000, 0, 1)]
    assert unexplained("")[1:] == together
    accounts.fill("a", "BTC/USD", T0 + 30 * MINUTE, 500, 1)
    reconcile_and_refresh(db)
    assert unexplained("a") == [(3000, 0, 1), (3500, 0, 1), (3500, 0, 1)]
    assert {amount for _, amount, _ in unexplained("")} == {0}
    db.execute("DELETE FROM alphapulse.trades")
    reconcile_and_refresh(db)
    assert unexplained("")[1:] == together


def test_unexplained_amounts_of_several_accounts_add_up(accounts: Accounts, db: DB) -> None:
    for account, was, now in (("a", 100, 90), ("b", 200, 210)):
        accounts.snapshot(account, "balances", T0, [balance("USD", was)])
        accounts.snapshot(account, "balances", T0 + HOUR, [balance("USD", now)])
    reconcile_and_refresh(db)
    assert db.execute(
        "SELECT value, unexplained, uncertainty >= 20 FROM portfolio.value WHERE account = ''"
        " ORDER BY at DESC LIMIT 1"
    ).fetchone() == (300, 20, True)


def test_a_balance_that_vanished_unexplained_has_no_confidence(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 1000)])
    accounts.snapshot("a", "balances", T0 + HOUR)
    reconcile_and_refresh(db)
    assert [(point[1], point[2]) for point in curve(db)] == [(1000, 1), (0, 0)]


def test_an_empty_account_is_worth_nothing_and_that_is_known(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "balances", T0, [balance("USD", 100)])
    accounts.snapshot("a", "balances", T0 + HOUR)
    refresh(db)
    assert curve(db)[-1] == (1, 0, 1, 0, [], "provisional")


def test_a_different_currency_recalculates_every_point(accounts: Accounts, db: DB) -> None:
    quotes = [price("BTC/USD", 1000), price("BTC/EUR", 800)]
    for hour in range(3):
        accounts.snapshot("a", "prices", T0 + hour * HOUR, quotes)
        accounts.snapshot("a", "balances", T0 + hour * HOUR, [balance("BTC", 2)])
    refresh(db)
    assert [point[1] for point in curve(db)] == [2000] * 3
    refresh(db, "EUR")
    assert [point[1] for point in curve(db)] == [1600] * 3
    refresh(db, "BTC")
    assert [point[1] for point in curve(db)] == [2] * 3


def test_a_second_refresh_changes_nothing(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USD", 1000)])
    accounts.snapshot("a", "balances", T0, [balance("BTC", 2)])
    assert refresh(db)["points"] == 1
    again = refresh(db)
    assert (again["points"], again["totals"]) == (0, 0)


def test_balances_as_of_a_time_are_those_of_the_newest_snapshots_until_then(
    accounts: Accounts, db: DB
) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USD", 1000)])
    accounts.snapshot("a", "balances", T0, [balance("BTC", 2, debt=1)])
    accounts.snapshot("b", "balances", T0 + HOUR, [balance("USD", 5)])
    accounts.snapshot("b", "balances", T0 + 2 * HOUR)
    refresh(db)

    def as_of(at: datetime) -> list[TupleRow]:
        return db.execute(
            "SELECT account, wallet, asset, total, debt, captured_at, price, value"
            " FROM portfolio.balances_as_of(%s) ORDER BY account, asset",
            [at],
        ).fetchall()

    bitcoin = ("a", "spot", "BTC", 2, 1, T0, 1000, 1000)
    dollars = ("b", "spot", "USD", 5, 0, T0 + HOUR, 1, 5)
    assert as_of(T0) == [bitcoin, dollars]  # nothing has moved since, as far as is known
    assert as_of(T0 + 90 * MINUTE) == [bitcoin, dollars]
    assert as_of(T0 + 2 * HOUR) == [bitcoin]


amounts = st.integers(1, 40).map(lambda n: Decimal(n) / 8)
names = st.sampled_from("ab")
markets = st.sampled_from(["BTC/USD", "ETH/BTC"])
assets = st.sampled_from(["BTC", "ETH", "USD"])
later = st.sampled_from([1, 3, 59, 61, 150, 1500])
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("prices"), names, later, markets, amounts),
        st.tuples(st.just("balances"), names, later, assets, amounts),
        st.tuples(st.just("positions"), names, later, assets, amounts),
        st.tuples(st.just("fill"), names, st.integers(-600, 1200), amounts, st.integers(0, 5)),
        st.tuples(st.just("failed"), names, st.integers(1, 100)),
        st.just(("refresh",)),
    ),
    min_size=3,
    max_size=30,
)  # fmt: skip


SHOWN: dict[str, Callable[[str, Decimal], dict[str, Any]]] = {
    "prices": price,
    "balances": balance,
    "positions": lambda asset, amount: position(f"X/Y:{asset}", 1, unrealized_pnl=amount),
}


EIGHTH = Decimal("0.125")


@given(happenings)
@example(  # a failure before the first snapshot, and an older first snapshot of a second account
    [
        ("prices", "a", 1, "BTC/USD", EIGHTH),
        ("failed", "a", 1),
        ("balances", "a", 1500, "BTC", EIGHTH),
        ("refresh",),
        ("balances", "b", 1, "BTC", EIGHTH),
    ]
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
def test_refreshed_step_by_step_or_at_once_is_the_same(
    accounts: Accounts, db: DB, happenings: list[tuple[Any, ...]]
) -> None:
    accounts.forget_everything()
    for account in "ab":
        for dataset in ("balances", "positions", "trades"):
            accounts.deployed(account, dataset)
    clocks: dict[tuple[str, str], datetime] = {}
    for happening in happenings:
        match happening:
            case ("refresh",):
                reconcile_and_refresh(db)
            case ("fill", account, minutes, paid, number):
                accounts.fill(account, "BTC/USD", T0 + minutes * MINUTE, paid, number)
            case ("failed", account, minutes):
                now = max([T0, *clocks.values()]) + minutes * MINUTE
                accounts.failed(account, now)
            case (dataset, account, minutes, what, amount):
                now = clocks.get((account, dataset), T0) + minutes * MINUTE
                clocks[account, dataset] = now
                accounts.snapshot(account, dataset, now, [SHOWN[dataset](what, amount)])
    reconcile_and_refresh(db)
    found = rows(db, "value", "account, at")
    accounts.derive_from_nothing()
    reconcile_and_refresh(db)
    assert found == rows(db, "value", "account, at")
