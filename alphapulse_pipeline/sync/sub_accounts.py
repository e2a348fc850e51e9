"""Asks the exchange which sub-accounts a master account has, so that none is forgotten.

They are listed once a day and when the key changes.
"""

from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.sub_accounts import UNLISTED, wrong_owner
from alphapulse_pipeline.settings.printable import escape
from alphapulse_pipeline.sync.session import Session
from alphapulse_pipeline.warehouse import sub_accounts


def ask_sub_accounts(session: Session) -> ExchangeFailure | None:
    """List the sub-accounts of a master account and store them. Returns why they are not listed.

    Raises `ExchangeFailure` of other kinds than `UNLISTED`.
    """
    asked = session.venue.sub_accounts
    if asked is None or session.account.settings.parent:
        return None
    connection, name = session.connection, session.name
    try:
        found = session.client.run(asked.ask, session.client.request)
    except ExchangeFailure as failure:
        if failure.kind not in UNLISTED:
            raise
        sub_accounts.note_unlisted(connection, name, escape(str(failure)))
        return failure
    listed = [(escape(sub.id), escape(sub.name), sub.frozen) for sub in found]
    sub_accounts.replace(connection, name, listed)
    return None


def require_own_key(session: Session) -> None:
    """Raise `ExchangeFailure` if the key is that of another account than `sub_account` says."""
    settings, ask = session.account.settings, session.venue.user_id
    if settings.sub_account is None or ask is None:
        return
    refusal = wrong_owner(session.account, session.client.run(ask, session.client.request))
    if refusal is not None:
        raise refusal
