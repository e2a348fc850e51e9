"""What a report is about: the accounts and the time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True)
class Scope:
    """One account or all of them, and a period of whole days in UTC."""

    account: str = ""
    """Empty: all accounts together."""
    first: date | None = None
    """The first day; None: from the beginning of what is stored."""
    last: date | None = None
    """The last day, which is included; None: up to now."""

    @property
    def since(self) -> datetime | None:
        return _midnight(self.first) if self.first else None

    @property
    def until(self) -> datetime | None:
        """The end of the last day; None: now."""
        return _midnight(self.last + timedelta(days=1)) if self.last else None

    @property
    def parameters(self) -> dict[str, object]:
        """For the queries: account '' is all of them, and the time is half-open."""
        return {
            "account": self.account,
            "since": self.since or "-infinity",
            "until": self.until or "infinity",
        }

    @property
    def period(self) -> str:
        """The period in words."""
        match self.first, self.last:
            case None, None:
                return "since the beginning of the histories"
            case first, None:
                return f"since {first}"
            case None, last:
                return f"up to and including {last}"
            case first, last:
                return f"{first} to {last}, both included"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
