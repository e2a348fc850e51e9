"""What a command works with: the accounts, the database, Dagster's home, and the demo.

Everything that children (code server, runs) must know is put into the environment here.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.settings import environment
from alphapulse_pipeline.settings.accounts import Account, read_accounts
from alphapulse_pipeline.settings.environment import POSTGRES_URL
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.portfolio import PortfolioSettings, read_portfolio
from alphapulse_pipeline.warehouse import deployed, schema
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import embedded_server

DATABASE = "alphapulse"
DEMO_DATABASE = "alphapulse_demo"
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Workspace:
    """Where a command works."""

    accounts: list[Account]
    portfolio: PortfolioSettings | None
    url: str
    demo: bool
    home: Path
    embedded: bool
    """Whether the database is our own server's."""

    @property
    def dagster_home(self) -> Path:
        return dagster_home(self.home)

    def chosen(self, names: Sequence[str]) -> list[Account]:
        """The accounts that were asked for; all where none was named."""
        require_known(names, [account.name for account in self.accounts])
        known = {account.name: account for account in self.accounts}
        return [known[name] for name in names] or self.accounts


def require_known(names: Sequence[str], known: Sequence[str]) -> None:
    """Raise `SettingsError` where a name is no account's."""
    if unknown := [name for name in names if name not in known]:
        raise SettingsError(
            f"no account {', '.join(unknown)}: there are {', '.join(known) or 'none'} "
            "(a folder each under alphapulse_pipeline/defs)"
        )


def dagster_home(home: Path) -> Path:
    return home / "dagster"


@contextmanager
def workspace(*, demo: bool, migrate: bool, simulate: bool = True) -> Iterator[Workspace]:
    """Accounts read, database there, environment set, for as long as the context lasts.

    Raises `SettingsError` and `EmbeddedServerError` with one sentence each.
    """
    accounts = read_accounts()
    portfolio = read_portfolio()
    demo = demo or nobody_has_credentials(accounts)
    if demo:
        accounts = simulable(accounts)
    home = environment.home()
    embedded = not os.environ.get(POSTGRES_URL)
    with ExitStack() as stack:
        url = stack.enter_context(database(home, demo=demo))
        if migrate:
            schema.migrate(url)
            with connect(url) as connection:
                deployed.retire(connection, [account.name for account in accounts])
        if demo and simulate:
            stack.enter_context(simulated(accounts))
        prepare_dagster(home)
        yield Workspace(accounts, portfolio, url, demo, home, embedded)


def nobody_has_credentials(accounts: Sequence[Account]) -> bool:
    """Whether this is the demo by itself, which is said."""
    if not all(account.environment.missing() for account in accounts):
        return False
    missing = ", ".join(n for a in accounts for n in a.environment.missing()[:1])
    output.note(
        f"no account has credentials ({missing} not set): this is the demo, with invented "
        "data from a local simulator"
    )
    return True


@contextmanager
def database(home: Path, *, demo: bool) -> Iterator[str]:
    """The database's URL, in the environment as well: the user's own, or the embedded one.

    Raises `SettingsError` and `EmbeddedServerError` with one sentence each.
    """
    with ExitStack() as stack:
        if given := os.environ.get(POSTGRES_URL):
            environment.postgres_url()
            url = schema.ensure_database(given, DEMO_DATABASE) if demo else given
        else:
            server = stack.enter_context(embedded_server(home))
            url = schema.ensure_database(
                server.url("postgres"), DEMO_DATABASE if demo else DATABASE
            )
        os.environ[POSTGRES_URL] = url
        yield url


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"cannot make {folder}: {error.strerror}; set ALPHAPULSE_HOME to a directory of yours"
        ) from None


def prepare_dagster(home: Path) -> None:
    """Dagster's home, with our dagster.yaml in it."""
    folder = dagster_home(home)
    _make(folder)
    shutil.copyfile(dagster_yaml(), folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"


def dagster_yaml() -> Path:
    """Our settings of Dagster: inside the package in a wheel, beside it in a checkout."""
    packaged = _PACKAGE / "dagster.yaml"
    return packaged if packaged.is_file() else _PACKAGE.parent / "dagster.yaml"


def simulable(accounts: Sequence[Account]) -> list[Account]:
    """Those whose exchange is simulated; the others are as if they had no credentials."""
    from exchange_simulator import EXCHANGES

    found = []
    for account in accounts:
        if account.settings.exchange in EXCHANGES:
            found.append(account)
        else:
            os.environ[account.environment.api_key] = ""
            output.note(
                f"{account.name} is left out of the demo: {account.settings.exchange} is not among "
                f"the simulated exchanges ({', '.join(EXCHANGES)})"
            )
    return found


@contextmanager
def simulated(accounts: Sequence[Account]) -> Iterator[None]:
    """The simulator, and an environment in which every account is at it: no real key is used."""
    from exchange_simulator import DEMO_KEY, DEMO_PASSPHRASE, DEMO_SECRET, World, serve

    with serve(World()) as simulator:
        for account in accounts:
            names = account.environment
            os.environ |= {
                names.api_key: DEMO_KEY,
                names.api_secret: DEMO_SECRET,
                names.api_password: DEMO_PASSPHRASE,
                names.api_url: simulator.url,
                names.testnet: "false",
            }
        yield
