"""Deals with other users (documentation, C2C: "Get C2C Trade History"; Binance Pay: "Get Pay Trade
History").

The pages do not say in which order rows are listed, nor by which time the windows of P2P filter:
here newest first, by the time of the order.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from exchange_simulator.binance.answers import Refused, missing
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.fiat import enveloped
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.pages import Window
from exchange_simulator.binance.retention import EIGHTEEN_MONTHS, SIX_MONTHS
from exchange_simulator.markets import DAY
from exchange_simulator.money import ZERO, nearest, plain
from exchange_simulator.peers import Deal, Payment
from exchange_simulator.records import Transfer, Wallet

_SIDES = {"deposit": "BUY", "withdrawal": "SELL"}
_YUAN = Decimal("6.68")
_WALLET_TYPES: dict[Wallet | str, int] = {"funding": 1, "spot": 2}


def p2p(call: Call) -> Result:
    side = call.text("tradeType")
    if side not in ("", *_SIDES.values()):
        raise missing("tradeType")
    window = _window(call, "startTimestamp", "endTimestamp", 30 * DAY, SIX_MONTHS)
    page, size = call.integer("page") or 1, call.limit(100, 100, "rows")
    rows = [
        _deal(deal)
        for _, deal in call.exchange.newest_first(
            call.world.peers.deals, window.start, window.end, call.now
        )
        if side in ("", _SIDES[deal.transfer.kind])
    ]
    return enveloped((rows[(page - 1) * size : page * size], len(rows)))


def pay(call: Call) -> Result:
    window = _window(call, "startTime", "endTime", 90 * DAY, EIGHTEEN_MONTHS)
    rows = [
        _payment(payment)
        for _, payment in call.exchange.newest_first(
            call.world.peers.payments, window.start, window.end, call.now
        )
    ]
    found = rows[: call.limit(100, 100)]
    return {"code": "000000", "message": "success", "data": found, "success": True}


def wallet_type(transfer: Transfer) -> int:
    return _WALLET_TYPES[transfer.from_wallet or transfer.to_wallet]


def _deal(deal: Deal) -> dict[str, Any]:
    transfer = deal.transfer
    # a fee is taken off what is bought, and added to what is sold
    amount = transfer.amount + (transfer.fee if transfer.kind == "deposit" else ZERO)
    return {
        "orderNumber": deal.id,
        "advNo": f"1{deal.number:019d}",
        "tradeType": _SIDES[transfer.kind],
        "asset": transfer.asset,
        "fiat": "CNY",
        "fiatSymbol": "￥",
        "amount": eight(amount),
        "totalPrice": eight(nearest(amount * _YUAN)),
        "unitPrice": plain(_YUAN),
        "orderStatus": "COMPLETED",
        "createTime": transfer.happened_at,
        "commission": plain(transfer.fee),
        "counterPartNickName": "ab***",
        "payMethodName": "BANK",
        "additionalKycVerify": 0,
        "takerCommissionRate": "0",
        "takerCommission": "0",
        "takerAmount": "0" if deal.maker else eight(amount),
        "advertisementRole": "MAKER" if deal.maker else "TAKER",
    }


def _payment(payment: Payment) -> dict[str, Any]:
    first = payment.parts[0]
    received = first.kind == "deposit"
    total = sum((part.amount for part in payment.parts if part.asset == first.asset), ZERO)
    return {
        "orderType": "C2C" if received else "PAY",
        "transactionId": payment.id,
        "transactionTime": first.happened_at,
        "amount": plain(total if received else -total),
        "currency": first.asset,
        "walletType": wallet_type(first),
        "walletTypes": list(dict.fromkeys(map(wallet_type, payment.parts))),
        "fundsDetail": [
            {
                "currency": asset,
                "amount": plain(sum((part.amount for part in parts), ZERO)),
                "walletAssetCost": {str(wallet_type(part)): plain(part.amount) for part in parts},
            }
            for asset, parts in _by_asset(payment.parts).items()
        ],
        "payerInfo": {"name": "Jack", "type": "USER", "binanceId": "12345678"},
        "receiverInfo": {"name": "Alan", "type": "MERCHANT", "binanceId": "34355667"},
    }


def _by_asset(parts: Iterable[Transfer]) -> dict[str, list[Transfer]]:
    found: dict[str, list[Transfer]] = {}
    for part in parts:
        found.setdefault(part.asset, []).append(part)
    return found


def _window(call: Call, first: str, last: str, longest: int, kept: int) -> Window:
    """The last `longest` milliseconds if neither end was sent."""
    start, end = call.integer(first), call.integer(last)
    if end is None:
        end = call.now if start is None else start + longest
    if start is None:
        start = end - longest
    if not 0 <= end - start <= longest:
        raise Refused(-1127)
    return Window(max(start, call.now - kept), end)
