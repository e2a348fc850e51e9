"""An account as a Dagster resource: its one session, for the length of a run."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from psycopg.pq import TransactionStatus
from pydantic import PrivateAttr

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline.settings.environment import SettingsError, postgres_url
from alphapulse_pipeline.sync.session import Session, open_session

logger = logging.getLogger(__name__)

_IDLE = TransactionStatus.IDLE


class AccountResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The client of one exchange account.

    It holds the names of the variables with the credentials, never their values: those are read
    when a run begins.
    """

    account: str
    settings: dict[str, Any]
    api_key_variable: str
    api_secret_variable: str
    _stack: ExitStack | None = PrivateAttr(default=None)
    _session: Session | None = PrivateAttr(default=None)
    _refused: str | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, account: Account) -> "AccountResource":
        names = account.environment
        return cls(
            account=account.name,
            settings=account.settings.model_dump(mode="json", exclude_none=True),
            api_key_variable=names.api_key,
            api_secret_variable=names.api_secret,
        )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["AccountResource"]:
        with ExitStack() as stack:
            self._stack = stack
            yield self
            self._settle()
        self._stack = self._session = self._refused = None

    def session(self, run_id: str) -> Session:
        """The run's session, opened on first use: in a step, where a failure is seen as one.

        Raises `dagster.Failure` with one sentence; again at once where the run's first try failed.
        """
        if self._refused is not None:
            raise dg.Failure(self._refused, allow_retries=False)
        if self._session is None:
            if self._stack is None:
                raise RuntimeError("an account's session lives inside a run only")
            account = Account(self.account, AccountSettings.model_validate(self.settings))
            try:
                self._session = self._stack.enter_context(
                    open_session(account, postgres_url(), run_id)
                )
                circuit.try_again(self._session.connection, self.account)
            except (SettingsError, ExchangeFailure) as error:
                self._refused = str(error)
                raise dg.Failure(self._refused, allow_retries=False) from None
        return self._session

    def _settle(self) -> None:
        """Let the circuit know how the run went, while the account's lock is still held."""
        session = self._session
        if session is None or session.connection.info.transaction_status is not _IDLE:
            return  # nothing was asked, or the database is gone
        refused = session.client.refused or session.refused
        after = circuit.settle(session.connection, self.account, session.run_id, refused)
        if refusal := after.refusal(self.account, datetime.now(UTC)):
            logger.warning("%s", refusal)


def session_of(context: dg.AssetExecutionContext, account: Account) -> Session:
    """The session of the run that `context` belongs to."""
    resource: AccountResource = getattr(context.resources, account.name)
    return resource.session(context.run.run_id)
