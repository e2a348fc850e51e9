"""The table `keys`: permissions of each account's API key, and when they were requested."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow


@dataclass(frozen=True)
class StoredKey:
    """Stored permissions of an account's key; None: the exchange did not report it."""

    can_read: bool | None
    can_trade: bool | None
    can_withdraw: bool | None
    expires_at: datetime | None
    addresses: Sequence[str] | None
    age: timedelta
    """Time since the permissions were requested."""


def stored(connection: Connection[TupleRow], account: str, fingerprint: str) -> StoredKey | None:
    """The permissions of the key with this fingerprint; None if another key is stored."""
    row = connection.execute(
        "SELECT can_read, can_trade, can_withdraw, expires_at, addresses, now() - checked_at"
        " FROM alphapulse.keys WHERE account = %s AND fingerprint = %s",
        [account, fingerprint],
    ).fetchone()
    return StoredKey(*row) if row else None


def store(
    connection: Connection[TupleRow],
    account: str,
    fingerprint: str,
    can_read: bool | None,
    can_trade: bool | None,
    can_withdraw: bool | None,
    expires_at: datetime | None,
    addresses: Sequence[str] | None,
) -> None:
    """Replace the stored permissions of the account's key."""
    connection.execute(
        "INSERT INTO alphapulse.keys (account, fingerprint, can_read, can_trade, can_withdraw,"
        " expires_at, addresses, checked_at) VALUES (%s, %s, %s, %s, %s, %s, %s, now())"
        " ON CONFLICT (account) DO UPDATE SET fingerprint = excluded.fingerprint,"
        " can_read = excluded.can_read, can_trade = excluded.can_trade,"
        " can_withdraw = excluded.can_withdraw, expires_at = excluded.expires_at,"
        " addresses = excluded.addresses, checked_at = excluded.checked_at",
        [
            account,
            fingerprint,
            can_read,
            can_trade,
            can_withdraw,
            expires_at,
            None if addresses is None else list(addresses),
        ],
    )
