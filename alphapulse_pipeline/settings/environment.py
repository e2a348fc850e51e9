"""Environment variables: their names, and looking them up.

`.env` in the project, by default the working directory, is read as well; an exported variable takes
precedence. An account's variables are looked up when a run starts, in the current `.env`, and are
never copied into the environment: after a key is replaced in `.env`, the next run uses the new one.
"""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values

from alphapulse_pipeline.settings.errors import SettingsError
from alphapulse_pipeline.settings.paths import shown
from alphapulse_pipeline.settings.project import PROJECT, project

POSTGRES_URL = "ALPHAPULSE_POSTGRES_URL"
HOME = "ALPHAPULSE_HOME"
RATE_SHARE = "ALPHAPULSE_RATE_SHARE"
DEFAULT_RATE_SHARE = 0.5
LARGEST_ANSWER = "ALPHAPULSE_LARGEST_ANSWER_MB"
DEFAULT_LARGEST_ANSWER = 64
ALERT_WEBHOOK = "ALPHAPULSE_ALERT_WEBHOOK"
"""A secret: its URL lets anyone post to the channel."""
DOTENV = "ALPHAPULSE_DOTENV"
"""Path of `.env`. Set by `up` for its child processes, whose working directory differs."""

_LOOKED_UP = re.compile(
    rf".+_(API_KEY|API_SECRET|API_PASSWORD|API_URL|TESTNET)\Z|{ALERT_WEBHOOK}\Z|{RATE_SHARE}\Z"
    rf"|{LARGEST_ANSWER}\Z"
)
_OURS = re.compile(r"(ALPHAPULSE|PG)[A-Z_]+\Z")
"""What else is taken from `.env`: other variables could change what Python or the system loads."""
_SECRET = re.compile(rf".+_API_(KEY|SECRET|PASSWORD)\Z|PGPASSWORD\Z|{ALERT_WEBHOOK}\Z")

_seen: set[str] = set()
"""Every secret this process has read: a replaced one may still appear in a message."""


PUBLIC = ("hyperliquid",)
"""Exchanges whose accounts anyone can read: the key is the account's address, without a secret."""


@dataclass(frozen=True)
class AccountEnvironment:
    """The names of one account's variables. Values are never kept here: see `lookup`."""

    account: str
    exchange: str = ""

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

    @property
    def all(self) -> tuple[str, ...]:
        """The names of all of them."""
        return (self.api_key, self.api_secret, self.api_password, self.api_url, self.testnet)

    def misspelled(self) -> str:
        """Which variables that are set look like missing ones, for the end of a message."""
        missing = self.missing()
        found = [
            f"{name} is set: did you mean {close[0]}?"
            for name in sorted({*os.environ, *_dotenv()})
            if name.startswith(f"{self.account.upper()}_") and not _LOOKED_UP.match(name)
            and (close := difflib.get_close_matches(name, missing, n=1, cutoff=0.85))
        ]  # fmt: skip
        return f" ({' '.join(found)})" if found else ""

    def missing(self) -> list[str]:
        """Names of the required variables that are not set."""
        secret = () if self.exchange in PUBLIC else (self.api_secret,)
        return [name for name in (self.api_key, *secret) if not lookup(name)]


def lookup(name: str) -> str:
    """The variable's current value: exported, or from `.env`, or empty.

    Raises `SettingsError` if `.env` cannot be read.
    """
    value = os.environ.get(name)
    if value is None:
        value = _dotenv().get(name, "")
    if _SECRET.match(name):
        _seen.add(value)
        value = _with_lines(value)
        _seen.add(value)
    return value


def _with_lines(secret: str) -> str:
    """A PEM key with real line ends: in `.env`, only double quotes make them of `\\n`."""
    return secret.replace("\\n", "\n") if secret.startswith("-----BEGIN") else secret


def secrets() -> set[str]:
    """Every secret this process has read or inherited, for redaction."""
    return _seen | {value for name, value in os.environ.items() if _SECRET.match(name)}


def read_dotenv() -> None:
    """Add our own variables in `.env` to the environment, except for those that `lookup` reads
    from it each time, and for the one that says where it is.

    An exported variable takes precedence. Raises `SettingsError` if `.env` cannot be read.
    """
    for name, value in _dotenv().items():
        if _OURS.match(name) and not _LOOKED_UP.match(name) and name != PROJECT:
            os.environ.setdefault(name, value)


