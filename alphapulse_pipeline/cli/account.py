"""`alphapulse account`: add, discover, rename and remove accounts."""

import getpass
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.discover import discover
from alphapulse_pipeline.cli.workspace import RELOAD, database, prepare_dagster, require_known
from alphapulse_pipeline.settings import account_file, dotenv_file, environment
from alphapulse_pipeline.settings.accounts import check_account_name, settings_of
from alphapulse_pipeline.settings.environment import AccountEnvironment, lookup
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.paths import shown
from alphapulse_pipeline.settings.project import defs_folder, folder_for_new_accounts
from alphapulse_pipeline.settings.redaction import redact
from alphapulse_pipeline.sync.deployment import usable_deployment
from alphapulse_pipeline.warehouse import account_rows, deployed
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.schema import Revision, require_current, revision

_NAME = typer.Argument(metavar="ACCOUNT", help="The account's name.")


def register(app: typer.Typer, summary: str) -> None:
    accounts = typer.Typer(help=summary, no_args_is_help=True)
    accounts.command(
        help="Add an account: create its file, write its key to .env, then run the doctor. "
        "In a terminal, the command prompts for whatever is missing; keys are not echoed.\n\n"
        "Example: alphapulse account add bybit_fund --exchange bybit"
    )(add)
    accounts.command(
        help="List the sub-accounts of a master account as the exchange does, and which account "
        "each is deployed as. With --write, create the files of those that are not deployed.\n\n"
        "Example: alphapulse account discover bybit_fund --write"
    )(discover)
    accounts.command(
        help="Rename an account everywhere: its file, its variables in .env, and its name in all "
        "of its rows.\n\n"
        "Example: alphapulse account rename bybit bybit_fund"
    )(rename)
    accounts.command(
        help="Remove an account: its file and its variables in .env. Its rows are kept, unless "
        "--forget is given.\n\nExample: alphapulse account remove bybit_fund --forget"
    )(remove)
    accounts.callback()(lambda: None)
    app.add_typer(accounts, name="account")


def add(
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="Lower-case letters, digits and _.")
    ],
    exchange: Annotated[
        str | None, typer.Option(help="The exchange's id in ccxt, e.g. bybit.")
    ] = None,
    history_start: Annotated[
        str | None,
        typer.Option(help="First day of history to load. Default: January 1 of this year."),
    ] = None,
    allow_unknown_rights: Annotated[
        bool,
        typer.Option(
            "--allow-unknown-rights",
            help="Accept an API key whose permissions the exchange does not report.",
        ),
    ] = False,
) -> int:
    _check_name(account)
    attributes: dict[str, object] = {
        "exchange": exchange or _asked("Exchange (its id in ccxt, e.g. bybit)", "--exchange"),
        "history_start": history_start or f"{datetime.now(UTC).year}-01-01",
    }
    settings = settings_of(attributes)
    # imports ccxt, which takes half a second
    from alphapulse_pipeline.exchange.venues import venue_of

    venue = venue_of(settings.exchange)
    if venue.rights is None and (allow_unknown_rights or _confirmed_as_read_only()):
        attributes["allow_unknown_rights"] = True
    folder = folder_for_new_accounts()
    is_new = not folder.exists()
    path = account_file.write_account(
        folder, account, {**attributes, "history_start": settings.history_start}
    )
    names = AccountEnvironment(account, settings.exchange)
    wanted = [*names.missing(), *([names.api_password] if venue.needs_password else [])]
    try:
        if is_new:
            account_file.write_portfolio(folder)
        values = _keys([name for name in wanted if not lookup(name)])
        dotenv_file.add(values)
    except BaseException:
        account_file.remove_account(path.parent)
        raise
    output.note(f"wrote {shown(path)}{_and_keys(values)}")
    if missing := [name for name in wanted if not lookup(name)]:
        output.note(
            f"{' and '.join(missing)} not set; add a read-only key to "
            f"{shown(environment.dotenv_path())}, then run `alphapulse doctor {account}`"
        )
        return 0
    from alphapulse_pipeline.cli.doctor import doctor

    code = doctor([account])
    output.note(f"to sync it on schedule, {RELOAD}; to sync it now: `alphapulse sync {account}`")
    return code


