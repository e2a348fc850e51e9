"""Binance: spot, cross and isolated margin, USD-M and COIN-M futures.

Pages of its documentation: Account trade list, All orders, Current open orders, Query order, Query
Margin Account's Trade List, ... All Orders, ... Open Orders, Account Trade List and Get Income
History of both futures, Position Information, Deposit History, Withdraw History, Query User
Universal Transfer History, Query Cross Isolated Margin Capital Flow, Get API Key Permission
(developers.binance.com).

Fills and orders are listed for one market at a time, so every market is a stream. Ids rise with
time there, within a market; they repeat across markets. Spot has no ledger.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import (
    Caller,
    Feed,
    Raw,
    at,
    between,
    milliseconds,
    to_time,
)
from alphapulse_pipeline.exchange.markets import pair_of, unified
from alphapulse_pipeline.exchange.rights import Rights
from alphapulse_pipeline.exchange.venues.venue import Amend, Source, Venue, Wallet
from alphapulse_pipeline.exchange.walker import FromId, Whole, Windows

SPOT, MARGIN, ISOLATED, USDM, COINM, FUNDING = (
    *("spot", "margin", "isolated", "usdm", "coinm", "funding"),
)
# where a market's history is asked for: the wallet, ccxt's flag of the markets, the methods' stem,
# the most orders a page, how far back fills and orders are served, and what else is sent
_PLACES: tuple[tuple[str, str, str, int, int | None, int | None, dict[str, Any]], ...] = (
    (SPOT, "spot", "privateGet", 1000, None, None, {}),
    (MARGIN, "spot", "sapiGetMargin", 500, None, None, {"isIsolated": "FALSE"}),
    (ISOLATED, "spot", "sapiGetMargin", 500, None, None, {"isIsolated": "TRUE"}),
    (USDM, "linear", "fapiPrivateGet", 1000, 180, 90, {}),
    (COINM, "inverse", "dapiPrivateGet", 100, 180, 90, {}),
)
_WINDOW = between("startTime", "endTime")
# Binance takes milliseconds, and both ends are part of a window. Where it tells whole seconds, a
# row may lie up to one behind the time that it is told with.
_PIECES = Windows(margin=1)
_PIECES_OF_SECONDS = Windows()
# What every row has, and the tables are made of.
_OF_FILLS = ("symbol", "id", "orderId", "price", "qty", "commission", "commissionAsset", "time")
_OF_ORDERS = (
    *("symbol", "orderId", "clientOrderId", "price", "origQty", "executedQty", "status", "type"),
    *("side", "time", "updateTime"),
)
_OF_POSITIONS = (
    *("symbol", "positionAmt", "entryPrice", "markPrice", "unRealizedProfit", "liquidationPrice"),
    *("leverage", "marginType"),
)
_OF_THEIR_FILLS = {
    SPOT: ("quoteQty",),
    MARGIN: (),
    ISOLATED: (),
    USDM: ("side", "quoteQty"),
    COINM: ("side", "baseQty"),
}
_FLAGS_OF_FILLS = {
    SPOT: ("isBuyer", "isMaker"),
    MARGIN: ("isBuyer", "isMaker", "isIsolated"),
    ISOLATED: ("isBuyer", "isMaker", "isIsolated"),
    USDM: ("maker",),
    COINM: ("maker",),
}
_FLAGS_OF_ORDERS = dict.fromkeys((MARGIN, ISOLATED), ("isIsolated",))
_OF_THEIR_ORDERS = {
    SPOT: ("cummulativeQuoteQty",),
    MARGIN: ("cummulativeQuoteQty",),
    ISOLATED: ("cummulativeQuoteQty",),
    USDM: ("avgPrice", "cumQuote"),
    COINM: ("avgPrice", "cumBase"),
}
_OF_THEIR_POSITIONS = {USDM: ("notional",), COINM: ("notionalValue",)}
_OF_ASSETS = ("asset", "free", "locked")
_OF_COLLATERAL = ("asset", "walletBalance", "initialMargin")
_OF_INCOME = ("tranId", "incomeType", "income", "asset", "time", "symbol", "tradeId")
# incomeType, or type of the capital flow -> the history that tells the same
_REPEATED = {
    **dict.fromkeys(("REALIZED_PNL", "COMMISSION", "TRADING_COMMISSION"), "trades"),
    **dict.fromkeys(("BUY_INCOME", "BUY_EXPENSE", "SELL_INCOME", "SELL_EXPENSE"), "trades"),
    **dict.fromkeys(("BUY_LIQUIDATION", "SELL_LIQUIDATION"), "trades"),
    "FUNDING_FEE": "funding",
    "TRANSFER": "transfers",
}
# The rights of a key by which money goes to somewhere else.
_LEAVING = {"enableWithdrawals", "enableInternalTransfer"}
_NAMES = {"MAIN": SPOT, "UMFUTURE": USDM, "CMFUTURE": COINM, "MARGIN": MARGIN, "FUNDING": FUNDING}
# quotes of spot pairs, longest first
_QUOTES = ("FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USDP", "BTC", "ETH", "BNB", "EUR", "TRY")


def _days(count: int | None) -> timedelta | None:
    return timedelta(days=count) if count else None


def _it(raw: Raw, row: Row) -> Row:
    return row


def _filled(raw: Raw, row: Row) -> Row:
    return _of_wallet(raw, row) | {"realized_pnl": number(raw.get("realizedPnl"))}


def _of_wallet(raw: Raw, row: Row) -> Row:
    """Both kinds of margin are asked for at the same place: what a row says of itself counts."""
    if row["wallet"] in (MARGIN, ISOLATED):
        return row | {"wallet": ISOLATED if raw.get("isIsolated") else MARGIN}
    return row


def _trades() -> dict[str, Source]:
    return {
        wallet: Source(
            Feed(
                stem + ("UserTrades" if wallet in (USDM, COINM) else "MyTrades"),
                FromId("fromId", lambda row: int(row["id"])),
                {"limit": 1000, **more},
                time=milliseconds("time"),
                needs=_OF_FILLS + _OF_THEIR_FILLS[wallet],
                flags=_FLAGS_OF_FILLS[wallet],
                horizon=_days(kept),
            ),
            wallet=wallet,
            parse="parse_trade",
            category=flag,
            market="symbol",
            per_market="symbol",
            listed_for="margin" if wallet in (MARGIN, ISOLATED) else "",
            amend=_filled,
            id="trade_id",
        )
        for wallet, flag, stem, _, kept, _, more in _PLACES
    }


def _orders() -> dict[str, Source]:
    return {
        wallet: Source(
            Feed(
                f"{stem}AllOrders",
                FromId("orderId", lambda row: int(row["orderId"])),
                {"limit": limit, **more},
                time=milliseconds("time"),
                needs=_OF_ORDERS + _OF_THEIR_ORDERS[wallet],
                flags=_FLAGS_OF_ORDERS.get(wallet, ()),
                horizon=_days(kept),
            ),
            wallet=wallet,
            parse="parse_order",
            category=flag,
            market="symbol",
            per_market="symbol",
            listed_for="margin" if wallet in (MARGIN, ISOLATED) else "",
            amend=_of_wallet,
            id="order_id",
        )
        for wallet, flag, stem, limit, _, kept, more in _PLACES
    }


def _all_of(answer: Any) -> Any:
    return answer


def _one_answer(
    method: str, wallet: str, flag: str, parse: str, params: dict[str, Any], rows: Any = _all_of
) -> Source:
    return Source(
        Feed(
            method,
            Whole(),
            params,
            rows,
            needs=(
                _OF_ORDERS + _OF_THEIR_ORDERS[wallet]
                if parse == "parse_order"
                else _OF_POSITIONS + _OF_THEIR_POSITIONS[wallet]
            ),
            flags=_FLAGS_OF_ORDERS.get(wallet, ()),
        ),
        wallet=wallet,
        parse=parse,
        category=flag,
        market="symbol",
        amend=_of_wallet,
    )


def _order_by_id(category: str, market: str, order_id: str) -> tuple[Source, ...]:
    return tuple(
        _one_answer(
            f"{stem}Order",
            wallet,
            flag,
            "parse_order",
            {"symbol": market, "orderId": order_id, **more},
            lambda answer: [answer],
        )
        for wallet, flag, stem, _, _, _, more in _PLACES
        if flag == category
    )


def _in_pieces(
    method: str,
    wallet: str,
    parse: str,
    time: Any,
    amend: Amend,
    *,
    rows: Any = _all_of,
    pieces: Windows = _PIECES,
    needs: tuple[str, ...],
    kind: str = "",
    days: int = 30,
    horizon: int | None = None,
    flag: str = "",
    **params: Any,
) -> Source:
    feed = Feed(
        method,
        pieces,
        params,
        rows,
        time,
        _WINDOW,
        needs=needs,
        window=timedelta(days=days),
        horizon=_days(horizon),
    )
    return Source(
        feed,
        wallet=wallet,
        parse=parse,
        kind=kind,
        amend=amend,
        category=flag,
        market="symbol" if flag else "",
    )


# Codes mean other things on the way in and on the way out.
_DEPOSIT_STATUSES = {"0": "pending", "1": "ok", "6": "ok", "7": "failed", "8": "pending"}
_WITHDRAWAL_STATUSES = {
    **dict.fromkeys(("0", "2", "4"), "pending"),
    **{"1": "canceled", "3": "failed", "5": "failed", "6": "ok"},
}


def _deposited(raw: Raw, row: Row) -> Row:
    status = _DEPOSIT_STATUSES.get(str(raw["status"]), row["status"])
    credited = milliseconds("completeTime")(raw)
    return row | {
        "to_wallet": _chain_wallet(raw),
        "status": status,
        "updated_at": to_time(credited) if credited else None,
    }


def _withdrawn(raw: Raw, row: Row) -> Row:
    status = _WITHDRAWAL_STATUSES.get(str(raw["status"]), row["status"])
    ended = _second("completeTime")(raw)
    return row | {
        "from_wallet": _chain_wallet(raw),
        "status": status,
        "updated_at": to_time(ended) if ended else None,
    }


def _chain_wallet(raw: Raw) -> str:
    return FUNDING if raw.get("walletType") == 1 else SPOT


def _moved_rows(answer: Any) -> Any:
    """No rows at all where there are none."""
    return at("rows")(answer) or ([] if str(at("total")(answer)) == "0" else None)


def _second(name: str) -> Any:
    """A time like 2026-01-31 12:00:00, UTC; cut down to the second."""

    def read(row: Raw) -> int | None:
        if not row.get(name):
            return None
        moment = datetime.fromisoformat(str(row[name])).replace(tzinfo=UTC)
        return int(moment.timestamp()) * 1000

    return read


def _transfers() -> dict[str, Source]:
    found = {
        "deposits": _in_pieces(
            "sapiGetCapitalDepositHisrec",
            SPOT,
            "parse_transaction",
            milliseconds("insertTime"),
            _deposited,
            needs=("id", "coin", "amount", "status", "insertTime", "walletType"),
            kind="deposit",
            limit=1000,
        ),
        "withdrawals": _in_pieces(
            "sapiGetCapitalWithdrawHistory",
            SPOT,
            "parse_transaction",
            _second("applyTime"),
            _withdrawn,
            pieces=_PIECES_OF_SECONDS,
            needs=(
                *("id", "coin", "amount", "status", "applyTime", "walletType"),
                "transactionFee",
            ),
            kind="withdrawal",
            # ten requests a minute: few windows
            days=89,
            limit=1000,
        ),
    }
    for source, from_wallet in _NAMES.items():
        for target, to_wallet in _NAMES.items():
            if source != target and {source, target} != {"UMFUTURE", "CMFUTURE"}:
                ends = {"from_wallet": from_wallet, "to_wallet": to_wallet}
                found[f"{from_wallet} to {to_wallet}"] = _in_pieces(
                    "sapiGetAssetTransfer",
                    from_wallet,
                    "parse_transfer",
                    milliseconds("timestamp"),
                    lambda raw, row, ends=ends: row | ends,  # type: ignore[misc]
                    rows=_moved_rows,
                    needs=("tranId", "asset", "amount", "status", "timestamp"),
                    kind="transfer",
                    days=90,
                    horizon=180,
                    type=f"{source}_{target}",
                    size=100,
                )
    return found


def _entry(raw: Raw, row: Row) -> Row:
    """An income row: a fill's fee and its profit have the same number, and not the same type."""
    return row | {
        "repeats": _REPEATED.get(raw["incomeType"], ""),
        "kind": raw["incomeType"],
        "asset": raw["asset"],
        "entry_id": str(raw["tranId"]),
        "amount": number(raw["income"]),
        "reference_id": raw.get("tradeId") or "",
    }


