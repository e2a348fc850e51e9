"""An account as a Dagster resource: one session for each run."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import dagster as dg
from psycopg.pq import TransactionStatus

from alphapulse_pipeline.components.run_events import one_connection
from alphapulse_pipeline.components.time_limits import process_ends_in_time
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import postgres_url
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.settings.redaction import redacted_errors
from alphapulse_pipeline.sync.session import Session, open_session

logger = logging.getLogger(__name__)

_IDLE = TransactionStatus.IDLE


def account_resource(account: Account) -> dg.ResourceDefinition:
    """The client of one exchange account.

    It takes no configuration: Dagster replaces `{env: NAME}` in a run's configuration, which can be
    entered in the UI, and would show a secret there.
    """
    names = account.environment

    @dg.resource(
        config_schema={},
        description=(
            f"The client of the account {account.name} at {account.settings.exchange}. A run reads "
            f"its credentials from {names.api_key}, {names.api_secret} and, if the exchange uses "
            f"a passphrase, {names.api_password}."
        ),
    )
    def client(context: dg.InitResourceContext) -> Iterator[AccountClient]:
        tags = context.run.tags if context.run else {}
        with (
            process_ends_in_time(tags),
            one_connection(context.instance),
            ExitStack() as stack,
        ):
            found = AccountClient(account, stack)
            yield found
            found.settle()

    return client


@dataclass
class AccountClient:
    """An account during one run."""

    account: Account
    _stack: ExitStack
    _session: Session | None = field(default=None, init=False)
    _refused: str | None = field(default=None, init=False)

    def session(self, run_id: str) -> Session:
        """The run's session, opened on first use: inside a step, so that errors fail the step.

        Raises `dagster.Failure` with one line; immediately if it already failed in this run.
        """
        if self._refused is not None:
            raise dg.Failure(self._refused, allow_retries=False)
        if self._session is None:
            try:
                with redacted_errors():
                    self._session = self._stack.enter_context(
                        open_session(self.account, postgres_url(), run_id)
                    )
                circuit.try_again(self._session.connection, self.account.name)
            except UserError as error:
                self._refused = str(error)
                raise dg.Failure(self._refused, allow_retries=False) from None
        return self._session

    def settle(self) -> None:
        """Update the circuit breaker with the run's result, while the account's lock is held."""
        session = self._session
        if session is None or session.connection.info.transaction_status is not _IDLE:
            return  # no request was sent, or the database connection is lost
        refused = session.client.refused or session.refused
        after = circuit.settle(
            session.connection,
            session.name,
            session.run_id,
            refused,
            credentials=key_and_rules(self.account, session.fingerprint),
        )
        if opened := after.opened(session.name):
            logger.warning("%s", opened)


def key_and_rules(account: Account, fingerprint: str) -> str:
    """What the refusal of a key depends on: the key, and what the account's settings allow it."""
    settings = account.settings
    return f"{fingerprint}/{settings.allow_trading_keys:d}{settings.allow_unknown_rights:d}"


def session_of(context: dg.AssetExecutionContext, account: Account) -> Session:
    """The session of the run that `context` belongs to."""
    client: AccountClient = getattr(context.resources, account.name)
    return client.session(context.run.run_id)
