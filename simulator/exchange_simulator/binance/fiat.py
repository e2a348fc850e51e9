"""Fiat money (documentation, Fiat: "Get Fiat Deposit/Withdraw History", "Get Fiat Payments
History").

The pages do not say in which order rows are listed, nor whether windows filter by the time of the
order or of its last change: here newest first, by the time of the order. Neither do they name
the longest window or how long rows are kept: here any window, for six months.
"""

from typing import Any

from exchange_simulator.binance.answers import Refused, missing
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.pages import Window
from exchange_simulator.binance.retention import SIX_MONTHS
from exchange_simulator.cashier import FiatOrder, Payment
from exchange_simulator.markets import DAY
from exchange_simulator.money import nearest

_TYPES = {"deposit": "0", "withdrawal": "1"}
_STATUSES = {"pending": "Processing", "ok": "Successful", "canceled": "Refunded"}
_WITHOUT_TIMES = 30 * DAY


def orders(call: Call) -> Result:
    wanted, window = _type(call), _window(call)
    rows = [
        _order(call, order)
        for _, order in call.exchange.newest_first(
            call.world.cashier.orders, window.start, window.end, call.now
        )
        if _TYPES[order.transfer.kind] == wanted
    ]
    return enveloped(_page(call, rows))


def _order(call: Call, order: FiatOrder) -> dict[str, Any]:
    transfer = order.transfer
    status = transfer.status(call.now)
    return {
        "orderNo": order.id,
        "fiatCurrency": transfer.asset,
        "indicatedAmount": eight(transfer.amount + transfer.fee),
        "amount": eight(transfer.amount),
        "totalFee": eight(transfer.fee),
        "method": "BankAccount",
        "status": _STATUSES[status],
        "createTime": transfer.happened_at,
        "updateTime": transfer.happened_at if status == "pending" else transfer.done_at,
    }


def payments(call: Call) -> Result:
    bought, window = _type(call) == "0", _window(call)
    rows = [
        _payment(payment)
        for _, payment in call.exchange.newest_first(
            call.world.cashier.payments, window.start, window.end, call.now
        )
        if payment.bought == bought
    ]
    return enveloped(_page(call, rows))


def _payment(payment: Payment) -> dict[str, Any]:
    """The page has no sample of a sale: here its amounts are as the page describes them."""
    conversion = payment.conversion
    given, received = conversion.from_amount, conversion.to_amount
    money, crypto = (given, received) if payment.bought else (received, given)
    row = {
        "orderNo": payment.id,
        "sourceAmount": eight(money + conversion.fee),
        "fiatCurrency": conversion.from_asset if payment.bought else conversion.to_asset,
        "obtainAmount": eight(crypto),
        "cryptoCurrency": conversion.to_asset if payment.bought else conversion.from_asset,
        "totalFee": eight(conversion.fee),
        "price": eight(nearest(money / crypto)),
        "status": "Completed",
        "createTime": conversion.happened_at,
        "updateTime": conversion.happened_at,
    }
    return row | ({"paymentMethod": payment.method} if payment.bought else {})


def enveloped(rows: tuple[list[dict[str, Any]], int]) -> Result:
    """A page of rows, and how many there are in all."""
    page, total = rows
    return {"code": "000000", "message": "success", "data": page, "total": total, "success": True}


# -- internals ---------------------------------------------------------------------------------


def _type(call: Call) -> str:
    wanted = call.required("transactionType")
    if wanted not in _TYPES.values():
        raise missing("transactionType")
    return wanted


def _window(call: Call) -> Window:
    start, end = call.integer("beginTime"), call.integer("endTime")
    last = call.now if end is None else end
    first = last - _WITHOUT_TIMES if start is None else start
    if first > last:
        raise Refused(-1127)
    return Window(max(first, call.now - SIX_MONTHS), last)


def _page(call: Call, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    page, size = call.integer("page") or 1, call.limit(100, 500, "rows")
    return rows[(page - 1) * size : page * size], len(rows)
