"""One trading account: its operations, and a record of everything that happened.

Every operation books its effect at once, rounded the way it is recorded, so records and books
always agree. Calls must come in chronological order.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Literal

from exchange_simulator.books import Books
from exchange_simulator.identity import hexadecimal, snowflake, uuid
from exchange_simulator.layout import Layout
from exchange_simulator.markets import KINDS, Kind, Market
from exchange_simulator.money import ZERO, nearest, round_fee
from exchange_simulator.positions import Positions
from exchange_simulator.records import (
    Between,
    Conditional,
    Conversion,
    EntryKind,
    Fill,
    FillKind,
    Funding,
    Loan,
    Order,
    OrderStatus,
    Side,
    Transfer,
    TransferKind,
    Wallet,
    cost_of,
)
from exchange_simulator.timeline import Timeline


class Account:
    def __init__(self, seed: int, layout: Layout) -> None:
        self._seed = seed
        self._layout = layout
        self.books = Books(layout.wallets)
        self.positions = Positions()
        self.orders: Timeline[Order] = Timeline()
        self.orders_of: dict[Kind, Timeline[Order]] = {kind: Timeline() for kind in KINDS}
        self.orders_on: defaultdict[str, Timeline[Order]] = defaultdict(Timeline)
        """By market name, like `fills_of`."""
        self.ended: Timeline[Order] = Timeline()
        self.open: dict[int, Order] = {}
        self.fills: Timeline[Fill] = Timeline()
        self.executions: dict[Kind, Timeline[Fill | Funding]] = {kind: Timeline() for kind in KINDS}
        self.fills_of: defaultdict[str, Timeline[Fill]] = defaultdict(Timeline)
        self.fundings: Timeline[Funding] = Timeline()
        self.transfers: Timeline[Transfer] = Timeline()
        self.conversions: Timeline[Conversion] = Timeline()
        self.conditionals: Timeline[Conditional] = Timeline()
        self._fills = 0
        self._funded: defaultdict[str, Decimal] = defaultdict(Decimal)
        """By market: what the open isolated position paid or received."""
        self._reserved: dict[tuple[Wallet, str], Decimal] = {}

    # -- orders ------------------------------------------------------------------------------

    def place(
        self,
        at: int,
        market: Market,
        side: Side,
        type: Literal["market", "limit"],
        limit: Decimal,
        amount: Decimal,
        last_price: Decimal,
        *,
        client_order_id: str = "",
        post_only: bool = False,
        reduce_only: bool = False,
        cause: FillKind = "trade",
        wallet: Wallet | None = None,
    ) -> Order:
        """`wallet` defaults to the wallet of the market's kind."""
        order = self._order(
            at, market, side, type, limit, amount, last_price, client_order_id, cause, wallet
        )
        order.post_only = post_only
        order.reduce_only = reduce_only
        self.orders.append(at, order)
        self.orders_of[market.kind].append(at, order)
        self.orders_on[market.name].append(at, order)
        self.open[order.number] = order
        self._lock(order, amount)
        return order

    def fill(self, order: Order, at: int, price: Decimal, amount: Decimal, *, maker: bool) -> Fill:
        market = order.market
        cost = cost_of(market, price, amount)
        left = order.left - amount
        self._lock(order, -amount)
        if market.kind == "spot":
            fill = self._fill_spot(order, at, price, amount, cost, left, maker)
        else:
            fill = self._fill_contract(order, at, price, amount, cost, left, maker)
        self._record(fill)
        if not left and order.number in self.open:
            self.finish(order, at, "closed")
        return fill

    def finish(self, order: Order, at: int, end: OrderStatus) -> None:
        self._lock(order, -order.left)
        order.ended_at = at
        order.end = end
        del self.open[order.number]
        self.ended.append(at, order)

    def deliver(self, at: int, market: Market, payoff: Decimal, spot: Decimal) -> None:
        """Settle an expired option: a fill made by the exchange, without an order of the trader."""
        size = self.positions.head(market).size
        side: Side = "sell" if size > 0 else "buy"
        order = self._order(
            at, market, side, "market", payoff, abs(size), payoff, "", "settlement", None
        )
        cost = cost_of(market, payoff, abs(size))
        rate = Decimal("0.00015")
        fee = round_fee(min(spot * abs(size) * rate, cost * Decimal("0.125")))
        fill = self._book_contract(order, at, payoff, abs(size), cost, fee, rate, ZERO, False)
        self._record(fill)

    def free(self, wallet: Wallet, asset: str) -> Decimal:
        """Amount available to new orders: neither locked by spot orders nor used as margin."""
        return self.books.head(wallet, asset) - self._reserved.get((wallet, asset), ZERO)

    # -- money -------------------------------------------------------------------------------

    def fund(self, at: int, market: Market, price: Decimal, rate: Decimal) -> None:
        """Pay or receive funding on the open position."""
        size = self.positions.head(market).size
        value = cost_of(market, price, abs(size))
        amount = nearest(value * rate) * (-1 if size > 0 else 1)
        settles = market.settle in self._layout.sessions
        session = self.positions.settle(at, market, price) if settles else ZERO
        funding = Funding(self._next_fill(), market, at, size, price, value, rate, amount, session)
        self.executions[market.kind].append(at, funding)
        self.fundings.append(at, funding)
        self.positions.fund(at, market, amount)
        self._funded[market.name] += amount
        wallet = self._layout.wallet_of[market.kind]
        margin = self._isolated_margin(market)
        paid = amount + session if settles else amount
        self.books.book(at, wallet, market.settle, "funding", paid, funding, margin)

    def transfer(
        self,
        at: int,
        kind: TransferKind,
        asset: str,
        amount: Decimal,
        *,
        from_wallet: Wallet | Literal[""] = "",
        to_wallet: Wallet | Literal[""] = "",
        fee: Decimal = ZERO,
        network: str = "",
        done_at: int = 0,
        end: Literal["ok", "canceled"] = "ok",
        between: Between | None = None,
    ) -> Transfer:
        number = len(self.transfers.rows)
        transfer = Transfer(
            number=number,
            kind=kind,
            asset=asset,
            amount=amount,
            fee=fee,
            from_wallet=from_wallet,
            to_wallet=to_wallet,
            network=network,
            txid=hexadecimal(self._seed, "chain", number) if network else "",
            happened_at=at,
            done_at=done_at or at,
            end=end,
            between=between,
        )
        self.transfers.append(at, transfer)
        entry: EntryKind = kind
        if from_wallet:
            taken = -(amount + fee)
            self.books.book(at, from_wallet, asset, entry, taken, transfer)
        if to_wallet:
            self.books.book(at, to_wallet, asset, entry, amount, transfer)
        return transfer

    def refund(self, at: int, transfer: Transfer) -> None:
        """Credit a canceled withdrawal back, including its fee."""
        amount = transfer.amount + transfer.fee
        assert transfer.from_wallet, "only withdrawals are refunded"
        self.books.book(at, transfer.from_wallet, transfer.asset, "refund", amount, transfer)

    def convert(
        self,
        at: int,
        wallet: Wallet,
        given: tuple[str, Decimal],
        received: tuple[str, Decimal],
        fee: Decimal,
        *,
        quoted_at: int = 0,
        swap: int | None = None,
        repays: bool = False,
    ) -> None:
        """`given`, `received`: asset and amount; the fee is in the asset given, of small balances
        (`swap`) in the one received."""
        number = len(self.conversions.rows)
        conversion = Conversion(number, at, wallet, *given, *received, fee, quoted_at, swap, repays)
        self.conversions.append(at, conversion)
        for asset, amount in ((given[0], -given[1]), received):
            charged = fee if asset == conversion.fee_asset else ZERO
            self.books.book(at, wallet, asset, "conversion", amount - charged, conversion)

    def lend(
        self, at: int, wallet: Wallet, asset: str, kind: EntryKind, amount: Decimal, owed: Decimal
    ) -> None:
        """Book a loan, its interest or its repayment; `owed` is the debt afterwards."""
        loan = Loan(len(self.books.ledger[wallet].rows), at, wallet, asset, owed)
        self.books.owe(loan)
        self.books.book(at, wallet, asset, kind, amount, loan)

    def owe(self, at: int, wallet: Wallet, asset: str, owed: Decimal) -> None:
        """Change a debt without moving anything: interest that is paid later."""
        self.books.owe(Loan(len(self.books.ledger[wallet].rows), at, wallet, asset, owed))

    # -- internals ---------------------------------------------------------------------------

    def _order(
        self,
        at: int,
        market: Market,
        side: Side,
        type: Literal["market", "limit"],
        limit: Decimal,
        amount: Decimal,
        last_price: Decimal,
        client_order_id: str,
        cause: FillKind,
        wallet: Wallet | None,
    ) -> Order:
        number = len(self.orders.rows)
        if cause == "settlement":
            order_id = uuid(self._seed, "delivery", self._fills)
        elif market.kind == "spot":
            order_id = snowflake(self._seed, number, at)
        else:
            order_id = uuid(self._seed, "order", number)
        return Order(
            number=number,
            order_id=order_id,
            client_order_id=client_order_id,
            market=market,
            wallet=wallet or self._layout.wallet_of[market.kind],
            side=side,
            type=type,
            limit=limit,
            amount=amount,
            created_at=at,
            last_price=last_price,
            cause=cause,
        )

    def _record(self, fill: Fill) -> None:
        market = fill.order.market
        fill.order.fills.append(fill)
        self.fills.append(fill.happened_at, fill)
        self.executions[market.kind].append(fill.happened_at, fill)
        self.fills_of[market.name].append(fill.happened_at, fill)

    def _fill_spot(
        self,
        order: Order,
        at: int,
        price: Decimal,
        amount: Decimal,
        cost: Decimal,
        left: Decimal,
        maker: bool,
    ) -> Fill:
        market = order.market
        bought = order.side == "buy"
        rate = market.maker if maker else market.taker
        # fees are charged in the received currency, rebates are paid in the other one
        received = self._layout.spot_fees == "received"
        in_base = received and (bought if rate >= 0 else not bought)
        fee = round_fee((amount if in_base else cost) * rate)
        fill = Fill(
            number=self._next_fill(),
            order=order,
            happened_at=at,
            price=price,
            amount=amount,
            cost=cost,
            fee=fee,
            fee_currency=market.base if in_base else market.quote,
            fee_rate=rate,
            maker=maker,
            kind=order.cause,
            leaves=left,
            closed=ZERO,
            profit=ZERO,
            position=ZERO,
        )
        of_base = (amount if bought else -amount) - (fee if in_base else ZERO)
        of_quote = (-cost if bought else cost) - (ZERO if in_base else fee)
        self.books.book(at, order.wallet, market.base, order.cause, of_base, fill)
        self.books.book(at, order.wallet, market.quote, order.cause, of_quote, fill)
        return fill

    def _fill_contract(
        self,
        order: Order,
        at: int,
        price: Decimal,
        amount: Decimal,
        cost: Decimal,
        left: Decimal,
        maker: bool,
    ) -> Fill:
        market = order.market
        rate = market.maker if maker else market.taker
        if market.kind == "option":
            # charged on the underlying's value, capped at 7 % of the premium
            fee = min(order.last_price * amount * rate, cost * Decimal("0.07"))
        else:
            fee = cost * rate
        fee = round_fee(fee)
        return self._book_contract(order, at, price, amount, cost, fee, rate, left, maker)

    def _book_contract(
        self,
        order: Order,
        at: int,
        price: Decimal,
        amount: Decimal,
        cost: Decimal,
        fee: Decimal,
        rate: Decimal,
        left: Decimal,
        maker: bool,
    ) -> Fill:
        market = order.market
        before = self.positions.head(market).basis
        change = self.positions.trade(at, market, order.side, amount, cost, fee)
        if market.kind != "option":
            after = self.positions.head(market).basis
            self._reserve(order.wallet, market.settle, (after - before) / market.leverage)
        fill = Fill(
            number=self._next_fill(),
            order=order,
            happened_at=at,
            price=price,
            amount=amount,
            cost=cost,
            fee=fee,
            fee_currency=market.settle,
            fee_rate=rate,
            maker=maker,
            kind=order.cause,
            leaves=left,
            closed=change.closed,
            profit=change.profit,
            position=change.size,
        )
        moved = cash_flow(fill) - fee
        if not change.size or self.positions.head(market).opened_at == at:
            self._funded[market.name] = ZERO
        margin = self._isolated_margin(market)
        self.books.book(at, order.wallet, market.settle, order.cause, moved, fill, margin)
        return fill

    def _isolated_margin(self, market: Market) -> Decimal | None:
        """None for cross margin."""
        if market.name not in self._layout.isolated:
            return None
        position = self.positions.head(market)
        if not position.size:
            return ZERO
        return nearest(position.basis / market.leverage) + self._funded[market.name]

    def _lock(self, order: Order, amount: Decimal) -> None:
        if order.market.kind != "spot":
            return
        asset, per_unit = (
            (order.market.quote, order.limit)
            if order.side == "buy"
            else (order.market.base, Decimal(1))
        )
        self._reserve(order.wallet, asset, amount * per_unit)

    def _reserve(self, wallet: Wallet, asset: str, amount: Decimal) -> None:
        account = wallet, asset
        self._reserved[account] = self._reserved.get(account, ZERO) + amount

    def _next_fill(self) -> int:
        self._fills += 1
        return self._fills


def cash_flow(fill: Fill) -> Decimal:
    """Cash moved by a derivative's fill before its fee: the premium of options, else the profit."""
    if fill.order.market.kind != "option":
        return fill.profit
    return fill.cost if fill.order.side == "sell" else -fill.cost
