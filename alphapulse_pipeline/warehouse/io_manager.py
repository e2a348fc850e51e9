"""Assets in and out of PostgreSQL, as a Dagster IO manager."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import DATASETS, PROVENANCE, SCHEMA, Dataset
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.redaction import redact, without_secrets
from alphapulse_pipeline.warehouse.batches import Batch, Batches, TimeRange, Written
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.merge import ColumnMismatch, KeyCollision
from alphapulse_pipeline.warehouse.preview import differences, preview
from alphapulse_pipeline.warehouse.schema import require_current
from alphapulse_pipeline.warehouse.writer import write

if TYPE_CHECKING:
    import pandas


class PostgresIOManager(dg.ConfigurableIOManager):
    """Stores `[account, dataset]` in the table `alphapulse.<dataset>`.

    Takes streamed `Batches` or a pandas DataFrame with the table's columns; gives a DataFrame
    with exact numbers (`Decimal`). The database is `ALPHAPULSE_POSTGRES_URL`, read when a run
    needs it. An input's metadata `columns` chooses columns, its partitions choose the time.
    """

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        account, dataset = _place(context.asset_key)
        batches = obj if isinstance(obj, Batches) else _from_frame(account, dataset, obj)
        if (batches.account, batches.dataset) != (account, dataset.name):
            raise ValueError(
                f"{account}/{dataset.name} was given rows of {batches.account}/{batches.dataset}"
            )
        with _sentences(account, dataset), connect(postgres_url()) as connection:
            require_current(connection)
            before = HistoryState(connection, account, dataset.name).covered_time()
            written = write(connection, batches, context.run_id)
            found = metadata(connection, dataset, account, written)
            if context.has_asset_partitions:
                days = context.asset_partitions_time_window
                window = TimeRange(days.start, days.end)
                found |= progress(connection, dataset, account, window, before)
            context.add_output_metadata(found)

    def load_input(self, context: dg.InputContext) -> "pandas.DataFrame":
        import pandas

        account, dataset = _place(context.asset_key)
        columns = (context.definition_metadata or {}).get("columns")
        window = context.asset_partitions_time_window if context.has_asset_partitions else None
        with _sentences(account, dataset), connect(postgres_url()) as connection:
            require_current(connection)
            names, rows = _read(
                connection,
                dataset,
                account,
                columns,
                (window.start, window.end) if window else None,
            )
        return pandas.DataFrame(rows, columns=names, dtype=object)


@contextmanager
def _sentences(account: str, dataset: Dataset) -> Iterator[None]:
    """What the user can mend becomes a `dagster.Failure` of one sentence; a bug stays a bug."""
    try:
        yield
    except SettingsError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except Exception as error:
        if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
            reason = "; ".join(filter(None, (error.diag.message_primary, error.diag.context)))
        elif isinstance(error, ColumnMismatch | KeyCollision) or hasattr(error, "kind"):
            reason = str(error)  # the exchange's failures, which nobody here knows, have a kind
        else:
            without_secrets(error)  # whoever logs a bug shows it whole
            raise
        raise dg.Failure(
            f"{account}/{dataset.name}: {redact(reason)}", allow_retries=False
        ) from None


def _place(key: dg.AssetKey) -> tuple[str, Dataset]:
    if len(key.path) != 2 or key.path[1] not in DATASETS:
        raise dg.Failure(
            f"asset {key.to_user_string()} has no table: keys are account/dataset, and datasets "
            f"are {', '.join(DATASETS)}",
            allow_retries=False,
        )
    return key.path[0], DATASETS[key.path[1]]


def _from_frame(account: str, dataset: Dataset, obj: object) -> Batches:
    """A DataFrame as one batch. A snapshot's time is its column or `attrs["captured_at"]`.

    The columns that are filled here (account, run, ...) may be there, as in what was loaded.
    """
    import pandas

    if not isinstance(obj, pandas.DataFrame):
        raise dg.Failure(
            f"{account}/{dataset.name}: an asset's value must be Batches or a pandas DataFrame, "
            f"not {type(obj).__name__}",
            allow_retries=False,
        )
    if "account" in obj and (obj["account"] != account).any():
        raise dg.Failure(
            f"{account}/{dataset.name}: the DataFrame has rows of another account",
            allow_retries=False,
        )
    captured_at = None
    if dataset.is_snapshot:
        captured_at = obj.attrs.get("captured_at")
        if captured_at is None and "captured_at" in obj and obj["captured_at"].nunique() == 1:
            captured_at = obj["captured_at"].iloc[0]
        if captured_at is None or captured_at.tzinfo is None:
            raise dg.Failure(
                f"{account}/{dataset.name}: a snapshot needs one captured_at, with a time zone, "
                "as a column or in DataFrame.attrs, also when it is empty",
                allow_retries=False,
            )
    frame = obj.drop(columns=["account", "captured_at", *PROVENANCE], errors="ignore")
    frame = frame.astype(object).where(frame.notna(), None)
    rows: list[Any] = frame.to_dict("records")
    return Batches(account, dataset.name, [Batch(rows, captured_at=captured_at)])


def metadata(
    connection: Connection[TupleRow], dataset: Dataset, account: str, written: Written
) -> dict[str, Any]:
    """Row count of the newest snapshot or of the whole history, what changed, a preview.

    Of what was read again: how many rows are new, changed (not in the course of things) and
    vanished, and a table of the first differences.
    """
    status = connection.execute(
        "SELECT rows, coverage FROM alphapulse.sync_status WHERE account = %s AND dataset = %s",
        [account, dataset.name],
    ).fetchone()
    if status is None:
        raise AssertionError("the writer registers what it writes")
    rows, proved = status
    found: dict[str, Any] = {
        "dagster/row_count": rows,
        "inserted": written.inserted,
        "preview": dg.MetadataValue.md(preview(connection, dataset, account)),
    }
    if not dataset.is_snapshot:
        found |= {"changed": written.changed, "unchanged": written.unchanged}
    if proved is not None:
        found["coverage"] = f"{100 * proved:.2f} %"
    if (comparison := written.comparison) is not None:
        found |= {
            "new": written.inserted,
            "changed": comparison.changed,
            "updated": comparison.updated,
            "vanished": comparison.vanished,
            "compared": ", ".join(map(str, comparison.compared))
            or "nothing: not every stream was read whole",
        }
        if comparison.differences:
            found["differences"] = dg.MetadataValue.md(differences(comparison))
    return found


def progress(
    connection: Connection[TupleRow],
    dataset: Dataset,
    account: str,
    window: TimeRange,
    before: timedelta,
) -> dict[str, Any]:
    """Whether the run's days are complete, and how far the whole history is from it.

    Dagster shows all days of a run as materialised, those too that its time did not suffice for.
    `before`: how much was covered when the run began.
    """
    missing, wanted = HistoryState(connection, account, dataset.name).missing_time()
    if not wanted:
        return {}  # rows from somewhere else, of which nothing is proved
    found: dict[str, Any] = {
        "complete": HistoryState(connection, account, dataset.name).is_complete(window)
    }
    if missing:
        found["to go"] = f"{100 * (missing / wanted):.2f} %"
        if done := HistoryState(connection, account, dataset.name).covered_time() - before:
            runs = max(1, round(missing / done))
            found["to go"] += f", about {runs} run{'s' if runs > 1 else ''} like this one"
    return found


def _read(
    connection: Connection[TupleRow],
    dataset: Dataset,
    account: str,
    columns: Sequence[str] | None,
    window: tuple[datetime, datetime] | None,
) -> tuple[list[str], list[TupleRow]]:
    known = [c.name for c in dataset.columns]
    if unknown := [c for c in columns or () if c not in known]:
        raise dg.Failure(
            f"{SCHEMA}.{dataset.name} has no column {', '.join(unknown)}; it has "
            f"{', '.join(known)}",
            allow_retries=False,
        )
    names = list(columns or known)
    query = sql.SQL("SELECT {columns} FROM {table} WHERE account = %(account)s").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        table=sql.Identifier(SCHEMA, dataset.current),
    )
    if window:
        query += sql.SQL(" AND {time} >= %(start)s AND {time} < %(end)s").format(
            time=sql.Identifier(dataset.time)
        )
    query += sql.SQL(" ORDER BY {}").format(sql.Identifier(dataset.time))
    start, end = window or (None, None)
    rows = connection.execute(query, {"account": account, "start": start, "end": end}).fetchall()
    return names, rows
