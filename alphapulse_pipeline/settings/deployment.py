"""What is deployed: the folders under `defs/`, each read by itself.

A mistake in one file leaves the others as they are.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alphapulse_pipeline.settings import component_file
from alphapulse_pipeline.settings.accounts import Account, read_account
from alphapulse_pipeline.settings.component_file import component_files, did_you_mean
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.paths import shown
from alphapulse_pipeline.settings.portfolio import PortfolioSettings, read_settings
from alphapulse_pipeline.settings.project import defs_folder
from alphapulse_pipeline.settings.shared import SharedSettings, read_shared


@dataclass(frozen=True)
class Deployment:
    """The accounts, the portfolio and what they share, under `defs/`."""

    accounts: list[Account]
    portfolio: PortfolioSettings | None
    shared: SharedSettings | None
    broken: Mapping[str, SettingsError]
    """Folder -> the mistake in its file, which keeps it from being loaded."""


def read_deployment(folder: Path | None = None) -> Deployment:
    """Read every file; by default, of the project's folder.

    Raises nothing for a file with a mistake: it is in `broken`.
    """
    accounts: list[Account] = []
    portfolios: dict[Path, PortfolioSettings] = {}
    shared: dict[Path, SharedSettings] = {}
    broken: dict[str, SettingsError] = {}
    for path in component_files(folder or defs_folder()):
        try:
            if account := read_account(path):
                accounts.append(account)
            elif settings := read_settings(path):
                _only_one("portfolio", path, portfolios)
                portfolios[path] = settings
            elif of_all := read_shared(path):
                _only_one("SharedDefinitions", path, shared)
                shared[path] = of_all
        except SettingsError as error:
            broken[path.parent.name] = error
    broken |= _wrong_parents(accounts, broken)
    accounts = [account for account in accounts if account.name not in broken]
    return Deployment(
        accounts, next(iter(portfolios.values()), None), next(iter(shared.values()), None), broken
    )


def _wrong_parents(
    accounts: Sequence[Account], broken: Collection[str]
) -> Mapping[str, SettingsError]:
    """The accounts whose `parent` cannot be their master account, or that are another one's twin:
    every row would be stored, and counted, twice."""
    known = {account.name: account.settings for account in accounts}
    first: dict[tuple[str, str], str] = {}
    found = {}
    for account in accounts:
        settings, parent = account.settings, account.settings.parent
        if parent is None and settings.sub_account is None:
            continue
        twin = first.setdefault((parent or "", settings.sub_account or account.name), account.name)
        if parent is None:
            problem, fix = "missing", "name the master account, or remove sub_account"
        elif parent == account.name or parent not in {**known, **dict.fromkeys(broken)}:
            others = sorted(known.keys() - {account.name})
            problem = f"no account {parent!r}"
            fix = did_you_mean(parent, others) if others else "add the master account first"
        elif parent in known and known[parent].parent is not None:
            problem = f"{parent} is a sub-account itself"
            fix = f"use its master account, {known[parent].parent}"
        elif parent in known and known[parent].exchange != settings.exchange:
            problem = f"{parent} is an account of {known[parent].exchange}"
            fix = f"use an account of {settings.exchange}"
        elif twin != account.name:
            problem = f"{twin} is the sub-account {settings.sub_account} already"
            fix = "remove one of the two, or correct sub_account"
        else:
            continue
        assert account.file is not None
        where = component_file.read(account.file).place("attributes", "parent")
        found[account.name] = SettingsError(f"{where}: {problem}", fix)
    return found


def _only_one(what: str, path: Path, before: Iterable[Path]) -> None:
    for other in before:
        raise SettingsError(
            f"{shown(path)}: there can be only one {what}, and {shown(other)} is one",
            "remove one of them",
        )
