"""Deposits and withdrawals (documentation: "Get Deposit Methods", "Get Status of Recent Deposits",
"Get Withdrawal Methods", "Get Status of Recent Withdrawals").

Only the last 90 days are listed, whatever `start` says; the ledger has all. Times are whole
seconds; `start` and `end` (fractions count) are both inclusive. Without `cursor` only the newest
page is returned. With `cursor=true` the answer is an object with the cursor of the next page. A
page has 25 deposits or 500 withdrawals, or `limit` if that is smaller.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from math import ceil, floor
from typing import Any, Literal

from exchange_simulator.kraken import names
from exchange_simulator.kraken.answers import (
    INVALID_ARGUMENTS,
    UNKNOWN_FUNDING_ASSET,
    Refused,
)
from exchange_simulator.kraken.call import Call, Result
from exchange_simulator.kraken.numbers import of_asset
from exchange_simulator.kraken.symbols import asset_altname, asset_id
from exchange_simulator.markets import DAY
from exchange_simulator.records import Transfer
from exchange_simulator.treasury import NETWORK_FEES, NETWORKS

LISTED = 90 * DAY
_METHODS = {
    "USDT": "Tether USD (TRC20)",
    "USDC": "USDC",
    "BTC": "Bitcoin",
    "ETH": "Ether (Hex)",
    "SOL": "Solana",
    "XRP": "Ripple XRP",
    "FTM": "Fantom",
}
_NETWORKS = {
    "TRX": "Tron",
    "ETH": "Ethereum",
    "BTC": "Bitcoin",
    "SOL": "Solana",
    "XRP": "Ripple",
    "FTM": "Fantom",
}
_STATUSES = {"pending": "Pending", "ok": "Success", "canceled": "Failure"}


def deposit_methods(call: Call) -> Result:
    asset = _asset(call)
    if asset is None:
        raise Refused(INVALID_ARGUMENTS)
    return [{"method": _METHODS[asset], "limit": False, "gen-address": True, "minimum": "0.00001"}]


def withdraw_methods(call: Call) -> Result:
    asked = _asset(call)
    return [
        {
            "asset": asset_id(asset),
            "method": _METHODS[asset],
            "network": _NETWORKS[network],
            "minimum": of_asset(2 * NETWORK_FEES[asset], asset),
        }
        for asset, network in NETWORKS.items()
        if asked in (None, asset)
    ]


def deposit_status(call: Call) -> Result:
    return _page(call, "deposit", "deposit", 25)


def withdraw_status(call: Call) -> Result:
    return _page(call, "withdrawal", "withdrawals", 500)


def _page(call: Call, kind: Literal["deposit", "withdrawal"], name: str, most: int) -> Result:
    exchange, asset, method = call.exchange, _asset(call), call.text("method")
    paged, seen = _cursor(call)
    limit = max(min(call.integer("limit", most), most), 1)
    transfers = exchange.newest_first(
        exchange.world.account.transfers,
        max(_bound(call, "start", 0), call.now - LISTED),
        _bound(call, "end", call.now),
        call.now,
        from_index=None if seen is None else seen - 1,
    )
    found: list[tuple[int, Transfer]] = []
    more = False
    for index, transfer in transfers:
        if transfer.kind != kind or asset not in (None, transfer.asset):
            continue
        if method and method != _METHODS[transfer.asset]:
            continue
        if len(found) == limit:
            more = True
            break
        found.append((index, transfer))
    rows = [_row(call, transfer) for _, transfer in found]
    if not paged:
        return rows
    return {name: rows, "next_cursor": _cursor_behind(found[-1][0]) if more else None}


def _row(call: Call, transfer: Transfer) -> dict[str, Any]:
    world, asset, status = call.exchange.world, transfer.asset, transfer.status(call.now)
    incoming = transfer.kind == "deposit"
    row: dict[str, Any] = {
        "method": _METHODS[asset],
        "aclass": "currency",
        "asset": asset_id(asset),
        "refid": names.transfer_id(world, transfer),
        "txid": transfer.txid if status == "ok" else None,
        "info": f"{'simulated' if incoming else 'external'}-{transfer.network.lower()}-address",
        "amount": of_asset(transfer.amount, asset),
        # Kraken's own sample has rows without a fee
        **({"fee": of_asset(transfer.fee, asset)} if transfer.fee or transfer.number % 2 else {}),
        "time": transfer.happened_at // 1000,
        "status": _STATUSES[status],
    }
    if status == "canceled":
        row["status-prop"] = "canceled"
    if not incoming:
        row |= {
            "key": f"{asset_altname(asset)} cold wallet",
            "network": _NETWORKS[transfer.network],
        }
    return row


def _asset(call: Call) -> str | None:
    asked = call.text("asset")
    if not asked:
        return None
    for asset in NETWORKS:
        if asked in (asset_id(asset), asset_altname(asset)):
            return asset
    raise Refused(UNKNOWN_FUNDING_ASSET)


def _bound(call: Call, name: str, default: int) -> int:
    """Milliseconds. Rows have whole seconds, so a bound half a second later excludes the row."""
    if not call.text(name):
        return default
    seconds = call.timestamp(name)
    if seconds is None:
        raise Refused(INVALID_ARGUMENTS)
    return ceil(seconds) * 1000 if name == "start" else floor(seconds) * 1000 + 999


def _cursor(call: Call) -> tuple[bool, int | None]:
    """Whether the answer is paged, and the index of the last row that the caller has received."""
    text = call.text("cursor")
    if text.lower() in ("", "false"):
        return False, None
    if text.lower() == "true":
        return True, None
    try:
        name, _, index = urlsafe_b64decode(text).decode().partition(":")
    except ValueError:
        raise Refused(INVALID_ARGUMENTS) from None
    if name != "before" or not index.isdigit():
        raise Refused(INVALID_ARGUMENTS)
    return True, int(index)


def _cursor_behind(index: int) -> str:
    return urlsafe_b64encode(f"before:{index}".encode()).decode()
