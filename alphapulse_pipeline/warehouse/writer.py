"""What is committed together: a batch's rows and the coverage that they prove.

A kill at any moment repeats at most one batch.
"""

import logging
from typing import Any

import psycopg
from psycopg import Connection, Cursor
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.redaction import redact
from alphapulse_pipeline.warehouse import coverage, log
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Written
from alphapulse_pipeline.warehouse.merge import merge
from alphapulse_pipeline.warehouse.tables import DATASETS, Dataset

logger = logging.getLogger(__name__)


def write(connection: Connection[TupleRow], batches: Batches, run_id: str) -> Written:
    """Write all batches, each in a transaction of its own; close the attempt in `sync_log`.

    `connection` must be in autocommit. Raises `KeyCollision`, `ColumnMismatch` and what the source
    or the database raised, after the failure was recorded; what was committed before stays.
    """
    dataset = DATASETS[batches.dataset]
    written = Written()
    try:
        for batch in batches:
            with connection.transaction(), connection.cursor() as cursor:
                written += _commit(cursor, dataset, batches, batch, run_id)
        if batches.log_id is not None:
            with connection.cursor() as cursor:
                log.succeed(cursor, batches.log_id, written.rows, batches.requests())
    except BaseException as error:
        _record_failure(connection, batches, written, error)
        raise
    finally:
        batches.close()
    return written


def _commit(
    cursor: Cursor[TupleRow], dataset: Dataset, batches: Batches, batch: Batch, run_id: str
) -> Written:
    constants: dict[str, Any] = {"account": batches.account}
    if dataset.is_snapshot:
        constants["captured_at"] = batch.captured_at
        cursor.execute(
            "INSERT INTO alphapulse.snapshots (account, dataset, captured_at, run_id, rows)"
            " VALUES (%s, %s, %s, %s, %s)",
            [batches.account, dataset.name, batch.captured_at, run_id, len(batch.rows)],
        )
    else:
        constants |= {"run_id": run_id, "origin": "api"}
    written = merge(cursor, dataset, batch.rows, constants)
    if batch.proof is not None:
        coverage.prove(cursor, batches.account, dataset.name, batch.proof)
    # An account that was never deployed (a DataFrame from somewhere else) is counted as well.
    cursor.execute(
        "INSERT INTO alphapulse.datasets AS d (account, dataset, exchange, supported, stored)"
        " VALUES (%s, %s, '', true, %s)"
        " ON CONFLICT (account, dataset) DO UPDATE SET stored = d.stored + excluded.stored"
        " WHERE excluded.stored > 0",
        [batches.account, dataset.name, written.inserted],
    )
    return written


def _record_failure(
    connection: Connection[TupleRow], batches: Batches, written: Written, error: BaseException
) -> None:
    kind = str(getattr(error, "kind", "bug" if isinstance(error, Exception) else "interrupted"))
    text = redact(str(error)) or type(error).__name__
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        # The database is gone, or Ctrl-C came inside a command: the attempt stays open, and
        # sync_status tells that it died.
        logger.error("%s/%s was cut off from the database", batches.account, batches.dataset)
        return
    reason = f"{'incomplete' if kind == 'incomplete' else 'failed'}: {text}"
    try:
        if batches.log_id is not None:
            log.fail(connection, batches.log_id, written.rows, batches.requests(), kind, text)
        coverage.record_failure(connection, batches.account, batches.dataset, reason)
    except psycopg.OperationalError:
        # the server went unnoticed: what the caller must learn of is the first failure
        logger.exception("%s/%s failed unrecorded", batches.account, batches.dataset)
