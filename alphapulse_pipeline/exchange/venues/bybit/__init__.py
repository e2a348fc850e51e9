"""Bybit V5, unified trading account.

API documentation: bybit-exchange.github.io/docs/v5; each feed names its page in `documented`.

Each category is requested separately, and decides the market of its rows: without it, ccxt infers
spot or linear from a row's fields and may confuse them.
"""

from datetime import timedelta

from ccxt.base.errors import InvalidNonce

from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.feed import at
from alphapulse_pipeline.exchange.venues.bybit import (
    account,
    books,
    candles,
    conversions,
    earn,
    funding_account,
    ledger,
    on_chain,
    sub_accounts,
    trading,
    transfers,
)
from alphapulse_pipeline.exchange.venues.bybit.common import FUNDING, UNIFIED
from alphapulse_pipeline.exchange.venues.limits import bybit as limits
from alphapulse_pipeline.exchange.venues.venue import Venue, Wallet

_PRICE_FIELDS = {"last": "lastPrice", "bid": "bid1Price", "ask": "ask1Price"}
_BALANCE_FIELDS = (
    "coin",
    "walletBalance",
    "spotBorrow",
    "locked",
    "totalOrderIM",
    "totalPositionIM",
)

_UNIFIED_BALANCES = Documented(
    page="bybit-exchange.github.io/docs/v5/account/wallet-balance",
    dated="2026-05-25",
    cost="1 of 50 per second",
    note="equity is walletBalance - spotBorrow + unrealized profit; borrowAmount repeats what a "
    "negative walletBalance owes",
)
_FUNDING_BALANCES = Documented(
    page="bybit-exchange.github.io/docs/v5/asset/balance/all-balance",
    dated="2026-03-16",
    cost="1 of 5 per second",
)

BYBIT = Venue(
    wallets=(
        Wallet(
            UNIFIED,
            {"type": "unified"},
            assets=account.amounts,
            rows=account.coins,
            required=_BALANCE_FIELDS,
            documented=_UNIFIED_BALANCES,
        ),
        Wallet(
            FUNDING,
            {"type": "funding"},
            rows=at("result", "balance"),
            required=("coin", "walletBalance", "transferBalance"),
            documented=_FUNDING_BALANCES,
        ),
        earn.wallet(),
    ),
    positions=trading.positions(),
    margin_mode=account.margin_mode,
    books=books.BOOKS,
    rights=account.rights,
    products=account.products,
    closed_streams=account.closed_streams,
    account_type=account.account_type,
    sub_accounts=sub_accounts.SUB_ACCOUNTS,
    user_id=account.user_id,
    open_orders=trading.open_orders(),
    ended_orders=trading.ended_orders(),
    histories={
        "trades": trading.trades(),
        "orders": trading.orders(),
        "funding": trading.funding(),
        "transfers": transfers.transfers() | earn.transfers() | on_chain.transfers(),
        "conversions": conversions.conversions(),
        "ledger": ledger.ledger() | funding_account.ledger(),
        "candles": candles.candles(),
    },
    order_by_id=trading.order_by_id,
    tickers={
        "spot": {"type": "spot"},
        "linear": {"type": "swap", "subType": "linear"},
        "inverse": {"type": "swap", "subType": "inverse"},
    },
    priced=dict.fromkeys(("spot", "linear", "inverse"), _PRICE_FIELDS),
    # No page says how late rows appear. Funding carries the full hour and is booked after it.
    lag=timedelta(minutes=5),
    keeps_unfilled_orders=timedelta(days=1),
    delisted=account.delisted,
    settings={
        # "Error Codes": -1, which ccxt does not know
        "exceptions": {"broad": {"request expired": InvalidNonce}},
        # Requesting currencies needs a permission that the key may lack; markets have the codes.
        "has": {"fetchCurrencies": False},
        # All accounts are unified by now: detecting it costs two requests per run.
        "options": {
            "enableUnifiedMargin": False,
            "enableUnifiedAccount": True,
            "unifiedMarginStatus": 6,
        },
    },
    charged=limits.charged,
)
