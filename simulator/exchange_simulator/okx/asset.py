"""The funding account (documentation: "Get currencies", "Get balance", "Get account asset
valuation", "Get funds transfer state", "Asset bills details", "Asset bills history", "Get deposit
history", "Get withdrawal history", "Get convert history")."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from exchange_simulator.markets import DAY, MINUTE
from exchange_simulator.money import CENT, ZERO, nearest, plain
from exchange_simulator.okx import account, names
from exchange_simulator.okx.answers import Refused
from exchange_simulator.okx.bills import ACCOUNTS
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.pages import by_id, by_time
from exchange_simulator.records import Conversion, LedgerEntry, Transfer, TransferKind
from exchange_simulator.treasury import NETWORK_FEES, NETWORKS
from exchange_simulator.world import World

_MONTH = 30 * DAY
_UPDATED_EVERY, _DELAY = MINUTE // 2, MINUTE
"""The page warns of delays in high-traffic periods."""
_NAMES = {"USDT": "Tether", "BTC": "Bitcoin", "ETH": "Ethereum", "SOL": "Solana"}
_WITHDRAWAL_STATES = {"pending": "0", "ok": "2", "canceled": "-2"}


def currencies(call: Call) -> Data:
    asked = call.texts("ccy")
    return [
        {
            "burningFeeRate": "",
            "canDep": True,
            "canInternal": True,
            "canWd": True,
            "ccy": asset,
            "chain": names.chain(asset, network),
            "ctAddr": "",
            "depEstOpenTime": "",
            "depQuotaFixed": "",
            "depQuoteDailyLayer2": "",
            "fee": plain(NETWORK_FEES[asset]),
            "logoLink": "",
            "mainNet": asset == network,
            "maxFee": plain(NETWORK_FEES[asset]),
            "maxFeeForCtAddr": "",
            "maxWd": "8852150",
            "minDep": "0.00001",
            "minDepArrivalConfirm": "12",
            "minFee": plain(NETWORK_FEES[asset]),
            "minFeeForCtAddr": "",
            "minInternal": "0.0001",
            "minWd": "0.001",
            "minWdUnlockConfirm": "64",
            "name": _NAMES.get(asset, asset),
            "needTag": False,
            "usedDepQuotaFixed": "",
            "usedWdQuota": "0",
            "wdEstOpenTime": "",
            "wdQuota": "10000000",
            "wdTickSz": "8",
        }
        for asset, network in NETWORKS.items()
        if not asked or asset in asked
    ]


def balances(call: Call) -> Data:
    """Only assets with a balance."""
    asked = call.texts("ccy")
    return [
        {
            "availBal": plain(held.free),
            "bal": plain(held.total),
            "ccy": held.asset,
            "frozenBal": plain(held.used),
        }
        for held in call.world.balances(call.now)
        if held.wallet == names.FUNDING and held.total and (not asked or held.asset in asked)
    ]


def valuation(call: Call) -> Data:
    """In BTC unless `ccy` is set. `classic` is deprecated."""
    prices, unit = call.world.prices, call.text("ccy") or "BTC"
    if unit not in ("BTC", "USDT", "USD"):
        raise Refused(51000, "ccy")
    price = prices.index(unit, call.now)

    def worth(amounts: dict[str, Decimal]) -> Decimal:
        return sum((amount * prices.index(a, call.now) for a, amount in amounts.items()), ZERO)

    held = call.world.balances(call.now)
    funding = {h.asset: h.total for h in held if h.wallet == names.FUNDING}
    trading: Any = account.balance(call)[0]
    dollars = {
        "classic": ZERO,
        "earn": worth(dict(call.world.layout.elsewhere.get("earn", {})))
        + worth({h.asset: h.total for h in held if h.wallet == names.EARN}),
        "funding": worth(funding),
        "trading": Decimal(trading["totalEq"]),
    }
    step = CENT if unit != "BTC" else Decimal("0.00000001")
    details = {name: (value / price).quantize(step) for name, value in dollars.items()}
    return [
        {
            "details": {name: plain(value) for name, value in details.items()},
            "totalBal": plain(sum(details.values(), ZERO)),
            "ts": str(call.now),
        }
    ]


def deposits(call: Call) -> Data:
    world, state = call.world, call.text("state")
    if state not in ("", "2"):
        return []
    return [
        {
            "actualDepBlkConfirm": "64",
            "amt": plain(deposit.amount),
            "areaCodeFrom": "",
            "ccy": deposit.asset,
            "chain": names.chain(deposit.asset, deposit.network),
            "depId": names.transfer_id(world, deposit),
            "from": "",
            "fromWdId": "",
            "state": "2",
            "to": f"simulated-{deposit.network.lower()}-address",
            "ts": str(deposit.happened_at),
            "txId": deposit.txid,
        }
        for deposit in _moved(call, "deposit", "depId")
    ]


def withdrawals(call: Call) -> Data:
    world, now, state = call.world, call.now, call.text("state")
    return [
        {
            "addrEx": None,
            "amt": plain(withdrawal.amount),
            "areaCodeFrom": "",
            "areaCodeTo": "",
            "ccy": withdrawal.asset,
            "chain": names.chain(withdrawal.asset, withdrawal.network),
            "clientId": "",
            "fee": plain(withdrawal.fee),
            "feeCcy": withdrawal.asset,
            "from": "",
            "memo": "",
            "nonTradableAsset": False,
            "note": "",
            "state": _WITHDRAWAL_STATES[withdrawal.status(now)],
            "to": f"external-{withdrawal.network.lower()}-address",
            "toAddrType": "1",
            "ts": str(withdrawal.happened_at),
            "txId": withdrawal.txid if withdrawal.status(now) == "ok" else "",
            "wdId": names.transfer_id(world, withdrawal),
        }
        for withdrawal in _moved(
            call,
            "withdrawal",
            "wdId",
            lambda row: not state or _WITHDRAWAL_STATES[row.status(now)] == state,
        )
    ]


def transfer_state(call: Call) -> Data:
    """`transId` is the id returned when the transfer was requested."""
    asked = call.required("transId")
    for transfer in call.world.account.transfers.rows:
        if (
            transfer.kind == "transfer"
            and transfer.happened_at <= call.now
            and _ordered_as(transfer) == asked
        ):
            return [
                {
                    "amt": plain(transfer.amount),
                    "ccy": transfer.asset,
                    "clientId": "",
                    "from": ACCOUNTS[transfer.from_wallet],
                    "instId": "",
                    "state": "success",
                    "subAcct": "",
                    "to": ACCOUNTS[transfer.to_wallet],
                    "toInstId": "",
                    "transId": asked,
                    "type": "0",
                }
            ]
    raise Refused(58129, "transId")


def bills(call: Call) -> Data:
    """Bills of the last month, paged by time."""
    ledger, keep = call.world.account.books.ledger[names.FUNDING], _wanted(call)
    return _bills(call.world, by_time(call, ledger, keep, since=call.now - _MONTH))


def bills_history(call: Call) -> Data:
    """All bills, paged by time or (`pagingType` 2) by id; updated every half a minute, and a minute
    late."""
    ledger, keep = call.world.account.books.ledger[names.FUNDING], _wanted(call)
    paging = call.text("pagingType") or "1"
    updated = call.now - call.now % _UPDATED_EVERY - _DELAY
    if paging == "1":
        return _bills(call.world, by_time(call, ledger, keep, until=updated))
    if paging == "2":
        return _bills(call.world, by_id(call, ledger, names.bill_number, keep, until=updated))
    raise Refused(51000, "pagingType")


def convert_history(call: Call) -> Data:
    """Times are whole seconds, as in the page's example."""
    asked = call.text("clTReqId")
    made = call.world.account.conversions
    conversions = (
        []
        if asked
        else by_time(call, made, lambda row: row.wallet == names.TRADING and not row.repays)
    )
    return [_conversion(call.world, conversion) for conversion in conversions]


