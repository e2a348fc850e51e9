"""Assets in and out of PostgreSQL, as a Dagster IO manager."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.environment import SettingsError, postgres_url
from alphapulse_pipeline.settings.redaction import redact
from alphapulse_pipeline.warehouse import coverage
from alphapulse_pipeline.warehouse.batches import Batch, Batches, Written
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.merge import ColumnMismatch
from alphapulse_pipeline.warehouse.preview import preview
from alphapulse_pipeline.warehouse.schema import require_current
from alphapulse_pipeline.warehouse.tables import DATASETS, HISTORIES, SCHEMA, SNAPSHOTS, Dataset
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
        try:
            with connect(postgres_url()) as connection:
                require_current(connection)
                written = write(connection, batches, context.run_id)
                context.add_output_metadata(_metadata(connection, dataset, account, written))
        except SettingsError as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        except Exception as error:
            if hasattr(error, "kind") or isinstance(error, ColumnMismatch):
                raise dg.Failure(
                    f"{account}/{dataset.name}: {redact(str(error))}", allow_retries=False
                ) from None
            raise

    def load_input(self, context: dg.InputContext) -> "pandas.DataFrame":
        import pandas

        account, dataset = _place(context.asset_key)
        columns = (context.definition_metadata or {}).get("columns")
        window = context.asset_partitions_time_window if context.has_asset_partitions else None
        with connect(postgres_url()) as connection:
            require_current(connection)
            names, rows = _read(
                connection,
                dataset,
                account,
                columns,
                (window.start, window.end) if window else None,
            )
        return pandas.DataFrame(rows, columns=names, dtype=object)


def _place(key: dg.AssetKey) -> tuple[str, Dataset]:
    if len(key.path) != 2 or key.path[1] not in DATASETS:
        raise dg.Failure(
            f"asset {key.to_user_string()} has no table: keys are account/dataset, and datasets "
            f"are {', '.join(DATASETS)}",
            allow_retries=False,
        )
    return key.path[0], DATASETS[key.path[1]]


def _from_frame(account: str, dataset: Dataset, obj: object) -> Batches:
    """A DataFrame as one batch. A snapshot's time is its column or `attrs["captured_at"]`."""
    import pandas

    if not isinstance(obj, pandas.DataFrame):
        raise dg.Failure(
            f"{account}/{dataset.name}: an asset's value must be Batches or a pandas DataFrame, "
            f"not {type(obj).__name__}",
            allow_retries=False,
        )
    captured_at = None
    if dataset.name in SNAPSHOTS:
        captured_at = obj.attrs.get("captured_at")
        if captured_at is None and "captured_at" in obj and obj["captured_at"].nunique() == 1:
            captured_at = obj["captured_at"].iloc[0]
        if captured_at is None:
            raise dg.Failure(
                f"{account}/{dataset.name}: a snapshot needs one captured_at, as a column or in "
                "DataFrame.attrs, also when it is empty",
                allow_retries=False,
            )
    ours = ["account", "captured_at", "run_id", "origin", "recorded_at"]
    frame = obj.drop(columns=ours, errors="ignore")
    frame = frame.astype(object).where(frame.notna(), None)
    rows: list[Any] = frame.to_dict("records")
    return Batches(account, dataset.name, [Batch(rows, captured_at=captured_at)])


def _metadata(
    connection: Connection[TupleRow], dataset: Dataset, account: str, written: Written
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "dagster/row_count": _row_count(connection, dataset, account),
        "inserted": written.inserted,
        "preview": dg.MetadataValue.md(preview(connection, dataset, account)),
    }
    if dataset.name in HISTORIES:
        found |= {"changed": written.changed, "unchanged": written.unchanged}
        if progress := coverage.progress(connection, account, dataset.name):
            missing, wanted = progress
            found["coverage"] = f"{100 * (1 - missing / wanted):.2f} %" if wanted else "100 %"
    return found


def _row_count(connection: Connection[TupleRow], dataset: Dataset, account: str) -> int:
    """Rows of the newest snapshot, or of the whole history."""
    row = connection.execute(
        "SELECT rows FROM alphapulse.sync_status WHERE account = %s AND dataset = %s",
        [account, dataset.name],
    ).fetchone()
    return int(row[0]) if row else 0


def _read(
    connection: Connection[TupleRow],
    dataset: Dataset,
    account: str,
    columns: Sequence[str] | None,
    window: tuple[datetime, datetime] | None,
) -> tuple[list[str], list[TupleRow]]:
    known = [c.name for c in dataset.table.columns]
    if unknown := [c for c in columns or () if c not in known]:
        raise dg.Failure(
            f"{SCHEMA}.{dataset.name} has no column {', '.join(unknown)}; it has "
            f"{', '.join(known)}",
            allow_retries=False,
        )
    names = list(columns or known)
    # of a snapshot, the newest complete one; of a history, the partition's days or all
    table = f"{dataset.name}_latest" if dataset.name in SNAPSHOTS else dataset.name
    query = sql.SQL("SELECT {columns} FROM {table} WHERE account = %(account)s").format(
        columns=sql.SQL(", ").join(map(sql.Identifier, names)),
        table=sql.Identifier(SCHEMA, table),
    )
    if window:
        query += sql.SQL(" AND {time} >= %(start)s AND {time} < %(end)s").format(
            time=sql.Identifier(dataset.time)
        )
    query += sql.SQL(" ORDER BY {}").format(sql.Identifier(dataset.time))
    start, end = window or (None, None)
    rows = connection.execute(query, {"account": account, "start": start, "end": end}).fetchall()
    return names, rows
