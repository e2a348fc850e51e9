"""What is asked of one account's exchange, from its file to each of its lists."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.client import ExchangeClient, open_client
from alphapulse_pipeline.exchange.client_config import client_config
from alphapulse_pipeline.exchange.endpoints import endpoints
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.markets import CATALOGUE_LASTS, ccxt_version
from alphapulse_pipeline.exchange.rights import EXPIRES_SOON, Rights, objection, rights_of
from alphapulse_pipeline.exchange.venues import Venue, venue_of
from alphapulse_pipeline.health import circuit
from alphapulse_pipeline.health.doctor import network
from alphapulse_pipeline.health.doctor.budget import Use, budget
from alphapulse_pipeline.health.doctor.datasets import ask
from alphapulse_pipeline.health.doctor.result import (
    Check,
    Finding,
    Result,
    Status,
    broken,
    examine,
    ok,
    skipped,
    unknown,
    warning,
)
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.warehouse import stored_markets
from alphapulse_pipeline.warehouse.connection import account_lock_if_free

_SKEW = 1000
"""Milliseconds by which a clock may be wrong before it is worth a word."""
_NOT_SERVED = re.compile(r"\b(403|451)\b")
_ELSEWHERE = "exchanges answer so, too, where they do not serve the country of this address"


@dataclass
class Patient:
    """An account, and what the checks so far have found out about it."""

    account: Account
    connection: Connection[TupleRow] | None
    """To the database; None where it does not answer."""
    tables: bool
    """Whether its tables are those of this version."""
    stack: ExitStack
    exchange: ClientConfig = field(init=False)
    client: ExchangeClient = field(init=False)
    venue: Venue = field(init=False)
    origins: list[str] = field(default_factory=list)
    rights: Rights = field(default_factory=Rights)
    answered_in: timedelta = timedelta()
    ahead: timedelta = timedelta()
    """Of the exchange's clock, by which requests of this machine say they are sent."""
    exact: bool = False
    """Whether the exchange tells milliseconds."""
    used: dict[str, Use] = field(default_factory=dict)
    """Dataset -> what asking each of its lists once took."""

    @property
    def database(self) -> Connection[TupleRow] | None:
        """For what is read from the tables."""
        return self.connection if self.tables else None

    @property
    def variable(self) -> str:
        """What the user has set the server by; empty where it is the exchange's own."""
        return self.account.environment.api_url if self.exchange.api_url else ""


def examine_account(
    account: Account, connection: Connection[TupleRow] | None, *, tables: bool
) -> Iterator[Result]:
    """Every check of an account; without a database those that need none."""
    with ExitStack() as stack:
        patient = Patient(account, connection, tables, stack)
        yield from examine(account.name, checks(account), patient)


def checks(account: Account) -> list[Check[Patient]]:
    asked = ("lock", "signature", "key", "markets")
    return [
        Check("settings", _settings),
        Check("dns", _dns, ("settings",)),
        Check("tcp", _tcp, ("dns",)),
        Check("tls", _tls, ("tcp",)),
        Check("http", _http, ("settings", "tcp", "tls")),
        Check("clock", _clock, ("http",)),
        Check("lock", _lock, ("http",)),
        Check("signature", _signature, ("http", "lock")),
        Check("key", _key, ("signature",)),
        Check("account type", _account_type, ("signature", "key")),
        Check("markets", _markets, ("http", "lock", "signature")),
        *(Check(dataset, partial(_dataset, dataset), asked) for dataset in account.datasets),
        Check("rate limit", _rate_limit, asked),
        Check("circuit", _circuit),
    ]


def _settings(patient: Patient) -> Finding:
    account, names = patient.account, patient.account.environment
    patient.exchange = client_config(account, "doctor")
    patient.venue = venue_of(account.settings.exchange)
    patient.client = patient.stack.enter_context(open_client(patient.exchange))
    used = [names.api_key, names.api_secret]
    used += [names.api_password] if patient.venue.needs_password else []
    used += [names.api_url] if patient.exchange.api_url else []
    used += [f"{names.testnet} (not the real exchange)"] if patient.exchange.testnet else []
    return ok(f"defs.yaml reads, {account.settings.exchange}; set: {', '.join(used)}")