def _flow(raw: Raw, row: Row) -> Row:
    return row | {
        "repeats": _REPEATED.get(raw["type"], ""),
        "kind": raw["type"],
        "asset": raw["asset"],
        "entry_id": str(raw["id"]),
        "amount": number(raw["amount"]),
        "reference_id": str(raw["tranId"]),
    }


def _income(wallet: str, stem: str, horizon: int | None) -> Source:
    return _in_pieces(
        f"{stem}Income",
        wallet,
        "parse_ledger_entry",
        milliseconds("time"),
        _entry,
        needs=_OF_INCOME,
        horizon=horizon,
        limit=1000,
    )


def _payments(wallet: str, stem: str, flag: str, horizon: int | None) -> Source:
    return _in_pieces(
        f"{stem}Income",
        wallet,
        "parse_income",
        milliseconds("time"),
        _it,
        needs=_OF_INCOME,
        horizon=horizon,
        flag=flag,
        incomeType="FUNDING_FEE",
        limit=1000,
    )


def _collateral(answer: Any) -> Iterable[tuple[str, Any, Any, Any]]:
    """The margin balance, which ccxt calls total, counts the profit of open positions."""
    return [
        (coin["asset"], coin["walletBalance"], coin["initialMargin"], None)
        for coin in answer["assets"]
    ]


