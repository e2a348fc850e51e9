"""The Dagster IO manager that stores assets in PostgreSQL."""

import time
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
from alphapulse_pipeline.settings.errors import SettingsError, UserError
from alphapulse_pipeline.settings.redaction import redact, without_secrets
from alphapulse_pipeline.warehouse.batches import Batch, Batches, TimeRange, Written
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.frames import frame
from alphapulse_pipeline.warehouse.history_state import HistoryState
from alphapulse_pipeline.warehouse.preview import Cells, differences, preview
from alphapulse_pipeline.warehouse.rejected import FIX, summaries
from alphapulse_pipeline.warehouse.schema import require_current
from alphapulse_pipeline.warehouse.writer import write

if TYPE_CHECKING:
    import pandas

_PORTFOLIO = "portfolio"
"""The first part of a derived table's key, and its schema. No account has this name."""


class PostgresIOManager(dg.ConfigurableIOManager):
    """Stores `[account, dataset]` in the table `alphapulse.<dataset>`.

    Stores `Batches` or a pandas DataFrame with the table's columns. Loads a DataFrame, whose types
    are those of `warehouse/frames.py`: the newest snapshot, a history, or with the key
    `[portfolio, name]` a derived table. The metadata `columns` of an input selects columns, its
    partitions select the time range. Connects to `ALPHAPULSE_POSTGRES_URL`.
    """

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        account, dataset = _account_and_dataset(context.asset_key)
        batches = obj if isinstance(obj, Batches) else _from_frame(account, dataset, obj)
        if (batches.account, batches.dataset) != (account, dataset.name):
            raise ValueError(
                f"{account}/{dataset.name} got rows of {batches.account}/{batches.dataset}"
            )
        with _user_failures(context.asset_key), connect(postgres_url()) as connection:
            require_current(connection)
            before = HistoryState(connection, account, dataset.name).covered_time()
            began = time.monotonic()
            written = write(connection, batches, context.run_id)
            shown = metadata(connection, dataset, account, written)
            shown |= {
                "seconds": round(time.monotonic() - began, 1),
                "requests": batches.requests(),
            }
            if context.has_asset_partitions:
                days = context.asset_partitions_time_window
                window = TimeRange(days.start, days.end)
                shown |= progress(connection, dataset, account, window, before)
            context.add_output_metadata(shown)

    def load_input(self, context: dg.InputContext) -> "pandas.DataFrame":
        key = context.asset_key
        columns = (context.definition_metadata or {}).get("columns")
        window = context.asset_partitions_time_window if context.has_asset_partitions else None
        with _user_failures(key), connect(postgres_url()) as connection:
            require_current(connection)
            if key.path[0] == _PORTFOLIO:
                return _derived(connection, key, columns)
            account, dataset = _account_and_dataset(key)
            times = (window.start, window.end) if window else None
            return _read(connection, dataset, account, columns, times)


@contextmanager
def _user_failures(key: dg.AssetKey) -> Iterator[None]:
    """Turn errors that a user can fix into a one-line `dagster.Failure`; a bug is raised as is."""
    try:
        yield
    except SettingsError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    except Exception as error:
        if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
            reason = "; ".join(filter(None, (error.diag.message_primary, error.diag.context)))
        elif isinstance(error, UserError):
            reason = str(error)
        else:
            without_secrets(error)  # a bug is logged with its whole traceback
            raise
        raise dg.Failure(f"{'/'.join(key.path)}: {redact(reason)}", allow_retries=False) from None


def _account_and_dataset(key: dg.AssetKey) -> tuple[str, Dataset]:
    if len(key.path) != 2 or key.path[1] not in DATASETS or key.path[0] == _PORTFOLIO:
        raise dg.Failure(
            f"asset {key.to_user_string()} has no table; use the key account/dataset, where the "
            f"dataset is one of {', '.join(DATASETS)}",
            allow_retries=False,
        )
    return key.path[0], DATASETS[key.path[1]]


def _from_frame(account: str, dataset: Dataset, obj: object) -> Batches:
    """A DataFrame as one batch. A snapshot's time is its column or `attrs["captured_at"]`.

    The columns that the writer fills (account, run_id, ...) are ignored, so that a loaded DataFrame
    can be stored again.
    """
    import pandas

    if not isinstance(obj, pandas.DataFrame):
        raise dg.Failure(
            f"{account}/{dataset.name}: the asset returned {type(obj).__name__}; return Batches "
            "or a pandas DataFrame",
            allow_retries=False,
        )
    if "account" in obj and (obj["account"] != account).any():
        raise dg.Failure(
            f"{account}/{dataset.name}: the DataFrame has rows of a different account; return only "
            f"rows of {account}",
            allow_retries=False,
        )
    captured_at = None
    if dataset.is_snapshot:
        captured_at = obj.attrs.get("captured_at")
        if captured_at is None and "captured_at" in obj and obj["captured_at"].nunique() == 1:
            captured_at = obj["captured_at"].iloc[0]
        if captured_at is None or captured_at.tzinfo is None:
            raise dg.Failure(
                f"{account}/{dataset.name}: the snapshot has no captured_at; set one time with a "
                "time zone, as a column or in DataFrame.attrs, even if the DataFrame is empty",
                allow_retries=False,
            )
    frame = obj.drop(columns=["account", "captured_at", *PROVENANCE], errors="ignore")
    frame = frame.astype(object).where(frame.notna(), None)
    rows: list[Any] = frame.to_dict("records")
    return Batches(account, dataset.name, [Batch(rows, captured_at=captured_at)])