def _conversion(world: World, conversion: Conversion) -> dict[str, Any]:
    """Of two currencies, the base currency is the one that is no dollar."""
    buys = conversion.from_asset == "USDT"
    given = (conversion.from_asset, conversion.from_amount)
    received = (conversion.to_asset, conversion.to_amount)
    base, quote = (received, given) if buys else (given, received)
    return {
        "baseCcy": base[0],
        "clTReqId": "",
        "fillBaseSz": plain(base[1]),
        "fillPx": plain(nearest(quote[1] / base[1])),
        "fillQuoteSz": plain(quote[1]),
        "instId": f"{base[0]}-{quote[0]}",
        "quoteCcy": quote[0],
        "side": "buy" if buys else "sell",
        "state": "fullyFilled",
        "tradeId": names.conversion_id(world, conversion),
        "ts": str(conversion.happened_at // 1000 * 1000),
    }


def _ordered_as(transfer: Transfer) -> str:
    return str(464_000_000 + transfer.number)


def _moved(
    call: Call,
    kind: TransferKind,
    id_name: str,
    also: Callable[[Transfer], bool] = lambda transfer: True,
) -> list[Transfer]:
    world = call.world
    asset, asked, txid = call.text("ccy"), call.text(id_name), call.text("txId")
    # there are no transfers between users of the exchange
    on_chain = call.text("type") in ("", "4")

    def keep(transfer: Transfer) -> bool:
        return (
            transfer.kind == kind
            and on_chain
            and (not asset or transfer.asset == asset)
            and (not asked or names.transfer_id(world, transfer) == asked)
            and (not txid or transfer.txid == txid)
            and also(transfer)
        )

    return by_time(call, world.account.transfers, keep)


def _wanted(call: Call) -> Callable[[LedgerEntry], bool]:
    asset, type = call.text("ccy"), call.text("type")

    def keep(entry: LedgerEntry) -> bool:
        return (not asset or entry.asset == asset) and (not type or names.entry_kind(entry) == type)

    return keep


def _bills(world: World, entries: list[LedgerEntry]) -> list[dict[str, Any]]:
    return [
        {
            "bal": plain(entry.balance_after),
            "balChg": plain(entry.amount),
            "billId": names.entry_id(world, entry),
            "ccy": entry.asset,
            "clientId": "",
            "notes": "",
            "ts": str(entry.happened_at),
            "type": names.entry_kind(entry),
        }
        for entry in entries
    ]
