"""The tables `accounts` and `sub_accounts`: who is deployed, and who the exchanges list."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("sub_accounts")


class Listed(NamedTuple):
    """A sub-account that the exchange lists."""

    sub_account: str
    """The exchange's id of it."""
    name: str
    frozen: bool
    deployed_as: str | None
    """The account that it is deployed as."""


def register(
    connection: Connection[TupleRow], account: str, parent: str | None, sub_account: str | None
) -> None:
    """Record a deployed account, and whose sub-account it is."""
    values = {"account": account, "parent": parent, "sub_account": sub_account}
    connection.execute(_SQL.register, values)


def retire(connection: Connection[TupleRow], deployed: Sequence[str]) -> None:
    """Forget the accounts that are not deployed."""
    connection.execute(_SQL.retire, {"deployed": list(deployed)})


def replace(
    connection: Connection[TupleRow], account: str, listed: Iterable[tuple[str, str, bool]]
) -> None:
    """Make `listed` (id, name, frozen) the sub-accounts of a master account."""
    found = [
        {"account": account, "sub_account": id, "name": name, "frozen": frozen}
        for id, name, frozen in listed
    ]
    names = {"account": account, "listed": [row["sub_account"] for row in found]}
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(_SQL.forget, names)
        cursor.executemany(_SQL.store, found)
        cursor.execute(_SQL.note_unlisted, {"account": account, "reason": None})


def note_unlisted(connection: Connection[TupleRow], account: str, reason: str) -> None:
    """Record why the exchange does not list an account's sub-accounts. Those that it listed
    earlier are kept."""
    connection.execute(_SQL.note_unlisted, {"account": account, "reason": reason})


def listed(connection: Connection[TupleRow], account: str) -> list[Listed]:
    """The sub-accounts that the exchange listed last, by name."""
    rows = connection.execute(_SQL.listed, {"account": account}).fetchall()
    return [Listed(*row) for row in rows]
