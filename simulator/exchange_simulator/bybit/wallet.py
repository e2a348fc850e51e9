"""The unified wallet, and the totals of all parts of the account (documentation: "Get Wallet
Balance", "Get Transaction Log", "Get Borrow History", "Asset Overview")."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from exchange_simulator.account import cash_flow
from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.names import (
    entry_id,
    entry_kind,
    execution_id,
    settlement_id,
    transfer_id,
)
from exchange_simulator.bybit.symbols import symbol_of
from exchange_simulator.money import CENT, ZERO, nearest, plain
from exchange_simulator.records import (
    Conversion,
    Fill,
    Funding,
    LedgerEntry,
    Loan,
    Position,
    Reward,
)
from exchange_simulator.world import Balance, World

_MAINTENANCE = Decimal("0.005")


def asset_overview(call: Call) -> Result:
    """Total assets by account type (documentation: "Asset Overview"), rounded as in its sample."""
    if call.text("valuationCurrency") not in ("", "USD"):
        raise Refused(10001, "params error: only USD is simulated")
    world, [unified] = call.exchange.world, _unified(call, set())["list"]
    funding, earn = (
        {
            balance.asset: balance.total
            for balance in world.balances(call.now)
            if balance.wallet == wallet and balance.total
        }
        for wallet in ("funding", "earn")
    )
    accounts = [
        _overview(world, call.now, "FundingAccount", funding),
        {
            **_overview(world, call.now, "UnifiedTradingAccount", {}),
            "totalEquity": _cents(Decimal(unified["totalEquity"])),
            "coinDetail": [
                {"equity": coin["equity"], "coin": coin["coin"]} for coin in unified["coin"]
            ],
        },
        *([_overview(world, call.now, "Earn", earn)] if earn else []),
        *(
            _overview(world, call.now, name, amounts)
            for name, amounts in world.layout.elsewhere.items()
        ),
    ]
    asked = call.text("accountType")
    listed = [row for row in accounts if not asked or row["accountType"] == asked]
    total = sum((Decimal(row["totalEquity"]) for row in listed), ZERO)
    return {"totalEquity": _cents(total), "list": listed}


def _overview(world: World, now: int, name: str, amounts: Mapping[str, Decimal]) -> dict[str, Any]:
    worth = sum((amount * world.prices.index(coin, now) for coin, amount in amounts.items()), ZERO)
    return {
        "totalEquity": _cents(worth),
        "valuationCurrency": "USD",
        "accountType": name,
        "coinDetail": [{"equity": plain(amount), "coin": coin} for coin, amount in amounts.items()],
        "snapshotTime": str(now),
    }


def _cents(value: Decimal) -> str:
    return plain(value.quantize(CENT))


def wallet_balance(call: Call) -> Result:
    if call.required("accountType") != "UNIFIED":
        raise Refused(10001, "accountType only support UNIFIED.")
    return _unified(call, set(filter(None, call.text("coin").split(","))))


def _unified(call: Call, asked: set[str]) -> Result:
    world = call.exchange.world
    positions = world.open_positions(call.now)
    coins = []
    equity = wallet = margin = maintenance = profit = ZERO
    for balance in world.balances(call.now):
        if balance.wallet != "unified":
            continue
        held = [position for position in positions if position.market.settle == balance.asset]
        price = world.prices.index(balance.asset, call.now)
        gain = sum((_profit(world, position, call.now) for position in held), ZERO)
        option_value = sum((_option_value(world, p, call.now) for p in held), ZERO)
        needed = _maintenance(world, held, call.now)
        worth = balance.total - balance.debt + gain + option_value
        equity += worth * price
        wallet += balance.total * price
        profit += gain * price
        margin += (balance.order_margin + balance.position_margin) * price
        maintenance += needed * price
        if (asked and balance.asset in asked) or (
            not asked and (balance.total or balance.debt or balance.used)
        ):
            realised = _realised(world, balance.asset, call.now)
            coins.append(_coin(balance, worth, worth * price, gain, needed, realised))
    return {
        "list": [
            {
                "totalEquity": plain(nearest(equity)),
                "accountIMRate": _rate(margin, equity),
                "totalMarginBalance": plain(nearest(wallet + profit)),
                "totalInitialMargin": plain(nearest(margin)),
                "accountType": "UNIFIED",
                "totalAvailableBalance": plain(nearest(wallet + profit - margin)),
                "accountMMRate": _rate(maintenance, equity),
                "totalPerpUPL": plain(nearest(profit)),
                "totalWalletBalance": plain(nearest(wallet)),
                "accountLTV": "0",
                "totalMaintenanceMargin": plain(nearest(maintenance)),
                "coin": coins,
            }
        ]
    }


def transaction_log(call: Call) -> Result:
    world = call.exchange.world
    ledger = world.account.books.ledger["unified"]
    wanted = {name: call.text(name) for name in ("category", "currency", "type", "baseCoin")}

    def keep(entry: LedgerEntry) -> bool:
        if entry.happened_at < world.upgraded_at:
            return False
        if wanted["currency"] and entry.asset != wanted["currency"]:
            return False
        if wanted["type"] and entry_kind(entry) != wanted["type"]:
            return False
        market = _market(entry)
        if wanted["category"] and (market is None or market.kind != wanted["category"]):
            return False
        return not wanted["baseCoin"] or (market is not None and market.base == wanted["baseCoin"])

    entries, cursor = call.newest_first(ledger, call.window(), call.limit(20, 50), keep)
    return {
        "list": [_log_row(world, entry) for entry in entries],
        "nextPageCursor": cursor,
    }


def borrow_history(call: Call) -> Result:
    """One row per hour of interest on the real exchange; here one per day."""
    world = call.exchange.world
    ledger = world.account.books.ledger["unified"]
    currency = call.text("currency")

    def keep(entry: LedgerEntry) -> bool:
        return entry.kind == "interest" and (not currency or entry.asset == currency)

    entries, cursor = call.newest_first(ledger, call.window(30), call.limit(20, 50), keep)
    rows = []
    for entry in entries:
        assert isinstance(entry.source, Loan)
        rows.append(
            {
                "currency": entry.asset,
                "createdTime": entry.happened_at,
                "borrowCost": plain(-entry.amount),
                "hourlyBorrowRate": "0.00000958",
                "InterestBearingBorrowSize": plain(entry.source.owed),
                "costExemption": "0",
                "borrowAmount": plain(entry.source.owed),
                "unrealisedLoss": "0",
                "freeBorrowedAmount": "0",
            }
        )
    return {"list": rows, "nextPageCursor": cursor}


def _coin(
    balance: Balance,
    equity: Decimal,
    dollars: Decimal,
    profit: Decimal,
    maintenance: Decimal,
    realised: Decimal,
) -> dict[str, Any]:
    return {
        "availableToBorrow": "",
        "bonus": "0",
        "accruedInterest": "0",
        "availableToWithdraw": "",
        "totalOrderIM": plain(balance.order_margin),
        "equity": plain(equity),
        "totalPositionMM": plain(maintenance),
        "usdValue": plain(nearest(dollars)),
        "unrealisedPnl": plain(profit),
        "collateralSwitch": True,
        "spotHedgingQty": "0",
        # what derivatives owe is a negative balance
        "borrowAmount": plain(balance.debt + max(-balance.total, ZERO)),
        "totalPositionIM": plain(balance.position_margin),
        "walletBalance": plain(balance.total),
        "cumRealisedPnl": plain(realised),
        "locked": plain(balance.locked),
        "marginCollateral": True,
        "coin": balance.asset,
        "spotBorrow": plain(balance.debt),
    }


def _rate(margin: Decimal, equity: Decimal) -> str:
    return plain((margin / equity).quantize(Decimal("0.0001"))) if equity else "0"


def _realised(world: World, asset: str, now: int) -> Decimal:
    return sum(
        (
            position.realised_ever
            for market in world.catalogue.traded
            if market.settle == asset
            and (position := world.account.positions.of(market, now)) is not None
        ),
        ZERO,
    )


def _profit(world: World, position: Position, now: int) -> Decimal:
    """Profit of perpetuals; the value of options is reported separately."""
    if position.market.kind == "option":
        return ZERO
    return position.profit(world.prices.mark(position.market, now))


def _option_value(world: World, position: Position, now: int) -> Decimal:
    if position.market.kind != "option":
        return ZERO
    return (position.size * world.prices.mark(position.market, now)).quantize(CENT)


def _maintenance(world: World, positions: list[Position], now: int) -> Decimal:
    values = (
        position.value(world.prices.mark(position.market, now))
        for position in positions
        if position.market.kind != "option"
    )
    return nearest(sum(values, ZERO) * _MAINTENANCE)


# -- the transaction log ------------------------------------------------------------------------


def _market(entry: LedgerEntry) -> Any:
    match entry.source:
        case Fill() as fill:
            return fill.order.market
        case Funding() as funding:
            return funding.market
    return None


def _log_row(world: World, entry: LedgerEntry) -> dict[str, Any]:
    row = {
        "id": entry_id(world, entry),
        "symbol": "",
        "category": "",
        "side": "None",
        "transactionTime": str(entry.happened_at),
        "type": entry_kind(entry),
        "transSubType": "",
        "qty": "0",
        "size": "0",
        "currency": entry.asset,
        "tradePrice": "0",
        "funding": "",
        "fee": "0",
        "cashFlow": plain(entry.amount),
        "change": plain(entry.amount),
        "cashBalance": plain(entry.balance_after),
        "feeRate": "",
        "bonusChange": "",
        "tradeId": "",
        "orderId": "",
        "orderLinkId": "",
        "extraFees": "",
    }
    match entry.source:
        case Fill() as fill:
            row |= _fill_in_log(world, entry, fill)
        case Funding() as funding:
            row |= _funding_in_log(world, funding)
        case Loan() | Conversion() | Reward():
            pass
        case transfer:
            row["tradeId"] = transfer_id(world, transfer)
    return row


def _fill_in_log(world: World, entry: LedgerEntry, fill: Fill) -> dict[str, Any]:
    order, market = fill.order, fill.order.market
    charged = fill.fee if entry.asset == fill.fee_currency else ZERO
    if market.kind == "spot":
        flow = entry.amount + charged
        quantity, size = flow, ZERO
    else:
        flow = cash_flow(fill)
        quantity, size = fill.amount, fill.position
    return {
        "symbol": symbol_of(market),
        "category": market.kind,
        "side": order.side.capitalize(),
        "qty": plain(quantity),
        "size": plain(size),
        "tradePrice": plain(fill.price),
        "fee": plain(charged),
        "cashFlow": plain(flow),
        "feeRate": plain(fill.fee_rate),
        "tradeId": execution_id(world, fill),
        "orderId": order.order_id,
        "orderLinkId": order.client_order_id,
    }


def _funding_in_log(world: World, funding: Funding) -> dict[str, Any]:
    long = funding.size > 0
    return {
        "symbol": symbol_of(funding.market),
        "category": funding.market.kind,
        "side": "Buy" if long else "Sell",
        "qty": plain(abs(funding.size)),
        "size": plain(funding.size),
        "tradePrice": plain(funding.price),
        "funding": plain(funding.amount),
        # of USDC contracts: the profit of the last eight hours
        "cashFlow": plain(funding.session),
        "feeRate": plain(funding.rate if long else -funding.rate),
        "tradeId": settlement_id(world, funding),
    }
