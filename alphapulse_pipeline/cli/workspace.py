"""The environment of a command: accounts, database, Dagster's home, and the demo.

Child processes (code server, runs) inherit their settings through environment variables set here.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.settings import environment
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import POSTGRES_URL, AccountEnvironment
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.portfolio import PortfolioSettings
from alphapulse_pipeline.settings.project import PACKAGED, PROJECT, defs_folder, project
from alphapulse_pipeline.sync.deployment import usable_deployment
from alphapulse_pipeline.warehouse import deployed, schema, sub_accounts
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.embedded import embedded_server

RELOAD = 'restart `alphapulse up`, or press "Reload" under Deployment in the web UI'
"""What loads a changed file."""
DATABASE = "alphapulse"
DEMO_DATABASE = "alphapulse_demo"
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Workspace:
    """What a command works with."""

    accounts: list[Account]
    broken: Mapping[str, SettingsError]
    """Folder -> the mistake in its file. The other accounts work."""
    portfolio: PortfolioSettings | None
    url: str
    demo: bool
    home: Path
    embedded: bool
    """Whether the database is the embedded server."""

    @property
    def dagster_home(self) -> Path:
        return dagster_home(self.home)

    def chosen(self, names: Sequence[str]) -> list[Account]:
        """The accounts with these names; all by default. Raises `SettingsError`."""
        for name in names:
            if name in self.broken:
                raise self.broken[name]
        require_known(names, [account.name for account in self.accounts])
        known = {account.name: account for account in self.accounts}
        return [known[name] for name in names] or self.accounts


def require_known(names: Sequence[str], known: Sequence[str]) -> None:
    """Raise `SettingsError` if a name is not an account's."""
    if unknown := [name for name in names if name not in known]:
        # `known` may have the folder of a portfolio whose file has a mistake
        accounts = [name for name in known if name != "portfolio"]
        raise SettingsError(
            f"no account {', '.join(unknown)}",
            f"use one of {', '.join(accounts)}, or add it with `alphapulse account add`"
            if accounts
            else "add it with `alphapulse account add`",
        )


def dagster_home(home: Path) -> Path:
    return home / "dagster"


@contextmanager
def workspace(*, demo: bool, migrate: bool, simulate: bool = True) -> Iterator[Workspace]:
    """Read the accounts, start the database and set the environment for as long as this lasts.

    Without credentials of any account, or with `demo`, this is the demo; `simulate`: with simulated
    exchanges for it. Prints which files have a mistake. Raises `UserError`.
    """
    found = usable_deployment(_project_in_effect())
    accounts = found.accounts
    for name, error in found.broken.items():
        output.error(f"{name} is left out: {error}")
    demo = demo or no_credentials(accounts, found.broken)
    if demo:
        require_simulator(accounts)
        if simulate or migrate:
            accounts = simulable(accounts)
    home = environment.home()
    embedded = not os.environ.get(POSTGRES_URL)
    with ExitStack() as stack:
        url = stack.enter_context(database(home, demo=demo))
        if migrate:
            schema.migrate(url)
            with connect(url) as connection:
                record(connection, accounts, found.broken)
        if demo and simulate:
            stack.enter_context(simulated(accounts))
        prepare_dagster(home)
        yield Workspace(accounts, found.broken, found.portfolio, url, demo, home, embedded)


def _project_in_effect() -> Path:
    """The deployment's folder, also for child processes, whose working directories differ."""
    folder = defs_folder()
    if folder != PACKAGED:
        os.environ[PROJECT] = str(project())
    return folder


def record(
    connection: Connection[TupleRow],
    accounts: Sequence[Account],
    broken: Mapping[str, SettingsError],
) -> None:
    """Store which accounts are deployed, and which of them cannot be loaded."""
    names = [*(account.name for account in accounts), *broken]
    deployed.retire(connection, names)
    sub_accounts.retire(connection, names)
    for account in accounts:
        parent, id = account.settings.parent, account.settings.sub_account
        sub_accounts.register(connection, account.name, parent, id)
    deployed.note_broken(connection, broken)


def no_credentials(accounts: Sequence[Account], broken: Collection[str]) -> bool:
    """Whether the demo is used because no account has credentials; prints so.

    Never with the user's own PostgreSQL: it may be a machine of a deployment that has no keys, and
    the demo would create its database on their server.
    """
    if not all(account.environment.missing() for account in accounts):
        return False
    if any(environment.lookup(AccountEnvironment(name).api_key) for name in broken):
        return False
    if os.environ.get(POSTGRES_URL):
        output.warn(
            f"no account has credentials ({_missing(accounts)} not set): set those of an account, "
            "or use --demo, which creates a database of its own on your server"
        )
        return False
    output.note(
        f"no account has credentials ({_missing(accounts)} not set): using the demo, with data "
        "from a local simulator"
    )
    return True


def require_simulator(accounts: Sequence[Account]) -> None:
    """Raise `SettingsError` if the simulator, a distribution of its own, is not installed."""
    if find_spec("exchange_simulator") is None:
        missing = _missing(accounts)
        raise SettingsError(
            f"{f'{missing} not set, and ' if missing else ''}the demo's simulator is not installed",
            f"{'set the credentials of an account' if missing else 'leave --demo out'}, or run "
            "`pip install exchange-simulator`",
        )


def _missing(accounts: Sequence[Account]) -> str:
    """The first missing variable of each account."""
    return ", ".join(
        name + a.environment.misspelled() for a in accounts for name in a.environment.missing()[:1]
    )


@contextmanager
def database(home: Path, *, demo: bool) -> Iterator[str]:
    """The database's URL, also set in the environment: the user's own server or the embedded one.

    Raises `UserError`.
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


def _create(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"cannot create {folder}: {error.strerror}",
            "set ALPHAPULSE_HOME to a directory that you can write to",
        ) from None


def prepare_dagster(home: Path) -> None:
    """Create Dagster's home, with our dagster.yaml in it.

    A file without our first line is an operator's, with a run launcher or limits of theirs: it is
    left as it is.
    """
    folder = dagster_home(home)
    _create(folder)
    ours, written = dagster_yaml().read_text(), folder / "dagster.yaml"
    if not written.exists() or _first_line(written.read_text()) == _first_line(ours):
        written.write_text(ours)
    os.environ["DAGSTER_HOME"] = str(folder)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def dagster_yaml() -> Path:
    """Our Dagster settings: inside the package in a wheel, beside it in a checkout."""
    packaged = _PACKAGE / "dagster.yaml"
    return packaged if packaged.is_file() else _PACKAGE.parent / "dagster.yaml"


def simulable(accounts: Sequence[Account]) -> list[Account]:
    """The accounts whose exchange can be simulated. The others lose their credentials."""
    from exchange_simulator import EXCHANGES

    found = []
    for account in accounts:
        if account.settings.exchange in EXCHANGES:
            found.append(account)
        else:
            os.environ[account.environment.api_key] = ""
            output.note(
                f"{account.name} is not part of the demo: {account.settings.exchange} cannot be "
                f"simulated ({', '.join(EXCHANGES)} can)"
            )
    return found


@contextmanager
def simulated(accounts: Sequence[Account]) -> Iterator[None]:
    """Run the simulator and point every account at it, so that no real key is used."""
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