def rename(
    account: Annotated[str, _NAME],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")],
) -> int:
    _check_name(name)
    folder = defs_folder()
    _require_deployed(folder, account)
    old, new = AccountEnvironment(account), AccountEnvironment(name)
    subs = _sub_accounts(folder, account)
    with ExitStack() as stack:
        connection = connect(stack.enter_context(database(environment.home(), demo=False)))
        stack.enter_context(connection)
        has_tables = revision(connection) is not Revision.MISSING
        if has_tables:
            require_current(connection)
            stack.enter_context(account_rows.locked(connection, account, name))
        with (
            account_file.moved(folder / account, folder / name),
            dotenv_file.renamed(dict(zip(old.all, new.all, strict=True))),
            account_file.renamed_parent(subs, account, name),
        ):
            if has_tables:
                account_rows.rename(connection, account, name)
        output.note(f"renamed {account} to {name}; {RELOAD}")
    if exported := [variable for variable in old.all if lookup(variable)]:
        output.warn(f"{', '.join(exported)} is exported: rename it where it is set")
    return _refreshed() if has_tables else 0


def remove(
    account: Annotated[str, _NAME],
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete all of its rows from the database as well.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before rows are deleted.")] = False,
) -> int:
    folder = defs_folder()
    if not forget:
        _require_deployed(folder, account)
    if subs := _sub_accounts(folder, account):
        raise SettingsError(
            f"{account} is the parent of {', '.join(path.parent.name for path in subs)}",
            "remove these first, or `parent` and `sub_account` from their files",
        )
    with ExitStack() as stack:
        connection = connect(stack.enter_context(database(environment.home(), demo=False)))
        stack.enter_context(connection)
        has_tables = revision(connection) is not Revision.MISSING
        if has_tables:
            require_current(connection)
        rows = account_rows.stored(connection, account) if has_tables and forget else {}
        if forget:
            if not rows:
                _require_deployed(folder, account)
            _confirm_deletion(account, rows, yes=yes)
        if has_tables:
            stack.enter_context(account_rows.locked(connection, account))
        if (folder / account).is_dir():
            account_file.remove_account(folder / account)
        removed = dotenv_file.remove(AccountEnvironment(account).all)
        if rows:
            account_rows.forget(connection, account)
        elif has_tables:
            left = usable_deployment(folder)
            deployed.retire(connection, [*(a.name for a in left.accounts), *left.broken])
    output.note(
        f"removed {account}{' and its rows' if rows else ''}"
        + (f", and {' and '.join(removed)} from .env" if removed else "")
        + f"; {RELOAD}"
    )
    return _refreshed() if rows else 0


def _check_name(name: str) -> None:
    try:
        check_account_name(name)
    except SettingsError as error:
        fix = "use lower-case letters, digits and _, beginning with a letter"
        raise SettingsError(error.problem, fix) from None


def _require_deployed(folder: Path, account: str) -> None:
    found = usable_deployment(folder)
    require_known([account], [*(a.name for a in found.accounts), *found.broken])


def _sub_accounts(folder: Path, account: str) -> list[Path]:
    """The files of the accounts whose parent it is."""
    found = usable_deployment(folder).accounts
    return [a.file for a in found if a.settings.parent == account and a.file]


def _asked(question: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise SettingsError(f"{option} is missing", "give it; a terminal would ask for it")
    return str(typer.prompt(question, err=True)).strip()


def _confirmed_as_read_only() -> bool:
    return sys.stdin.isatty() and typer.confirm(
        "This exchange does not report what a key may do. Does its website say that yours can "
        "only read?",
        err=True,
    )


def _keys(names: list[str]) -> dict[str, str]:
    """What is typed for each variable, without showing it; nothing where there is no terminal."""
    if not sys.stdin.isatty():
        return {}
    typed = {name: getpass.getpass(f"{name} (not shown; empty to leave out): ") for name in names}
    return {name: value.strip() for name, value in typed.items() if value.strip()}


def _and_keys(values: dict[str, str]) -> str:
    if not values:
        return ""
    return f", and {' and '.join(values)} to {shown(environment.dotenv_path())}"


def _confirm_deletion(account: str, rows: dict[str, int], *, yes: bool) -> None:
    if yes or not rows:
        return
    counts = ", ".join(f"{count} {table}" for table, count in rows.items())
    if not sys.stdin.isatty():
        raise SettingsError(f"this deletes all rows of {account}: {counts}", "add --yes")
    typer.confirm(f"Delete all rows of {account} for good: {counts}?", err=True, abort=True)


def _refreshed() -> int:
    """Calculate the portfolio again."""
    if usable_deployment().portfolio is None:
        return 0
    # imports Dagster, which takes seconds
    from alphapulse_pipeline.cli import runs

    with database(environment.home(), demo=False), output.stderr().status("refreshing"):
        prepare_dagster(environment.home())
        run = runs.refresh_portfolio()
    if not run.success:
        output.error(
            f"the portfolio was not refreshed: {redact(run.error or 'the run did not start')}; "
            "the next sync retries"
        )
    return 0 if run.success else 1
