"""`alphapulse account discover`: the sub-accounts of a master account, and a file for each."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated

import typer

from alphapulse_pipeline.cli import output
from alphapulse_pipeline.cli.workspace import RELOAD, database, record, require_known
from alphapulse_pipeline.settings import account_file, environment
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.environment import AccountEnvironment, lookup
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.paths import shown
from alphapulse_pipeline.settings.project import defs_folder
from alphapulse_pipeline.sync.deployment import usable_deployment
from alphapulse_pipeline.warehouse import schema, sub_accounts
from alphapulse_pipeline.warehouse.connection import connect
from alphapulse_pipeline.warehouse.sub_accounts import Listed

_COPIED = ("exchange", "history_start", "snapshot_cron", "history_cron", "datasets", "wallets")
"""The settings of the master account that its sub-accounts get; what a key may do is not copied."""


def discover(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The master account's name.")],
    write: Annotated[
        bool, typer.Option("--write", help="Create the file of each that is not deployed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> int:
    folder = defs_folder()
    found = usable_deployment(folder)
    if account in found.broken:
        raise found.broken[account]
    for name, error in found.broken.items():
        output.error(f"{name} is left out: {error}")
    names = [other.name for other in found.accounts]
    require_known([account], names)
    [master] = [other for other in found.accounts if other.name == account]
    with database(environment.home(), demo=False) as url:
        schema.migrate(url)
        with connect(url) as connection:
            record(connection, found.accounts, found.broken)
        listed = _listed(master, url)
    new = {}
    if write:
        missing = [sub for sub in listed if sub.deployed_as is None]
        new = _write_files(folder, master, missing, {*names, *found.broken})
    rows = [(*sub[:3], sub.deployed_as or new.get(sub.sub_account)) for sub in listed]
    columns = ("sub_account", "name", "frozen", "account")
    if as_json:
        output.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif rows:
        output.print_table(columns, rows)
    _sum_up(master, listed, list(new.values()))
    return 0


def _listed(master: Account, url: str) -> list[Listed]:
    """The sub-accounts, asked for now. Raises `UserError`."""
    # imports ccxt, which takes half a second
    from alphapulse_pipeline.sync.admission import admit
    from alphapulse_pipeline.sync.session import open_session
    from alphapulse_pipeline.sync.sub_accounts import ask_sub_accounts

    name, parent = master.name, master.settings.parent
    if parent:
        raise SettingsError(f"{name} is a sub-account", f"use its master account, {parent}")
    with open_session(master, url, "discover") as session:
        if session.venue.sub_accounts is None:
            raise SettingsError(
                f"{master.settings.exchange} does not list the sub-accounts of {name}",
                f"add each with `alphapulse account add`, then `parent: {name}` to its file",
            )
        admit(session)
        if refusal := ask_sub_accounts(session):
            raise SettingsError(
                f"{name}: its sub-accounts are not listed: {refusal.problem}", refusal.fix
            )
        return sub_accounts.listed(session.connection, name)


def _write_files(
    folder: Path, master: Account, missing: Iterable[Listed], taken: Collection[str]
) -> dict[str, str]:
    """Create a file for each sub-account. Returns its id -> the account's name."""
    settings = master.settings.model_dump(include={*_COPIED, "options"}, exclude_unset=True)
    written: dict[str, str] = {}
    for sub in missing:
        name = _account_name(master.name, sub, {*taken, *written.values()})
        whose = {"parent": master.name, "sub_account": sub.sub_account}
        account_file.write_account(folder, name, {**settings, **whose})
        written[sub.sub_account] = name
    return written


def _account_name(master: str, sub: Listed, taken: Collection[str]) -> str:
    """The sub-account's name, or else its id, after the master's: bybit_fund_desk_3."""
    plain = re.sub(r"[^a-z0-9]+", "_", sub.name.partition("@")[0].lower()).strip("_")
    name = f"{master}_{plain}" if plain else f"{master}_{sub.sub_account}"
    return f"{name}_{sub.sub_account}" if name in taken else name


def _sum_up(master: Account, listed: list[Listed], written: list[str]) -> None:
    missing = sum(sub.deployed_as is None for sub in listed)
    if not listed:
        output.note(f"{master.name} has no sub-accounts")
    elif not missing:
        output.note(f"all {len(listed)} sub-accounts of {master.name} are deployed")
    elif not written:
        output.note(
            f"{missing} of {len(listed)} sub-accounts of {master.name} are not deployed; create "
            f"their files with `alphapulse account discover {master.name} --write`"
        )
    else:
        first, own = AccountEnvironment(written[0]), master.environment
        same = [name for name in (own.api_url, own.testnet) if lookup(name)]
        output.note(
            f"wrote {len(written)} files; add a read-only key of each sub-account to "
            f"{shown(environment.dotenv_path())}, e.g. {first.api_key} and {first.api_secret}"
            + (f", and the same as {' and '.join(same)}" if same else "")
            + f"; then run `alphapulse doctor`, and {RELOAD}"
        )
