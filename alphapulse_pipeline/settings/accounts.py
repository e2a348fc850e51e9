"""The deployed accounts: one folder each under `defs/`, with a `defs.yaml`."""

import importlib.metadata
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from alphapulse_pipeline.datasets import DATASETS
from alphapulse_pipeline.settings import component_file
from alphapulse_pipeline.settings.component_file import did_you_mean
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline.settings.errors import FieldError, SettingsError
from alphapulse_pipeline.settings.paths import shown

_ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RESERVED = ("portfolio", "shared", "snapshots", "io_manager", "alphapulse_postgres", "resources")


class AccountSettings(BaseModel):
    """The `attributes` of an account's file. The component's attributes are these fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    exchange: str = Field(description="A ccxt exchange id, e.g. bybit.")
    history_start: date = Field(description="First day of history to load, e.g. 2026-01-31.")
    snapshot_cron: str = Field("*/5 * * * *", description="When snapshots are taken (UTC).")
    history_cron: str = Field("*/15 * * * *", description="When histories are synced (UTC).")
    datasets: list[str] | None = Field(
        None, description="Default: every dataset that the exchange offers.", min_length=1
    )
    wallets: list[str] | None = Field(
        None,
        description="Default: every wallet that the account has, e.g. [spot, funding].",
        min_length=1,
    )
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options for ccxt, e.g. {recvWindow: 60000}."
    )
    allow_trading_keys: bool = Field(False, description="Accept an API key that can trade.")
    allow_unknown_rights: bool = Field(
        False, description="Accept an API key whose permissions the exchange does not report."
    )
    parent: str | None = Field(None, description="A sub-account's master account.")
    sub_account: str | None = Field(
        None, description="The exchange's id of the sub-account, in quotes, e.g. '106314365'."
    )

    @field_validator("exchange")
    @classmethod
    def _known_exchange(cls, value: str) -> str:
        if value not in exchanges():
            raise FieldError(f"ccxt has no exchange {value!r}", did_you_mean(value, exchanges()))
        return value

    @field_validator("history_start")
    @classmethod
    def _not_in_the_future(cls, value: date) -> date:
        if value > datetime.now(UTC).date():
            raise FieldError(f"{value} is in the future", "use today or an earlier day")
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
                raise FieldError(f"no dataset {dataset!r}", did_you_mean(dataset, list(DATASETS)))
        return value

    def wants(self, dataset: str) -> bool:
        return self.datasets is None or dataset in self.datasets


@dataclass(frozen=True)
class Account:
    """A deployed account: its folder's name and the settings in its file."""

    name: str
    settings: AccountSettings
    file: Path | None = None
    """Where the settings come from, if from a file."""

    @property
    def environment(self) -> AccountEnvironment:
        return AccountEnvironment(self.name, self.settings.exchange)

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(d for d in DATASETS if self.settings.wants(d))


def settings_of(attributes: Mapping[str, object]) -> AccountSettings:
    """Settings that do not come from a file. Raises `SettingsError` with the first mistake."""
    try:
        return AccountSettings.model_validate(attributes)
    except ValidationError as error:
        first = error.errors()[0]
        fields = tuple(AccountSettings.model_fields)
        problem, fix = component_file.explained(dict(first), fields)
        raise SettingsError(f"{'.'.join(map(str, first['loc']))}: {problem}", fix) from error


def check_account_name(name: str) -> None:
    """Raise `SettingsError` unless `name` is a valid account name."""
    if not _ACCOUNT_NAME.match(name):
        raise SettingsError(
            f"account name {name!r} is not valid",
            "rename the folder: lower-case letters, digits and _, starting with a letter",
        )
    if name in _RESERVED:
        raise SettingsError(f"account name {name!r} is reserved", "rename the folder")


def check_cron(value: str) -> None:
    """Raise `FieldError` unless `value` is a cron schedule of five fields."""
    fix = "give five fields, e.g. '*/5 * * * *'"
    if len(value.split()) != 5:
        raise FieldError(f"{value!r} is not a cron schedule", fix)
    try:
        CronSim(value, _EPOCH)
    except CronSimError as error:
        raise FieldError(f"{value!r} is not a cron schedule: {str(error).lower()}", fix) from error


@cache
def exchanges() -> tuple[str, ...]:
    """Every exchange id of the installed ccxt, from its file names: importing it takes seconds."""
    folder = Path(str(importlib.metadata.distribution("ccxt").locate_file("ccxt/async_support")))
    return tuple(sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__"))


def read_account(path: Path) -> Account | None:
    """The account in a file, or None if it is a different component. Raises `SettingsError`."""
    file = component_file.read(path)
    if file.kind != component_file.ACCOUNT:
        return None
    try:
        check_account_name(path.parent.name)
    except SettingsError as error:
        raise SettingsError(f"{shown(path)}:1: {error.problem}", error.fix) from None
    return Account(path.parent.name, file.attributes(AccountSettings), path)
