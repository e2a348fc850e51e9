"""Which API keys are worked with: those that can do no harm. Asked before all else of an account.

What a key may do is asked once a day, and at once where the key is another one. A key that was
refused, or of which the exchange would not tell, is asked about by every run, so that a mended one
works at once.
"""

import logging
from datetime import timedelta

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.rights import EXPIRES_SOON, Rights, objection, rights_of
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import keys

logger = logging.getLogger(__name__)

_ASKED_AGAIN = timedelta(days=1)
_STANDS_IN = timedelta(days=7)
"""How long an old answer will do while the exchange gives no new one."""
_FINAL = (Kind.CREDENTIALS, Kind.CLOCK)
"""What this run need not ask again."""


def admit(session: Session) -> None:
    """Return where the account's key may be used.

    Raises `ExchangeFailure`: that it may not, or why the exchange could not be asked. A run asks
    once; only what may have passed meanwhile is asked again.
    """
    if session.refused is not None:
        raise session.refused
    if session.admitted:
        return
    try:
        _judge(session)
    except ExchangeFailure as failure:
        if failure.kind in _FINAL:
            session.refused = failure
        raise
    session.admitted = True


def _judge(session: Session) -> None:
    known = keys.stored(session.connection, session.name, session.fingerprint)
    before = None if known is None else _rights(known)
    good = before is not None and objection(session.account, before, session.client.now()) is None
    told = known is not None and None not in (known.can_trade, known.can_withdraw)
    settled = told or session.venue.rights is None  # who cannot tell need not be asked again
    if known and good and settled and known.age < _ASKED_AGAIN:
        return
    try:
        rights = session.client.run(rights_of, session.venue.rights, session.client.request)
    except ExchangeFailure as failure:
        if not (known and good and known.age < _STANDS_IN) or failure.kind in _FINAL:
            raise
        logger.warning("%s: what the key may do is not told now: %s", session.name, failure)
        return
    keys.store(
        session.connection,
        session.name,
        session.fingerprint,
        rights.read,
        rights.trade,
        rights.withdraw,
        rights.expires_at,
        rights.addresses,
    )
    now = session.client.now()
    if refusal := objection(session.account, rights, now):
        raise refusal
    if rights.expires_at and rights.expires_at < now + EXPIRES_SOON:
        name = session.account.environment.api_key
        logger.warning("%s: the key in %s expires at %s", session.name, name, rights.expires_at)


def _rights(known: keys.StoredKey) -> Rights:
    return Rights(
        known.can_read,
        known.can_trade,
        known.can_withdraw,
        known.expires_at,
        None if known.addresses is None else tuple(known.addresses),
    )
