"""Cross margin (documentation, Margin: "Query Cross Margin Account Details", "Get All Cross Margin
Pairs", "Query borrow/repay records", "Get Interest History", "Query Cross Isolated Margin Capital
Flow"). The capital flow is that of isolated margin as well; see `isolated.py`."""

from decimal import Decimal
from itertools import islice
from typing import Any

from exchange_simulator.binance.answers import missing
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.names import parts, transaction_id
from exchange_simulator.binance.pages import take, wallet_window
from exchange_simulator.binance.retention import NINETY_DAYS
from exchange_simulator.binance.symbols import symbol_of
from exchange_simulator.isolated import ISOLATED
from exchange_simulator.markets import DAY, WEEK
from exchange_simulator.money import ZERO, plain
from exchange_simulator.records import Fill, LedgerEntry

_MONTH = 30 * DAY


def account(call: Call) -> Result:
    rows, total, owed = [], ZERO, ZERO
    bitcoin = call.world.prices.index("BTC", call.now)
    for balance in call.world.balances(call.now):
        if balance.wallet != "margin":
            continue
        price = call.world.prices.index(balance.asset, call.now) / bitcoin
        total += balance.total * price
        owed += balance.debt * price
        rows.append(
            {
                "asset": balance.asset,
                "borrowed": eight(balance.debt),
                "free": eight(balance.free),
                "interest": eight(ZERO),
                "locked": eight(balance.used),
                "netAsset": eight(balance.total - balance.debt),
            }
        )
    return {
        "created": True,
        "borrowEnabled": True,
        "marginLevel": eight(min(total / owed, Decimal(999)) if owed else Decimal(999)),
        "collateralMarginLevel": "999",
        "totalAssetOfBtc": eight(total),
        "totalLiabilityOfBtc": eight(owed),
        "totalNetAssetOfBtc": eight(total - owed),
        "totalCollateralValueInUSDT": eight(total * bitcoin),
        "totalOpenOrderLossInUSDT": "0",
        "tradeEnabled": True,
        "transferInEnabled": True,
        "transferOutEnabled": True,
        "accountType": "MARGIN_1",
        "userAssets": rows,
    }


def all_pairs(call: Call) -> Result:
    call.text("symbol")
    return [
        {
            "id": str(351_637_150_141_315_861 + place),
            "symbol": symbol_of(market),
            "base": market.base,
            "quote": market.quote,
            "isMarginTrade": True,
            "isBuyAllowed": True,
            "isSellAllowed": True,
        }
        for place, market in enumerate(call.world.catalogue.listed("spot", call.now))
    ]


def borrow_repay(call: Call) -> Result:
    """Newest first, in pages; windows have at most 30 days with an asset, seven without."""
    kind = call.required("type").upper()
    if kind not in ("BORROW", "REPAY"):
        raise missing("type")
    rows = [
        {
            "type": "MANUAL",
            "amount": plain(abs(entry.amount)),
            "asset": entry.asset,
            "interest": "0",
            "principal": plain(abs(entry.amount)),
            "status": "CONFIRMED",
            "timestamp": entry.happened_at,
            "txId": transaction_id(call.world, entry.source),
        }
        for entry in _entries(call, kind.lower(), _MONTH if call.text("asset") else WEEK)
    ]
    name = call.text("txId")
    return _page(call, [row for row in rows if name in ("", str(row["txId"]))])


def interest_history(call: Call) -> Result:
    """Newest first, in pages; windows have at most 30 days. Interest is booked once a day; the real
    exchange books it hourly."""
    rows = []
    for entry in _entries(call, "interest", _MONTH):
        debt = call.world.account.books.debt("margin", entry.asset, entry.happened_at)
        rows.append(
            {
                "txId": transaction_id(call.world, entry.source),
                "interestAccuredTime": entry.happened_at,
                "asset": entry.asset,
                "rawAsset": entry.asset,
                "principal": plain(debt),
                "interest": plain(-entry.amount),
                "interestRate": "0.00023000",
                "type": "PERIODIC",
            }
        )
    return _page(call, rows)


def capital_flow(call: Call) -> Result:
    """The ledger of the last 90 days, ascending: the oldest rows with an id above `fromId`, or the
    newest rows. With a symbol, that of the pair on isolated margin."""
    pair = call.market().name if call.text("symbol") else ""
    kind, asset, above = call.text("type"), call.text("asset"), call.integer("fromId")
    start, end = call.integer("startTime"), call.integer("endTime")
    limit = call.limit(500, 1000)
    start = max(start or 0, call.now - NINETY_DAYS)
    end = call.now if end is None else end
    if pair and pair not in call.world.isolated.pairs:
        return []
    ledger = call.world.account.books.ledger[ISOLATED if pair else "margin"]

    def keep(row: dict[str, Any]) -> bool:
        return kind in ("", row["type"]) and asset in ("", row["asset"])

    if above is None:
        seen = call.exchange.newest_first(ledger, start, end, call.now)
        rows = (row for _, entry in seen for row in reversed(_flows(call, entry, pair)))
        return take(rows, limit, keep)[::-1]
    seen = call.exchange.oldest_first(ledger, start, end, call.now)
    rows = (row for _, entry in seen for row in _flows(call, entry, pair))
    return take(rows, limit, lambda row: row["id"] > above and keep(row))


# -- internals ---------------------------------------------------------------------------------


def _entries(call: Call, kind: str, longest: int) -> list[LedgerEntry]:
    asset = call.text("asset")
    call.text("isolatedSymbol")
    start, end = call.integer("startTime"), call.integer("endTime")
    if start is None and end is None:
        first, last = call.now - WEEK, call.now
    else:
        window = wallet_window(call, longest)
        first, last = window.start, window.end
    ledger = call.world.account.books.ledger["margin"]
    return [
        entry
        for _, entry in call.exchange.newest_first(ledger, first, last, call.now)
        if entry.kind == kind and asset in ("", entry.asset)
    ]


def _page(call: Call, rows: list[dict[str, Any]]) -> Result:
    current, size = call.integer("current") or 1, call.limit(10, 100, "size")
    return {"rows": list(islice(rows, (current - 1) * size, current * size)), "total": len(rows)}


def _flows(call: Call, entry: LedgerEntry, pair: str) -> list[dict[str, Any]]:
    """`pair`: only entries of this pair, on isolated margin; blank: all of cross margin."""
    if pair and call.world.isolated.pair_of(entry) != pair:
        return []
    symbol = symbol_of(entry.source.order.market) if isinstance(entry.source, Fill) else ""
    return [
        {
            "id": int(part.id),
            "tranId": transaction_id(call.world, entry.source),
            "timestamp": entry.happened_at,
            "asset": entry.asset,
            "symbol": call.text("symbol") or symbol,
            "type": part.kind,
            "amount": plain(part.amount),
        }
        for part in parts(call.world, entry)
    ]
