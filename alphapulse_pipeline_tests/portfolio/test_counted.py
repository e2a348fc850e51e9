"""A ledger entry counts as far as no stored row explains it: whatever rows are missing, what is
counted adds up to the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from alphapulse_pipeline.portfolio import reconciliation
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline_tests.portfolio import bookkeeping as books
from alphapulse_pipeline_tests.portfolio.bookkeeping import DB, hour, rows

D = Decimal
SETTINGS = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
AMOUNTS = st.integers(1, 4).map(lambda n: D(n) / 8)


@dataclass
class Row:
    """A row of a table; `at` is in hours."""

    table: str
    at: float
    values: dict[str, Any]
    time: str = "happened_at"

    def write(self, db: DB) -> None:
        values = {"account": "a", "raw": "{}", "run_id": "test", self.time: hour(self.at)}
        values |= self.values
        db.execute(
            sql.SQL("INSERT INTO alphapulse.{} ({}) VALUES ({})").format(
                sql.Identifier(self.table),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join(sql.Placeholder() * len(values)),
            ),
            list(values.values()),
        )


@dataclass
class Event:
    """What happened, as the ledger and as another history tell it."""

    entries: list[Row]
    rows: list[Row] = field(default_factory=list)


def entry(
    at: float, number: str, class_: str, asset: str, amount: Decimal, reference: str = ""
) -> Row:
    return Row(
        "ledger",
        at,
        {"wallet": "unified", "kind": class_.upper(), "entry_id": number, "asset": asset}
        | {"amount": amount, "reference_id": reference, "class": class_},
    )


def trade(at: float, number: str, order: str, **values: Any) -> Row:
    return Row(
        "trades",
        at,
        {"market": "BTC/USDT", "trade_id": number, "side": "buy", "wallet": "unified"}
        | {"price": 1, "kind": "trade", "order_id": order, **values},
        "executed_at",
    )


def skewed(at: float, seconds: float) -> float:
    return at + seconds / 3600


@st.composite
def spot_fills(draw: st.DrawFn, at: int) -> Event:
    """Fills of one order in one instant, with an entry for each asset, or a separate one for the
    fee, or one for the whole order; that name the fill, the order, or nothing."""
    names = draw(st.sampled_from(["trade", "order", "nothing"]))
    late = draw(st.sampled_from([0.0, 0.2]))
    whole = names == "order" and draw(st.booleans())
    apart = draw(st.booleans())
    event, gained, paid = Event([]), D(0), D(0)
    for place in range(draw(st.integers(1, 3))):
        number, order = f"{at}-{place}", f"order-{at}"
        amount, fee = draw(AMOUNTS), D("0.01")
        gained, paid = gained + amount, paid - amount * 10 - fee
        event.rows.append(
            trade(
                at,
                number,
                order,
                amount=amount,
                cost=amount * 10,
                fee_cost=fee,
                fee_currency="USDT",
            )
        )
        if whole:
            continue
        reference = {"trade": number, "order": order, "nothing": ""}[names]
        booked = skewed(at, late)
        event.entries.append(entry(booked, f"{number}-b", "trade", "BTC", amount, reference))
        parts = [-amount * 10, -fee] if apart else [-amount * 10 - fee]
        for part, class_ in zip(parts, ("trade", "fee"), strict=False):
            event.entries.append(
                entry(booked, f"{number}-{class_}", class_, "USDT", part, reference)
            )
    if whole:
        booked = skewed(at, late)
        event.entries.append(entry(booked, f"{at}-b", "trade", "BTC", gained, f"order-{at}"))
        event.entries.append(entry(booked, f"{at}-q", "trade", "USDT", paid, f"order-{at}"))
    return event


@st.composite
def contract_fills(draw: st.DrawFn, at: int) -> Event:
    """What it realized is reported on the fill, or only in the entry that names it."""
    number, profit, fee = str(at), D(draw(st.integers(-3, 3))), D("0.01")
    reported = draw(st.booleans())
    fill = trade(
        at,
        number,
        f"order-{at}",
        market="BTC/USDT:USDT",
        amount=1,
        cost=10,
        fee_cost=fee,
        fee_currency="USDT",
        realized_pnl=profit if reported else None,
    )
    late = draw(st.sampled_from([0.0, 0.2]))
    return Event([entry(skewed(at, late), number, "trade", "USDT", profit - fee, number)], [fill])


@st.composite
def transfers(draw: st.DrawFn, at: int) -> Event:
    kind = draw(st.sampled_from(["deposit", "withdrawal", "transfer"]))
    amount, fee = draw(AMOUNTS), D("0.5") if kind == "withdrawal" else D(0)
    received = kind == "deposit"
    row = Row(
        "transfers",
        at,
        {"kind": kind, "transfer_id": str(at), "asset": "USDT", "amount": amount, "status": "ok"}
        | {"fee_cost": fee, "fee_currency": "USDT"}
        | {
            "from_wallet": "" if received else "unified",
            "to_wallet": "unified" if received else "",
        },
    )
    moved = amount if received else -amount - fee
    booked = skewed(at, draw(st.sampled_from([0, 1, 600])))
    reference = str(at) if draw(st.booleans()) else ""
    # some are in no list of transfers
    listed = [row] if draw(st.booleans()) else []
    return Event([entry(booked, f"t{at}", "transfer", "USDT", moved, reference)], listed)


@st.composite
def fundings(draw: st.DrawFn, at: int) -> Event:
    """The entry may hold a session's profit as well."""
    amount, session = draw(AMOUNTS), draw(st.sampled_from([D(0), D("0.3")]))
    row = Row(
        "funding",
        at,
        {"market": "BTC/USDT:USDT", "funding_id": str(at), "wallet": "unified"}
        | {"asset": "USDT", "amount": amount},
    )
    return Event([entry(at, f"f{at}", "funding", "USDT", amount + session, str(at))], [row])