async def _rights(call: Caller) -> Rights:
    """`enableInternalTransfer` is the right to send money to sub-accounts. A right that is not
    known here may do something: it counts as one to trade. When the right to trade ends is told
    as well, and is no matter here: the key lives on."""
    told = await call("sapiGetAccountApiRestrictions", {})
    given = {name: yes for name, yes in told.items() if name.startswith(("enable", "permits"))}
    leaving = [yes for name, yes in given.items() if name in _LEAVING]
    changing = [
        yes
        for name, yes in given.items()
        if name not in _LEAVING and not name.endswith(("Reading", "ReadOnly"))
    ]
    return Rights(
        read=given.get("enableReading"),
        trade=any(changing) if changing else None,
        withdraw=any(leaving) if leaving else None,
        # it is not told which addresses a restricted key may be used from
        addresses=() if told.get("ipRestrict") is False else None,
    )


async def _margin_mode(call: Caller) -> str:
    """Each position tells its own."""
    return "cross"


async def _account_type(call: Caller) -> AccountType:
    """Account info (GET /sapi/v1/account/info): portfolio margin has endpoints of its own."""
    told = await call("sapiGetAccountInfo", {})
    if told.get("isPortfolioMarginRetailEnabled"):
        return AccountType(
            "portfolio margin",
            "its margin and futures are behind endpoints of their own, which are not read",
            "leave portfolio margin at Binance, or set datasets in defs.yaml to what is left",
        )
    parts = {"isMarginEnabled": "margin", "isFutureEnabled": "futures"}
    return AccountType(
        ", ".join(["spot", *(name for flag, name in parts.items() if told.get(flag))])
    )


