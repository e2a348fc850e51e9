"""The checks of one account, from its settings to each of its datasets."""

import re
import time
from collections.abc import Iterator, Mapping
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
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.markets import CATALOGUE_LASTS, ccxt_version
from alphapulse_pipeline.exchange.rights import (
    EXPIRES_SOON,
    Rights,
    UnusableRights,
    objection,
    rights_of,
)
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
    examine,
    failed,
    ok,
    skipped,
    unknown,
    warning,
)
from alphapulse_pipeline.health.doctor.sub_accounts import sub_accounts_of
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.warehouse import rejected, stored_markets
from alphapulse_pipeline.warehouse.connection import account_lock_if_free

_TOLERATED_SKEW = 1000
"""Milliseconds that this machine's clock may be wrong without a warning."""
_FORBIDDEN = re.compile(r"\b(403|451)\b")
_REJECTED = "not checked: the key was rejected"
_GEOBLOCKED = "the exchange may also refuse requests from this address's country"


@dataclass
class AccountContext:
    """An account, and what earlier checks found out about it."""

    account: Account
    connection: Connection[TupleRow] | None
    """To the database; None if it is not available."""
    tables: bool
    """Whether the database's tables are up to date."""
    stack: ExitStack
    exchange: ClientConfig = field(init=False)
    client: ExchangeClient = field(init=False)
    venue: Venue = field(init=False)
    endpoints: list[str] = field(default_factory=list)
    rights: Rights = field(default_factory=Rights)
    unusable: UnusableRights | None = None
    """Why the exchange's answer about the key is refused."""
    rejected: str = ""
    """Why the key is rejected."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    closed: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Wallet -> why it is not read."""
    latency: timedelta = timedelta()
    """Round trip of a public request."""
    ahead: timedelta = timedelta()
    """How far this machine's request timestamps are ahead of the exchange's clock."""
    has_milliseconds: bool = False
    """Whether the exchange's clock has milliseconds."""
    used: dict[str, Use] = field(default_factory=dict)
    """Dataset -> what calling each of its endpoints once took."""

    @property
    def database(self) -> Connection[TupleRow] | None:
        """The connection, if the tables can be read."""
        return self.connection if self.tables else None

    @property
    def variable(self) -> str:
        """The variable that sets the server's URL; empty for the exchange's own server."""
        return self.account.environment.api_url if self.exchange.api_url else ""


def examine_account(
    account: Account, connection: Connection[TupleRow] | None, *, tables: bool
) -> Iterator[Result]:
    """Run every check of an account; without a database, those that do not need it."""
    with ExitStack() as stack:
        context = AccountContext(account, connection, tables, stack)
        yield from examine(account.name, checks(account), context)


def checks(account: Account) -> list[Check[AccountContext]]:
    prerequisites = ("lock", "signature", "key", "markets")
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
        Check("wallets", _wallets, ("signature", "key")),
        Check("sub-accounts", _sub_accounts, ("signature", "key")),
        Check("markets", _markets, ("http", "lock", "signature")),
        *(
            Check(dataset, partial(_dataset, dataset), prerequisites)
            for dataset in account.datasets
        ),
        Check("rate limit", _rate_limit, prerequisites),
        Check("rejected rows", _rejected),
        Check("circuit", _circuit),
    ]


def prerequisites(account: Account) -> list[Check[AccountContext]]:
    """The checks that must succeed before the account's data can be requested."""
    needed = ("settings", "dns", "tcp", "tls", "http", "lock", "signature", "key", "markets")
    return [check for check in checks(account) if check.name in needed]


def _settings(context: AccountContext) -> Finding:
    account, names = context.account, context.account.environment
    context.exchange = client_config(account, "doctor")
    context.venue = venue_of(account.settings.exchange)
    context.client = context.stack.enter_context(open_client(context.exchange))
    used = [names.api_key, names.api_secret]
    used += [names.api_password] if context.venue.needs_password else []
    used += [names.api_url] if context.exchange.api_url else []
    server = context.exchange.server
    used += [f"{names.testnet} ({server})"] if server != "live" else []
    return ok(f"defs.yaml is valid, {account.settings.exchange}; set: {', '.join(used)}")


def _dns(context: AccountContext) -> Finding:
    context.endpoints = endpoints(context.client, context.exchange, context.venue)
    return network.dns(context.endpoints, context.variable)


def _tcp(context: AccountContext) -> Finding:
    return network.tcp(context.endpoints, context.variable)


def _tls(context: AccountContext) -> Finding:
    return network.tls(context.endpoints, context.variable, context.client.ccxt.cafile)