@st.composite
def rewards(draw: st.DrawFn, at: int) -> Event:
    return Event([entry(at, f"r{at}", "reward", "BTC", draw(AMOUNTS))])


def an_event(at: int) -> st.SearchStrategy[Event]:
    kinds = (spot_fills, contract_fills, transfers, fundings, rewards)
    return st.one_of(*(kind(at) for kind in kinds))


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    return [draw(an_event(3 * slot)) for slot in range(draw(st.integers(1, 8)))]


def snapshots(db: DB, events: Iterable[Event]) -> None:
    """Balances that the ledger adds up to, every six hours."""
    entries = [found for event in events for found in event.entries]
    for at in range(-2, 30, 6):
        held: dict[str, Any] = {"BTC": D(100), "USDT": D(100)}
        for found in entries:
            if found.at <= at + 0.5:
                held[found.values["asset"]] += found.values["amount"]
        books.balances(db, at + 0.5, held)


def refresh(db: DB) -> None:
    reconciliation.refresh(db, PortfolioSettings())
    books.refresh(db)


def forget(db: DB) -> None:
    books.forget(db)
    db.execute("TRUNCATE portfolio.reconciliation, portfolio.reconciled")


def reconciled(db: DB) -> list[Any]:
    return rows(
        db,
        "SELECT wallet, asset, closed_at, fills, fees, transfers, funding, other, difference,"
        " residual, state FROM portfolio.reconciliation ORDER BY 1, 2, 3",
    )


def nonzero(found: list[Any]) -> dict[str, Decimal]:
    return {asset: amount for asset, amount in found if amount}


def moved(db: DB) -> dict[str, Decimal]:
    return dict(
        rows(db, "SELECT asset, sum(amount) FROM portfolio.movements GROUP BY 1 ORDER BY 1")
    )


@SETTINGS
@given(events=histories(), data=st.data())
def test_what_counts_adds_up_to_the_ledger(
    db: DB, events: list[Event], data: st.DataObject
) -> None:
    """With any of the other histories' rows missing, and also when they arrive after their entries:
    nothing counts twice, and only fills leave a difference."""
    forget(db)
    for asset in ("USD", "USDT", "BTC"):
        books.price(db, asset, 1)
    snapshots(db, events)
    stored = [row for event in events for row in event.rows if data.draw(st.booleans())]
    written = [row for event in events for row in event.entries] + stored
    order = data.draw(st.permutations(written))
    at = data.draw(st.integers(0, len(order)))
    for row in order[:at]:
        row.write(db)
    refresh(db)
    for row in order[at:]:
        row.write(db)
    refresh(db)

    booked: dict[str, Decimal] = {}
    for event in events:
        for found in event.entries:
            asset = found.values["asset"]
            booked[asset] = booked.get(asset, D(0)) + found.values["amount"]
    assert moved(db) == {asset: booked[asset] for asset in sorted(booked)}

    lost = rows(
        db,
        "SELECT asset, sum(amount) FROM portfolio.movements"
        " WHERE dataset = 'ledger' AND part IN ('fills', 'fees') GROUP BY 1 ORDER BY 1",
    )
    missing = [row for event in events for row in event.rows if row not in stored]
    if all(row.table != "trades" for row in missing):
        assert lost == []
    off = "SELECT asset, sum(difference) FROM portfolio.reconciliation GROUP BY 1 ORDER BY 1"
    assert nonzero(rows(db, off)) == nonzero(lost)
    known = reconciled(db)
    assert lost or {row[-1] for row in known} == {"reconciled"}
    held = books.held(db)
    for asset in ("BTC", "USDT"):
        assert held["a", asset][0] == 100 + booked.get(asset, 0)
    lots = books.everything(db)
    db.execute("TRUNCATE portfolio.reconciliation, portfolio.reconciled, portfolio.refreshed")
    reconciliation.refresh(db, PortfolioSettings())
    assert known == reconciled(db)
    assert lots == books.from_nothing(db)


def test_the_fills_of_one_instant_are_added_up_once(db: DB) -> None:
    """Not once for each of their entries: an order may have a hundred fills in a millisecond."""
    fills = 40
    perpetual = {"market": "BTC/USDT:USDT", "amount": 1, "cost": 10, "fee_cost": 0}
    for number in map(str, range(fills)):
        trade(1, number, "order", fee_currency="USDT", **perpetual).write(db)
        entry(1, number, "trade", "USDT", D(1), number).write(db)
    db.execute("SET track_functions = 'all'")
    assert db.execute(
        "SELECT sum(amount) FROM portfolio.movements_between('a', '-infinity', 'infinity')"
    ).fetchone() == (fills,)
    db.execute("SELECT pg_stat_force_next_flush()")
    calls = db.execute(
        "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'realized_pnl_of'"
    ).fetchone()
    assert calls == (2 * fills,)  # as movements, and to compare them with their entries
