"""OKX V5.

API documentation: Transaction details (last 3 months), Order history (last 7 days, last 3 months),
Order List, Order details, Get bills details (last 3 months), Get bill types, Get balance, Get
account asset valuation, Get positions, Get deposit history, Get withdrawal history, Asset bills
history, Get account configuration, Get candlesticks history, Error Code (www.okx.com/docs-v5).
"""

from alphapulse_pipeline.exchange.venues.limits import okx as limits
from alphapulse_pipeline.exchange.venues.okx import (
    account,
    books,
    candles,
    conversions,
    earn,
    ledger,
    loans,
    staking,
    sub_accounts,
    trading,
    transfers,
)
from alphapulse_pipeline.exchange.venues.okx.common import LAG
from alphapulse_pipeline.exchange.venues.venue import Venue

_PRICE_FIELDS = {"last": "last", "bid": "bidPx", "ask": "askPx"}

OKX = Venue(
    wallets=account.wallets(),
    positions=account.positions(),
    margin_mode=account.margin_mode,
    books=books.BOOKS,
    rights=account.rights,
    account_type=account.account_type,
    sub_accounts=sub_accounts.SUB_ACCOUNTS,
    user_id=account.user_id,
    open_orders=trading.open_orders(),
    ended_orders=(),
    histories={
        "trades": trading.trades(),
        "orders": trading.orders(),
        "funding": ledger.funding(),
        "transfers": transfers.transfers() | earn.transfers(),
        "conversions": conversions.conversions() | staking.conversions(),
        "ledger": ledger.ledger() | earn.interest() | loans.ledger(),
        "candles": candles.candles(),
    },
    order_by_id=trading.order_by_id,
    tickers={"spot": {"type": "spot"}, "swap": {"type": "swap"}, "future": {"type": "future"}},
    priced=dict.fromkeys(("spot", "swap", "future"), _PRICE_FIELDS),
    lag=LAG,
    keeps_unfilled_orders=trading.UNFILLED_KEPT,
    delisted=account.delisted,
    needs_password=True,
    charged=limits.charged,
)