def _http(context: AccountContext) -> Finding:
    """A public request: the exchange's time, or its markets if it has no clock."""
    client = context.client
    client.disable_retries()
    try:
        context.latency = _first_request(context)
    except ExchangeFailure as failure:
        if _FORBIDDEN.search(failure.problem):
            return failed(failure.problem, f"{failure.fix}; {_GEOBLOCKED}")
        raise
    return ok(f"a public request took {_milliseconds(context.latency)} ms")


def _first_request(context: AccountContext) -> timedelta:
    """The request's round trip. Also compares the clocks, if the exchange reports its time."""
    client = context.client
    began, at = time.monotonic(), datetime.now(UTC)
    if client.ccxt.has.get("fetchTime"):
        there = client.now()
        took = timedelta(seconds=time.monotonic() - began)
        corrected = timedelta(milliseconds=client.ccxt.options.get("timeDifference") or 0)
        context.ahead = at + took / 2 - corrected - there
        context.has_milliseconds = there.microsecond > 0
        return took
    client.load_markets()
    return timedelta(seconds=time.monotonic() - began)


def _clock(context: AccountContext) -> Finding:
    client = context.client
    if not client.ccxt.has.get("fetchTime"):
        return unknown(f"{context.account.settings.exchange} does not report its time")
    skew = _milliseconds(context.ahead)
    # the network's share, and the exchange's own if it reports whole seconds
    error = _milliseconds(context.latency) // 2 + (0 if context.has_milliseconds else 1000)
    certain = abs(skew) - error
    if certain <= 0:
        return ok(f"this machine's clock agrees with the exchange's, within {error} ms")
    window = client.ccxt.options.get("recvWindow")
    direction = "ahead of" if skew > 0 else "behind"
    message = f"this machine's clock is {abs(skew)} ms {direction} the exchange's"
    if window and certain > int(window):
        return failed(
            f"{message}, which accepts requests within {window} ms",
            "set this machine's clock (NTP: `timedatectl set-ntp true`)",
        )
    if certain > _TOLERATED_SKEW:
        return warning(message, "set this machine's clock (NTP: `timedatectl set-ntp true`)")
    return ok(message)


def _lock(context: AccountContext) -> Finding:
    """Two clients must never share an account's rate limit, so the doctor takes its lock."""
    if context.connection is None:
        return unknown(
            "without the database a run in progress cannot be detected; checking the account anyway"
        )
    name = context.account.name
    if context.stack.enter_context(account_lock_if_free(context.connection, name)):
        return ok("no run is in progress, and none can start until the doctor has finished")
    return Finding(
        Status.SKIPPED,
        "a run is in progress and uses the account's rate limit",
        "run the doctor again when it has ended; `alphapulse status` shows its result",
        stops="because a run is in progress",
    )


def _signature(context: AccountContext) -> Finding:
    client, venue = context.client, context.venue
    try:
        context.rights = client.run(rights_of, context.account, venue.rights, client.request)
        if venue.rights is None:
            client.run(client.ccxt.fetch_balance, dict(venue.wallets[0].params))
    except UnusableRights as failure:  # a matter of the key check
        context.unusable = failure
    except ExchangeFailure as failure:
        if failure.kind not in (Kind.CREDENTIALS, Kind.PERMISSION):
            raise
        return _rejected_key(context, failure)
    return ok("a signed request is accepted")


def _rejected_key(context: AccountContext, refusal: ExchangeFailure) -> Finding:
    context.rejected = refusal.problem
    return Finding(Status.FAILED, refusal.problem, refusal.fix, stops=_REJECTED)


def _key(context: AccountContext) -> Finding:
    account, rights, now = context.account, context.rights, context.client.now()
    name = account.environment.api_key
    if unusable := context.unusable:
        return failed(unusable.problem, unusable.fix)
    if refusal := objection(account, rights, now):
        return _rejected_key(context, refusal)
    if rights.expires_at and rights.expires_at < now + EXPIRES_SOON:
        return warning(
            f"the key in {name} expires at {rights.expires_at:%Y-%m-%d %H:%M} UTC",
            f"create a new read-only key for {name} before then",
        )
    if rights.withdraw is None:
        return unknown(
            f"the exchange does not report what the key in {name} may do, which "
            "allow_unknown_rights accepts",
            "check on the exchange's website that it is read-only",
        )
    if rights.trade is None:
        return unknown(f"demo trading does not report what the key in {name} may do")
    can = "can trade, which allow_trading_keys permits" if rights.trade else "is read-only"
    until = f"expires {rights.expires_at:%Y-%m-%d}" if rights.expires_at else "no expiry reported"
    where = ", usable from fixed addresses" if rights.addresses else ", usable from any address"
    where = "" if rights.addresses is None else where
    return ok(f"the key {can}{where}; {until}")


