"""The accounts that are deployed: one folder each under `defs/`, with a `defs.yaml`.

Dagster reads the same files through the component `ExchangeAccount`. They are read here too, so
that commands know their accounts without loading Dagster, and so that a mistake in a file is one
line with file, line and field.
"""

import difflib
import importlib.metadata
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from alphapulse_pipeline.settings.environment import AccountEnvironment, SettingsError

COMPONENT = "alphapulse_pipeline.components.ExchangeAccount"
PORTFOLIO = "alphapulse_pipeline.components.Portfolio"
_OURS = COMPONENT.partition(".")[0] + "."
DEFS = Path(__file__).parents[1] / "defs"
SNAPSHOTS = ("balances", "positions", "prices")
HISTORIES = ("orders", "trades", "transfers", "funding", "ledger")
DATASETS = (*SNAPSHOTS, *HISTORIES)

_ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RESERVED = ("portfolio", "snapshots", "io_manager", "resources")


class AccountSettings(BaseModel):
    """The `attributes` of an account's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exchange: str = Field(description="A ccxt exchange id, e.g. bybit.")
    history_start: date = Field(description="The first day of the histories: a fixed date.")
    snapshot_cron: str = Field("*/5 * * * *", description="When snapshots are taken (UTC).")
    history_cron: str = Field("*/15 * * * *", description="When histories are synced (UTC).")
    datasets: list[str] | None = Field(
        None, description="Default: all that the exchange has.", min_length=1
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Passed to ccxt, e.g. {recvWindow: 60000}."
    )
    allow_trading_keys: bool = Field(False, description="Accept a key that may trade.")

    @field_validator("exchange")
    @classmethod
    def _known_exchange(cls, value: str) -> str:
        if value not in exchanges():
            raise ValueError(f"ccxt has no exchange {value!r}{_did_you_mean(value, exchanges())}")
        return value

    @field_validator("history_start")
    @classmethod
    def _not_in_the_future(cls, value: date) -> date:
        if value > datetime.now(UTC).date():
            raise ValueError(f"{value} lies in the future: histories begin today or earlier")
        return value

    @field_validator("snapshot_cron", "history_cron")
    @classmethod
    def _valid_cron(cls, value: str) -> str:
        check_cron(value)
        return value

    @field_validator("datasets")
    @classmethod
    def _known_datasets(cls, value: list[str] | None) -> list[str] | None:
        for dataset in value or ():
            if dataset not in DATASETS:
                raise ValueError(f"no dataset {dataset!r}{_did_you_mean(dataset, DATASETS)}")
        return value

    def wants(self, dataset: str) -> bool:
        return self.datasets is None or dataset in self.datasets


@dataclass(frozen=True)
class Account:
    """One deployed account: the folder's name and what its file says."""

    name: str
    settings: AccountSettings

    @property
    def environment(self) -> AccountEnvironment:
        return AccountEnvironment(self.name)

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(d for d in DATASETS if self.settings.wants(d))


def check_account_name(name: str) -> None:
    """Raise `SettingsError` unless `name` can be an account's."""
    if not _ACCOUNT_NAME.match(name):
        raise SettingsError(
            f"account name {name!r}: use lower-case letters, digits and _, beginning with a letter"
        )
    if name in _RESERVED:
        raise SettingsError(f"account name {name!r} is reserved: rename the folder")


def check_cron(value: str) -> None:
    """Raise `ValueError` with a sentence unless `value` is a five-field cron schedule."""
    if len(value.split()) != 5:
        raise ValueError(f"{value!r} is no cron schedule: give five fields, e.g. '*/5 * * * *'")
    try:
        CronSim(value, _EPOCH)
    except CronSimError as error:
        raise ValueError(f"{value!r} is no cron schedule: {str(error).lower()}") from error


@cache
def exchanges() -> tuple[str, ...]:
    """All exchange ids of the installed ccxt, read from its files: importing it takes seconds."""
    folder = Path(str(importlib.metadata.distribution("ccxt").locate_file("ccxt/async_support")))
    return tuple(sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__"))


def read_accounts(folder: Path = DEFS) -> list[Account]:
    """All accounts under `folder`, by name. Raises `SettingsError`: file, line, field, mend."""
    for path in sorted(folder.glob("*/*.y*ml")):
        if path.name != "defs.yaml" and COMPONENT.encode() in path.read_bytes():
            raise SettingsError(f"{_shown(path)}: nobody reads this file: call it defs.yaml")
    return [account for path in account_files(folder) if (account := read_account(path))]


def account_files(folder: Path = DEFS) -> list[Path]:
    """The files of all folders under `folder`, some of which may be somebody's own components."""
    return sorted(folder.glob("*/defs.yaml"))


class _Loader(yaml.SafeLoader):
    """Leaves days as text: PyYAML would raise a bare ValueError for the 13th month."""


_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: str(node.value))


def read_account(path: Path) -> Account | None:
    """The account of a file; None where it is another component's. Raises `SettingsError`."""
    shown = _shown(path)
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{shown}:{line}: not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{shown}:1: not valid YAML: it is no UTF-8 text") from error
    except RecursionError:
        raise SettingsError(f"{shown}:1: not valid YAML: it is nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits
        raise SettingsError(f"{shown}:1: not valid YAML: {error}") from error
    if not isinstance(content, dict) or "type" not in content:
        raise SettingsError(f"{shown}:1: type: missing: add `type: {COMPONENT}`")
    if (kind := str(content["type"])) != COMPONENT:
        if (
            kind.startswith(_OURS) and kind != PORTFOLIO
        ):  # anything else is somebody's own Dagster component
            hint = _did_you_mean(kind, (COMPONENT, PORTFOLIO))
            raise SettingsError(
                f"{shown}:{_line(root, ('type',))}: type: no component {kind!r}{hint}"
            )
        return None
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):  # a few of them are enough to fill the memory
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise SettingsError(f"{shown}:{line}: *{event.anchor}: write it out, without aliases")
    try:
        check_account_name(path.parent.name)
    except SettingsError as error:
        raise SettingsError(f"{shown}:1: {error}") from None
    try:
        settings = AccountSettings.model_validate(content.get("attributes") or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ("attributes", *(str(part) for part in first["loc"]))
        raise SettingsError(
            f"{shown}:{_line(root, where)}: {'.'.join(where)}: {_sentence(dict(first))}"
        ) from error
    return Account(path.parent.name, settings)


def _sentence(error: dict[str, Any]) -> str:
    field = str(error["loc"][-1]) if error["loc"] else ""
    match error["type"]:
        case "extra_forbidden":
            return f"unknown field{_did_you_mean(field, tuple(AccountSettings.model_fields))}"
        case "missing":
            return "missing: add it to the file"
        case kind if kind.startswith("date_"):
            return f"{error['msg']}: write a day as 2026-01-31"
        case _:
            return str(error["msg"]).removeprefix("Value error, ")


def _did_you_mean(word: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(known[:12])}"


def _line(node: yaml.Node | None, where: tuple[str, ...]) -> int:
    """The line of the field `where`, or of the nearest part of it that stands in the file."""
    line = 1
    for part in where:
        if not isinstance(node, yaml.MappingNode):
            break
        for key, value in node.value:
            if key.value == part:
                line, node = key.start_mark.line + 1, value
                break
        else:
            break
    return line


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
