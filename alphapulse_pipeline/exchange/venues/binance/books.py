"""Binance's own totals of the parts of an account."""

from collections.abc import Sequence
from decimal import Decimal

from alphapulse_pipeline.exchange.books import Book, BookTotals, positions_of, rows, total
from alphapulse_pipeline.exchange.feed import Caller, Raw, require
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import (
    COINM,
    EARN,
    FUNDING,
    ISOLATED,
    LOAN,
    MARGIN,
    OPTION,
    PORTFOLIO_MARGIN,
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
    "Options": OPTION,
    "USDⓈ-M Futures": USDM,
    "COIN-M Futures": COINM,
}
_OF_PORTFOLIO_MARGIN = " (PM)"
"""How the names of cross margin and of both futures end under Portfolio Margin."""
_PERHAPS = {
    USDM: (positions_of(USDM),),
    COINM: (positions_of(COINM),),
    EARN: (STAKING,),
    SPOT: (LOAN,),
}


async def _ask(call: Caller) -> Sequence[Book]:
    """Query User Wallet Balance. The page does not say whether the totals of futures and of options
    have the profit of open positions, whether that of Earn has what is redeemed from staking or is
    collateral of a loan, whether that of spot is less what is owed for loans, nor at which prices
    they are."""
    answer = await call("sapiGetAssetWalletBalance", {"quoteAsset": _CURRENCY})
    found, together = [], []
    for row in rows(answer, "the list of wallets"):
        require(row, ("walletName", "balance"), "the list of wallets")
        if row["walletName"].endswith(_OF_PORTFOLIO_MARGIN):
            together.append(row)
            continue
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
    return [*found, *_portfolio_margin(together)]


def _portfolio_margin(rows: Sequence[Raw]) -> Sequence[Book]:
    """The one book of Portfolio Margin, if it is listed: its parts share what they hold."""
    if not rows:
        return ()
    totals = [total(row, "balance") for row in rows]
    enabled = any(row.get("activate") is not False for row in rows)
    return (
        Book(
            "Portfolio Margin",
            sum(totals, Decimal(0)),
            _CURRENCY,
            (PORTFOLIO_MARGIN,),
            (positions_of(PORTFOLIO_MARGIN),),
            enabled=enabled,
        ),
    )


BOOKS = BookTotals(_ask, pages.WALLET_TOTALS)
