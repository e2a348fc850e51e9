"""Orders, fills, funding payments, transfers and ledger entries of an account.

They are independent of any exchange. Amounts are in base currency on spot and linear markets, and
in contracts (dollars) on inverse markets.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple

from exchange_simulator.markets import Market
from exchange_simulator.money import ZERO, nearest

Side = Literal["buy", "sell"]
Wallet = Literal[
    "unified",
    "trading",
    "spot",
    "margin",
    "isolated",
    "usdm",
    "coinm",
    "portfolio margin",
    "option",
    "funding",
    "earn",
    "staking",
    "loan",
]
PORTFOLIO_MARGIN: Wallet = "portfolio margin"
FillKind = Literal["trade", "liquidation", "adl", "settlement"]
OrderStatus = Literal["open", "closed", "canceled", "rejected"]
TransferKind = Literal["deposit", "withdrawal", "transfer", "reward"]
"""A reward is credited by the exchange, for what is saved there."""
EntryKind = Literal[
    "trade",
    "liquidation",
    "adl",
    "settlement",
    "funding",
    "deposit",
    "withdrawal",
    "refund",
    "transfer",
    "reward",
    "conversion",
    "borrow",
    "repay",
    "interest",
    "reward",
]


@dataclass(slots=True, eq=False)
class Order:
    """One order with its fills and its end; `at` returns its state at a given time."""

    number: int
    order_id: str
    client_order_id: str
    market: Market
    wallet: Wallet
    """The wallet in which its fills are booked."""
    side: Side
    type: Literal["market", "limit"]
    limit: Decimal
    """The limit price; for market orders the worst acceptable price."""
    amount: Decimal
    created_at: int
    last_price: Decimal
    """The market's last price when the order was placed."""
    post_only: bool = False
    reduce_only: bool = False
    cause: FillKind = "trade"
    ended_at: int | None = None
    end: OrderStatus = "open"
    fills: list["Fill"] = field(default_factory=list)

    @property
    def left(self) -> Decimal:
        """Unfilled amount, after all fills recorded so far, including future ones."""
        return self.fills[-1].leaves if self.fills else self.amount

    def at(self, at: int) -> "OrderState":
        filled = cost = ZERO
        fees: dict[str, Decimal] = {}
        updated_at = self.created_at
        for fill in self.fills:
            if fill.happened_at > at:
                break
            filled += fill.amount
            cost += fill.cost
            fees[fill.fee_currency] = fees.get(fill.fee_currency, ZERO) + fill.fee
            updated_at = fill.happened_at
        status: OrderStatus = "open"
        if self.ended_at is not None and self.ended_at <= at:
            status, updated_at = self.end, self.ended_at
        return OrderState(status, filled, cost, fees, updated_at)

    def average(self, state: "OrderState") -> Decimal | None:
        """Average price of its fills, rounded as exchanges do."""
        if not state.filled:
            return None
        inverse = self.market.kind == "inverse"
        return nearest(state.filled / state.cost if inverse else state.cost / state.filled)


class OrderState(NamedTuple):
    status: OrderStatus
    filled: Decimal
    cost: Decimal
    fees: dict[str, Decimal]
    updated_at: int


@dataclass(slots=True, eq=False)
class Conditional:
    """An order that waits for a price, and then places an order of its own."""

    number: int
    market: Market
    side: Side
    type: Literal["stop_market", "take_profit"]
    trigger: Decimal
    limit: Decimal
    """0 if it places a market order."""
    amount: Decimal
    happened_at: int
    ended_at: int | None = None
    placed: Order | None = None
    """None also if it was cancelled."""

    def status(self, at: int) -> Literal["open", "closed", "canceled"]:
        if self.ended_at is None or self.ended_at > at:
            return "open"
        return "closed" if self.placed else "canceled"


class Fill(NamedTuple):
    number: int
    order: Order
    happened_at: int
    price: Decimal
    amount: Decimal
    cost: Decimal
    fee: Decimal
    fee_currency: str
    fee_rate: Decimal
    maker: bool
    kind: FillKind
    leaves: Decimal
    """Remaining amount of the order after this fill."""
    closed: Decimal
    """Closed part of the position."""
    profit: Decimal
    """Realized profit before the fee."""
    position: Decimal
    """Signed size of the position afterwards."""


