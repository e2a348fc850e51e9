"""Fiat money at Binance: deposits and withdrawals, and crypto bought and sold for it.

The pages do not name the wallet that is credited or charged: fiat balances are listed with those of
spot, and that is where the rows are booked. If one belongs to another wallet, both show a
difference of its size.

A purchase is a conversion of fiat money. If it was not paid from the balance, but by card or by
bank, it is a deposit of that money as well, so that what was bought keeps its cost. Whether the
list of deposits has such a payment, too, is not documented: if so, its currency shows a difference
of its size.
"""

from dataclasses import replace
from decimal import Decimal

from alphapulse_pipeline.datasets.values import Row, number
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
_PAID = {"Processing": "pending", "Completed": "ok", "Failed": "failed", "Refunded": "canceled"}
# payment method -> whether the money comes from outside of the account
_FROM_OUTSIDE = {
    "Cash Balance": False,
    "Credit Card": True,
    "Online Banking": True,
    "Bank Transfer": True,
}
_CLOSE = Decimal("0.002")
"""The share by which the amounts of a sale may differ, as its price is rounded."""
_WALLET_COLUMNS = {"deposit": "to_wallet", "withdrawal": "from_wallet"}


def transfers() -> dict[str, Source]:
    return {
        "fiat deposits": _orders("0", "deposit"),
        "fiat withdrawals": _orders("1", "withdrawal"),
        "purchases from outside": _payments(
            "0", "parse_transaction", _paid_from_outside, "deposit", "paymentMethod"
        ),
    }


def conversions() -> dict[str, Source]:
    return {
        "purchases": _payments("0", "parse_conversion", _bought, "buy", "paymentMethod"),
        "sales": _payments("1", "parse_conversion", _sold, "buy"),
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


def _payments(transaction_type: str, parse: str, amend: Amend, kind: str, *required: str) -> Source:
    source = windowed(
        "sapiGetFiatPayments",
        SPOT,
        parse,
        milliseconds("createTime"),
        amend,
        rows=data_if_any,
        paging=Bisect(),
        between=_WINDOW,
        required=(
            *("orderNo", "sourceAmount", "fiatCurrency", "obtainAmount", "cryptoCurrency"),
            *("totalFee", "price", "status", "createTime", *required),
        ),
        documented=pages.FIAT_PAYMENTS,
        limit="rows",
        kind=kind,
        kept=SIX_MONTHS,
        transactionType=transaction_type,
    )
    return replace(source, daily=True)


def _paid_from_outside(raw: Raw, row: Row) -> Row | None:
    """The money that came with a purchase. Its fee is the conversion's."""
    if not meaning("payment method", raw["paymentMethod"], _FROM_OUTSIDE, otherwise=True):
        return None
    return row | {
        "transfer_id": f"purchase {raw['orderNo']}",
        "to_wallet": SPOT,
        "amount": number(raw["sourceAmount"]),
        "fee_cost": None,
        "fee_currency": None,
        "status": meaning("status of a purchase", raw["status"], _PAID, "pending"),
    }


def _bought(raw: Raw, row: Row) -> Row | None:
    """What is paid includes the fee: the sample's amounts say so."""
    if not _completed(raw):
        return None
    paid, fee = _amounts(raw, "sourceAmount", "totalFee")
    return row | {
        "conversion_id": raw["orderNo"],
        "from_asset": raw["fiatCurrency"],
        "from_amount": paid - fee,
        "to_asset": raw["cryptoCurrency"],
        "to_amount": number(raw["obtainAmount"]),
        "fee_cost": fee,
        "fee_currency": raw["fiatCurrency"] if fee else None,
    }


def _sold(raw: Raw, row: Row) -> Row | None:
    """There is no sample of a sale. The page calls `sourceAmount` the fiat money and `obtainAmount`
    the crypto, which their names contradict, and does not say whether the fee is taken off: a row
    is read as its own price says, and not at all if that leaves it open."""
    if not _completed(raw):
        return None
    source, obtained, price, fee = _amounts(
        raw, "sourceAmount", "obtainAmount", "price", "totalFee"
    )
    fitting = sorted(
        (abs(crypto * price - gross), crypto, gross)
        for crypto, money in ((obtained, source), (source, obtained))
        for gross in (money, money + fee)
        if abs(crypto * price - gross) <= gross * _CLOSE
    )
    if len({crypto for _, crypto, _ in fitting}) != 1:
        raise Unreadable(f"the amounts of the sale {raw['orderNo']} do not say what was sold")
    _, crypto, gross = fitting[0]
    return row | {
        "conversion_id": raw["orderNo"],
        "from_asset": raw["cryptoCurrency"],
        "from_amount": crypto,
        "to_asset": raw["fiatCurrency"],
        "to_amount": gross,
        "fee_cost": fee,
        "fee_currency": raw["fiatCurrency"] if fee else None,
    }


def _completed(raw: Raw) -> bool:
    """Raises `Unreadable` for one that is still in process, or of an unknown status: whether
    anything was exchanged is not known then."""
    status = _PAID.get(raw["status"], "")
    if status in ("", "pending"):
        raise Unreadable(f"a payment of Binance has the status {raw['status']}")
    return status == "ok"


def _amounts(raw: Raw, *names: str) -> list[Decimal]:
    found = [number(raw[name]) for name in names]
    if None in found:
        raise Unreadable(f"a payment of Binance without an amount: {raw['orderNo']}")
    return [amount for amount in found if amount is not None]
