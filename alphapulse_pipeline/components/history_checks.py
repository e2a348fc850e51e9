"""The checks of every history: complete, reachable, fresh, unique keys, sane times."""

from psycopg import sql

from alphapulse_pipeline.components.check import NEVER_ASKED, Check
from alphapulse_pipeline.datasets import HISTORIES, SCHEMA, History

# An account without a product that has this history has no stream of it: its syncs complete anyway.
_NO_STREAMS = (
    f"SELECT 'all' AS stream, {{nothing}}, '{NEVER_ASKED}' AS reason WHERE NOT EXISTS ("
    "SELECT FROM alphapulse.streams WHERE account = %(account)s AND dataset = '{dataset}')"
    " AND NOT EXISTS (SELECT FROM alphapulse.sync_log WHERE account = %(account)s"
    " AND dataset = '{dataset}' AND status = 'completed'"
    " AND finished_at > now() - interval '25 hours')"
)
_NO_RANGE = "NULL::timestamptz AS begins, NULL::timestamptz AS ends"


def _complete(dataset: str) -> Check:
    gaps = (
        "SELECT stream, lower(gap) AS begins, upper(gap) AS ends, reason"
        " FROM alphapulse.coverage_gaps"
        f" WHERE account = %(account)s AND dataset = '{dataset}'"
        f" AND (reason <> '{NEVER_ASKED}' OR lower(gap) < %(due)s)"
    )
    never = _NO_STREAMS.format(nothing=_NO_RANGE, dataset=dataset)
    return Check(
        dataset,
        "complete",
        "Coverage has no gap between history_start and two intervals of the schedule ago. A gap "
        "that could not be closed is an error. One that was never requested is a warning, unless "
        "the history is still loading.",
        f"SELECT * FROM ({gaps} UNION ALL {never}) AS gaps"
        f" ORDER BY reason = '{NEVER_ASKED}', ends DESC",
        loads=True,
    )


def _reachable(dataset: str) -> Check:
    return Check(
        dataset,
        "reachable",
        "The exchange still serves all wanted times. Warns if it does not.",
        "SELECT stream, lower(gap) AS begins, upper(gap) AS ends, reason"
        " FROM alphapulse.coverage_unreachable"
        f" WHERE account = %(account)s AND dataset = '{dataset}' ORDER BY ends DESC",
        only_warns=True,
        hint="if the exchange offers an export of these times, import it with "
        f"`alphapulse import ACCOUNT {dataset} FILE.csv --since DAY --until DAY`",
    )


def _fresh(dataset: str) -> Check:
    stale = (
        "SELECT stream, last_asked, 'not read for too long' AS reason"
        " FROM alphapulse.streams_stale"
        f" WHERE account = %(account)s AND dataset = '{dataset}'"
    )
    never = _NO_STREAMS.format(nothing="NULL::timestamptz AS last_asked", dataset=dataset)
    return Check(
        dataset,
        "fresh",
        "Every stream was read in the last 25 hours, or eight days if its market has no trading.",
        f"SELECT * FROM ({stale} UNION ALL {never}) AS stale ORDER BY last_asked, stream",
    )


def _keys_unique(dataset: History) -> Check:
    same, names = dataset.identity, dataset.stored_under
    query = sql.SQL(
        "SELECT {same}, least(min({one}), min({two})) AS stored_as,"
        " greatest(max({one}), max({two})) AS and_as"
        " FROM {table} AS one JOIN {table} AS two"
        " ON two.account = one.account AND {equal} AND {one} <> {two}"
        " WHERE one.account = %(account)s AND {recent} GROUP BY {same}"
    ).format(
        same=_columns("one", (*same, dataset.time)),
        one=_name("one", names),
        two=_name("two", names),
        table=sql.Identifier(SCHEMA, dataset.name),
        equal=sql.SQL(" AND ").join(_equal(dataset, c) for c in (dataset.time, *same)),
        recent=_recorded("one"),
    )
    return Check(
        dataset.name,
        "keys_unique",
        f"No row is stored twice under a different {' or '.join(names)}.",
        query.as_string(),
        reads_rows=True,
    )


def _times_sane(dataset: History) -> Check:
    wrong = "{time} > now() + interval '1 minute' OR {time} < '2010-01-01'"
    description = "No row is in the future or before 2010."
    if dataset.newest_by:
        wrong += " OR {newest_by} < {time}"
        description += " No row was updated before it was created."
    columns = dict.fromkeys((*dataset.key[1:], dataset.time, dataset.newest_by or dataset.time))
    query = sql.SQL(
        "SELECT {columns} FROM {table} AS one"
        f" WHERE account = %(account)s AND {{recent}} AND ({wrong})"
    ).format(
        columns=_columns("one", tuple(columns)),
        table=sql.Identifier(SCHEMA, dataset.name),
        recent=_recorded("one"),
        time=sql.Identifier(dataset.time),
        newest_by=sql.Identifier(dataset.newest_by or dataset.time),
    )
    return Check(dataset.name, "times_sane", description, query.as_string(), reads_rows=True)


def _columns(table: str, names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table, name) for name in names)


def _name(table: str, names: tuple[str, ...]) -> sql.Composed:
    """The given columns of a row, joined to one text."""
    return sql.SQL(" || ' ' || ").join(sql.Identifier(table, name) for name in names)


def _equal(dataset: History, column: str) -> sql.Composed:
    equal = "IS NOT DISTINCT FROM" if dataset.by_name[column].nullable else "="
    return sql.SQL("{} {} {}").format(
        sql.Identifier("two", column), sql.SQL(equal), sql.Identifier("one", column)
    )


def _recorded(table: str) -> sql.Composed:
    """Rows recorded since the last check. An upper bound makes the planner expect few rows."""
    return sql.SQL("{} BETWEEN %(since)s AND 'infinity'").format(
        sql.Identifier(table, "recorded_at")
    )


def history_checks() -> list[Check]:
    """The checks of every history."""
    return [
        check
        for name, dataset in HISTORIES.items()
        for check in (
            _complete(name),
            _reachable(name),
            _fresh(name),
            _keys_unique(dataset),
            _times_sane(dataset),
        )
    ]
