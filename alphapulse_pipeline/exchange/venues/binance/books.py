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
    OPTION,
    SPOT,
    USDM,
)

_CURRENCY = "USDT"
_WALLETS = {
    "Spot": SPOT,
    "Funding": FUNDING,
    "Cross Margin": MARGIN,
    "Isolated Margin": ISOLATED,
    "Earn": EARN,
    "Options": OPTION,
    "USDⓈ-M Futures": USDM,
    "COIN-M Futures": COINM,
}


async def _ask(call: Caller) -> Sequence[Book]:
    """Query User Wallet Balance. The page does not say whether the totals of futures and of options
    have the profit of open positions, nor at which prices they are."""
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
                (positions_of(wallet),) if wallet in (USDM, COINM, OPTION) else (),
                enabled=row.get("activate") is not False,
            )
        )
    return found


BOOKS = BookTotals(_ask, pages.WALLET_TOTALS)
