"""What of the deployment can be synced."""

from dataclasses import replace
from pathlib import Path

from alphapulse_pipeline.settings.deployment import Deployment, read_deployment
from alphapulse_pipeline.settings.errors import SettingsError


def usable_deployment(folder: Path | None = None) -> Deployment:
    """The deployment; accounts whose settings do not fit their exchange are in `broken` as well."""
    found = read_deployment(folder)
    broken = dict(found.broken)
    for account in found.accounts:
        if account.settings.wallets is None:
            continue
        # imports ccxt, which takes half a second
        from alphapulse_pipeline.sync.session import supported

        try:
            supported(account)
        except SettingsError as error:
            broken[account.name] = error
    accounts = [account for account in found.accounts if account.name not in broken]
    return replace(found, accounts=accounts, broken=broken)
