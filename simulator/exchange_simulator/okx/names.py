"""OKX's ids of orders, fills and transfers.

A fill is identified by its `billId`, which is unique in the account: `tradeId` is only unique per
instrument. A transfer between wallets is identified by its bill in the funding account, whose
history has no limit.
"""

from decimal import Decimal

from exchange_simulator.markets import Market
from exchange_simulator.money import plain
from exchange_simulator.okx.identity import snowflake
from exchange_simulator.records import (
    Conversion,
    Fill,
    Funding,
    LedgerEntry,
    Order,
    OrderStatus,
    Transfer,
    Wallet,
)
from exchange_simulator.world import World

TRADING: Wallet = "trading"
FUNDING: Wallet = "funding"
EARN: Wallet = "earn"
STAKING: Wallet = "staking"
LOAN: Wallet = "loan"

BILL_TYPES = {
    "transfer": "1",
    "trade": "2",
    "liquidation": "5",
    "interest": "7",
    "funding": "8",
    "adl": "9",
    "borrow": "16",
    "repay": "22",
    "conversion": "27",
}
"""`type` of the trading account's bills."""
ASSET_BILL_TYPES = {"deposit": "1", "withdrawal": "2", "refund": "13", "reward": "83"}
"""`type` of the funding account's bills; a reward is of on-chain earn."""
_STAKING_REWARDS = {"BETH": "139", "OKSOL": "328"}
_STAKING_BILLS = {
    # (asset, whether it arrives): subscription and swapping; subscribe, mint, redeem and settle
    ("ETH", False): "137",
    ("BETH", True): "138",
    ("BETH", False): "138",
    ("ETH", True): "138",
    ("SOL", False): "329",
    ("OKSOL", True): "330",
    ("OKSOL", False): "331",
    ("SOL", True): "332",
}
"""`type` of the funding account's bills; the page does not say which a redemption of BETH has."""
_LOAN_BILLS = {
    # (whether it is collateral, whether it arrives): of multi-collateral loans
    (True, False): "212",
    (True, True): "215",
    (False, True): "217",
    (False, False): "218",
}
_BORROWED = frozenset({"USDT", "USDC"})
"""What is borrowed; other assets are collateral."""
STAKED = frozenset({"SOL"})
"""What is in on-chain earn; other assets are in Simple Earn."""
_FROM_TRADING, _TO_TRADING = "130", "131"

_CONTRACT_SIZES = {
    "BTC/USDT:USDT": Decimal("0.01"),
    "ETH/USDT:USDT": Decimal("0.1"),
    "SOL/USDT:USDT": Decimal(1),
    "XRP/USDT:USDT": Decimal(100),
    "BTC/USDC:USDC": Decimal("0.0001"),
    "BTC/USD:BTC": Decimal(100),
}
"""One contract in base currency, or in dollars on inverse markets."""

_NETWORKS = {
    ("USDT", "TRX"): "TRC20",
    ("USDC", "ETH"): "ERC20",
    ("BTC", "BTC"): "Bitcoin",
    ("ETH", "ETH"): "ERC20",
    ("SOL", "SOL"): "Solana",
    ("XRP", "XRP"): "Ripple",
    ("FTM", "FTM"): "Fantom",
}


def trade_id(world: World, fill: Fill) -> str:
    """Its `billId`: on spot, the bill in the base currency."""
    return entry_id(world, _bill_of(world, TRADING, fill))


def match_id(world: World, fill: Fill) -> str:
    """Its `tradeId`, unique only per instrument; orders of the exchange itself have negative
    ones."""
    fills = world.account.fills_of[fill.order.market.name]
    index = next(i for i in fills.span(fill.happened_at, fill.happened_at) if fills.rows[i] is fill)
    return str(1_000 + index if fill.kind == "trade" else -1_000 - index)


def order_id(world: World, order: Order) -> str:
    return str(snowflake(order.created_at, order.number))


def funding_id(world: World, funding: Funding) -> str:
    return entry_id(world, _bill_of(world, TRADING, funding))


def transfer_id(world: World, transfer: Transfer) -> str:
    """`depId`, `wdId`, or the `billId` of the funding account's bill."""
    if transfer.kind == "deposit":
        return str(104_600_000 + transfer.number)
    if transfer.kind == "withdrawal":
        return str(98_000_000 + transfer.number)
    if transfer.kind == "reward" and transfer.to_wallet == EARN:
        return ""
    return entry_id(world, _bill_of(world, FUNDING, transfer))


