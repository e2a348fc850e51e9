"""One price per asset and time, through the shortest and freshest path of markets."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio import prices
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.portfolio.accounts import Accounts, balance, price, rows
from alphapulse_pipeline_tests.warehouse.rows import T0

DB = Connection[TupleRow]
DOLLARS = PortfolioSettings()
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def refresh(db: DB, currency: str = "USD") -> dict[str, Any]:
    return dict(prices.refresh(db, PortfolioSettings(currency=currency)))


def paths(db: DB) -> dict[str, tuple[Any, list[str]]]:
    """Asset -> its newest price and how it was found."""
    found = db.execute("SELECT asset, price, path FROM portfolio.prices_latest").fetchall()
    return {asset: (value, path) for asset, value, path in found}


def everything(db: DB) -> list[TupleRow]:
    columns = "asset, at::text, price, path, evidence_at::text, other_price, sources"
    return rows(db, "prices", "asset, at", columns)


def test_the_middle_of_bid_and_ask_is_the_price_and_else_the_last_one(
    accounts: Accounts, db: DB
) -> None:
    reported = [
        price("BTC/USD", "99", bid="100.1", ask="100.4"),
        price("ETH/USD", "7.5", bid="7"),
        price("SOL/USD", None, ask="3"),
        price("XRP/USD", "0"),
    ]
    accounts.snapshot("a", "prices", T0, reported)
    refresh(db)
    assert paths(db) == {
        "USD": (1, []),
        "BTC": (Decimal("100.25"), ["BTC/USD"]),
        "ETH": (Decimal("7.5"), ["ETH/USD"]),
    }


def test_the_shortest_path_wins_then_spot_then_the_freshest(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USDT", 90), price("USDT/USD", "0.97")])
    accounts.snapshot("b", "prices", T0 + MINUTE, [price("BTC/USDC", 80), price("USDC/USD", 1)])
    accounts.snapshot("c", "prices", T0 + 2 * MINUTE, [price("BTC/USDT:USDT", 70)])
    refresh(db)
    assert paths(db)["BTC"] == (80, ["BTC/USDC", "USDC/USD"])
    accounts.snapshot("c", "prices", T0 + 3 * MINUTE, [price("BTC/USD:BTC", 60)])
    refresh(db)
    assert paths(db)["BTC"] == (60, ["BTC/USD:BTC"])
    accounts.snapshot("d", "prices", T0 + 4 * MINUTE, [price("USD/BTC", "0.02")])
    refresh(db)
    assert paths(db)["BTC"] == (50, ["USD/BTC"])


def test_a_path_has_three_markets_at_most(accounts: Accounts, db: DB) -> None:
    chain = [price("A/B", 2), price("B/C", 3), price("C/USD", 5), price("Z/A", 7)]
    accounts.snapshot("a", "prices", T0, chain)
    accounts.snapshot("a", "balances", T0, [balance("Z", 1), balance("A", 1)])
    assert refresh(db)["unpriced assets"] == 1
    assert paths(db)["A"] == (30, ["A/B", "B/C", "C/USD"])
    assert "Z" not in paths(db)
    assert rows(db, "unpriced", "asset", "asset, accounts, amount") == [("Z", ["a"], 1)]


def test_dated_futures_options_and_quantos_tell_no_price(accounts: Accounts, db: DB) -> None:
    reported = ["BTC/USD:BTC-261225", "BTC/USD:BTC-261225-90000-C", "BTC/USD:ETH"]
    accounts.snapshot("a", "prices", T0, [price(market, 9) for market in reported])
    refresh(db)
    assert paths(db) == {"USD": (1, [])}


def test_a_stable_coin_costs_what_the_markets_say(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USDT", 100_000), price("BTC/USD:BTC", 97_000)])
    refresh(db)
    assert paths(db)["USDT"] == (Decimal("0.97"), ["BTC/USDT", "BTC/USD:BTC"])


def test_what_is_older_than_a_day_is_no_evidence(accounts: Accounts, db: DB) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USD", 100)])
    accounts.snapshot("b", "prices", T0 + 24 * HOUR, [price("ETH/BTC", 2)])
    accounts.snapshot("b", "prices", T0 + 24 * HOUR + MINUTE, [price("ETH/BTC", 3)])
    refresh(db)
    reported = db.execute(
        "SELECT at, price, evidence_at FROM portfolio.prices WHERE asset = 'ETH'"
    ).fetchall()
    assert reported == [(T0 + 24 * HOUR, 200, T0)]


def test_the_last_fill_of_an_hour_tells_a_price_where_no_snapshot_does(
    accounts: Accounts, db: DB
) -> None:
    for minutes, paid in ((1, 100), (50, 110), (70, 120), (130, 130)):
        accounts.fill("a", "BTC/USD", T0 + minutes * MINUTE, paid, minutes)
    accounts.snapshot("a", "prices", T0 + 125 * MINUTE, [price("ETH/USD", 5)])
    refresh(db)
    reported = db.execute(
        "SELECT at, price, evidence_at FROM portfolio.prices WHERE asset = 'BTC' ORDER BY at"
    ).fetchall()
    assert [((at - T0) / MINUTE, value, (seen - T0) / MINUTE) for at, value, seen in reported] == [
        (50, 110, 50),
        (70, 120, 70),
        (125, 120, 70),
    ]


def test_what_was_paid_in_a_stable_coin_before_its_first_price_is_told_by_that(
    accounts: Accounts, db: DB
) -> None:
    accounts.fill("a", "BTC/USDT", T0, 100, 1)
    accounts.fill("a", "ETH/BTC", T0 + HOUR, 2, 2)
    refresh(db)
    reported = (
        "SELECT asset, at, price, path FROM portfolio.prices WHERE isfinite(at) ORDER BY at, asset"
    )
    assert db.execute(reported).fetchall() == []
    accounts.snapshot("a", "prices", T0 + 99 * HOUR, [price("USDT/USD", "0.97")])
    refresh(db)
    assert db.execute(reported).fetchall() == [
        ("BTC", T0, 97, ["BTC/USDT", "USDT"]),
        ("BTC", T0 + HOUR, 97, ["BTC/USDT", "USDT"]),
        ("ETH", T0 + HOUR, 194, ["ETH/BTC", "BTC/USDT", "USDT"]),
        ("USDT", T0 + 99 * HOUR, Decimal("0.97"), ["USDT/USD"]),
    ]
    accounts.fill("a", "USDT/USD", T0 + HOUR, "0.5", 3)
    refresh(db)
    assert paths_at(db, T0) == {"BTC": 50}
    assert paths_at(db, T0 + HOUR) == {"BTC": 50, "ETH": 100, "USDT": Decimal("0.5")}


def paths_at(db: DB, at: datetime) -> dict[str, Decimal]:
    found = "SELECT asset, price FROM portfolio.prices WHERE at = %s"
    return dict(db.execute(found, [at]).fetchall())


def test_a_late_fill_changes_the_prices_after_it_alone(accounts: Accounts, db: DB) -> None:
    for hour in range(40):
        accounts.fill("a", "BTC/USD", T0 + hour * HOUR, 100 + hour, hour)
    refresh(db)
    accounts.fill("a", "ETH/USD", T0 + 3 * HOUR - MINUTE, 7, "late")
    assert refresh(db)["priced"] == 26  # of ether for a day, and of bitcoin at its own time
    assert refresh(db)["priced"] == 0


def from_nothing(accounts: Accounts, currency: str) -> list[TupleRow]:
    accounts.derive_from_nothing()
    refresh(accounts.db, currency)
    return everything(accounts.db)


def test_a_fresh_contract_leads_on_where_a_contract_is_needed_anyway(
    accounts: Accounts, db: DB
) -> None:
    accounts.snapshot("a", "prices", T0, [price("BTC/USD", 100)])
    reported = [price("BTC/USD:BTC", 101), price("ETH/BTC:BTC", 2)]
    accounts.snapshot("b", "prices", T0 + MINUTE, reported)
    refresh(db)
    assert paths(db)["BTC"] == (100, ["BTC/USD"])
    assert paths(db)["ETH"] == (202, ["ETH/BTC:BTC", "BTC/USD:BTC"])


def test_a_fill_that_is_changed_or_deleted_takes_its_price_with_it(
    accounts: Accounts, db: DB
) -> None:
    accounts.fill("a", "BTC/USD", T0, 100, 1)
    accounts.fill("a", "BTC/USD", T0 + 3 * HOUR, 110, 2)
    refresh(db)
    accounts.fill("a", "BTC/USD", T0 + HOUR, 105, 1)
    refresh(db)
    reported = "SELECT at, price FROM portfolio.prices WHERE asset = 'BTC' ORDER BY at"
    assert db.execute(reported).fetchall() == [(T0 + HOUR, 105), (T0 + 3 * HOUR, 110)]
    db.execute("DELETE FROM alphapulse.trades WHERE trade_id = '1'")
    refresh(db)
    assert db.execute(reported).fetchall() == [(T0 + 3 * HOUR, 110)]


ROOM = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
MARKETS = (
    "BTC/USDT",
    "BTC/USD:BTC",
    "ETH/BTC",
    "ETH/USDT",
    "ETH/USDT:USDT",
    "USDT/USD",
    "SOL/ETH",
    "USDC/USDT",
    "SOL/USDC",
    "BTC/USDC:USDC",
)
ASSETS = ("BTC", "ETH", "SOL", "USDT", "USDC")
SPOT = tuple(market for market in MARKETS if ":" not in market)
amounts = st.integers(1, 40).map(lambda n: Decimal(n) / 8)
quotes = st.dictionaries(st.sampled_from(MARKETS), amounts, max_size=6)
snapshots = st.tuples(st.just("snapshot"), st.sampled_from("ab"), st.integers(1, 300), quotes)
fills = st.tuples(
    st.just("fill"), st.sampled_from("ab"), st.integers(0, 3000), st.sampled_from(SPOT),
    amounts, st.integers(0, 9),
)  # fmt: skip
gone = st.tuples(st.just("gone"), st.sampled_from("ab"), st.integers(0, 9))
steps = st.lists(
    st.one_of(snapshots, fills, fills, gone, st.just(("refresh",))), min_size=1, max_size=25
)


def live(accounts: Accounts, step: tuple[Any, ...], clocks: dict[str, datetime]) -> None:
    """One thing that happens; the snapshots of an account go on in time, its fills come late."""
    match step:
        case ("snapshot", account, minutes, reported):
            clocks[account] = clocks.get(account, T0 + 20 * HOUR) + minutes * MINUTE
            shown = [price(market, value) for market, value in reported.items()]
            accounts.snapshot(account, "prices", clocks[account], shown)
        case ("fill", account, minutes, market, value, number):
            accounts.fill(account, market, T0 + minutes * MINUTE, value, number)
        case ("gone", account, number):
            accounts.db.execute(
                "DELETE FROM alphapulse.trades WHERE account = %s AND trade_id = %s",
                [account, str(number)],
            )


@given(steps=steps, currency=st.sampled_from(["USD", "USDT", "ETH"]))
@example(  # the price of a stable coin stands in for an earlier one, and there is no fill
    steps=[
        ("snapshot", "b", 2, {"BTC/USDT": Decimal(1), "BTC/USD:BTC": Decimal(1)}),
        ("refresh",),
        ("snapshot", "a", 1, {"BTC/USDT": Decimal(1)}),
    ],
    currency="USD",
)
@ROOM
def test_refreshed_step_by_step_or_at_once_is_the_same(
    accounts: Accounts, db: DB, steps: list[tuple[Any, ...]], currency: str
) -> None:
    accounts.forget_everything()
    clocks: dict[str, datetime] = {}
    for step in steps:
        if step == ("refresh",):
            refresh(db, currency)
        else:
            live(accounts, step, clocks)
    refresh(db, currency)
    found = everything(db)
    assert found == from_nothing(accounts, currency)


@given(steps=steps)
@ROOM
def test_no_path_is_better_than_the_one_that_is_taken(
    accounts: Accounts, db: DB, steps: list[tuple[Any, ...]]
) -> None:
    accounts.forget_everything()
    clocks: dict[str, datetime] = {}
    for step in steps:
        if step != ("refresh",):
            live(accounts, step, clocks)
    refresh(db)
    times = db.execute("SELECT DISTINCT at FROM portfolio.prices WHERE isfinite(at)").fetchall()
    for (at,) in times:
        known = evidence(db, at)
        found = db.execute(
            "SELECT asset, price, path, evidence_at FROM portfolio.prices WHERE at = %s", [at]
        ).fetchall()
        bridged = [row for row in found if "/" not in row[2][-1]]
        found = [row for row in found if row not in bridged]
        best = {asset: best_paths(known, asset) for asset in ASSETS}
        assert not any(best[row[0]] for row in bridged)
        assert {row[0] for row in found} == {asset for asset, paths in best.items() if paths}
        for asset, value, path, seen in found:
            assert (tuple(path), seen) in {(p, s) for p, s, _ in best[asset]}
            exact = next(v for p, _, v in best[asset] if p == tuple(path))
            assert abs(value / exact - 1) < Decimal("1e-14")


Evidence = dict[str, tuple[datetime, Decimal]]


def evidence(db: DB, at: datetime) -> Evidence:
    """Market -> what was reported of it last, in the day before `at`."""
    found = db.execute(
        "SELECT market, captured_at, last FROM alphapulse.prices AS p WHERE captured_at = ("
        " SELECT max(captured_at) FROM alphapulse.snapshots AS s WHERE s.account = p.account"
        " AND captured_at <= %(at)s AND captured_at >= %(at)s - interval '1 day')"
        " UNION ALL SELECT market, executed_at, price FROM alphapulse.trades"
        " WHERE executed_at <= %(at)s AND executed_at >= %(at)s - interval '1 day'"
        " ORDER BY 2",
        {"at": at},
    ).fetchall()
    return {market: (seen, value) for market, seen, value in found}


def best_paths(
    known: Evidence, asset: str, length: int = 3
) -> list[tuple[tuple[str, ...], datetime, Decimal]]:
    """(markets, oldest evidence, price) of all the best paths from an asset to dollars."""
    found: list[tuple[tuple[int, bool, float], tuple[str, ...], datetime, Decimal]] = []

    def walk(here: str, path: tuple[str, ...], seen: tuple[str, ...], value: Decimal) -> None:
        if here == "USD":
            oldest = min(known[market][0] for market in path)
            spot = not any(":" in market for market in path)
            found.append(((len(path), not spot, -oldest.timestamp()), path, oldest, value))
            return
        if len(path) == length:
            return
        for market, (_, reported) in known.items():
            base, quote = market.split(":")[0].split("/")
            if here == base and quote not in seen:
                walk(quote, (*path, market), (*seen, quote), value * reported)
            elif here == quote and base not in seen:
                walk(base, (*path, market), (*seen, base), value / reported)

    walk(asset, (), (asset,), Decimal(1))
    best = min((key for key, *_ in found), default=None)
    return [(path, oldest, value) for key, path, oldest, value in found if key == best]


@pytest.mark.parametrize("currency", ["BTC", "EUR"])
def test_another_currency_makes_everything_anew(accounts: Accounts, db: DB, currency: str) -> None:
    reported = [price("BTC/USDT", 100), price("BTC/EUR", 80), price("USDT/USD", "0.5")]
    accounts.snapshot("a", "prices", T0, reported)
    accounts.fill("a", "BTC/EUR", T0 - 30 * HOUR, 79, 1)
    refresh(db)
    refresh(db, currency)
    found = everything(db)
    assert found == from_nothing(accounts, currency)
    assert ("USD" in paths(db), paths(db)[currency]) == (True, (1, []))
    refresh(db)
    assert paths(db)["BTC"] == (50, ["BTC/USDT", "USDT/USD"])
