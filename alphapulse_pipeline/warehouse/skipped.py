"""The table `skipped`: wallets and streams that are not read, and why."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.warehouse.queries import queries

_SQL = queries("skipped")
_EVERY_DATASET = ""


class State(StrEnum):
    NOT_ENABLED = "not_enabled"
    """The account never opened it."""
    CLOSED = "closed"
    """It may have rows that the key may not list: its times are unreachable."""
    EXCLUDED = "excluded"
    """The account's defs.yaml leaves it out."""


@dataclass(frozen=True)
class Skipped:
    """What is skipped for an account, by the answers to the key with this fingerprint."""

    connection: Connection[TupleRow]
    account: str
    fingerprint: str

    def forget_outdated(self, lasts: timedelta) -> None:
        """Forget the answers given to another key, and those older than `lasts`."""
        self._execute("forget_outdated", lasts=lasts)

    def replace_wallets(self, state: State, reasons: Mapping[str, str]) -> None:
        """Make `reasons` (wallet -> why) the wallets of a state."""
        self._execute("restore_wallets", state=state.value, kept=list(reasons))
        for wallet, reason in reasons.items():
            self.skip_wallet(wallet, state, reason)

    def skip_wallet(self, wallet: str, state: State, reason: str) -> None:
        self._execute(
            "store", dataset=_EVERY_DATASET, part=wallet, state=state.value, reason=reason
        )

    def replace_closed(self, reasons: Mapping[tuple[str, str], str]) -> None:
        """Make `reasons` ((dataset, stream) -> why) the streams that the key may not list."""
        self._execute("restore_closed")
        for (dataset, stream), reason in reasons.items():
            state = State.CLOSED.value
            self._execute("store", dataset=dataset, part=stream, state=state, reason=reason)

    def closed(self, dataset: str) -> dict[str, str]:
        """Stream -> why the key may not list it."""
        return dict(self._rows("closed", dataset=dataset))

    def skip_stream(self, dataset: str, stream: str, reason: str) -> None:
        """Skip one stream of a wallet that is otherwise read."""
        state = State.NOT_ENABLED.value
        self._execute("store", dataset=dataset, part=stream, state=state, reason=reason)

    def wallets(self) -> dict[str, State]:
        """The wallets that are skipped in every dataset."""
        return {wallet: State(state) for wallet, state in self._rows("wallets")}

    def streams(self, dataset: str) -> set[str]:
        """The streams of a dataset that are skipped by themselves."""
        return {row[0] for row in self._rows("streams", dataset=dataset)}

    def skip_streams_of_wallets(self, dataset: str, streams: Sequence[tuple[str, str]]) -> None:
        """Record which (stream, wallet) are skipped with their wallets, and no others.

        Those of a wallet that counts as never opened are closed if they had rows.
        """
        self._execute("restore_streams", dataset=dataset)
        names, wallets = [s for s, _ in streams], [w for _, w in streams]
        self._execute("skip_streams", dataset=dataset, streams=names, wallets=wallets)

    def _execute(self, name: str, **values: Any) -> None:
        self.connection.execute(getattr(_SQL, name), self._of(values))

    def _rows(self, name: str, **values: Any) -> list[TupleRow]:
        return self.connection.execute(getattr(_SQL, name), self._of(values)).fetchall()

    def _of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"account": self.account, "fingerprint": self.fingerprint, **values}


def not_enabled(
    connection: Connection[TupleRow], accounts: Collection[str]
) -> list[tuple[str, str, str]]:
    """(account, its wallets and streams, why) of what these accounts never opened, and of the
    wallets that are closed to them."""
    return connection.execute(_SQL.not_enabled, {"accounts": list(accounts)}).fetchall()