def dotenv_is_open() -> bool:
    """Whether other users of this machine can read or write `.env`."""
    path = dotenv_path()
    return path.is_file() and bool(path.stat().st_mode & 0o066)


def dotenv_path() -> Path:
    """Path of `.env`: in the project, or where the parent `alphapulse up` has found it."""
    return Path(os.environ.get(DOTENV) or project() / ".env")


def _dotenv() -> Mapping[str, str]:
    """The variables in `.env`. Raises `SettingsError` if it cannot be read."""
    try:
        text = dotenv_path().read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        name = shown(dotenv_path())
        fix = (
            f"make it readable: chmod 600 {name}"
            if isinstance(error, PermissionError)
            else "replace it with a text file"
        )
        raise SettingsError(f"{name} cannot be read: {error.strerror}", fix) from None
    except UnicodeDecodeError:
        raise SettingsError(
            f"{shown(dotenv_path())} is not UTF-8 text", "save it as UTF-8"
        ) from None
    if "\0" in text:
        raise SettingsError(f"{shown(dotenv_path())} contains a NUL byte", "write the file again")
    found = {
        name: value or ""
        for name, value in dotenv_values(stream=StringIO(text), interpolate=False).items()
    }
    _seen.update(value for name, value in found.items() if _SECRET.match(name))
    return found


def trading_server(name: str) -> Literal["live", "testnet", "demo"]:
    """Which of an exchange's servers the variable selects.

    Raises `SettingsError` if it is neither a boolean nor `demo`.
    """
    value = lookup(name).strip().lower()
    if value == "demo":
        return "demo"
    if value in ("1", "true", "yes", "on"):
        return "testnet"
    if value in ("", "0", "false", "no", "off"):
        return "live"
    raise SettingsError(f"{name} is {value!r}", "set it to true, false or demo")


def largest_answer() -> int:
    """The most bytes that an exchange's answer may have, decompressed. Raises `SettingsError`."""
    text = lookup(LARGEST_ANSWER).strip() or str(DEFAULT_LARGEST_ANSWER)
    if not re.fullmatch(r"[1-9]\d{0,4}", text, re.ASCII):
        raise SettingsError(f"{LARGEST_ANSWER} is {text!r}", "set it to megabytes, e.g. 64")
    return int(text) * 2**20


def rate_share() -> float:
    """The share of an exchange's limits per IP address that all accounts together may use.

    Raises `SettingsError` if it is not a number above 0 and at most 1.
    """
    text = lookup(RATE_SHARE).strip()
    try:
        share = float(text) if text else DEFAULT_RATE_SHARE
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise SettingsError(f"{RATE_SHARE} is {text!r}", "set it to a number above 0, at most 1")
    return share


def home() -> Path:
    """Directory of the embedded database and of Dagster's home. Not created here."""
    if named := os.environ.get(HOME):
        return Path(named).expanduser().absolute()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/alphapulse")
    import platformdirs  # only ordinary users without ALPHAPULSE_HOME need it

    return Path(platformdirs.user_data_dir("alphapulse", appauthor=False))


def postgres_url() -> str:
    """URL of the database. Raises `SettingsError` if it is not set or not a PostgreSQL URL."""
    url = os.environ.get(POSTGRES_URL, "")
    if not url:
        raise SettingsError(
            f"{POSTGRES_URL} is not set",
            "set it to postgresql://user:password@host/database, or use `alphapulse up`, which "
            "starts an embedded PostgreSQL",
        )
    if not url.startswith("postgresql://"):
        raise SettingsError(
            f"{POSTGRES_URL} is not a PostgreSQL URL",
            "write it as postgresql://user:password@host/database",
        )
    return url


def alert_webhook() -> str:
    """URL that alerts are posted to, or "". Raises `SettingsError` if it is not an HTTP URL."""
    url = lookup(ALERT_WEBHOOK).strip()
    if url and not url.startswith(("http://", "https://")):
        raise SettingsError(
            f"{ALERT_WEBHOOK} is not a URL", "write it with http:// or https:// at the start"
        )
    return url
