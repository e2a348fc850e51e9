"""Alerts: what is wrong is told once when it begins, and once when it is over.

What is wrong is read from the tables, not from a stream of events: so a failure that goes on is one
alert, and one that ended while nobody looked is over. What a webhook did not take is told again.
"""

import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.settings.redaction import redact

logger = logging.getLogger(__name__)

RUNS, CHECKS = "run", "check"
"""What an alert is about."""

_PATIENCE = 10.0
_LONGEST = 3000
"""Characters. Slack cuts a message off at 4000."""


@dataclass(frozen=True)
class Alert:
    """Something that is wrong: one of an account and cause."""

    about: str
    account: str
    cause: str
    """The kind of the failure, the job that died without one, or the check."""
    text: str


@dataclass(frozen=True)
class Told:
    """What one look has told, and what it could not."""

    begun: int
    ended: int
    lasting: int
    undelivered: str = ""
    """Why the webhook took something not."""


class NotDelivered(Exception):
    """The webhook did not take a message. Its text names no part of the URL: that is a secret."""


def failed_datasets(connection: Connection[TupleRow]) -> list[Alert]:
    """The failures of the newest attempts, by account and kind."""
    rows = connection.execute(
        "SELECT account, error_kind, string_agg(dataset, ', ' ORDER BY dataset),"
        " (array_agg(error ORDER BY dataset))[1]"
        " FROM alphapulse.sync_status WHERE status = 'failed' GROUP BY account, error_kind"
    ).fetchall()
    return [
        Alert(RUNS, account, kind or "bug", f"{datasets} failed ({kind}): {error}")
        for account, kind, datasets, error in rows
    ]


def failed_checks(connection: Connection[TupleRow]) -> list[Alert]:
    """The checks that fail, as they were evaluated last."""
    rows = connection.execute(
        "SELECT account, dataset, check_name, finding FROM alphapulse.failed_checks"
        " ORDER BY account, dataset, check_name"
    ).fetchall()
    return [
        Alert(CHECKS, account, f"{dataset}/{name}", f"the check {name} of {dataset} fails: {text}")
        for account, dataset, name, text in rows
    ]


def note_check(
    connection: Connection[TupleRow], account: str, dataset: str, name: str, finding: str | None
) -> None:
    """Keep how a check was evaluated; `finding` is None where it passed or only warns."""
    if finding is None:
        connection.execute(
            "DELETE FROM alphapulse.failed_checks"
            " WHERE account = %s AND dataset = %s AND check_name = %s",
            [account, dataset, name],
        )
        return
    connection.execute(
        "INSERT INTO alphapulse.failed_checks (account, dataset, check_name, finding)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT (account, dataset, check_name)"
        " DO UPDATE SET finding = excluded.finding",
        [account, dataset, name, finding],
    )


def tell(
    connection: Connection[TupleRow],
    about: str,
    wrong: Iterable[Alert],
    send: Callable[[str], None] | None,
) -> Told:
    """Send what is new among `wrong`, and what was told before and is over; log it all.

    `send` is None where there is no webhook. What it does not take is tried again by the next look.
    """
    now = {(alert.account, alert.cause): alert for alert in wrong}
    before = _told_before(connection, about)
    begun = [alert for key, alert in now.items() if key not in before]
    ended = {key: since for key, since in before.items() if key not in now}
    begun_told = ended_told = 0
    try:
        for alert in begun:
            _send(send, f"{alert.account}: {alert.text}", logging.ERROR)
            _remember(connection, alert)
            begun_told += 1
        for (account, cause), since in ended.items():
            _send(send, f"{account}: over after {_lasted(since)}: {cause}", logging.INFO)
            _forget(connection, about, account, cause)
            ended_told += 1
    except NotDelivered as error:
        return Told(begun_told, ended_told, len(now) - len(begun), str(error))
    return Told(begun_told, ended_told, len(now) - len(begun))


def webhook(url: str) -> Callable[[str], None]:
    """Sends a text as Slack, Mattermost, Discord (`/slack`) and most others take it."""

    def send(text: str) -> None:
        body = json.dumps({"text": text}).encode()
        request = urllib.request.Request(  # noqa: S310  the settings allow http and https only
            url, body, {"Content-Type": "application/json", "User-Agent": "alphapulse"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE):  # noqa: S310
                pass
        except urllib.error.HTTPError as error:
            raise NotDelivered(f"the webhook answers {error.code} {error.reason}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise NotDelivered(f"the webhook cannot be reached: {reason}") from None

    return send


def _send(send: Callable[[str], None] | None, text: str, level: int) -> None:
    line = redact(text)
    if len(line) > _LONGEST:
        line = f"{line[:_LONGEST]} ..."
    logger.log(level, "alert: %s", line)
    if send:
        send(f"AlphaPulse: {line}")


def _told_before(
    connection: Connection[TupleRow], about: str
) -> Mapping[tuple[str, str], datetime]:
    rows = connection.execute(
        "SELECT account, cause, since FROM alphapulse.alerts WHERE about = %s ORDER BY since",
        [about],
    ).fetchall()
    return {(account, cause): since for account, cause, since in rows}


def _remember(connection: Connection[TupleRow], alert: Alert) -> None:
    connection.execute(
        "INSERT INTO alphapulse.alerts (about, account, cause, since, finding)"
        " VALUES (%s, %s, %s, now(), %s)",
        [alert.about, alert.account, alert.cause, redact(alert.text)],
    )


def _forget(connection: Connection[TupleRow], about: str, account: str, cause: str) -> None:
    connection.execute(
        "DELETE FROM alphapulse.alerts WHERE about = %s AND account = %s AND cause = %s",
        [about, account, cause],
    )


def _lasted(since: datetime) -> str:
    minutes = (datetime.now(UTC) - since) // timedelta(minutes=1)
    hours, rest = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (rest, "min")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "less than a minute"
