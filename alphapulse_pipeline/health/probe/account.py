"""Probes one account: every source of its venue, and one list of every endpoint thoroughly."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.feed import Listing as Listable
from alphapulse_pipeline.exchange.feed import to_milliseconds
from alphapulse_pipeline.exchange.kind import FINAL
from alphapulse_pipeline.exchange.markets import Markets, ccxt_version
from alphapulse_pipeline.exchange.venues import Source, Venue, Wallet
from alphapulse_pipeline.exchange.wallets import fetch_balance
from alphapulse_pipeline.health.doctor.account import AccountContext, prerequisites
from alphapulse_pipeline.health.doctor.datasets import label
from alphapulse_pipeline.health.doctor.result import Status, examine
from alphapulse_pipeline.health.probe import balances, pages, rows, spans
from alphapulse_pipeline.health.probe.finding import (
    Assumption,
    Finding,
    Outcome,
    Verdict,
    refused,
)
from alphapulse_pipeline.health.probe.known import known_rows, traded_markets
from alphapulse_pipeline.health.probe.listing import Answer, Listing, Reading
from alphapulse_pipeline.health.probe.shape import shape
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.errors import UserError

_ENOUGH = 4
"""Rows with which most assumptions can be tested."""
_MORE_LOOKS = 5
"""Older windows of an endpoint that are requested if the newest ones have too few rows."""
_MARKETS = 4
"""Markets of a list per market that are tried until one has rows."""
_QUOTES = ("USDT", "USDC", "USD", "EUR", "BTC")

Test = Callable[[Listing], Outcome | None]


@dataclass
class Probe:
    """Probes an account. `findings` and `shapes` grow while `run` is iterated over."""

    account: Account
    connection: Connection[TupleRow] | None
    """To the database; None if it is not available."""
    tables: bool
    """Whether the database's tables are up to date."""
    findings: list[Finding] = field(default_factory=list)
    shapes: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: int = 0

    def run(self) -> Iterator[Finding]:
        """The findings, as they are made.

        Holds the account's lock. Raises `UserError` if the account cannot be read, or is being
        synced.
        """
        with ExitStack() as stack:
            context = AccountContext(self.account, self.connection, self.tables, stack)
            for line in examine(self.account.name, prerequisites(self.account), context):
                if line.status is Status.FAILED or (line.check == "lock" and line.fix):
                    raise UserError(line.message, line.fix)
            venue, client, self._database = context.venue, context.client, context.database
            self._now = to_milliseconds(client.now())
            markets = Markets(client.ccxt, venue.delisted, lambda _: None)
            reading = Reading(self.account.name, client, markets)
            before = client.requests
            try:
                for finding in self._probe(venue, reading):
                    self.findings.append(finding)
                    yield finding
            finally:
                self.requests = client.requests - before

    def _probe(self, venue: Venue, reading: Reading) -> Iterator[Finding]:
        held: set[str] = set()
        for wallet in venue.wallets:
            yield from self._wallet(wallet, reading, held)
        for source in venue.positions:
            yield from self._current("positions", source, reading)
        for source in venue.open_orders:
            yield from self._current("open orders", source, reading)
        endpoints: dict[str, list[Listing]] = {}
        for dataset, sources in venue.histories.items():
            # the row of a period changes until it is over
            lag = venue.lag + (HISTORIES[dataset].period or timedelta())
            for stream, source in sources.items():
                listing = Listing(dataset, stream, source, reading, lag)
                endpoints.setdefault(source.feed.method, []).append(listing)
        probed: list[tuple[Listing, Answer]] = []
        for listings in endpoints.values():
            for listing in listings:
                yield from self._look(listing, venue, held)
            answered = [listing for listing in listings if listing.answers]
            self._look_further(answered)
            for listing in answered:
                try:
                    yield from self._rows(listing)
                except ExchangeFailure as failure:
                    yield _refusal(listing.name, listing.feed.method, failure)
            if answered:
                probed += [(listing, listing.answers[0]) for listing in [_fullest(answered)]]
                yield from self._thorough(answered)
        for listing, newest in probed:
            yield from self._test(listing, Assumption.LAG, partial(spans.lag, before=newest))

    # -- what is held now --------------------------------------------------------------------

    def _wallet(self, wallet: Wallet, reading: Reading, held: set[str]) -> Iterator[Finding]:
        name, endpoint = f"balances/{wallet.name}", "fetch_balance"
        client = reading.client
        try:
            balance = client.run(fetch_balance, client, wallet)
        except ExchangeFailure as failure:
            yield _refusal(name, endpoint, failure)
            return
        held |= {asset for asset, total in balance.get("total", {}).items() if total}
        found = balances.wallet_rows(wallet, balance)
        self._describe(name, endpoint, found)
        if wallet.required:
            outcome = balances.wallet_fields(wallet, found)
            yield Finding(name, endpoint, Assumption.FIELDS, *outcome)
        yield Finding(name, endpoint, Assumption.DEBT, *balances.debt_apart(wallet, balance))

    def _current(self, what: str, source: Source, reading: Reading) -> Iterator[Finding]:
        name, feed = f"{what}/{label(source)}", source.feed
        if not isinstance(feed.paging, Listable) or source.per_market:
            return
        # read without the fields that are tested here
        tolerant = replace(feed, required=(), flags=())
        try:
            found = reading.client.run(tolerant.everything, reading.client.request)
        except ExchangeFailure as failure:
            yield _refusal(name, feed.method, failure)
            return
        self._describe(name, feed.method, _own(source, found))
        yield Finding(name, feed.method, Assumption.FIELDS, *rows.fields(feed, found, timed=False))

    # -- histories ---------------------------------------------------------------------------

    def _look(self, listing: Listing, venue: Venue, held: set[str]) -> Iterator[Finding]:
        """The first answer of a list: of its newest window, or of a market that has rows."""
        candidates = self._markets(listing, held)
        for number, market in enumerate(candidates, 1):
            if market:
                listing.source = _narrowed(listing.source, market)
            listing.known = self._known(listing, venue, market["symbol"] if market else "")
            listing.answers.clear()
            try:
                listing.look()
            except ExchangeFailure as failure:
                if number == len(candidates):
                    yield _refusal(listing.name, listing.feed.method, failure)
                elif failure.kind in FINAL:
                    raise
                continue
            if listing.sample.rows:
                return

    def _markets(self, listing: Listing, held: set[str]) -> list[Any]:
        """Markets that a list per market may have rows of; [None] for other lists."""
        source, exchange = listing.source, listing.reading.client.ccxt
        if not source.per_market:
            return [None]
        fitting = {
            market["symbol"]: market
            for market in exchange.markets.values()
            if market.get(source.category)
            and market.get("active") is not False
            and (not source.listed_for or market.get(source.listed_for))
        }
        names = [
            *(
                traded_markets(self._database, self.account.name, listing.dataset, source)
                if self._database
                else ()
            ),
            *(
                name
                for quote in _QUOTES
                for name, market in fitting.items()
                if market["base"] in held and market["quote"] == quote
            ),
            *fitting,
        ]
        return [fitting[name] for name in dict.fromkeys(names) if name in fitting][:_MARKETS]

    def _known(self, listing: Listing, venue: Venue, market: str) -> Any:
        if self._database is None:
            return listing.known
        return known_rows(self._database, self.account.name, venue, listing, market)

    def _look_further(self, listings: list[Listing]) -> None:
        """Older windows, if the newest of an endpoint's lists have too few rows to test."""
        looks, left = _MORE_LOOKS, list(listings)
        while left and looks and all(len(it.sample.rows) < _ENOUGH for it in listings):
            listing = left.pop(0)
            try:
                more = listing.look()
            except ExchangeFailure as failure:
                if failure.kind in FINAL:
                    raise
                more = False
            if more:
                looks -= 1
                left.append(listing)

    def _rows(self, listing: Listing) -> Iterator[Finding]:
        """What the answers show without further requests."""
        feed, answered = listing.feed, [row for answer in listing.answers for row in answer.rows]
        completed = listing.completed(answered)
        self._describe(listing.name, feed.method, _own(listing.source, completed), listing)
        outcomes: dict[Assumption, Outcome | None]
        outcomes = {Assumption.FIELDS: rows.fields(feed, answered)}
        outcomes |= (
            {}
            if not answered
            else {
                Assumption.READABLE: rows.readable(listing, completed),
                Assumption.IDS: rows.unique_ids(listing),
                Assumption.ORDER: rows.order(listing),
            }
        )
        for assumption, outcome in outcomes.items():
            if outcome:
                yield Finding(listing.name, feed.method, assumption, *outcome)

    def _thorough(self, listings: list[Listing]) -> Iterator[Finding]:
        """What needs further requests, for the lists of one endpoint that have the right number of
        rows: many for pages, all that there are for whole windows."""
        full = _fullest(listings)
        whole = _fullest([it for it in listings if spans.counts_as_whole(it)] or [full])
        try:
            for assumption, outcome in spans.narrow_window(full):
                yield Finding(full.name, full.feed.method, assumption, *outcome)
        except ExchangeFailure as failure:
            yield _refusal(full.name, full.feed.method, failure, Assumption.WINDOW)
        yield from self._test(full, Assumption.LIMIT, pages.page_limit)
        yield from self._test(full, Assumption.PAGES, pages.pages)
        yield from self._test(whole, Assumption.WHOLE, spans.whole)
        yield from self._test(whole, Assumption.LONGEST, spans.longest_window)
        yield from self._test(whole, Assumption.RETENTION, spans.retention)

    def _test(self, listing: Listing, assumption: Assumption, test: Test) -> Iterator[Finding]:
        try:
            outcome = test(listing)
        except ExchangeFailure as failure:
            yield _refusal(listing.name, listing.feed.method, failure, assumption)
            return
        if outcome:
            yield Finding(listing.name, listing.feed.method, assumption, *outcome)

    def _describe(
        self, name: str, endpoint: str, found: list[Any], listing: Listing | None = None
    ) -> None:
        described: dict[str, Any] = {"endpoint": endpoint, "rows": len(found)}
        if listing:
            documented = listing.feed.documented
            if documented:
                described["documented"] = f"{documented.page} ({documented.dated})"
            described["order"] = rows.observed(listing.times(listing.sample.rows))
        self.shapes[name] = {**described, "fields": shape(found, self._now)}

    # -- the report --------------------------------------------------------------------------

    def report(self) -> dict[str, Any]:
        """What may be published: the findings without the exchange's words, and the shapes."""
        return {
            "exchange": self.account.settings.exchange,
            "ccxt": ccxt_version(),
            "requests": self.requests,
            "findings": [
                {
                    "source": finding.source,
                    "endpoint": finding.endpoint,
                    "assumption": finding.assumption,
                    "verdict": finding.verdict,
                    "evidence": finding.evidence,
                }
                for finding in self.findings
            ],
            "answers": self.shapes,
        }

    @property
    def contradicted(self) -> bool:
        return any(finding.verdict is Verdict.CONTRADICTED for finding in self.findings)


def _fullest(listings: list[Listing]) -> Listing:
    return max(listings, key=lambda listing: len(listing.sample.rows))


def _refusal(
    name: str,
    endpoint: str,
    failure: ExchangeFailure,
    assumption: Assumption = Assumption.ANSWERS,
) -> Finding:
    return Finding(name, endpoint, assumption, *refused(failure), detail=failure.problem)


def _narrowed(source: Source, market: Any) -> Source:
    named = market["symbol"] if source.by_name else market["id"]
    params = {**source.feed.params, source.per_market: named}
    return replace(source, feed=replace(source.feed, params=params), only=market["symbol"])


def _own(source: Source, found: list[Any]) -> list[Any]:
    """The exchange's own rows; those of unified methods are in `info`."""
    return [row if source.parse else row.get("info") or {} for row in found]
