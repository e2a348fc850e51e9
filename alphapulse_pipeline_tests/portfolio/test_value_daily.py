"""Before the first snapshot, a day's value is the simulator's books at the simulator's closes."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.report.performance import performance
from alphapulse_pipeline.portfolio.report.scope import Scope
from alphapulse_pipeline.portfolio.tables import derived
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.portfolio.accounts import Accounts, balance
from alphapulse_pipeline_tests.sync.reliability.scene import BEFORE, Scene
from alphapulse_pipeline_tests.warehouse.rows import T0

DB = Connection[TupleRow]
DAY = timedelta(days=1)
_CURRENCY = "USDT"
_DERIVED = ("reconciliation", "movements_daily", "prices", "value", "value_daily")
_POSITIONS = "the unrealized profit of positions is not known"
_DAYS = (
    "SELECT day, value, flows, profit, growth, unpriced, state, reason FROM portfolio.value_daily"
    " WHERE account = %s ORDER BY day"
)


def refresh(db: DB, currency: str = _CURRENCY) -> None:
    for name in _DERIVED:
        derived(name).refresh(db, PortfolioSettings(currency=currency))


def price(db: DB, scene: Scene, asset: str, at: int) -> Decimal:
    """By the simulator's closes: with the database's division, if the asset is a quote."""
    if asset == _CURRENCY:
        return Decimal(1)
    prices = scene.simulator.world.on(scene.exchange).prices
    by_name = scene.simulator.world.on(scene.exchange).catalogue.by_name
    direct = by_name.get(f"{asset}/{_CURRENCY}")
    if direct is not None:
        return prices.last(direct, at)
    values = [prices.last(by_name[name], at) for name in (f"BTC/{_CURRENCY}", f"BTC/{asset}")]
    [divided] = db.execute("SELECT %s::numeric / %s::numeric", values).fetchone() or [None]
    assert isinstance(divided, Decimal)
    return divided


def worth(db: DB, scene: Scene, at: int) -> Decimal:
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for row in scene.truth(at)["balances"]:
        amounts[row["asset"]] += Decimal(row["total"]) - Decimal(row["debt"])
    return sum((n * price(db, scene, asset, at) for asset, n in amounts.items() if n), Decimal(0))


@contextmanager
def calculated(scene: Scene) -> Iterator[DB]:
    with scene.database() as (_, db):
        refresh(db)
        yield db


def ends_at(day: date) -> int:
    """The last millisecond of a day."""
    start = datetime.combine(day, datetime.min.time(), UTC)
    return int((start + DAY).timestamp() * 1000) - 1


def test_values_are_those_of_the_books(lived: Scene) -> None:
    first = datetime.fromtimestamp(BEFORE / 1000, UTC).date()
    with calculated(lived) as db:
        days = [row for row in db.execute(_DAYS, [lived.exchange]).fetchall() if row[0] < first]
        assert len(days) == 10
        assert ({row[6] for row in days} == {"final"}) is (lived.exchange == "kraken")
        for day, value, *_, unpriced, state, reason in days:
            assert unpriced == []
            assert (state, reason) in (("final", ""), ("partial", _POSITIONS)), day
            assert value == worth(db, lived, ends_at(day)), day
        # every day starts where the one before it ended
        before = Decimal(0)
        for day, value, flows, profit, *_ in days:
            assert profit == value - before - flows, day
            before = value
        total = db.execute(_DAYS, [""]).fetchall()
        assert [row[1:5] for row in total][: len(days)] == [row[1:5] for row in days]


def test_flows_are_what_was_deposited(lived: Scene) -> None:
    with calculated(lived) as db:
        moved = db.execute(
            "SELECT (happened_at AT TIME ZONE 'UTC')::date, asset, sum(amount)"
            " FROM portfolio.movements WHERE part = 'transfers' GROUP BY 1, 2"
        ).fetchall()
        wanted: dict[date, Decimal] = defaultdict(Decimal)
        first = datetime.fromtimestamp(BEFORE / 1000, UTC).date()
        for day, asset, amount in moved:
            if amount and day < first:
                wanted[day] += amount * price(db, lived, asset, ends_at(day))
        found = {row[0]: row[2] for row in db.execute(_DAYS, [lived.exchange]) if row[0] < first}
        assert {day: flow for day, flow in found.items() if flow} == {
            day: flow for day, flow in wanted.items() if flow
        }
        assert any(wanted.values())


def test_an_account_that_is_added_is_no_profit(accounts: Accounts, db: DB) -> None:
    for account, first in (("a", 0), ("b", 2)):
        for day in range(first, 5):
            at = T0 + day * DAY
            accounts.snapshot(account, "balances", at, [balance("BTC", 1), balance("USD", 5)])
            accounts.candle(account, "BTC/USD", at.date(), 100 + day)
    refresh(db, "USD")
    both, one, other = (performance(db, Scope(account)) for account in ("", "a", "b"))
    assert both is not None
    assert one is not None
    assert other is not None
    assert (one.opening, one.flows) == (Decimal(105), Decimal(0))
    # what b held when it was added, at the close of the day before
    assert (other.opening, other.flows) == (Decimal(106), Decimal(0))
    assert (both.opening, both.flows) == (one.opening, other.opening)
    assert both.profit == one.profit + other.profit
    assert both.opening + both.flows + both.profit == both.closing
