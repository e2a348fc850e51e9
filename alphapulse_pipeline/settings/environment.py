"""Environment variables: which there are, and how an account's are named.

`.env` in the working directory is read too and never overrides what is exported. An account's
variables are looked up whenever a run begins, in `.env` as it is then, and are never put into the
environment: a key that was replaced there is used by the next run, whoever starts it.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import platformdirs
from dotenv import dotenv_values

from alphapulse_pipeline.settings.errors import SettingsError

POSTGRES_URL = "ALPHAPULSE_POSTGRES_URL"
HOME = "ALPHAPULSE_HOME"
ALERT_WEBHOOK = "ALPHAPULSE_ALERT_WEBHOOK"
"""A secret: who knows it can write into the channel."""
DOTENV = "ALPHAPULSE_DOTENV"
"""Set by `up` for the processes that it starts, which work elsewhere."""

_LOOKED_UP = re.compile(
    rf".+_(API_KEY|API_SECRET|API_PASSWORD|API_URL|TESTNET)\Z|{ALERT_WEBHOOK}\Z"
)
_SECRET = re.compile(rf".+_API_(KEY|SECRET|PASSWORD)\Z|PGPASSWORD\Z|{ALERT_WEBHOOK}\Z")

_seen: set[str] = set()
"""Every secret that this process has met: one that was replaced may still be in a message."""


@dataclass(frozen=True)
class AccountEnvironment:
    """The variables of one account. Holds names, never values: values are read when asked for."""

    account: str

    @property
    def api_key(self) -> str:
        return self._name("API_KEY")

    @property
    def api_secret(self) -> str:
        return self._name("API_SECRET")

    @property
    def api_password(self) -> str:
        return self._name("API_PASSWORD")

    @property
    def api_url(self) -> str:
        return self._name("API_URL")

    @property
    def testnet(self) -> str:
        return self._name("TESTNET")

    def _name(self, suffix: str) -> str:
        return f"{self.account.upper()}_{suffix}"

    def missing(self) -> list[str]:
        """The variables that a run needs and that are not set, by name."""
        return [name for name in (self.api_key, self.api_secret) if not lookup(name)]


def lookup(name: str) -> str:
    """The variable's value as it is now: exported, else as `.env` says; empty where it is neither.

    Raises `SettingsError` where `.env` cannot be read.
    """
    value = os.environ.get(name)
    if value is None:
        value = _dotenv().get(name, "")
    if _SECRET.match(name):
        _seen.add(value)
    return value


def secrets() -> set[str]:
    """The values of all secrets that this process has met, and may therefore show."""
    return _seen | {value for name, value in os.environ.items() if _SECRET.match(name)}


def read_dotenv() -> None:
    """Add `.env` to the environment without what is looked up anew; what is exported wins.

    Raises `SettingsError` where it cannot be read.
    """
    for name, value in _dotenv().items():
        if not _LOOKED_UP.match(name):
            os.environ.setdefault(name, value)


def dotenv_is_open() -> bool:
    """Whether other users of this machine may read `.env`, or write it."""
    path = dotenv_path()
    return path.is_file() and bool(path.stat().st_mode & 0o066)


def dotenv_path() -> Path:
    """Where `.env` is: in the working directory, or where `up` says that its own was."""
    return Path(os.environ.get(DOTENV) or Path.cwd() / ".env")


def _dotenv() -> Mapping[str, str]:
    try:
        text = dotenv_path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"{dotenv_path()} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{dotenv_path()} is no UTF-8 text: write it again") from None
    if "\0" in text:
        raise SettingsError(f"{dotenv_path()} has a zero byte in it: write it again")
    found = {name: value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}
    _seen.update(value for name, value in found.items() if _SECRET.match(name))
    return found


def flag(name: str) -> bool:
    """Whether the variable `name` says yes. Raises `SettingsError` on anything but yes or no."""
    value = lookup(name).strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("", "0", "false", "no", "off"):
        return False
    raise SettingsError(f"{name} is {value!r}: set it to true or false")


def home() -> Path:
    """Where the embedded database and Dagster's home live. Not created here."""
    if named := os.environ.get(HOME):
        return Path(named).expanduser().absolute()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/alphapulse")
    return Path(platformdirs.user_data_dir("alphapulse", appauthor=False))


def postgres_url() -> str:
    """The database that runs write to. Raises `SettingsError` where none was given."""
    url = os.environ.get(POSTGRES_URL, "")
    if not url:
        raise SettingsError(
            f"{POSTGRES_URL} is not set: set it to postgresql://user:password@host/database, "
            "or start through `alphapulse`, which brings its own PostgreSQL"
        )
    if not url.startswith("postgresql://"):
        raise SettingsError(f"{POSTGRES_URL} must begin with postgresql://")
    return url


def alert_webhook() -> str:
    """Where alerts are sent to; "" for nowhere. Raises `SettingsError` where it is no URL."""
    url = lookup(ALERT_WEBHOOK).strip()
    if url and not url.startswith(("http://", "https://")):
        raise SettingsError(f"{ALERT_WEBHOOK} must begin with http:// or https://")
    return url
