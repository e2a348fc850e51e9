"""The funding wallet, deposits, withdrawals and transfers (documentation: the pages "Get All Coins
Balance", "Get Single Coin Balance", "Get Coin Info", "Get Deposit Records", "Get Internal Deposit
Records", "Get Withdrawal Records", "Get Internal Transfer Records", "Get Universal Transfer
Records")."""

from collections.abc import Callable
from typing import Any

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.names import is_of_earn, transfer_id
from exchange_simulator.identity import uuid
from exchange_simulator.money import ZERO, plain
from exchange_simulator.records import Transfer
from exchange_simulator.treasury import NETWORK_FEES, NETWORKS
from exchange_simulator.world import World

OTHER_USER = "118027304"
"""User id of every other account."""
_WALLETS = {"FUND": "funding", "UNIFIED": "unified"}
_ACCOUNT_TYPES = {wallet: name for name, wallet in _WALLETS.items()}
_NAMES = {"USDT": "Tether", "BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana"}


def coins_balance(call: Call) -> Result:
    account = call.required("accountType")
    if account == "UNIFIED" and not call.text("coin"):
        raise Refused(10001, "params error: coin is required for UNIFIED")
    asked = [coin for coin in call.text("coin").split(",") if coin]
    if len(asked) > 10:
        raise Refused(10001, "params error: at most 10 coins")
    held = _held(call, account)
    coins = asked or sorted(coin for coin, row in held.items() if row["walletBalance"] != "0")
    return {
        "memberId": str(call.key.uid),
        "accountType": account,
        "balance": [held.get(coin, _empty(coin)) for coin in coins],
    }


def coin_balance(call: Call) -> Result:
    account, coin = call.required("accountType"), call.required("coin")
    return {
        "accountId": str(call.key.uid),
        "bizType": 1,
        "accountType": account,
        "memberId": str(call.key.uid),
        "balance": {
            **_held(call, account).get(coin, _empty(coin)),
            "transferSafeAmount": "",
            "ltvTransferSafeAmount": "",
        },
    }


def coin_info(call: Call) -> Result:
    asked = call.text("coin")
    return {
        "rows": [
            {
                "name": _NAMES.get(coin, coin),
                "coin": coin,
                "remainAmount": "10000000",
                "chains": [
                    {
                        "chain": network,
                        "chainType": network,
                        "confirmation": "12",
                        "withdrawFee": plain(NETWORK_FEES[coin]),
                        "depositMin": "0",
                        "withdrawMin": "0.001",
                        "minAccuracy": "8",
                        "chainDeposit": "1",
                        "chainWithdraw": "1",
                        "withdrawPercentageFee": "0",
                        "contractAddress": "",
                        "safeConfirmNumber": "64",
                    }
                ],
            }
            for coin, network in NETWORKS.items()
            if not asked or coin == asked
        ]
    }


def deposits(call: Call) -> Result:
    world = call.exchange.world
    rows, cursor = _transfers(call, 30, 50, lambda t: t.kind == "deposit" and bool(t.network))
    return {
        "rows": [
            {
                "id": transfer_id(world, deposit),
                "coin": deposit.asset,
                "chain": deposit.network,
                "amount": plain(deposit.amount),
                "txID": deposit.txid,
                "status": 3,
                "toAddress": f"simulated-{deposit.network.lower()}-address",
                "tag": "",
                "depositFee": "",
                "successAt": str(deposit.happened_at),
                "confirmations": "64",
                "txIndex": "0",
                "blockHash": deposit.txid[::-1],
                "batchReleaseLimit": "-1",
                "depositType": "0",
                "fromAddress": "",
                "taxDepositRecordsId": "",
                "taxStatus": 0,
            }
            for deposit in rows
        ],
        "nextPageCursor": cursor,
    }