class Funding(NamedTuple):
    number: int
    market: Market
    happened_at: int
    size: Decimal
    """Signed size of the position that paid or received."""
    price: Decimal
    value: Decimal
    rate: Decimal
    amount: Decimal
    """In the settlement currency; positive when received."""
    session: Decimal = ZERO
    """Profit of the session that is paid out together with it; see `Layout.sessions`."""


class Between(NamedTuple):
    """The two accounts of one owner that a transfer has moved something between."""

    id: str
    """Its id in the lists of both."""
    sender: int
    """A user id."""
    receiver: int


@dataclass(slots=True, eq=False)
class Transfer:
    """A transfer into, out of, or between the account's wallets."""

    number: int
    kind: TransferKind
    asset: str
    amount: Decimal
    fee: Decimal
    from_wallet: Wallet | Literal[""]
    to_wallet: Wallet | Literal[""]
    network: str
    txid: str
    happened_at: int
    done_at: int
    end: Literal["ok", "canceled"] = "ok"
    between: Between | None = None

    def status(self, at: int) -> Literal["pending", "ok", "canceled"]:
        return self.end if self.done_at <= at else "pending"


class Loan(NamedTuple):
    """The debt from a given time on."""

    number: int
    happened_at: int
    wallet: Wallet
    asset: str
    owed: Decimal


class Conversion(NamedTuple):
    """One asset given for another outside of the order book."""

    number: int
    happened_at: int
    wallet: Wallet
    from_asset: str
    from_amount: Decimal
    to_asset: str
    to_amount: Decimal
    fee: Decimal
    """In what is given, on top of it; of small balances in what is received, part of it."""
    quoted_at: int = 0
    """When it was offered, on exchanges that list that time; 0: when it happened."""
    swap: int | None = None
    """The number of the swap of several small balances that it is a part of."""

    repays: bool = False
    """Whether what is received repays a debt."""

    @property
    def fee_asset(self) -> str:
        return self.from_asset if self.swap is None else self.to_asset

    @property
    def listed_at(self) -> int:
        return self.quoted_at or self.happened_at


class Reward(NamedTuple):
    """Paid for what a saving product holds, or a share of fees: those of users that were referred
    (`rebate`) or the account's own (`kickback`)."""

    number: int
    happened_at: int
    wallet: Wallet
    """The wallet that it is paid to."""
    asset: str
    amount: Decimal
    product: Literal["flexible", "locked", "rebate", "kickback"]


Source = Fill | Funding | Transfer | Loan | Conversion | Reward
"""What an entry of a ledger is about."""


class LedgerEntry(NamedTuple):
    number: int
    happened_at: int
    wallet: Wallet
    asset: str
    kind: EntryKind
    amount: Decimal
    balance_after: Decimal
    source: Source
    margin: Decimal = ZERO
    """The part of the balance that is the margin of an isolated position, after the entry."""
    margin_change: Decimal = ZERO


class Position(NamedTuple):
    """State of a position from a given time on; size zero means closed."""

    market: Market
    size: Decimal
    """Negative for short positions."""
    basis: Decimal
    """Cost of the position: the sum of its fills' costs, reduced pro rata when partly closed."""
    realised: Decimal
    """Profit, fees and funding since the position was opened."""
    realised_ever: Decimal
    opened_at: int
    updated_at: int
    settled: Decimal = ZERO
    """The part of its unrealized profit that was paid out; see `Layout.sessions`."""

    @property
    def entry_price(self) -> Decimal:
        if not self.size:
            return ZERO
        if self.market.kind == "inverse":
            return nearest(abs(self.size) / self.basis)
        return nearest(self.basis / abs(self.size))

    def value(self, price: Decimal) -> Decimal:
        """Value in the settlement currency at `price`."""
        return cost_of(self.market, price, abs(self.size))

    def profit(self, price: Decimal) -> Decimal:
        """Unrealized profit at `price` that was not paid out yet."""
        gain = self.value(price) - self.basis
        sign = 1 if (self.size > 0) == (self.market.kind != "inverse") else -1
        return gain * sign - self.settled


def cost_of(market: Market, price: Decimal, amount: Decimal) -> Decimal:
    if market.kind == "inverse":
        return nearest(amount / price)
    return nearest(price * amount)
