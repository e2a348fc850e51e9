"""Environment variables: which there are, and how an account's are named.

`.env` in the working directory is read too and never overrides what is exported.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from dotenv import load_dotenv

POSTGRES_URL = "ALPHAPULSE_POSTGRES_URL"
HOME = "ALPHAPULSE_HOME"
ALERT_WEBHOOK = "ALPHAPULSE_ALERT_WEBHOOK"
"""A secret: who knows it can write into the channel."""


class SettingsError(Exception):
    """A user's mistake in a setting. The text is one line: what is wrong, where, and the mend."""


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
        return [name for name in (self.api_key, self.api_secret) if not os.environ.get(name)]


def read_dotenv() -> None:
    """Add the working directory's `.env` to the environment; what is exported wins."""
    load_dotenv(Path.cwd() / ".env", override=False)


def flag(name: str) -> bool:
    """Whether the variable `name` says yes. Raises `SettingsError` on anything but yes or no."""
    value = os.environ.get(name, "").strip().lower()
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
    url = os.environ.get(ALERT_WEBHOOK, "").strip()
    if url and not url.startswith(("http://", "https://")):
        raise SettingsError(f"{ALERT_WEBHOOK} must begin with http:// or https://")
    return url
