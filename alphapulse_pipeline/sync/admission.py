"""Admits only API keys that can do no harm, before anything else is requested of an account.

A key's permissions are requested once a day, and immediately when the key changes or is used
at another server. If a key was refused, or its permissions are not reported, every run requests
them, so that a corrected key works at once.
"""

import logging
from datetime import timedelta

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.rights import (
    EXPIRES_SOON,
    Rights,
    UnusableRights,
    objection,
    rights_of,
)
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.sync.skipping import ask_products
from alphapulse_pipeline.sync.sub_accounts import ask_sub_accounts, require_own_key
from alphapulse_pipeline.warehouse import keys

logger = logging.getLogger(__name__)

_RECHECK_AFTER = timedelta(days=1)
_VALID_FOR = timedelta(days=7)
"""How long a stored answer is used while the exchange gives no new one."""
_FINAL = (Kind.CREDENTIALS, Kind.RESTRICTED, Kind.CLOCK)
"""Failures after which the same run does not request the permissions again."""


def admit(session: Session) -> None:
    """Return if the account's key may be used.

    Raises `ExchangeFailure` if the key may not be used, or if its permissions could not be
    requested. Later calls in the same run repeat a final result without a request.
    """
    if session.refused is not None:
        raise session.refused
    if session.admitted:
        return
    try:
        _check_permissions(session)
    except ExchangeFailure as failure:
        if failure.kind in _FINAL or isinstance(failure, UnusableRights):
            session.refused = failure
        raise
    session.admitted = True


def _check_permissions(session: Session) -> None:
    known = keys.stored(session.connection, session.name, session.fingerprint)
    stored = None if known is None else _rights(known)
    acceptable = (
        stored is not None and objection(session.account, stored, session.client.now()) is None
    )
    reported = known is not None and None not in (known.can_trade, known.can_withdraw)
    # an exchange that cannot report permissions is not worth a request in every run
    settled = reported or session.venue.rights is None
    if known and acceptable and settled and known.age < _RECHECK_AFTER:
        return
    logger.info("%s: checking the key's permissions", session.name)
    try:
        rights = session.client.run(
            rights_of, session.account, session.venue.rights, session.client.request
        )
        now = session.client.now()
        refusal = objection(session.account, rights, now)
        if refusal is None:
            require_own_key(session)
            ask_products(session)
            ask_sub_accounts(session)
    except UnusableRights:
        raise
    except ExchangeFailure as failure:
        if failure.kind is Kind.PERMISSION:  # every key may request its own permissions
            failure.kind = Kind.CREDENTIALS
        if not (known and acceptable and known.age < _VALID_FOR) or failure.kind in _FINAL:
            raise
        logger.warning(
            "%s: could not request the key's permissions, using those of the last check: %s",
            session.name,
            failure,
        )
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
    if refusal:
        raise refusal
    if rights.expires_at and rights.expires_at < now + EXPIRES_SOON:
        name = session.account.environment.api_key
        logger.warning(
            "%s: the key in %s expires at %s; create a new one before",
            session.name,
            name,
            rights.expires_at,
        )


def _rights(known: keys.StoredKey) -> Rights:
    return Rights(
        known.can_read,
        known.can_trade,
        known.can_withdraw,
        known.expires_at,
        None if known.addresses is None else tuple(known.addresses),
    )
