"""Binance: spot, cross and isolated margin, USD-M and COIN-M futures, Portfolio Margin, options,
Simple Earn, crypto loans.

API documentation: Account trade list, All orders, Current open orders, Query order, Query Margin
Account's Trade List, ... All Orders, ... Open Orders, Account Trade List and Get Income History of
both futures, Position Information, Deposit History, Withdraw History, Query User Universal Transfer
History, Query Isolated Margin Account Info, Query Cross Isolated Margin Capital Flow, Get API Key
Permission (developers.binance.com).

Fills and orders are listed for one market at a time, so every market is a stream. Ids ascend with
time within a market, and are not unique across markets. Spot has no ledger.
"""

from datetime import timedelta

from alphapulse_pipeline.exchange.feed import at
from alphapulse_pipeline.exchange.venues.binance import (
    account,
    between_accounts,
    books,
    candles,
    conditional,
    conversions,
    earn,
    isolated,
    ledger,
    loans,
    option_trading,
    options,
    pages,
    portfolio_margin,
    portfolio_orders,
    staking,
    sub_accounts,
    trading,
    transfers,
)
from alphapulse_pipeline.exchange.venues.binance.common import (
    COINM,
    FUNDING,
    MARGIN,
    SPOT,
    USDM,
    all_of,
)
from alphapulse_pipeline.exchange.venues.limits import binance as limits
from alphapulse_pipeline.exchange.venues.venue import Venue, Wallet

# Required fields: stored columns are read from them.
_BALANCE_FIELDS = ("asset", "free", "locked")
_COLLATERAL_FIELDS = ("asset", "walletBalance", "initialMargin")

BINANCE = Venue(
    wallets=(
        Wallet(
            SPOT,
            {"type": "spot"},
            rows=at("balances"),
            required=_BALANCE_FIELDS,
            documented=pages.WALLETS[SPOT],
        ),
        Wallet(
            FUNDING,
            {"type": "funding"},
            rows=all_of,
            required=_BALANCE_FIELDS,
            documented=pages.WALLETS[FUNDING],
        ),
        Wallet(
            MARGIN,
            {"type": "margin"},
            rows=at("userAssets"),
            required=(*_BALANCE_FIELDS, "borrowed", "interest"),
            documented=pages.WALLETS[MARGIN],
        ),
        isolated.WALLET,
        Wallet(
            USDM,
            {"type": "swap", "subType": "linear"},
            account.collateral,
            at("assets"),
            _COLLATERAL_FIELDS,
            pages.WALLETS[USDM],
        ),
        Wallet(
            COINM,
            {"type": "swap", "subType": "inverse"},
            account.collateral,
            at("assets"),
            _COLLATERAL_FIELDS,
            pages.WALLETS[COINM],
        ),
        portfolio_margin.WALLET,
        earn.WALLET,
        staking.WALLET,
        options.WALLET,
        loans.WALLET,
    ),
    positions=(*trading.positions(), *portfolio_margin.positions()),
    position=trading.position,
    margin_mode=account.margin_mode,
    books=books.BOOKS,
    rights=account.rights,
    account_type=account.account_type,
    sub_accounts=sub_accounts.SUB_ACCOUNTS,
    products=account.products,
    closed_streams=between_accounts.closed_streams,
    open_orders=(
        *trading.open_orders(),
        *conditional.open_orders(),
        *portfolio_orders.open_orders(),
    ),
    ended_orders=(),
    histories={
        "trades": trading.trades() | portfolio_margin.trades() | option_trading.trades(),
        "orders": trading.orders() | conditional.history() | portfolio_orders.orders(),
        "transfers": transfers.transfers(),
        "funding": ledger.funding(),
        "conversions": conversions.conversions(),
        "ledger": ledger.ledger(),
        "candles": candles.candles(),
    },
    order_by_id=trading.order_by_id,
    tickers={
        "spot": {"type": "spot"},
        "linear": {"type": "swap", "subType": "linear"},
        "inverse": {"type": "swap", "subType": "inverse"},
    },
    priced={
        "spot": {"last": "lastPrice", "bid": "bidPrice", "ask": "askPrice"},
        "linear": {"last": "lastPrice"},
        "inverse": {"last": "lastPrice"},
    },
    lag=timedelta(seconds=30),
    # three days on futures, ninety on spot
    keeps_unfilled_orders=timedelta(days=3),
    delisted=account.delisted,
    formerly_listed=account.formerly_listed,
    # Requesting currencies needs a permission that the key may lack; markets have the codes.
    settings={"options": {"fetchCurrencies": False, "fetchMargins": False}},
    charged=limits.charged,
)