def internal_deposits(call: Call) -> Result:
    """Deposits from other users of the exchange. Times are in seconds, as in the page's sample."""
    world = call.exchange.world
    rows, cursor = _transfers(call, 30, 50, lambda t: t.kind == "deposit" and not t.network)
    return {
        "rows": [
            {
                "id": transfer_id(world, deposit).removeprefix("internal_"),
                "amount": plain(deposit.amount),
                "type": 1,
                "coin": deposit.asset,
                "address": "frie***@example.com",
                "status": 2,
                "createdTime": str(deposit.happened_at // 1000),
                "fromMemberId": OTHER_USER,
                "txID": uuid(world.seed, "internal", deposit.number)[:-4],
                "complianceStatus": 0,
                "taxDepositRecordsId": "0",
                "taxStatus": 0,
            }
            for deposit in rows
        ],
        "nextPageCursor": cursor,
    }


def withdrawals(call: Call) -> Result:
    """Only a key of the main account may list them; which error others get is not documented."""
    if call.key.sub_account:
        raise Refused(10005)
    world, now = call.exchange.world, call.now
    wanted = call.integer("withdrawType") or 0  # 0: to a blockchain, 1: to another user, 2: all
    rows, cursor = _transfers(
        call, 30, 50, lambda t: t.kind == "withdrawal" and wanted in (2, 0 if t.network else 1)
    )
    statuses = {"pending": "Pending", "ok": "success", "canceled": "CancelByUser"}
    return {
        "rows": [
            {
                "coin": withdrawal.asset,
                "chain": withdrawal.network,
                "amount": plain(withdrawal.amount),
                "txID": withdrawal.txid if withdrawal.status(now) == "ok" else "",
                "status": statuses[withdrawal.status(now)],
                "toAddress": f"external-{withdrawal.network.lower()}-address",
                "tag": "",
                "withdrawFee": plain(withdrawal.fee),
                "createTime": str(withdrawal.happened_at),
                "updateTime": str(
                    withdrawal.done_at if withdrawal.done_at <= now else withdrawal.happened_at
                ),
                "withdrawId": transfer_id(world, withdrawal),
                "withdrawType": 0 if withdrawal.network else 1,
                "fee": "",
                "tax": "",
                "taxRate": "",
                "taxType": "",
            }
            for withdrawal in rows
        ],
        "nextPageCursor": cursor,
    }


def internal_transfers(call: Call) -> Result:
    """Between wallets of this account."""
    rows, cursor = _transfers(
        call,
        7,
        20,
        lambda t: (
            t.kind == "transfer" and bool(t.from_wallet and t.to_wallet) and not is_of_earn(t)
        ),
    )
    return {"list": [_moved(call, transfer) for transfer in rows], "nextPageCursor": cursor}


def universal_transfers(call: Call) -> Result:
    """Between accounts of the same owner. A main account's list also has those between two other
    accounts."""
    rows, cursor = _transfers(
        call, 7, 20, lambda t: t.kind == "transfer" and not (t.from_wallet and t.to_wallet)
    )
    return {
        "list": [_moved(call, t) | _members(str(call.key.uid), t) for t in rows],
        "nextPageCursor": cursor,
    }


def _members(own: str, transfer: Transfer) -> dict[str, str]:
    if transfer.between:
        sender, receiver = str(transfer.between.sender), str(transfer.between.receiver)
    else:
        sender = own if transfer.from_wallet else OTHER_USER
        receiver = own if transfer.to_wallet else OTHER_USER
    return {"fromMemberId": sender, "toMemberId": receiver}


def _moved(call: Call, transfer: Transfer) -> dict[str, Any]:
    return {
        "transferId": transfer_id(call.exchange.world, transfer),
        "coin": transfer.asset,
        "amount": plain(transfer.amount),
        "fromAccountType": _ACCOUNT_TYPES.get(transfer.from_wallet, "UNIFIED"),
        "toAccountType": _ACCOUNT_TYPES.get(transfer.to_wallet, "UNIFIED"),
        "timestamp": str(transfer.happened_at),
        "status": "SUCCESS",
    }


def _transfers(
    call: Call, days: int, default_limit: int, listed: Callable[[Transfer], bool]
) -> tuple[list[Transfer], str]:
    first, last = call.window(days)
    world: World = call.exchange.world
    transfers = world.account.transfers
    coin = call.text("coin")
    names = {call.text(n) for n in ("transferId", "withdrawID", "id", "txID") if call.text(n)}

    def keep(transfer: Transfer) -> bool:
        return (
            listed(transfer)
            and (not coin or transfer.asset == coin)
            and (not names or bool(names & {transfer_id(world, transfer), transfer.txid}))
        )

    return call.newest_first(transfers, (first, last), call.limit(default_limit, 50), keep)


def _held(call: Call, account: str) -> dict[str, dict[str, Any]]:
    wallet = _WALLETS.get(account)
    if wallet is None:
        raise Refused(10001, f"params error: accountType {account} is not supported")
    return {
        balance.asset: {
            "coin": balance.asset,
            "transferBalance": plain(max(balance.free, ZERO)),
            "walletBalance": plain(balance.total),
            "bonus": "",
        }
        for balance in call.exchange.world.balances(call.now)
        if balance.wallet == wallet
    }


def _empty(coin: str) -> dict[str, Any]:
    return {"coin": coin, "transferBalance": "0", "walletBalance": "0", "bonus": ""}
