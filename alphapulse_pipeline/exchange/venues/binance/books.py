"""Binance's own totals of the parts of an account."""

from collections.abc import Sequence

from alphapulse_pipeline.exchange.books import Book, BookTotals, positions_of, rows, total
from alphapulse_pipeline.exchange.feed import Caller, require
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    COINM,
    EARN,
    FUNDING,
    ISOLATED,
    MARGIN,
    SPOT,
    STAKING,
    USDM,
)

_CURRENCY = "USDT"
_WALLETS = {
    "Spot": SPOT,
    "Funding": FUNDING,
    "Cross Margin": MARGIN,
    "Isolated Margin": ISOLATED,
    "Earn": EARN,
    "USDⓈ-M Futures": USDM,
    "COIN-M Futures": COINM,
}
_PERHAPS = {
    USDM: (positions_of(USDM),),
    COINM: (positions_of(COINM),),
    EARN: (STAKING,),
}


async def _ask(call: Caller) -> Sequence[Book]:
    """Query User Wallet Balance. The page does not say whether the total of futures has the profit
    of open positions, whether that of Earn has what is redeemed from staking, nor at which prices
    they are."""
    answer = await call("sapiGetAssetWalletBalance", {"quoteAsset": _CURRENCY})
    found = []
    for row in rows(answer, "the list of wallets"):
        require(row, ("walletName", "balance"), "the list of wallets")
        wallet = _WALLETS.get(row["walletName"])
        found.append(
            Book(
                row["walletName"],
                total(row, "balance"),
                _CURRENCY,
                () if wallet is None else (wallet,),
                _PERHAPS.get(wallet or "", ()),
                enabled=row.get("activate") is not False,
            )
        )
    return found


BOOKS = BookTotals(_ask, pages.WALLET_TOTALS)
