"""The same fills, calculated by another program."""

import json
import random
import subprocess
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from alphapulse_pipeline_tests.portfolio import bookkeeping as books
from alphapulse_pipeline_tests.portfolio.bookkeeping import DB

JUDGE = Path(__file__).with_name("rp2_judge.py")
CLOSE = Decimal("1e-9")
"""rp2 calculates with 28 digits, and gets shares of a price by divisions."""

START = int(books.START.timestamp())

Fill = tuple[int, str, Decimal, Decimal, Decimal]
"""(second, side, amount, price, fee in dollars): never more is sold than is held."""
Line = tuple[float | None, float, Decimal, Decimal, Decimal]
"""(bought at, sold at, amount, cost, proceeds); of income, (None, earned at, 0, 0, value)."""


def judged(folder: Path, method: str, given: Iterable[Sequence[Any]]) -> list[Line]:
    """What rp2 makes of them; its times are seconds since 1970."""
    asked = {"method": method, "fills": [[s, side, *map(str, n)] for s, side, *n in given]}
    answer = subprocess.run(
        [sys.executable, str(JUDGE)],
        input=json.dumps(asked),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [
        (bought, sold, Decimal(amount) if bought else Decimal(0), Decimal(cost), Decimal(proceeds))
        for bought, sold, amount, cost, proceeds in json.loads(answer.stdout)
    ]


def lines(db: DB, asset: str) -> list[Line]:
    """Ours: income closes no lot."""
    return [
        (bought, sold, amount, cost, proceeds)
        for bought, sold, amount, cost, proceeds in books.lines(
            db,
            asset,
            "extract(epoch FROM acquired_at)::float",
            "extract(epoch FROM realized_at)::float",
            "amount",
            "cost",
            "proceeds",
        )
    ]


def assert_alike(ours: list[Line], theirs: list[Line]) -> None:
    assert len(ours) == len(theirs)
    for mine, other in zip(sorted(ours, key=_place), sorted(theirs, key=_place), strict=True):
        assert mine[:2] == other[:2]
        assert all(abs(a - b) < CLOSE for a, b in zip(mine[2:], other[2:], strict=True))


def _place(line: Line) -> tuple[float | Decimal, ...]:
    return (line[0] or 0, *line[1:])


def fills(seed: int) -> list[Fill]:
    chance, held, found = random.Random(seed), Decimal(0), []
    for number in range(300):
        amount = Decimal(chance.randint(1, 10**8)) / 10**7
        price = Decimal(chance.randint(10**4, 10**7)) / 100
        buys = held == 0 or chance.random() < 0.55
        if not buys:
            amount = min(amount, held)
        fee = amount * price / 1000 if buys else Decimal(0)
        found.append((number * 61, "buy" if buys else "sell", amount, price, fee))
        held += amount if buys else -amount
    return found


def store(db: DB, given: list[Fill]) -> None:
    books.price(db, "USD", 1)
    for second, side, amount, price, fee in given:
        books.fill(db, second / 3600, "BTC/USD", side, amount, amount * price, fee=(fee, "USD"))


def store_converted(db: DB, given: list[Fill]) -> None:
    """The same, each third as a conversion: a purchase or a sale at the value then."""
    books.price(db, "USD", 1)
    for number, (second, side, amount, price, fee) in enumerate(given):
        worth, at = amount * price, second / 3600
        if number % 3:
            books.fill(db, at, "BTC/USD", side, amount, worth, fee=(fee, "USD"))
            continue
        books.price(db, "BTC", price, at)
        paid, received = ("USD", worth), ("BTC", amount)
        sides = (paid, received) if side == "buy" else (received, paid)
        db.execute(
            "INSERT INTO alphapulse.conversions (account, kind, conversion_id, wallet, from_asset,"
            " from_amount, to_asset, to_amount, happened_at, raw, run_id)"
            " VALUES ('a', 'convert', %s, 'unified', %s, %s, %s, %s, %s, '{}', 'test')",
            [number, *sides[0], *sides[1], books.hour(at)],
        )


@pytest.mark.parametrize("converted", [False, True])
@pytest.mark.parametrize("method", ["fifo", "lifo", "hifo"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rp2_matches_the_same_lots_at_the_same_cost(
    db: DB, tmp_path: Path, method: str, seed: int, converted: bool
) -> None:
    """Every line: which purchase went with which sale, how much, at what cost, for what proceeds.

    Three differences are kept out of the fills, since they are no errors of either: a fee of a sale
    in dollars, which rp2 does not know (a seller there gives a lower price); a fee whose share
    differs from purchase to purchase, since rp2 takes "highest" by the price alone and not by what
    was paid; and equal times, which rp2 orders by the row. rp2 has no average cost.
    """
    given = fills(seed)
    if converted:
        # a fee of a conversion is an expense of its own, and fees have to be alike
        given = [(*row[:4], Decimal(0)) for row in given]
        store_converted(db, given)
    else:
        store(db, given)
    books.refresh(db, cost_basis=method)
    ours = lines(db, "BTC")
    assert len(ours) > 100
    assert_alike(ours, judged(tmp_path, method, [(START + s, *rest) for s, *rest in given]))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_average_cost_is_that_of_fractions(db: DB, seed: int) -> None:
    given = fills(seed)
    store(db, given)
    books.refresh(db, cost_basis="average")
    held = cost = Fraction(0)
    expected = []
    for _, side, amount, price, fee in given:
        if side == "buy":
            held += Fraction(amount)
            cost += Fraction(amount * price + fee)
        else:
            gone = cost * Fraction(amount) / held
            expected.append(gone)
            held -= Fraction(amount)
            cost -= gone
    found = books.rows(
        db, "SELECT sum(cost) FROM portfolio.realized_pnl GROUP BY closed_by ORDER BY min(line_id)"
    )
    assert len(found) == len(expected)
    for (mine,), other in zip(found, expected, strict=True):
        assert abs(Fraction(mine) - other) < Fraction(1, 10**12)