def _account_type(context: AccountContext) -> Finding:
    exchange = context.account.settings.exchange
    if context.venue.account_type is None:
        return unknown(f"ccxt's unified API does not report the account type of {exchange}")
    try:
        found = context.client.run(context.venue.account_type, context.client.request)
    except ExchangeFailure as failure:
        return unknown(failure.problem, failure.fix)
    if found.problem:
        finding = warning if found.rest_is_read else failed
        return finding(f"{found.name}: {found.problem}", found.fix)
    return ok(found.name)


def _wallets(context: AccountContext) -> Finding:
    """Which wallets are read. A wallet that was never opened is no failure."""
    names = [wallet.name for wallet in context.venue.wallets]
    wanted = context.account.settings.wallets
    skipped = {name: "not in `wallets`" for name in names if wanted and name not in wanted}
    if context.venue.products is not None:
        products = context.client.run(context.venue.products, context.client.request)
        skipped |= products.not_read
    if context.venue.closed_streams is not None:
        context.closed = context.client.run(context.venue.closed_streams, context.client.request)
    context.skipped = skipped
    read = ", ".join(name for name in names if name not in skipped) or "none"
    rest = "".join(f"; not {name}: {reason}" for name, reason in skipped.items())
    return ok(f"read: {read}{rest}")


def _sub_accounts(context: AccountContext) -> Finding:
    return sub_accounts_of(context.account, context.venue, context.client)


def _markets(context: AccountContext) -> Finding:
    """The markets as a run would load them, for the dataset checks. Nothing is stored."""
    client, name = context.client, context.account.name
    stored = context.database and stored_markets.catalogue(context.database, name, ccxt_version())
    if not stored:
        client.load_markets()
        return ok(f"{len(client.ccxt.markets)} markets, just loaded; the first run stores them")
    catalogue, loaded_at = stored
    client.restore_markets(catalogue)
    age = datetime.now(UTC) - loaded_at
    message = f"{len(client.ccxt.markets)} markets, stored {_age(age)} ago"
    if age > 2 * CATALOGUE_LASTS:
        return warning(
            f"{message}; runs refresh them once a day, and none has succeeded since",
            f"see the error in `alphapulse status`, or run `alphapulse sync {name}`",
        )
    return ok(message)


def _dataset(dataset: str, context: AccountContext) -> Finding:
    exchange = context.account.settings.exchange
    if not context.venue.supports(dataset):
        return skipped(f"not supported for {exchange}")
    limit, before = context.client.limit, context.client.requests
    spent = limit.spent
    finding = ask(context.client, context.venue, dataset, context.skipped, context.closed)
    requests = context.client.requests - before
    context.used[dataset] = Use(requests, limit.spent - spent)
    return finding


def _rate_limit(context: AccountContext) -> Finding:
    return budget(context.database, context.account, context.client.limit.per_hour, context.used)


def _rejected(context: AccountContext) -> Finding:
    if context.database is None:
        return unknown("rejected rows are stored in the database, which has no current tables")
    found = rejected.summaries(context.database, [context.account.name])
    if not found:
        return ok("every row that the exchange sent could be read")
    return warning("; ".join(f"{d}: {text}" for (_, d), text in found.items()), rejected.FIX)


def _circuit(context: AccountContext) -> Finding:
    if context.database is None:
        return unknown("the circuit breaker is stored in the database, which has no current tables")
    name = context.account.name
    found = circuit.read(context.database, name)
    fix = f"fix that, then run `alphapulse circuit reset {name}`"
    repeated = context.rejected and context.rejected in found.reason
    reason = "the key was rejected, see above" if repeated else found.reason
    if found.refusal(name, datetime.now(UTC)):
        return failed(
            f"open: schedules skip the account until {found.retry_at:%Y-%m-%d %H:%M} UTC, because "
            f"runs failed with: {reason}",
            fix,
        )
    if found.state != "closed":
        return warning(f"half open: the next run decides, after runs failed with: {reason}", fix)
    if found.failures:
        runs = "1 run" if found.failures == 1 else f"{found.failures} runs in a row"
        return warning(
            f"closed, but {runs} failed, most recently with: {reason}",
            f"fix that: after {circuit.FAILURES} failed runs schedules skip the account",
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
