"""Alerts: one message when a problem begins and one when it is over.

Problems are read from the tables, not from a stream of events: a lasting failure is one alert, and
a failure that ended between two evaluations is over. A message that the webhook did not accept is
sent again at the next evaluation.
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
"""Categories of alerts; each is evaluated by a sensor of its own."""

_TIMEOUT = 10.0
_MAX_LENGTH = 3000
"""Characters. Slack truncates a message at 4000."""


@dataclass(frozen=True)
class Alert:
    """A current problem, identified by account and cause."""

    about: str
    account: str
    cause: str
    """The kind of failure, "run" for a run without one, or dataset/check."""
    text: str


@dataclass(frozen=True)
class Evaluation:
    """How many alerts began, ended and are still active, in one evaluation."""

    begun: int
    ended: int
    active: int
    undelivered: str = ""
    """Why the webhook did not accept a message."""


class NotDelivered(Exception):
    """The webhook did not accept a message. Never quotes the URL, which is a secret."""


def failed_datasets(connection: Connection[TupleRow]) -> list[Alert]:
    """Datasets whose latest sync failed, grouped by account and kind of failure."""
    rows = connection.execute(
        "SELECT account, error_kind, string_agg(dataset, ', ' ORDER BY dataset),"
        " (array_agg(error ORDER BY dataset))[1]"
        " FROM alphapulse.sync_status"
        " WHERE status = 'failed' AND error_kind IS DISTINCT FROM 'settings'"
        " GROUP BY account, error_kind"
    ).fetchall()
    return [
        Alert(RUNS, account, kind or "bug", f"{datasets} failed ({kind}): {error}")
        for account, kind, datasets, error in rows
    ]


def failed_checks(connection: Connection[TupleRow]) -> list[Alert]:
    """Checks whose latest evaluation failed, and accounts whose file could not be loaded."""
    rows = connection.execute(
        "SELECT account, dataset, check_name, finding FROM alphapulse.failed_checks"
        " ORDER BY account, dataset, check_name"
    ).fetchall()
    return [
        Alert(CHECKS, account, f"{dataset}/{name}", f"check {dataset}/{name} failed: {text}")
        if dataset
        else Alert(CHECKS, account, name, f"not synced, because its file has a mistake: {text}")
        for account, dataset, name, text in rows
    ]


def note_check(
    connection: Connection[TupleRow], account: str, dataset: str, name: str, finding: str | None
) -> None:
    """Record a check's evaluation. `finding`: what failed; None if it passed or only warns."""
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


def evaluate(
    connection: Connection[TupleRow],
    about: str,
    problems: Iterable[Alert],
    send: Callable[[str], None] | None,
) -> Evaluation:
    """Log and send the alerts that began, and those that are over.

    `problems`: every current problem of the category `about`. `send`: None without a webhook. The
    next evaluation repeats what could not be sent.
    """
    now = {(alert.account, alert.cause): alert for alert in problems}
    before = _active(connection, about)
    begun = [alert for key, alert in now.items() if key not in before]
    ended = {key: since for key, since in before.items() if key not in now}
    begun_sent = ended_sent = 0
    try:
        for alert in begun:
            _send(send, f"{alert.account}: {alert.text}", logging.ERROR)
            _remember(connection, alert)
            begun_sent += 1
        for (account, cause), since in ended.items():
            _send(send, f"{account}: over after {_lasted(since)}: {cause}", logging.INFO)
            _forget(connection, about, account, cause)
            ended_sent += 1
    except NotDelivered as error:
        return Evaluation(begun_sent, ended_sent, len(now) - len(begun), str(error))
    return Evaluation(begun_sent, ended_sent, len(now) - len(begun))


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect turns the post into a request without its text, which delivers nothing."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def webhook(url: str) -> Callable[[str], None]:
    """A function that posts a text in the format of Slack, Mattermost and Discord (`/slack`)."""

    def send(text: str) -> None:
        body = json.dumps({"text": text}).encode()
        request = urllib.request.Request(  # noqa: S310  the settings allow http and https only
            url, body, {"Content-Type": "application/json", "User-Agent": "alphapulse"}
        )
        try:
            with _OPENER.open(request, timeout=_TIMEOUT):
                pass
        except urllib.error.HTTPError as error:
            raise NotDelivered(f"the webhook responded with {error.code} {error.reason}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise NotDelivered(f"the webhook cannot be reached: {reason}") from None

    return send


def _send(send: Callable[[str], None] | None, text: str, level: int) -> None:
    line = redact(text)
    if len(line) > _MAX_LENGTH:
        line = f"{line[:_MAX_LENGTH]} ..."
    logger.log(level, "alert: %s", line)
    if send:
        send(f"AlphaPulse: {line}")


def _active(connection: Connection[TupleRow], about: str) -> Mapping[tuple[str, str], datetime]:
    """(account, cause) -> since when, of the alerts that were sent and are not over."""
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