def _dns(patient: Patient) -> Finding:
    patient.origins = endpoints(patient.client, patient.exchange, patient.venue)
    return network.dns(patient.origins, patient.variable)


def _tcp(patient: Patient) -> Finding:
    return network.tcp(patient.origins, patient.variable)


def _tls(patient: Patient) -> Finding:
    return network.tls(patient.origins, patient.variable, patient.client.ccxt.cafile)


def _http(patient: Patient) -> Finding:
    """The exchange's time: any request shows whether there is an exchange at all."""
    client = patient.client
    client.disable_retries()
    try:
        patient.answered_in = _greet(patient)
    except ExchangeFailure as failure:
        if _NOT_SERVED.search(failure.problem):
            return broken(failure.problem, f"{failure.fix}; {_ELSEWHERE}")
        raise
    return ok(f"a public call is answered in {_milliseconds(patient.answered_in)} ms")


def _greet(patient: Patient) -> timedelta:
    """How long the answer took; the exchange's clock is read where it tells it."""
    client = patient.client
    began, at = time.monotonic(), datetime.now(UTC)
    if client.ccxt.has.get("fetchTime"):
        there = client.now()
        took = timedelta(seconds=time.monotonic() - began)
        said = timedelta(milliseconds=client.ccxt.options.get("timeDifference") or 0)
        patient.ahead = at + took / 2 - said - there
        patient.exact = there.microsecond > 0
        return took
    client.load_markets()
    return timedelta(seconds=time.monotonic() - began)


def _clock(patient: Patient) -> Finding:
    client = patient.client
    if not client.ccxt.has.get("fetchTime"):
        return unknown(f"{patient.account.settings.exchange} does not tell its time")
    skew = _milliseconds(patient.ahead)
    # what may be the way's, or the exchange's who tells whole seconds, and not the clock's
    unsure = _milliseconds(patient.answered_in) // 2 + (0 if patient.exact else 1000)
    sure = abs(skew) - unsure
    if sure <= 0:
        return ok(f"this machine's clock agrees with the exchange's, within {unsure} ms")
    window = client.ccxt.options.get("recvWindow")
    direction = "ahead of" if skew > 0 else "behind"
    said = f"this machine's clock is {abs(skew)} ms {direction} the exchange's"
    if window and sure > int(window):
        return broken(
            f"{said}, which takes requests within {window} ms",
            "set this machine's clock (NTP: `timedatectl set-ntp true`)",
        )
    if sure > _SKEW:
        return warning(said, "set this machine's clock (NTP: `timedatectl set-ntp true`)")
    return ok(said)


def _lock(patient: Patient) -> Finding:
    """Two clients must never share an account's rate limit."""
    if patient.connection is None:
        return unknown(
            "without the database nobody knows whether a run is under way: it is asked all the same"
        )
    name = patient.account.name
    if patient.stack.enter_context(account_lock_if_free(patient.connection, name)):
        return ok("no run is under way; none can begin while this goes on")
    return Finding(
        Status.SKIPPED,
        "a run is under way, with which nothing may share the account's rate limit",
        "see its outcome in `alphapulse status`, or ask again when it has ended",
        stops="because a run is under way",
    )


def _signature(patient: Patient) -> Finding:
    client, venue = patient.client, patient.venue
    if venue.rights:
        patient.rights = client.run(rights_of, venue.rights, client.request)
    else:
        client.run(client.ccxt.fetch_balance, dict(venue.wallets[0].params))
    return ok("a signed call is answered")


