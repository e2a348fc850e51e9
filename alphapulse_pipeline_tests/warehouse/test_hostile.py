"""Text from outside is never part of a statement, and is stored unchanged."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection, DataError
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.warehouse import check_progress, deployed, keys, sync_log, sync_state
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Proof, TimeRange
from alphapulse_pipeline.warehouse.connection import account_is_busy, account_lock, with_database
from alphapulse_pipeline.warehouse.history_state import Gap, HistoryState
from alphapulse_pipeline.warehouse.preview import preview
from alphapulse_pipeline.warehouse.writer import write
from alphapulse_pipeline_tests.warehouse.rows import at, order, trade

DB = Connection[TupleRow]
SPAN = TimeRange(at(0), at(3600))

# PostgreSQL stores every text but the zero byte; lone surrogates are no text
TEXTS = st.text(
    st.characters(exclude_characters="\0", codec="utf-8"), min_size=1
) | st.sampled_from(
    [
        "'; DROP TABLE alphapulse.trades; --",
        '"; DROP SCHEMA alphapulse CASCADE; --',
        "$$; DELETE FROM alphapulse.trades; $$",
        "%s %(account)s %",
        "{} {account} {0}",
        "a\nb\r\nc\td\\e\\N\\.",
        "\\.\n",
        "x" * 10_240,
    ]
)

AGAIN = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(account=TEXTS, stream=TEXTS, text=TEXTS)
@AGAIN
def test_what_goes_in_comes_out_again(db: DB, account: str, stream: str, text: str) -> None:
    with db.transaction(force_rollback=True):
        deployed.register(db, account, text, [("trades", True, at(0)), ("orders", True, at(0))])
        HistoryState(db, account, "trades").want([(stream, text)], SPAN)
        assert HistoryState(db, account, "trades").streams() == [stream]
        assert HistoryState(db, account, "trades").gaps(SPAN) == [Gap(stream, SPAN)]
        HistoryState(db, account, "trades").record_failure(text)
        HistoryState(db, account, "trades").suspect(stream, timedelta(1))
        attempt = sync_log.start(db, account, "trades", text)
        sync_log.fail(db, attempt, 0, 0, text, text)
        circuit.settle(db, account, text, credentials=text)
        keys.store(db, account, text, True, None, None, None, [text])
        found = keys.stored(db, account, text)
        assert found is not None
        assert found.addresses == [text]
        check_progress.passed(db, account, "trades", text, text)
        sync_state.drop_guessed_market(db, account, text)
        half = TimeRange(at(0), at(1800))
        with db.cursor() as cursor:
            HistoryState(cursor.connection, account, "trades").prove(Proof(stream, half))
        assert HistoryState(db, account, "trades").gaps(SPAN) == [
            Gap(stream, TimeRange(at(1800), at(3600)))
        ]
        HistoryState(db, account, "trades").mark_unreachable(stream, SPAN, text)
        assert HistoryState(db, account, "trades").gaps(SPAN) == []
        logged = db.execute(
            "SELECT account, exchange, error FROM alphapulse.sync_log"
            " JOIN alphapulse.datasets USING (account, dataset)"
        ).fetchall()
        assert logged == [(account, text, text)]
        deployed.retire(db, [text])


@given(account=TEXTS, text=TEXTS)
@AGAIN
def test_rows_come_out_as_they_went_in(db: DB, account: str, text: str) -> None:
    row = trade(text, market=text, wallet=text, fee_currency=text, raw={text: [text]})
    with db.transaction(force_rollback=True):
        write(db, Batches(account, "trades", [Batch([row])]), text)
        write(db, Batches(account, "orders", [Batch([order(text, market=text)])]), text)
        stored = db.execute(
            "SELECT account, market, trade_id, wallet, fee_currency, raw, run_id"
            " FROM alphapulse.trades"
        ).fetchall()
        assert stored == [(account, text, text, text, text, {text: [text]}, text)]
        assert sync_state.traded_markets(db, account) == {text}
        assert len(preview(db, DATASETS["trades"], account)[1]) == 1


@given(account=TEXTS)
@AGAIN
def test_a_lock_is_the_accounts_own(db: DB, account: str) -> None:
    with account_lock(db, account):
        assert account_is_busy(db, account)
        assert not account_is_busy(db, account + "x")
    assert not account_is_busy(db, account)


def test_a_zero_byte_is_refused_and_nothing_is_stored(db: DB) -> None:
    for row in (trade("a\0b"), trade(raw={"a": "\0"})):
        with pytest.raises(DataError):
            write(db, Batches("bybit", "trades", [Batch([row])]), "run")
    assert db.execute("SELECT count(*) FROM alphapulse.trades").fetchone() == (0,)


@given(TEXTS)
@settings(max_examples=40)
def test_a_databases_name_stays_a_name(name: str) -> None:
    url = with_database("postgresql://me:pw@host:5433/db?sslmode=require", name)
    assert url.startswith("postgresql://me:pw@host:5433/")
    assert url.endswith("?sslmode=require")
    assert url.count("?") == 1