def table(cells: Cells) -> dg.TableMetadataValue:
    """A table in the UI, whose cells are shown as they are."""
    names, rows = cells
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(names, row, strict=True))) for row in rows],
        dg.TableSchema([dg.TableColumn(name) for name in names]),
    )


def metadata(
    connection: Connection[TupleRow], dataset: Dataset, account: str, written: Written
) -> dict[str, Any]:
    """Row count of the newest snapshot or of the whole history, what changed, and a preview.

    After a second reading also how many rows are new, changed (apart from expected updates) and
    vanished, and a table of the first differences.
    """
    status = connection.execute(
        "SELECT rows, coverage, not_enabled FROM alphapulse.sync_status"
        " WHERE account = %s AND dataset = %s",
        [account, dataset.name],
    ).fetchone()
    if status is None:
        raise AssertionError("the writer registers every dataset")
    rows, covered, not_enabled = status
    shown: dict[str, Any] = {
        "dagster/row_count": rows,
        "inserted": written.inserted,
        "preview": table(preview(connection, dataset, account)),
    }
    if not dataset.is_snapshot:
        shown |= {"changed": written.changed, "unchanged": written.unchanged}
    if covered is not None:
        shown["coverage"] = f"{100 * covered:.2f} %"
    if not_enabled:
        shown["not_enabled"] = ", ".join(not_enabled)
    if text := summaries(connection, [account]).get((account, dataset.name)):
        shown["rejected"] = f"{text} -> {FIX}"
    if (comparison := written.comparison) is not None:
        shown |= {
            "new": written.inserted,
            "changed": comparison.changed,
            "updated": comparison.updated,
            "vanished": comparison.vanished,
            "compared": ", ".join(map(str, comparison.compared))
            or "nothing: not every stream was read completely",
        }
        if comparison.differences:
            shown["differences"] = table(differences(comparison))
    return shown


def progress(
    connection: Connection[TupleRow],
    dataset: Dataset,
    account: str,
    window: TimeRange,
    before: timedelta,
) -> dict[str, Any]:
    """Whether the run's days are complete, and how much of the whole history is missing.

    Dagster shows all days of a run as materialized, even those that the run had no time for.
    `before` is the covered time when the run began.
    """
    missing, wanted = HistoryState(connection, account, dataset.name).missing_time()
    if not wanted:
        return {}  # not synced from an exchange: there is no coverage
    shown: dict[str, Any] = {
        "complete": HistoryState(connection, account, dataset.name).is_complete(window)
    }
    if missing:
        shown["missing"] = f"{100 * (missing / wanted):.2f} %"
        if done := HistoryState(connection, account, dataset.name).covered_time() - before:
            runs = max(1, round(missing / done))
            shown["missing"] += f", about {runs} run{'s' if runs > 1 else ''} like this one"
    return shown


def _read(
    connection: Connection[TupleRow],
    dataset: Dataset,
    account: str,
    columns: Sequence[str] | None,
    window: tuple[datetime, datetime] | None,
) -> "pandas.DataFrame":
    query = sql.SQL("SELECT {columns} FROM {table} WHERE account = %(account)s").format(
        columns=_chosen(f"{SCHEMA}.{dataset.name}", columns, [c.name for c in dataset.columns]),
        table=sql.Identifier(SCHEMA, dataset.current),
    )
    if window:
        query += sql.SQL(" AND {time} >= %(start)s AND {time} < %(end)s").format(
            time=sql.Identifier(dataset.time)
        )
    query += sql.SQL(" ORDER BY {}").format(sql.Identifier(dataset.time))
    start, end = window or (None, None)
    return frame(connection, query, {"account": account, "start": start, "end": end})


def _derived(
    connection: Connection[TupleRow], key: dg.AssetKey, columns: Sequence[str] | None
) -> "pandas.DataFrame":
    name = key.path[-1]
    relation = sql.Identifier(_PORTFOLIO, name)
    stored = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s)"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [relation.as_string(connection)],
    ).fetchall()
    if not stored:
        raise dg.Failure(
            f"{_PORTFOLIO}/{name}: there is no such table yet; materialize the asset",
            allow_retries=False,
        )
    chosen = _chosen(f"{_PORTFOLIO}.{name}", columns, [column for (column,) in stored])
    query = sql.SQL("SELECT {} FROM {}").format(chosen, relation)
    return frame(connection, query, {})


def _chosen(table: str, columns: Sequence[str] | None, known: Sequence[str]) -> sql.Composed:
    """The columns that were asked for, by default all."""
    if unknown := [column for column in columns or () if column not in known]:
        raise dg.Failure(
            f"{table} has no column {', '.join(unknown)}; choose from {', '.join(known)}",
            allow_retries=False,
        )
    return sql.SQL(", ").join(map(sql.Identifier, columns or known))