def conversion_id(world: World, conversion: Conversion) -> str:
    """`tradeId` of a conversion; a repayment has no id."""
    if conversion.wallet == STAKING:
        request = next(
            row
            for row in world.token_staker.requests.rows
            if (row.done_at, row.sides, row.amount)
            == (
                conversion.happened_at,
                (conversion.from_asset, conversion.to_asset),
                conversion.from_amount,
            )
        )
        return f"{request.coin} {request.kind} {request.happened_at} {plain(request.amount)}"
    if conversion.repays:
        return f"repay {conversion.happened_at} {conversion.from_asset} {conversion.to_asset}"
    return f"trader{conversion.happened_at}{conversion.number:04}"


def entry_id(world: World, entry: LedgerEntry) -> str:
    """Interest has no id: it is known by its currency and time."""
    if entry.wallet == EARN:
        return f"{entry.asset} {entry.happened_at}"
    if entry.wallet == LOAN:
        return str(bill_number(_bill_of_loan(world, entry)))
    return str(bill_number(entry))


def bill_number(entry: LedgerEntry) -> int:
    return snowflake(entry.happened_at, entry.number)


def entry_kind(entry: LedgerEntry) -> str:
    """`type`; each account has its own numbering of types."""
    if isinstance(entry.source, Conversion) and entry.source.repays:
        return "29"
    if entry.wallet == TRADING:
        return BILL_TYPES[entry.kind]
    if entry.wallet == EARN:
        return "lending"
    if entry.wallet == FUNDING and entry.asset in _STAKING_REWARDS and entry.kind == "reward":
        return _STAKING_REWARDS[entry.asset]
    if isinstance(entry.source, Transfer) and STAKING in (
        entry.source.from_wallet,
        entry.source.to_wallet,
    ):
        return _STAKING_BILLS[entry.asset, entry.amount > 0]
    if isinstance(entry.source, Transfer) and EARN in (
        entry.source.from_wallet,
        entry.source.to_wallet,
    ):
        subscribed, redeemed = ("80", "82") if entry.asset in STAKED else ("75", "76")
        return subscribed if entry.amount < 0 else redeemed
    if entry.wallet == LOAN:
        return _LOAN_BILLS[False, entry.amount > 0]
    if is_of_loan(entry):
        return _LOAN_BILLS[entry.asset not in _BORROWED, entry.amount > 0]
    if entry.kind == "transfer":
        return _FROM_TRADING if entry.amount > 0 else _TO_TRADING
    return ASSET_BILL_TYPES[entry.kind]


def is_of_loan(entry: LedgerEntry) -> bool:
    """Whether it is what is moved to and from the wallet of loans."""
    return isinstance(entry.source, Transfer) and LOAN in (
        entry.source.from_wallet,
        entry.source.to_wallet,
    )


def rows_of(world: World, entry: LedgerEntry) -> list[tuple[str, str, Decimal]]:
    """Raw kind, id and amount of each row that reports an entry: Earn lists its interest only, and
    what is being staked has no list, and loans are booked by the funding account's bills."""
    if entry.wallet == LOAN and isinstance(entry.source, Transfer):
        return []
    if entry.wallet == STAKING or (entry.wallet == EARN and entry.kind != "reward"):
        return []
    return [(entry_kind(entry), entry_id(world, entry), entry.amount)]


def order_status(status: OrderStatus) -> OrderStatus:
    """A rejected post-only order is reported as canceled; `cancelSource` says why."""
    return "canceled" if status == "rejected" else status


def reference_id(world: World, entry: LedgerEntry) -> str:
    """`ordId`, for fills only."""
    return order_id(world, entry.source.order) if isinstance(entry.source, Fill) else ""


def contracts(market: Market, amount: Decimal) -> Decimal:
    return amount / contract_size(market)


def contract_size(market: Market) -> Decimal:
    """Size of one unit of an amount; 1 on spot."""
    return _CONTRACT_SIZES.get(market.name, Decimal(1))


def chain(asset: str, network: str) -> str:
    """`USDT-TRC20`."""
    return f"{asset}-{_NETWORKS[asset, network]}"


def _bill_of_loan(world: World, entry: LedgerEntry) -> LedgerEntry:
    """The funding account's entry of what was borrowed or repaid."""
    ledger = world.account.books.ledger[FUNDING]
    span = ledger.span(entry.happened_at, entry.happened_at)
    return next(
        bill
        for bill in (ledger.rows[index] for index in span)
        if is_of_loan(bill) and (bill.asset, bill.amount) == (entry.asset, entry.amount)
    )


def _bill_of(world: World, wallet: Wallet, source: Fill | Funding | Transfer) -> LedgerEntry:
    """The first ledger entry of a fill, funding payment or transfer."""
    ledger = world.account.books.ledger[wallet]
    span = ledger.span(source.happened_at, source.happened_at)
    return next(ledger.rows[i] for i in span if ledger.rows[i].source is source)
