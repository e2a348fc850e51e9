"""Writes batches. The rows of a batch and the coverage that they prove are committed together.

A run that is killed loses at most one batch, which the next run reads again.
"""

import logging
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import Connection, Cursor
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS, HISTORIES, Dataset, History
from alphapulse_pipeline.settings.redaction import redact, without_secrets
from alphapulse_pipeline.warehouse import deployed, sync_log
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Written
from alphapulse_pipeline.warehouse.comparison import Comparer
from alphapulse_pipeline.warehouse.connection import database_failure
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.merge import merge
from alphapulse_pipeline.warehouse.moved import replaced
from alphapulse_pipeline.warehouse.progress import Reporter
from alphapulse_pipeline.warehouse.rejected import Rejected

logger = logging.getLogger(__name__)

STOPPED = "the run was stopped; all rows read so far are stored, and the next run continues there"


def write(connection: Connection[TupleRow], batches: Batches, run_id: str) -> Written:
    """Write all batches, each in its own transaction, and close the attempt in `sync_log`.

    `connection` must be in autocommit. Raises `KeyCollision`, `ColumnMismatch`, `DatabaseFailure`
    and any error of the source, after recording the failure. Committed batches are kept.
    """
    dataset = DATASETS[batches.dataset]
    written = Written()
    comparer = None
    reporter = Reporter(batches)
    try:
        if batches.compare is not None:
            comparer = Comparer(HISTORIES[dataset.name], batches.account, batches.compare)
            with connection.cursor() as cursor:
                comparer.begin(cursor)
        for batch in batches:
            with connection.transaction(), connection.cursor() as cursor:
                written += _commit(cursor, dataset, batches, batch, run_id, comparer)
            reporter.committed(written.rows, batch.share)
        deployed.analyze_grown(connection, batches.account, dataset.name, written.inserted)
        if comparer is not None:
            with connection.transaction(), connection.cursor() as cursor:
                written = replace(written, comparison=comparer.end(cursor))
            _log_comparison(batches, written)
        if batches.log_id is not None:
            with connection.cursor() as cursor:
                sync_log.succeed(cursor, batches.log_id, written.rows, batches.requests())
        reporter.completed(written.rows)
    except psycopg.OperationalError as error:
        failure = database_failure(error)
        reporter.failed(written.rows, _record_failure(connection, batches, written, failure))
        raise failure from error
    except BaseException as error:
        reporter.failed(written.rows, _record_failure(connection, batches, written, error))
        raise
    finally:
        batches.close()
    return written


def _commit(
    cursor: Cursor[TupleRow],
    dataset: Dataset,
    batches: Batches,
    batch: Batch,
    run_id: str,
    comparer: Comparer | None,
) -> Written:
    constants: dict[str, Any] = {"account": batches.account}
    if dataset.is_snapshot:
        constants["captured_at"] = batch.captured_at
        cursor.execute(
            "INSERT INTO alphapulse.snapshots (account, dataset, captured_at, run_id, rows,"
            " read_until, unread) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                batches.account,
                dataset.name,
                batch.captured_at,
                run_id,
                len(batch.rows),
                batch.read_until,
                list(batch.unread),
            ),
        )
    else:
        constants |= {"run_id": run_id, "origin": "api"}
    if comparer is None:
        written = merge(cursor, dataset, batch.rows, constants)
    else:
        written = merge(cursor, dataset, batch.rows, constants, comparer.staged)
        for proof in batch.proofs:
            comparer.prove(proof)
    rejected = Rejected(
        cursor.connection, batches.account, dataset.name, attempt=batches.log_id or 0
    )
    if dataset.is_snapshot:
        rejected.replace()
    for proof in batch.proofs:
        rejected.read_again(proof)
    for row in batch.rejected:
        rejected.store(row)
    # a second reading reports a changed time as a change
    if comparer is None and isinstance(dataset, History):
        for row in replaced(dataset, batch, written.moved):
            rejected.store(row)
    state = HistoryState(cursor.connection, batches.account, dataset.name)
    for proof in batch.proofs:
        state.prove(proof)
    deployed.count_stored(cursor, batches.account, dataset.name, written.inserted)
    return written


def _log_comparison(batches: Batches, written: Written) -> None:
    comparison = written.comparison
    if comparison is None:
        return
    logger.log(
        logging.WARNING if comparison.changed or comparison.vanished else logging.INFO,
        "%s/%s was read again: %d new, %d changed, %d updated, %d vanished",
        batches.account,
        batches.dataset,
        written.inserted,
        comparison.changed,
        comparison.updated,
        comparison.vanished,
    )


def _record_failure(
    connection: Connection[TupleRow], batches: Batches, written: Written, error: BaseException
) -> str:
    """Returns the failure's text."""
    kind = str(getattr(error, "kind", "bug" if isinstance(error, Exception) else "interrupted"))
    text = STOPPED if kind == "interrupted" else redact(str(error)) or type(error).__name__
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        # The connection is lost, or Ctrl-C interrupted a statement: the attempt stays open, and
        # sync_status reports it as died.
        logger.error(
            "%s/%s: lost the database connection; the next run continues after the last commit",
            batches.account,
            batches.dataset,
        )
        return text
    reason = f"{'incomplete' if kind == 'incomplete' else 'failed'}: {text}"
    try:
        if batches.log_id is not None:
            sync_log.fail(connection, batches.log_id, written.rows, batches.requests(), kind, text)
        HistoryState(connection, batches.account, batches.dataset).record_failure(reason)
    except psycopg.OperationalError:
        without_secrets(error)
        # the caller must see the original failure, not this one
        logger.exception(
            "%s/%s: the failure could not be recorded; check the database",
            batches.account,
            batches.dataset,
        )
    return text
