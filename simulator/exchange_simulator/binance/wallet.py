"""Deposits, withdrawals, transfers and the balances of all wallets (documentation, Wallet: "All
Coins' Information", "Deposit History", "Withdraw History", "Query User Universal Transfer History",
"Funding Wallet", "User Asset", "Query User Wallet Balance")."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from exchange_simulator.binance import portfolio_margin
from exchange_simulator.binance.answers import missing
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.names import transaction_id, transfer_id
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.binance.retention import SIX_MONTHS
from exchange_simulator.markets import DAY, WEEK
from exchange_simulator.money import ZERO, plain
from exchange_simulator.records import Transfer, TransferKind, Wallet
from exchange_simulator.treasury import NETWORK_FEES, NETWORKS

_ACCOUNTS: dict[str, Wallet] = {
    "MAIN": "spot",
    "FUNDING": "funding",
    "MARGIN": "margin",
    "UMFUTURE": "usdm",
    "CMFUTURE": "coinm",
    "OPTION": "option",
    "PORTFOLIO_MARGIN": "portfolio margin",
}
_WALLET_NAMES: dict[Wallet, str] = {
    "spot": "Spot",
    "funding": "Funding",
    "margin": "Cross Margin",
    "usdm": "USDⓈ-M Futures",
    "coinm": "COIN-M Futures",
}
_ELSEWHERE = ("Isolated Margin", "Earn", "Options", "Trading Bots", "Copy Trading")
"""The other wallets of the sample, which the simulated account does not have."""
_NAMES = {"USDT": "TetherUS", "BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana"}
_WITHDRAWAL_STATUSES = {"pending": 4, "ok": 6, "canceled": 1}
_LONGEST = 90 * DAY


def coins(call: Call) -> Result:
    held = {b.asset: b for b in call.world.balances(call.now) if b.wallet == "spot"}
    return [
        {
            "coin": coin,
            "depositAllEnable": True,
            "withdrawAllEnable": True,
            "name": _NAMES.get(coin, coin),
            "free": eight(held[coin].free) if coin in held else "0",
            "locked": eight(held[coin].used) if coin in held else "0",
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": False,
            "trading": True,
            "networkList": [_network(coin, network)],
        }
        for coin, network in NETWORKS.items()
    ]


def deposits(call: Call) -> Result:
    call.text("includeSource")
    status, txid = call.text("status"), call.text("txId")
    rows = [
        {
            "id": transfer_id(call.world, deposit),
            "amount": plain(deposit.amount),
            "coin": deposit.asset,
            "network": deposit.network,
            "status": 1,
            "address": f"simulated-{deposit.network.lower()}-address",
            "addressTag": "",
            "txId": deposit.txid,
            "insertTime": deposit.happened_at,
            "completeTime": deposit.done_at,
            "transferType": 0,
            "confirmTimes": "64/64",
            "unlockConfirm": 0,
            "walletType": 0,
            "travelRuleStatus": 0,
        }
        for deposit in _chain(call, "deposit")
        if status in ("", "1") and txid in ("", deposit.txid)
    ]
    return _page(call, rows)


def withdrawals(call: Call) -> Result:
    """Times are in whole seconds, as strings without a time zone (UTC)."""
    status, names = call.text("status"), set(filter(None, call.text("idList").split(",")))
    call.text("withdrawOrderId")
    rows = []
    for withdrawal in _chain(call, "withdrawal"):
        state = withdrawal.status(call.now)
        row: dict[str, Any] = {
            "id": transfer_id(call.world, withdrawal),
            "amount": plain(withdrawal.amount),
            "transactionFee": plain(withdrawal.fee),
            "coin": withdrawal.asset,
            "status": _WITHDRAWAL_STATUSES[state],
            "address": f"external-{withdrawal.network.lower()}-address",
            "addressTag": "",
            "txId": withdrawal.txid if state == "ok" else "",
            "applyTime": _second(withdrawal.happened_at),
            "network": withdrawal.network,
            "transferType": 0,
            "info": "",
            "confirmNo": 64 if state == "ok" else 0,
            "walletType": 0,
            "txKey": "",
        }
        if state == "ok":
            row["completeTime"] = _second(withdrawal.done_at)
        if status in ("", str(row["status"])) and (not names or row["id"] in names):
            rows.append(row)
    return _page(call, rows)


def universal_transfers(call: Call) -> Result:
    """One direction per request, newest first; served for six months. An answer without rows has no
    `rows`."""
    kind = call.required("type")
    source = next((name for name in _ACCOUNTS if kind.startswith(f"{name}_")), "")
    target = kind.removeprefix(f"{source}_")
    if not source or target not in _ACCOUNTS:
        raise missing("type")
    start, end = call.integer("startTime"), call.integer("endTime")
    if start is None:
        start = (call.now if end is None else end) - WEEK
    start, end = max(start, call.now - SIX_MONTHS), call.now if end is None else end
    current, size = call.integer("current") or 1, call.limit(10, 100, "size")
    transfers = call.world.account.transfers
    rows = [
        {
            "timestamp": transfer.happened_at,
            "asset": transfer.asset,
            "amount": plain(transfer.amount),
            "type": kind,
            "status": "CONFIRMED",
            "tranId": transaction_id(call.world, transfer),
        }
        for _, transfer in call.exchange.newest_first(transfers, start, end, call.now)
        if transfer.kind == "transfer"
        and transfer.from_wallet == _ACCOUNTS[source]
        and transfer.to_wallet == _ACCOUNTS[target]
    ]
    page = rows[(current - 1) * size : current * size]
    return {"total": len(rows), "rows": page} if rows else {"total": 0}


def funding_assets(call: Call) -> Result:
    """Only assets with a balance."""
    asked = call.text("asset")
    return [
        {
            "asset": balance.asset,
            "free": plain(balance.free),
            "locked": "0",
            "freeze": "0",
            "withdrawing": "0",
            "btcValuation": eight(_worth(call, balance.asset, balance.total, "BTC")),
        }
        for balance in call.world.balances(call.now)
        if balance.wallet == "funding" and balance.total and asked in ("", balance.asset)
    ]


def user_assets(call: Call) -> Result:
    """Only spot assets with a balance."""
    asked = call.text("asset")
    return [
        {
            "asset": balance.asset,
            "free": plain(balance.free),
            "locked": plain(balance.used),
            "freeze": "0",
            "withdrawing": "0",
            "ipoable": "0",
            "btcValuation": "0",
        }
        for balance in call.world.balances(call.now)
        if balance.wallet == "spot" and balance.total and asked in ("", balance.asset)
    ]


def wallet_balances(call: Call) -> Result:
    """The value of each wallet, in BTC unless `quoteAsset` is set."""
    quote = call.text("quoteAsset") or "BTC"
    names = _WALLET_NAMES | ({"earn": "Earn"} if call.world.layout.saves else {})
    if call.world.isolated.pairs:
        names |= {"isolated": "Isolated Margin"}
    if "option" in call.world.layout.wallets:
        names |= {"option": "Options"}
    worth = dict.fromkeys(names, ZERO)
    for balance in call.world.balances(call.now):
        if balance.wallet in names:  # no book of the page has what is being redeemed
            net = balance.total - balance.debt
            worth[balance.wallet] += _worth(call, balance.asset, net, quote)
    portfolio = {
        name: sum((_worth(call, *held, quote) for held in amounts.items()), ZERO)
        for name, amounts in portfolio_margin.books(call).items()
    }
    opened, elsewhere = call.world.layout.wallets, call.world.layout.elsewhere
    return [
        *(
            {"activate": wallet in opened, "balance": eight(worth[wallet]), "walletName": name}
            for wallet, name in names.items()
        ),
        *(
            {"activate": True, "balance": eight(total), "walletName": name}
            for name, total in portfolio.items()
        ),
        *(
            {
                "activate": name in elsewhere,
                "balance": eight(
                    sum((_worth(call, *held, quote) for held in elsewhere[name].items()), ZERO)
                )
                if name in elsewhere
                else "0",
                "walletName": name,
            }
            for name in dict.fromkeys((*_ELSEWHERE, *elsewhere))
            if name not in names.values()
        ),
    ]


# -- internals ---------------------------------------------------------------------------------


def _chain(call: Call, kind: TransferKind) -> list[Transfer]:
    """Newest first, within a window of at most 90 days."""
    window, coin = wallet_window(call, _LONGEST), call.text("coin")
    transfers = call.world.account.transfers
    return [
        transfer
        for _, transfer in call.exchange.newest_first(transfers, window.start, window.end, call.now)
        if transfer.kind == kind and transfer.network and coin in ("", transfer.asset)
    ]


def _page(call: Call, rows: list[dict[str, Any]]) -> Result:
    offset, limit = call.integer("offset") or 0, call.limit(1000, 1000)
    return list(islice(rows, offset, offset + limit))


def _second(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _worth(call: Call, asset: str, amount: Decimal, quote: str) -> Decimal:
    prices = call.world.prices
    return amount * prices.index(asset, call.now) / prices.index(quote, call.now)


def _network(coin: str, network: str) -> dict[str, Any]:
    return {
        "network": network,
        "coin": coin,
        "withdrawIntegerMultiple": "0.00000001",
        "isDefault": True,
        "depositEnable": True,
        "withdrawEnable": True,
        "depositDesc": "",
        "withdrawDesc": "",
        "specialTips": "",
        "name": network,
        "resetAddressStatus": False,
        "addressRegex": "",
        "memoRegex": "",
        "withdrawFee": plain(NETWORK_FEES[coin]),
        "withdrawMin": "0.001",
        "withdrawMax": "10000000000",
        "depositDust": "0",
        "minConfirm": 1,
        "unLockConfirm": 0,
        "sameAddress": False,
        "estimatedArrivalTime": 5,
        "busy": False,
        "contractAddress": "",
    }