def _key(patient: Patient) -> Finding:
    account, rights, now = patient.account, patient.rights, patient.client.now()
    name = account.environment.api_key
    if refusal := objection(account, rights, now):
        return broken(refusal.problem, refusal.fix)
    if rights.expires_at and rights.expires_at < now + EXPIRES_SOON:
        return warning(
            f"the key in {name} expires at {rights.expires_at:%Y-%m-%d %H:%M} UTC",
            f"make a new read-only key for {name} before that",
        )
    if rights.trade is None or rights.withdraw is None:
        return unknown(
            f"the exchange does not tell what the key in {name} may do",
            "see at the exchange that it may read, and nothing else",
        )
    does = "may trade, as allow_trading_keys lets it" if rights.trade else "only reads"
    ends = f"until {rights.expires_at:%Y-%m-%d}" if rights.expires_at else "no end is told"
    where = ", from fixed addresses" if rights.addresses else ", from any address"
    where = "" if rights.addresses is None else where
    return ok(f"it {does}{where}; {ends}")


def _account_type(patient: Patient) -> Finding:
    exchange = patient.account.settings.exchange
    if patient.venue.account_type is None:
        return unknown(f"{exchange} is read by ccxt's unified methods, which do not tell")
    try:
        found = patient.client.run(patient.venue.account_type, patient.client.request)
    except ExchangeFailure as failure:
        return unknown(failure.problem, failure.fix)
    if found.problem:
        return broken(f"{found.name}: {found.problem}", found.fix)
    return ok(found.name)


def _markets(patient: Patient) -> Finding:
    """As a run would know them, so that the lists can be asked; nothing is stored."""
    client, name = patient.client, patient.account.name
    stored = patient.database and stored_markets.catalogue(patient.database, name, ccxt_version())
    if not stored:
        client.load_markets()
        return ok(f"{len(client.ccxt.markets)}, asked for just now; the first run stores them")
    catalogue, loaded_at = stored
    client.restore_markets(catalogue)
    age = datetime.now(UTC) - loaded_at
    said = f"{len(client.ccxt.markets)}, stored {_age(age)} ago"
    if age > 2 * CATALOGUE_LASTS:
        return warning(
            f"{said}, though runs ask for them once a day: none has got that far since",
            f"see why in `alphapulse status`, or run `alphapulse sync {name}`",
        )
    return ok(said)


def _dataset(dataset: str, patient: Patient) -> Finding:
    exchange = patient.account.settings.exchange
    if not patient.venue.supports(dataset):
        return skipped(f"{exchange} has no such thing")
    limit, before = patient.client.limit, patient.client.requests
    spent = limit.spent
    finding = ask(patient.client, patient.venue, dataset)
    requests = patient.client.requests - before
    patient.used[dataset] = Use(requests, limit.spent - spent)
    return finding


def _rate_limit(patient: Patient) -> Finding:
    return budget(patient.database, patient.account, patient.client.limit.per_hour, patient.used)


def _circuit(patient: Patient) -> Finding:
    if patient.database is None:
        return unknown("it is kept in the database, whose tables are not there")
    name = patient.account.name
    found = circuit.read(patient.database, name)
    mend = f"mend that, then `alphapulse circuit reset {name}`"
    if found.refusal(name, datetime.now(UTC)):
        return broken(
            f"open: schedules leave the account alone until {found.retry_at:%Y-%m-%d %H:%M} UTC, "
            f"as runs failed with: {found.reason}",
            mend,
        )
    if found.state != "closed":
        return warning(f"the next run is a trial, as runs failed with: {found.reason}", mend)
    if found.failures:
        runs = "1 run" if found.failures == 1 else f"{found.failures} runs in a row"
        return warning(
            f"closed, but {runs} failed, the last one with: {found.reason}",
            f"after {circuit.FAILURES} the account is left alone for a while",
        )
    return ok("closed: schedules run")


def _age(age: timedelta) -> str:
    hours = age // timedelta(hours=1)
    return (
        f"{hours // 24} days"
        if hours >= 48
        else f"{hours} hours"
        if hours > 1
        else "less than two hours"
    )


def _milliseconds(time: timedelta) -> int:
    return round(time / timedelta(milliseconds=1))
