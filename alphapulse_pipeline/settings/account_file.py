"""An account's file on disk: written, renamed, removed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from alphapulse_pipeline.settings.component_file import ACCOUNT, FILE, PORTFOLIO
from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.paths import shown


def write_account(folder: Path, name: str, attributes: Mapping[str, object]) -> Path:
    """Write the file of a new account in `folder`. Raises `SettingsError` if there is one."""
    path = folder / name / FILE
    if path.parent.exists():
        raise SettingsError(
            f"{shown(path.parent)} exists already",
            f"choose a different name, or remove it: `alphapulse account remove {name}`",
        )
    _write(path, ACCOUNT, attributes)
    return path


def write_portfolio(folder: Path) -> None:
    """Write the file of the portfolio, with its defaults."""
    _write(folder / "portfolio" / FILE, PORTFOLIO, {"currency": "USD", "cost_basis": "fifo"})


@contextmanager
def moved(old: Path, new: Path) -> Iterator[None]:
    """Rename a folder; back again if the context ends with an error. Raises `SettingsError`."""
    if new.exists():
        raise SettingsError(f"{shown(new)} exists already", "choose a different name")
    _move(old, new)
    try:
        yield
    except BaseException:
        _move(new, old)
        raise


@contextmanager
def renamed_parent(files: Iterable[Path], old: str, new: str) -> Iterator[None]:
    """Rename the master account in the files of its sub-accounts; back again if the context ends
    with an error. Raises `SettingsError`."""
    line = re.compile(rf"""^(\s*parent:\s*)(["']?){old}\2(?=\s*(?:#.*)?$)""", re.MULTILINE)
    before = {path: path.read_text(encoding="utf-8") for path in files}
    try:
        _rewrite({path: line.sub(rf"\g<1>{new}", text) for path, text in before.items()})
        yield
    except BaseException:
        _rewrite(before)
        raise


def _rewrite(texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise SettingsError(
                f"{shown(path)} cannot be written: {error.strerror}",
                "make it writable for you",
            ) from None


def remove_account(folder: Path) -> None:
    """Delete an account's file, and its folder if nothing else is in it. Raises `SettingsError`."""
    try:
        (folder / FILE).unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        raise SettingsError(
            f"{shown(folder)} cannot be removed: {error.strerror}", "remove it by hand"
        ) from None


def _move(old: Path, new: Path) -> None:
    try:
        old.rename(new)
    except OSError as error:
        raise SettingsError(
            f"{shown(old)} cannot be renamed: {error.strerror}",
            "make its folder writable for you",
        ) from None


def _write(path: Path, kind: str, attributes: Mapping[str, object]) -> None:
    lines = yaml.safe_dump(dict(attributes), sort_keys=False, default_flow_style=False)
    indented = "".join(f"  {line}\n" for line in lines.splitlines())
    try:
        path.parent.mkdir(parents=True)
        path.write_text(f"type: {kind}\n\nattributes:\n{indented}", encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"{shown(path)} cannot be written: {error.strerror}",
            "make its folder writable for you",
        ) from None
