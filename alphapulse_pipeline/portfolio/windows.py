"""Windows: the pairs of snapshots between which a reconciliation adds up the histories."""

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from alphapulse_pipeline.portfolio.queries import queries

_SQL = queries("windows")


def find(connection: Connection[TupleRow], dataset: str, *, progress: str, reconciled: str) -> None:
    """List the windows to calculate in the temporary table `windows`, and delete their rows.

    `dataset`: whose snapshots. The temporary table `changed` (account, happened_at) has the times
    at which a row of a history is new, changed or deleted; `progress` is the table with the newest
    window of each account, `reconciled` the one with the windows' rows.
    """
    tables = {
        "progress": sql.Identifier("portfolio", progress),
        "reconciled": sql.Identifier("portfolio", reconciled),
    }
    connection.execute(sql.SQL(_SQL.find.decode()).format(**tables), {"dataset": dataset})
    connection.execute("CREATE INDEX ON windows (account, closed_at)")
    connection.execute("ANALYZE windows")
    connection.execute(sql.SQL(_SQL.delete.decode()).format(**tables))
