"""The trading account's bills (documentation: "Get bills details (last 7 days)", "Get bills details
(last 3 months)").

Every change of a balance is a bill with the balance after it. A spot fill has two bills, one in the
base and one in the quote currency. What an isolated position gains as margin, the balance loses:
`balChg` and `posBalChg` together are what really changed.
"""

from collections.abc import Callable
from typing import Any, Literal

from exchange_simulator.account import cash_flow
from exchange_simulator.markets import DAY, Market
from exchange_simulator.money import ZERO, plain
from exchange_simulator.okx import names
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.instruments import inst_id, inst_type
from exchange_simulator.okx.pages import by_id
from exchange_simulator.records import Conversion, Fill, Funding, LedgerEntry, Loan, Reward
from exchange_simulator.world import World

_RECENT = 7 * DAY
ARCHIVED = 89 * DAY
"""How long bills, orders and fills are served: three months, which may have no more days."""

ACCOUNTS = {"funding": "6", "trading": "18"}
_SUBTYPES: dict[str, dict[Literal["buy", "sell"], str]] = {
    "trade": {"buy": "1", "sell": "2"},
    "liquidation": {"buy": "106", "sell": "107"},
    "adl": {"buy": "127", "sell": "128"},
}
_LOAN_SUBTYPES = {"borrow": "306", "repay": "308", "interest": "9"}


def fill_subtype(fill: Fill) -> str:
    """`subType` of a fill and its bills, in net mode."""
    return _SUBTYPES[fill.kind][fill.order.side]


def bills(call: Call) -> Data:
    return _bills(call, _RECENT)


def bills_archive(call: Call) -> Data:
    return _bills(call, ARCHIVED)


def _bills(call: Call, retention: int) -> Data:
    world, keep = call.world, _wanted(call)
    ledger = world.account.books.ledger[names.TRADING]
    entries = by_id(call, ledger, names.bill_number, keep, since=call.now - retention)
    return [_row(world, entry) for entry in entries]


def _wanted(call: Call) -> Callable[[LedgerEntry], bool]:
    currency, type, subtype = call.text("ccy"), call.text("type"), call.text("subType")
    margin, contract = call.text("mgnMode"), call.text("ctType")
    asked_for = call.of_market()
    traded = any(
        call.text(name) for name in ("instType", "instId", "instFamily", "uly", "ctType", "mgnMode")
    )

    def keep(entry: LedgerEntry) -> bool:
        if currency and entry.asset != currency:
            return False
        if type and names.entry_kind(entry) != type:
            return False
        if subtype and _subtype(entry) != subtype:
            return False
        if not traded:
            return True
        market = _market(entry)
        return (
            market is not None
            and asked_for(market)
            and (not contract or market.kind == contract)
            and (not margin or margin_mode(call.world, market) == margin)
        )

    return keep


def _market(entry: LedgerEntry) -> Market | None:
    match entry.source:
        case Fill() as fill:
            return fill.order.market
        case Funding() as funding:
            return funding.market
    return None


def margin_mode(world: World, market: Market) -> str:
    if market.kind == "spot":
        return "cash"
    return "isolated" if market.name in world.layout.isolated else "cross"


def _subtype(entry: LedgerEntry) -> str:
    match entry.source:
        case Fill() as fill:
            return fill_subtype(fill)
        case Funding():
            return "174" if entry.amount > 0 else "173"
        case Loan():
            return _LOAN_SUBTYPES[entry.kind]
        case Conversion(repays=True):
            return "224" if entry.amount > 0 else "225"
        case Conversion():
            return "318" if entry.amount > 0 else "319"
    return "11" if entry.amount > 0 else "12"


def _row(world: World, entry: LedgerEntry) -> dict[str, Any]:
    row = {
        "bal": plain(entry.balance_after - entry.margin),
        "balChg": plain(entry.amount - entry.margin_change),
        "billId": names.entry_id(world, entry),
        "ccy": entry.asset,
        "clOrdId": "",
        "earnAmt": "",
        "earnApr": "",
        "execType": "",
        "fee": "0",
        "fillFwdPx": "",
        "fillIdxPx": "",
        "fillMarkPx": "",
        "fillMarkVol": "",
        "fillPxUsd": "",
        "fillPxVol": "",
        "fillTime": "",
        "from": "",
        "instId": "",
        "instType": "",
        "interest": "0",
        "mgnMode": "",
        "notes": "",
        "ordId": "",
        "pnl": "0",
        "posBal": "0",
        "posBalChg": "0",
        "px": "0",
        "subType": _subtype(entry),
        "sz": plain(abs(entry.amount)),
        "tag": "",
        "to": "",
        "tradeId": "",
        "ts": str(entry.happened_at),
        "type": names.entry_kind(entry),
    }
    market = _market(entry)
    if market is not None:
        row |= {
            "instId": inst_id(market),
            "instType": inst_type(market),
            "mgnMode": margin_mode(world, market),
        }
        if market.name in world.layout.isolated:
            row |= {"posBal": plain(entry.margin), "posBalChg": plain(entry.margin_change)}
    match entry.source:
        case Fill() as fill:
            return row | _fill(world, entry, fill)
        case Funding() as funding:
            return row | {
                "pnl": plain(funding.amount),
                "px": plain(funding.price),
                "sz": plain(names.contracts(funding.market, abs(funding.size))),
            }
        case Loan():
            interest = -entry.amount if entry.kind == "interest" else ZERO
            return row | {"interest": plain(interest)}
        case Conversion() | Reward():
            return row
        case transfer:
            # the quantity of transfers is signed as well
            incoming = entry.amount > 0
            return row | {
                "sz": plain(entry.amount),
                "from": ACCOUNTS[transfer.from_wallet],
                "to": ACCOUNTS[transfer.to_wallet],
                "notes": "From Funding Account" if incoming else "To Funding Account",
            }


def _fill(world: World, entry: LedgerEntry, fill: Fill) -> dict[str, Any]:
    order, market = fill.order, fill.order.market
    charged = fill.fee if entry.asset == fill.fee_currency else ZERO
    spot = market.kind == "spot"
    quantity = abs(entry.amount + charged) if spot else names.contracts(market, fill.amount)
    return {
        "clOrdId": order.client_order_id,
        "execType": exec_type(fill),
        "fee": plain(-charged),
        "fillIdxPx": plain(world.prices.index(market.base, fill.happened_at)),
        "fillMarkPx": "" if spot else plain(world.prices.mark(market, fill.happened_at)),
        "fillTime": str(fill.happened_at),
        "ordId": names.order_id(world, order),
        "pnl": "0" if spot else plain(cash_flow(fill)),
        "px": plain(fill.price),
        "sz": plain(quantity),
        "tradeId": names.match_id(world, fill),
    }


def exec_type(fill: Fill) -> str:
    """`T` or `M`; empty for orders of the exchange itself."""
    if fill.kind != "trade":
        return ""
    return "M" if fill.maker else "T"
