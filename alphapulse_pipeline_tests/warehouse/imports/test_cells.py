"""What a cell may hold: what PostgreSQL stores exactly, and what happens on a market."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse.imports.cells import EARLIEST, BadValue, number, time

DB = Connection[TupleRow]
AGAIN = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

zones = st.timedeltas(timedelta(hours=-24), timedelta(hours=24)).filter(
    lambda offset: abs(offset) < timedelta(hours=24)
)
times = st.datetimes(timezones=st.none() | zones.map(timezone))
"""Of every year that Python has, in every time zone, also those that nobody uses."""


@given(times | st.datetimes(datetime(2008, 12, 1), datetime(2009, 1, 31)))  # noqa: DTZ001
@example(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))
@example(datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=14))))
@AGAIN
def test_a_time_is_refused_or_stored_as_it_is(db: DB, given: datetime) -> None:
    moment = given if given.tzinfo else given.replace(tzinfo=UTC)
    text = given.isoformat()
    if not EARLIEST <= moment <= datetime.now(UTC) + timedelta(days=1):
        with pytest.raises(BadValue, match=re.escape(repr(text))):
            time(text)
        return
    assert time(text) == moment
    assert db.execute("SELECT %t::timestamptz", [time(text)]).fetchone() == (moment,)


def test_a_local_time_of_today_is_not_in_the_future() -> None:
    tonight = datetime.now(UTC) + timedelta(hours=14)
    assert time(tonight.replace(tzinfo=None).isoformat()) == tonight
    with pytest.raises(BadValue, match="is in the future; correct the date"):
        time((tonight + timedelta(hours=11)).isoformat())


digits = st.text("0123456789", min_size=1, max_size=120)
written = st.builds(
    "{}{}.{}{}".format,
    st.sampled_from(["", "-", "+"]),
    digits,
    digits,
    st.just("") | st.integers(-99_999, 99_999).map("e{}".format),
)


@given(written)
@example("1" + "0" * 29)
@example("1" + "0" * 30)
@example("1e-99")
@example("9e131072")
@AGAIN
def test_a_number_is_refused_or_stored_to_the_last_digit(db: DB, text: str) -> None:
    value = Decimal(text)
    decimals, size = -int(value.as_tuple().exponent), value.adjusted()
    if decimals > 100 or not -100 <= size < 30:
        with pytest.raises(BadValue, match=re.escape(repr(text[:40]))):
            number(text)
        return
    assert number(text) == value
    plain = f"{value or abs(value):f}"  # PostgreSQL has no negative zero
    assert db.execute("SELECT %t::numeric::text", [number(text)]).fetchone() == (plain,)
