"""An asset of your own, downstream of an account's balances."""

from decimal import Decimal

import dagster as dg
import pandas

STABLECOINS = ("USDT", "USDC", "DAI")


@dg.asset(ins={"balances": dg.AssetIn(["bybit", "balances"])}, group_name="desk")
def stablecoins(balances: pandas.DataFrame) -> dict[str, Decimal]:
    """How much of each stablecoin the account holds, to the last digit."""
    held = balances[balances["asset"].isin(STABLECOINS)]
    return {str(asset): sum(rows["total"], Decimal()) for asset, rows in held.groupby("asset")}
