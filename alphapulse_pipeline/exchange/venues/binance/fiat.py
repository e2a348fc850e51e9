"""Fiat money at Binance: deposits and withdrawals.

The pages do not name the wallet that is credited or charged: fiat balances are listed with those of
spot, and that is where the rows are booked. If one belongs to another wallet, both show a
difference of its size.
"""

from dataclasses import replace

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.documented import SIX_MONTHS
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Raw, between, milliseconds, to_time
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import SPOT, data_if_any, windowed
from alphapulse_pipeline.exchange.venues.venue import Amend, Source
from alphapulse_pipeline.exchange.walker.bisect import Bisect

_WINDOW = between("beginTime", "endTime")
# the page's list, and Expired, which only its sample has
_STATUSES = {
    "Processing": "pending",
    "Successful": "ok",
    "Finished": "ok",
    "Failed": "failed",
    "Expired": "failed",
    "Refunding": "pending",
    "Refunded": "canceled",
}
# the two copies of the page spell it differently
_PARTLY_CREDITED = ("Order Partial credit Stopped", "Order Partial Credit Stopped")
_UNKNOWN_EFFECT = ("Refund Failed", *_PARTLY_CREDITED)
_WALLET_COLUMNS = {"deposit": "to_wallet", "withdrawal": "from_wallet"}


def transfers() -> dict[str, Source]:
    return {
        "fiat deposits": _orders("0", "deposit"),
        "fiat withdrawals": _orders("1", "withdrawal"),
    }


def _orders(transaction_type: str, kind: str) -> Source:
    source = windowed(
        "sapiGetFiatOrders",
        SPOT,
        "parse_transaction",
        milliseconds("createTime"),
        _order(kind),
        rows=data_if_any,
        # whether windows filter by the time of the order or of its last change is not documented
        paging=Bisect(),
        between=_WINDOW,
        required=(
            *("orderNo", "fiatCurrency", "amount", "totalFee"),
            *("status", "createTime", "updateTime"),
        ),
        documented=pages.FIAT_ORDERS,
        limit="rows",
        kind=kind,
        # four requests per minute: use long windows
        window=pages.FIAT_ORDERS_WINDOW,
        kept=SIX_MONTHS,
        transactionType=transaction_type,
    )
    return replace(source, daily=True)


def _order(kind: str) -> Amend:
    def amend(raw: Raw, row: Row) -> Row:
        """The amount is what arrived, after the fee: a withdrawal takes both from the balance.

        Raises `Unreadable` for a status that leaves open what was credited or returned.
        """
        if raw["status"] in _UNKNOWN_EFFECT:
            raise Unreadable(f"a fiat {kind} of Binance has the status {raw['status']}")
        status = meaning(f"status of a fiat {kind}", raw["status"], _STATUSES, "pending")
        changed = milliseconds("updateTime")(raw)
        return row | {
            _WALLET_COLUMNS[kind]: SPOT,
            "status": status,
            "updated_at": to_time(changed) if changed and status != "pending" else None,
        }

    return amend
