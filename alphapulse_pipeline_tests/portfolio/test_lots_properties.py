"""What must hold of lots and realised lines, whatever happened, and however it became known."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse_pipeline_tests.portfolio import bookkeeping as books
from alphapulse_pipeline_tests.portfolio.bookkeeping import DB, hour, rows

Act = Callable[[DB, int], None]
"""Something that happens; the number makes its id one of its own."""

ACCOUNTS = st.sampled_from(["a", "b"])
HOURS = st.integers(0, 20)
SIDES = st.sampled_from(["buy", "sell"])
AMOUNTS = st.integers(1, 40).map(lambda n: Decimal(n) / 8)
COSTS = st.integers(1, 900).map(lambda n: Decimal(n) / 7).map(lambda d: round(d, 6))
FEES = st.tuples(
    st.integers(-1, 3).map(lambda n: Decimal(n) / 100), st.sampled_from(["", "BTC", "USDT", "BNB"])
)
SPOT = st.sampled_from(["BTC/USD", "BTC/USDT", "ETH/BTC", "USD/USDT"])
CONTRACTS = st.sampled_from(["BTC/USDT:USDT", "BTC/USD:BTC", "BTC/USDT:USDT-261030-9-C"])
ASSETS = st.sampled_from(["BTC", "ETH", "USDT", "BNB"])


@st.composite
def spot_fills(draw: st.DrawFn) -> Act:
    at, market, side, account = draw(HOURS), draw(SPOT), draw(SIDES), draw(ACCOUNTS)
    amount, cost, fee = draw(AMOUNTS), draw(COSTS), draw(FEES)
    return lambda db, number: void(
        books.fill(
            db, at, market, side, amount, cost, fee=fee, account=account, trade_id=str(number)
        )
    )


@st.composite
def contract_fills(draw: st.DrawFn) -> Act:
    at, market, side, account = draw(HOURS), draw(CONTRACTS), draw(SIDES), draw(ACCOUNTS)
    amount, cost, fee = draw(AMOUNTS), draw(COSTS), draw(FEES)
    reported = draw(st.none() | st.integers(-9, 9))
    return lambda db, number: void(
        books.fill(
            db,
            at,
            market,
            side,
            amount,
            cost,
            fee=fee,
            account=account,
            trade_id=str(number),
            realized=reported,
        )
    )


@st.composite
def transfers(draw: st.DrawFn) -> Act:
    at, asset, amount, account = draw(HOURS), draw(ASSETS), draw(AMOUNTS), draw(ACCOUNTS)
    kind = draw(st.sampled_from(["deposit", "withdrawal"]))
    txid = draw(st.sampled_from(["", "x", "y"]))
    fee = draw(st.sampled_from(["0", "0.01"]))
    status = draw(st.sampled_from(["ok", "ok", "pending", "canceled"]))
    return lambda db, number: void(
        books.transfer(
            db,
            at,
            kind,
            asset,
            amount,
            txid=txid,
            account=account,
            fee=fee,
            status=status,
            updated=at + 1 if status == "canceled" else None,
            transfer_id=str(number),
        )
    )


@st.composite
def bookings(draw: st.DrawFn) -> Act:
    at, asset, account = draw(HOURS), draw(ASSETS), draw(ACCOUNTS)
    kind = draw(st.sampled_from(["INTEREST", "REWARD", "BORROW", "MOVE", "MOVE"]))
    amount = draw(st.integers(-8, 8)) / Decimal(4)
    return lambda db, number: void(
        books.booked(db, at, kind, asset, amount, account, id_=str(number))
    )


@st.composite
def halves(draw: st.DrawFn) -> Act:
    """A side of a transfer to or from a different account, whose other side may be known or not."""
    at, asset, amount, account = draw(HOURS), draw(ASSETS), draw(AMOUNTS), draw(ACCOUNTS)
    answers, sent = draw(st.booleans()), draw(st.booleans())

    def act(db: DB, number: int) -> None:
        lonely = rows(
            db,
            "SELECT account, asset, amount, transfer_id, from_wallet <> '' FROM"
            " alphapulse.transfers AS t WHERE kind = 'transfer' AND NOT EXISTS (SELECT FROM"
            " alphapulse.transfers AS o WHERE o.kind = t.kind AND o.transfer_id = t.transfer_id"
            " AND o.account <> t.account) ORDER BY transfer_id LIMIT 1",
        )
        if answers and lonely:
            [(there, moved, much, name, left)] = lonely
            here = "b" if there == "a" else "a"
            books.half(db, at, moved, much, name, account=here, sent=not left)
        else:
            books.half(db, at, asset, amount, str(number), account=account, sent=sent)

    return act


@st.composite
def fundings(draw: st.DrawFn) -> Act:
    at, account, amount = draw(HOURS), draw(ACCOUNTS), draw(st.integers(-3, 3))
    return lambda db, number: void(books.funding(db, at, "BTC/USDT:USDT", amount, account))


@st.composite
def prices(draw: st.DrawFn) -> Act:
    at, asset, value = draw(HOURS), draw(ASSETS), draw(st.integers(1, 50))
    return lambda db, number: books.price(db, asset, value, at)


@st.composite
def snapshots(draw: st.DrawFn) -> Act:
    at, account = draw(HOURS), draw(ACCOUNTS)
    held = draw(st.dictionaries(ASSETS, AMOUNTS))

    def act(db: DB, number: int) -> None:
        known = rows(
            db,
            "SELECT FROM alphapulse.snapshots WHERE account = %s AND captured_at >= %s",
            account,
            hour(at),
        )
        if not known:  # they come in the order of time
            books.balances(db, at, dict(held), account)

    return act


@st.composite
def changes(draw: st.DrawFn) -> Act:
    """A row that is stored is written anew, or is gone."""
    table, time = draw(st.sampled_from([("trades", "executed_at"), ("transfers", "happened_at")]))
    place, gone, at = draw(st.integers(0, 30)), draw(st.booleans()), draw(HOURS)

    def act(db: DB, number: int) -> None:
        chosen = f"ctid = (SELECT ctid FROM alphapulse.{table} ORDER BY {time} OFFSET %s LIMIT 1)"
        if gone:
            db.execute(f"DELETE FROM alphapulse.{table} WHERE {chosen}".encode(), [place])
        else:
            db.execute(
                f"UPDATE alphapulse.{table} SET amount = amount * 2, {time} = %s,"
                f" recorded_at = clock_timestamp() WHERE {chosen}".encode(),
                [hour(at), place],
            )

    return act


def void(_: object) -> None:
    """What an act gives is of no use."""


HAPPENED = (
    spot_fills()
    | spot_fills()
    | contract_fills()
    | transfers()
    | halves()
    | halves()
    | bookings()
    | fundings()
    | prices()
    | snapshots()
    | changes()
)
METHODS = st.sampled_from(["fifo", "lifo", "hifo", "average"])
SETTINGS = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@SETTINGS
@given(
    batches=st.lists(st.lists(HAPPENED, max_size=8), min_size=2, max_size=6),
    method=METHODS,
    across=st.booleans(),
)
def test_what_became_known_bit_by_bit_is_what_all_of_it_at_once_makes(
    db: DB, batches: list[list[Act]], method: str, across: bool
) -> None:
    books.forget(db)
    books.group(db, "a", "b")
    books.price(db, "USD", 1)
    number = 0
    for batch in batches:
        for act in batch:
            number += 1
            act(db, number)
        books.refresh(db, cost_basis=method, across_accounts=across)
        adds_up(db, method, across)
    known = books.everything(db)
    assert known == books.from_nothing(db, cost_basis=method, across_accounts=across)


def adds_up(db: DB, method: str, across: bool) -> None:
    """Lots are what the movements left, and what they cost is what stands beside them."""
    held = {place: amount for place, (amount, _) in books.held(db).items() if amount}
    book = "''" if across else "l.account"
    moved = rows(
        db,
        f"SELECT {book}, l.asset, sum(l.amount) FROM portfolio.legs AS l"
        " JOIN portfolio.lot_accounts AS k USING (account)"
        " WHERE l.asset <> 'USD' AND (k.wallets IS NULL OR l.wallet IS NULL"
        " OR l.wallet = ANY (k.wallets) OR l.treatment = 'position')"
        " GROUP BY 1, 2 HAVING sum(l.amount) <> 0",
    )
    assert held == {(account, asset): amount for account, asset, amount in moved}
    lots = rows(
        db,
        "SELECT account, asset, sum(remaining) FROM portfolio.lots WHERE remaining <> 0"
        " GROUP BY 1, 2",
    )
    assert held == {(account, asset): amount for account, asset, amount in lots}
    if method != "average":
        wrong = rows(
            db,
            "SELECT c.account, c.asset, c.cost, sum(l.remaining_cost) FROM portfolio.cost_basis c"
            " JOIN portfolio.lots AS l USING (account, asset)"
            " WHERE c.cost IS NOT NULL AND NOT portfolio.is_position(c.asset)"
            " GROUP BY 1, 2, 3 HAVING sum(l.remaining_cost) <> c.cost",
        )
        assert wrong == []


@SETTINGS
@given(
    acts=st.lists(spot_fills() | bookings() | transfers() | prices(), max_size=25),
    method=METHODS,
    across=st.booleans(),
)
def test_realised_and_unrealised_and_flows_are_the_change_of_value(
    db: DB, acts: list[Act], method: str, across: bool
) -> None:
    """What is held costs what came in and what was realised: to the last digit of the shares."""
    books.forget(db)
    books.price(db, "USD", 1)
    for asset in ("BTC", "ETH", "USDT", "BNB"):
        books.price(db, asset, 10)
        for account in ("a", "b"):
            books.transfer(db, -1, "deposit", asset, 100_000, account=account)
    for number, act in enumerate(acts):
        act(db, number)
    books.refresh(db, cost_basis=method, across_accounts=across)
    [(cost,)] = rows(db, "SELECT coalesce(sum(cost), 0) FROM portfolio.cost_basis")
    [(cash,)] = rows(
        db,
        "SELECT coalesce(sum(amount), 0) FROM portfolio.movements"
        " WHERE asset = 'USD' AND NOT (dataset = 'ledger' AND entry LIKE 'MANUAL%%')",
    )
    [(pnl,)] = rows(db, "SELECT coalesce(sum(pnl), 0) FROM portfolio.realized_pnl")
    [(flows,)] = rows(
        db, "SELECT coalesce(sum(value), 0) FROM portfolio.legs WHERE kind = 'deposit'"
    )
    [(left,)] = rows(
        db,
        "SELECT coalesce(sum(cost), 0) FROM portfolio.realized_pnl WHERE kind = 'withdrawal'",
    )
    assert cost + cash == pnl + flows - left


@pytest.mark.parametrize("method", ["fifo", "lifo", "hifo", "average"])
def test_what_was_kept_from_refresh_to_refresh_is_read_in_the_order_of_the_method(
    db: DB, method: str
) -> None:
    """More lots than are read at once, and new ones that go before them."""
    books.price(db, "USD", 1)
    for number in range(450):
        books.fill(db, number, "BTC/USD", "buy", 1, 100 + number * 7 % 31, trade_id=f"b{number}")
    books.refresh(db, cost_basis=method)
    books.fill(db, 500, "BTC/USD", "buy", 1, 116, trade_id="new")
    books.fill(db, 501, "BTC/USD", "sell", 430, 43_000, trade_id="sold")
    books.refresh(db, cost_basis=method)
    known = books.everything(db)
    assert len(known["realized_pnl"]) == 430
    assert known == books.from_nothing(db, cost_basis=method)
