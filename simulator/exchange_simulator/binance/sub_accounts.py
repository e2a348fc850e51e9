"""Sub-accounts (documentation, Sub Account, 2026-08-21: "Query Sub-account List", "Query Universal
Transfer History", "Sub-account Transfer History"). The error that the key of the wrong account gets
is not documented."""

from typing import Any

from exchange_simulator.binance.answers import Refused
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.names import transaction_id
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.markets import DAY, WEEK
from exchange_simulator.money import plain
from exchange_simulator.records import Transfer, Wallet

_MONTH = 30 * DAY
_ACCOUNT_TYPES: dict[Wallet, str] = {
    "spot": "SPOT",
    "margin": "MARGIN",
    "isolated": "ISOLATED_MARGIN",
    "usdm": "USDT_FUTURE",
    "coinm": "COIN_FUTURE",
}
_IN, _OUT = "1", "2"


def email(uid: int) -> str:
    return f"account{uid}@example.com"


def listed(call: Call) -> Result:
    """Of the master account. One row per page by default."""
    if call.key.sub_account:
        raise Refused(-2015)
    page, limit = call.integer("page") or 1, call.limit(1, 200)
    first = (page - 1) * limit
    return {
        "subAccounts": [
            {
                "subUserId": sub.uid,
                "email": sub.name,
                "remark": "",
                "isFreeze": sub.frozen,
                "createTime": sub.created_at,
                "isManagedSubAccount": False,
                "isAssetManagementSubAccount": False,
            }
            for sub in call.exchange.sub_accounts[first : first + limit]
        ]
    }


def universal_transfers(call: Call) -> Result:
    """Of the master account: those of one sender or receiver, by default what the master account
    sent, of less than seven days. The order is not documented: here newest first."""
    if call.key.sub_account:
        raise Refused(-2015)
    sender, receiver = call.text("fromEmail"), call.text("toEmail")
    if sender and receiver:
        raise Refused(-1128)
    name = call.text("clientTranId")
    own = email(call.key.uid)
    rows = []
    for transfer in between(call, WEEK - 1):
        assert transfer.between is not None
        ends = email(transfer.between.sender), email(transfer.between.receiver)
        asked = ends[1] == receiver if receiver else ends[0] == (sender or own)
        if asked and not name:
            rows.append(_universal(call, transfer, *ends))
    page, limit = call.integer("page") or 1, call.limit(500, 500)
    return {"result": rows[(page - 1) * limit : page * limit], "totalCount": len(rows)}


def sub_account_transfers(call: Call) -> Result:
    """Of a sub-account: what it sent, or with type 1 what it received. The order is not documented:
    here newest first."""
    if not is_sub_account(call):
        raise Refused(-2015)
    kind, asset = call.text("type") or _OUT, call.text("asset")
    call.text("returnFailHistory")
    limit, rows = call.limit(500, 500), []
    for transfer in between(call, _MONTH):
        assert transfer.between is not None
        received = transfer.between.receiver == call.key.uid
        if received is (kind == _IN) and asset in ("", transfer.asset):
            other = transfer.between.sender if received else transfer.between.receiver
            rows.append(_of_sub_account(call, transfer, kind, other))
    return rows[:limit]


def is_sub_account(call: Call) -> bool:
    return call.key.sub_account


def between(call: Call, longest: int) -> list[Transfer]:
    """Newest first. The last `longest` milliseconds if neither end was sent."""
    window = wallet_window(call, longest)
    timeline = call.world.account.transfers
    found = call.exchange.newest_first(timeline, window.start, window.end, call.now)
    return [transfer for _, transfer in found if transfer.between is not None]


def _types(transfer: Transfer) -> dict[str, str]:
    """Both wallets are of one kind."""
    wallet = _ACCOUNT_TYPES[transfer.from_wallet or transfer.to_wallet or "spot"]
    return {"fromAccountType": wallet, "toAccountType": wallet}


def _universal(call: Call, transfer: Transfer, sender: str, receiver: str) -> dict[str, Any]:
    return {
        "tranId": transaction_id(call.world, transfer),
        "fromEmail": sender,
        "toEmail": receiver,
        "asset": transfer.asset,
        "amount": plain(transfer.amount),
        "createTimeStamp": transfer.happened_at,
        **_types(transfer),
        "status": "SUCCESS",
        "clientTranId": "",
    }


def _of_sub_account(call: Call, transfer: Transfer, kind: str, other: int) -> dict[str, Any]:
    return {
        "counterParty": "subAccount",
        "email": email(other),
        "type": int(kind),
        "asset": transfer.asset,
        "qty": plain(transfer.amount),
        **_types(transfer),
        "status": "SUCCESS",
        "tranId": transaction_id(call.world, transfer),
        "time": transfer.happened_at,
    }