async def _once_listed(call: Caller) -> list[tuple[str, str]]:
    """Every coin that Binance knows, those that are no longer traded too, against every quote."""
    coins = [coin["coin"] for coin in await call("sapiGetCapitalConfigGetall", {})]
    return [(coin + quote, "spot") for coin in coins for quote in _QUOTES if coin != quote]


def _delisted(raw_id: str, category: str) -> str:
    """Read off a raw id: LUNAUSDT, BTCUSD_PERP, BTCUSDT_260626."""
    pair, _, tail = raw_id.partition("_")
    base, quote = pair_of(pair, ("USD",) if category == "inverse" else _QUOTES)
    return unified(raw_id, base, quote, category, tail.removeprefix("PERP"))


BINANCE = Venue(
    wallets=(
        Wallet(SPOT, {"type": "spot"}, rows=at("balances"), needs=_OF_ASSETS),
        Wallet(FUNDING, {"type": "funding"}, rows=_all_of, needs=_OF_ASSETS),
        Wallet(
            MARGIN,
            {"type": "margin"},
            rows=at("userAssets"),
            needs=(*_OF_ASSETS, "borrowed", "interest"),
        ),
        Wallet(
            USDM, {"type": "swap", "subType": "linear"}, _collateral, at("assets"), _OF_COLLATERAL
        ),
        Wallet(
            COINM, {"type": "swap", "subType": "inverse"}, _collateral, at("assets"), _OF_COLLATERAL
        ),
    ),
    positions=(
        _one_answer("fapiPrivateV2GetPositionRisk", USDM, "linear", "parse_position_risk", {}),
        _one_answer("dapiPrivateGetPositionRisk", COINM, "inverse", "parse_position_risk", {}),
    ),
    margin_mode=_margin_mode,
    rights=_rights,
    account_type=_account_type,
    open_orders=tuple(
        _one_answer(f"{stem}OpenOrders", wallet, flag, "parse_order", dict(more))
        # of isolated margin one market at a time: an open one is in the history as well
        for wallet, flag, stem, _, _, _, more in _PLACES
        if wallet != ISOLATED
    ),
    ended_orders=(),
    histories={
        "trades": _trades(),
        "orders": _orders(),
        "transfers": _transfers(),
        "funding": {
            USDM: _payments(USDM, "fapiPrivateGet", "linear", 90),
            COINM: _payments(COINM, "dapiPrivateGet", "inverse", None),
        },
        "ledger": {
            USDM: _income(USDM, "fapiPrivateGet", 90),
            COINM: _income(COINM, "dapiPrivateGet", None),
            MARGIN: _in_pieces(
                "sapiGetMarginCapitalFlow",
                MARGIN,
                "parse_ledger_entry",
                milliseconds("timestamp"),
                _flow,
                needs=("id", "tranId", "type", "asset", "amount", "timestamp"),
                days=7,
                horizon=90,
                limit=1000,
            ),
        },
    },
    order_by_id=_order_by_id,
    tickers={
        "spot": {"type": "spot"},
        "linear": {"type": "swap", "subType": "linear"},
        "inverse": {"type": "swap", "subType": "inverse"},
    },
    priced={
        "spot": {"last": "lastPrice", "bid": "bidPrice", "ask": "askPrice"},
        "linear": {"last": "lastPrice"},
        "inverse": {"last": "lastPrice"},
    },
    lag=timedelta(seconds=30),
    # three days on futures, ninety on spot
    forgets=timedelta(days=3),
    delisted=_delisted,
    once_listed=_once_listed,
    # Currencies need a signed call that a narrow key may not make; codes come from markets.
    settings={"options": {"fetchCurrencies": False, "fetchMargins": False}},
)
