"""The doctor's check of sub-accounts."""

from alphapulse_pipeline.exchange.client import ExchangeClient
from alphapulse_pipeline.exchange.errors import ExchangeFailure
from alphapulse_pipeline.exchange.sub_accounts import UNLISTED, wrong_owner
from alphapulse_pipeline.exchange.venues import Venue
from alphapulse_pipeline.health.doctor.result import (
    Finding,
    failed,
    ok,
    skipped,
    unknown,
    warning,
)
from alphapulse_pipeline.settings.accounts import Account
from alphapulse_pipeline.settings.deployment import read_deployment


def sub_accounts_of(account: Account, venue: Venue, client: ExchangeClient) -> Finding:
    """Whether the sub-accounts of a master account are deployed, or the key of a sub-account is
    its own."""
    settings = account.settings
    if settings.parent is not None:
        if settings.sub_account is None or venue.user_id is None:
            return ok(f"a sub-account of {settings.parent}")
        if refusal := wrong_owner(account, client.run(venue.user_id, client.request)):
            return failed(refusal.problem, refusal.fix)
        return ok(f"sub-account {settings.sub_account} of {settings.parent}, as the key says")
    if venue.sub_accounts is None:
        return skipped(f"{settings.exchange} does not list sub-accounts")
    try:
        listed = client.run(venue.sub_accounts.ask, client.request)
    except ExchangeFailure as failure:
        if failure.kind not in UNLISTED:
            raise
        return unknown(f"not listed: {failure.problem}", failure.fix)
    deployed = {
        other.settings.sub_account
        for other in read_deployment().accounts
        if other.settings.parent == account.name
    }
    missing = [sub for sub in listed if sub.id not in deployed]
    if missing:
        named = ", ".join(f"{sub.name} ({sub.id})" for sub in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        return warning(
            f"{len(missing)} of {len(listed)} sub-accounts are not deployed: {named}{more}",
            f"run `alphapulse account discover {account.name} --write`",
        )
    return ok(f"{len(listed)} sub-accounts, all deployed" if listed else "no sub-accounts")
