"""Skips what an account does not have, and what its defs.yaml leaves out.

A wallet is skipped in every dataset if the exchange says that the account never opened it or may
not list it, or if `wallets` in defs.yaml does not name it. The exchange is asked once a day and
when the key changes, and an endpoint of the wallet may say so too. A stream may be skipped by
itself, such as a list that only master accounts have. Skipping stops nothing else.

A skipped stream is no gap, unless it has rows that cannot be read: the times of a list that is
closed are unreachable, and so are those of a wallet that counts as never opened although it had
rows.
"""

import logging
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.kind import Kind
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.streams import Stream
from alphapulse_pipeline.warehouse.skipped import State

logger = logging.getLogger(__name__)

_LASTS = timedelta(hours=25)
"""How long an error of a wallet's endpoint counts; the exchange's list is replaced once a day."""


def ask_products(session: Session) -> None:
    """Request which wallets the account never opened, and what is closed to it.

    Raises `ExchangeFailure`.
    """
    client, venue = session.client, session.venue
    try:
        if venue.products is not None:
            products = client.run(venue.products, client.request)
            session.skipped.replace_wallets(State.NOT_ENABLED, products.never_opened)
            session.skipped.replace_wallets(State.CLOSED, products.closed)
        if venue.closed_streams is not None:
            session.skipped.replace_closed(client.run(venue.closed_streams, client.request))
    except ExchangeFailure as failure:
        if failure.kind is not Kind.PERMISSION:
            raise
        logger.warning("%s: which wallets were never opened is unknown: %s", session.name, failure)


def skipped_wallets(session: Session) -> Mapping[str, State]:
    """The wallets that are skipped. Call it after the key was admitted."""
    if session.skipped_wallets is None:
        session.skipped.forget_outdated(_LASTS)
        excluded = _excluded(session)
        known = session.skipped.wallets()
        if any(s is State.EXCLUDED and name not in excluded for name, s in known.items()):
            ask_products(session)  # leaving a wallet out overwrote whether the account has it
        session.skipped.replace_wallets(State.EXCLUDED, excluded)
        session.skipped_wallets = session.skipped.wallets()
    return session.skipped_wallets


def unread_wallets(session: Session) -> list[str]:
    """The wallets that are skipped although the account has them, sorted."""
    skipped = skipped_wallets(session)
    return sorted(name for name, state in skipped.items() if state is not State.NOT_ENABLED)


def answers(
    session: Session, calls: Sequence[tuple[str, Awaitable[Any]]], *, of_wallets: bool = False
) -> list[Any]:
    """The answers of several (wallet, call), in order; None for what the account does not have.

    `of_wallets`: each call asks for a whole wallet, so that one that is not offered is skipped
    everywhere. Raises the first `ExchangeFailure` of another kind.
    """
    results = session.client.run_each(dict(enumerate(call for _, call in calls)))
    found: list[Any] = []
    for (wallet, _), result in zip(calls, results.values(), strict=True):
        if not isinstance(result, ExchangeFailure):
            found.append(result)
            continue
        if not wallet or result.kind not in (Kind.NOT_ENABLED, Kind.NOT_OFFERED):
            raise result
        if of_wallets or result.kind is Kind.NOT_ENABLED:
            skip_wallet(session, wallet, result)
        found.append(None)
    return found


def skip_wallet(session: Session, wallet: str, failure: ExchangeFailure) -> None:
    """Skip a wallet whose endpoint says that the account never opened it."""
    session.skipped.skip_wallet(wallet, State.NOT_ENABLED, failure.problem)
    session.skipped_wallets = {**skipped_wallets(session), wallet: State.NOT_ENABLED}


def without_skipped(
    session: Session, dataset: str, streams: Mapping[str, Stream]
) -> dict[str, Stream]:
    """The streams that are read.

    A transfer has two wallets, and the list of the one may have rows of the other: these lists are
    left out only with a wallet that was never opened.
    """
    wallets = skipped_wallets(session)
    if "wallet" not in HISTORIES[dataset].by_name:
        wallets = {name: s for name, s in wallets.items() if s is State.NOT_ENABLED}
    by_wallet = [(n, s.source.wallet) for n, s in streams.items() if s.source.wallet in wallets]
    session.skipped.skip_streams_of_wallets(dataset, by_wallet)
    skipped = {name for name, _ in by_wallet} | session.skipped.streams(dataset)
    return {name: stream for name, stream in streams.items() if name not in skipped}


def _excluded(session: Session) -> dict[str, str]:
    wanted = session.account.settings.wallets
    if wanted is None:
        return {}
    names = {wallet.name for wallet in session.venue.wallets}
    return dict.fromkeys(names - set(wanted), "`wallets` in defs.yaml does not name it")
