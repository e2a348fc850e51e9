"""Where the deployment is: a folder of the user's own, or the one inside this package.

The project is `ALPHAPULSE_PROJECT` or the working directory. What it deploys is in its `defs/`, or,
in a project of Dagster's `dg`, where its `dg.toml` or `pyproject.toml` says. A directory that is no
project uses the package's own folder, which in a checkout is the user's.
"""

import os
import tomllib
from pathlib import Path

from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.paths import shown

PROJECT = "ALPHAPULSE_PROJECT"
PACKAGED = Path(__file__).parents[1] / "defs"
"""The folder inside this package."""


def project() -> Path:
    """The project's folder. It may be no project: see `defs_folder`. Raises `SettingsError`."""
    named = os.environ.get(PROJECT)
    if not named:
        return Path.cwd()
    path = Path(named).expanduser().absolute()
    if not path.is_dir():
        raise SettingsError(
            f"{PROJECT} is {named!r}, which is not a folder", f"create it: mkdir {path}"
        )
    return path


def defs_folder() -> Path:
    """The folder with a folder for each account. Raises `SettingsError`."""
    folder = project()
    found = _folders(folder)
    if not found and os.environ.get(PROJECT):
        raise SettingsError(
            f"{shown(folder)} has no accounts yet",
            "add one: `alphapulse account add NAME --exchange EXCHANGE`",
        )
    return found[0] if found else PACKAGED


def folder_for_new_accounts() -> Path:
    """Where `account add` writes: the project's folder, which is created if there is none.

    A wheel's own folder belongs to its installer, so there the working directory becomes a project.
    """
    folder = project()
    if found := _folders(folder):
        return found[0]
    in_a_checkout = (PACKAGED.parents[1] / "pyproject.toml").is_file()
    return PACKAGED if in_a_checkout and not os.environ.get(PROJECT) else folder / "defs"


def _folders(project: Path) -> list[Path]:
    return [path for path in (project / "defs", *_of_dg(project)) if path.is_dir()]


def _of_dg(folder: Path) -> list[Path]:
    """Where Dagster's `dg` would look in a project of its own."""
    for name, section in (("dg.toml", ("project",)), ("pyproject.toml", ("tool", "dg", "project"))):
        try:
            settings = tomllib.loads((folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise SettingsError(f"{shown(folder / name)}: {error}", "correct the file") from None
        for key in section:
            settings = settings.get(key, {})
        root = settings.get("root_module")
        if module := settings.get("defs_module") or (root and f"{root}.defs"):
            parts = str(module).split(".")
            return [folder.joinpath("src", *parts), folder.joinpath(*parts)]
    return []
