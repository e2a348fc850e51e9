"""Kraken, spot and margin.

API documentation: docs.kraken.com/api-reference, named beside each endpoint. Futures are a separate
exchange with its own keys: `krakenfutures`.

Every balance change is in the ledger: a fill has one entry for each of its two assets, a fill on
margin those of its fee and its profit.
"""

from datetime import timedelta
from typing import Any

from alphapulse_pipeline.exchange.venues.kraken import (
    account,
    books,
    candles,
    conversions,
    ledger,
    margin,
    trading,
    transfers,
)
from alphapulse_pipeline.exchange.venues.kraken.common import FUNDS, SPOT, documented, result
from alphapulse_pipeline.exchange.venues.limits import kraken as limits
from alphapulse_pipeline.exchange.venues.venue import Venue, Wallet


def _balances(answer: Any) -> Any:
    """For an account without balances Kraken sends `{"error":[]}`, without a result. The histories
    of such an account have one (github.com/rotki/rotki/issues/946, of 2020-04-28)."""
    if answer == {"error": []}:
        return []
    found = result(answer)
    return found if found is None else list(found.values())


KRAKEN = Venue(
    wallets=(
        Wallet(
            SPOT,
            rows=_balances,
            required=("balance", "hold_trade"),
            documented=documented("account-data/get-extended-balance", FUNDS),
            book_of=account.book_of,
        ),
    ),
    positions=margin.positions(),
    books=books.BOOKS,
    rights=account.rights,
    account_type=account.account_type,
    open_orders=trading.open_orders(),
    histories={
        "trades": trading.trades(),
        "orders": trading.orders(),
        "transfers": transfers.transfers(),
        "conversions": conversions.conversions(),
        "ledger": ledger.ledger(),
        "candles": candles.candles(),
    },
    order_by_id=trading.order_by_id,
    tickers={"spot": {}},
    priced={"spot": {"last": "c", "bid": "b", "ask": "a"}},
    lag=timedelta(seconds=60),
    keeps_unfilled_orders=trading.KEEPS_UNFILLED_ORDERS,
    delisted=account.delisted,
    charged=limits.charged,
)
