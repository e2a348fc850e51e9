"""What is deployed: the folders under `defs/`, each read by itself.

A mistake in one file leaves the others as they are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alphapulse_pipeline.settings.accounts import Account, read_account
from alphapulse_pipeline.settings.component_file import component_files
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
    return Deployment(
        accounts, next(iter(portfolios.values()), None), next(iter(shared.values()), None), broken
    )


def _only_one(what: str, path: Path, before: Iterable[Path]) -> None:
    for other in before:
        raise SettingsError(
            f"{shown(path)}: there can be only one {what}, and {shown(other)} is one",
            "remove one of them",
        )
