"""All endpoints: path, required permission, rate limit and handler (documentation: "Rate Limit" and
"Permission" of every page)."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exchange_simulator.keys import Key, Scope
from exchange_simulator.okx import (
    account,
    asset,
    bills,
    earn,
    loans,
    market,
    repayments,
    staking,
    trade,
)
from exchange_simulator.okx.answers import Refused, answer, refusal
from exchange_simulator.okx.auth import authenticate
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.limits import Limit, Limiter
from exchange_simulator.state import ExchangeState

Answer = Callable[[Call], Data]
Handler = Callable[[Request], Awaitable[Response]]


class Public(NamedTuple):
    limit: Limit
    answer: Answer


class Private(NamedTuple):
    scope: Scope
    limit: Limit
    answer: Answer


_SIX_A_SECOND = Limit(6, 1000)

PUBLIC = {
    "public/time": Public(Limit(10), market.time),
    "public/instruments": Public(Limit(20, by="instType"), market.instruments),
    "public/mark-price": Public(Limit(10, by="instId"), market.mark_price),
    "public/funding-rate": Public(Limit(20, by="instId"), market.funding_rate),
    "public/funding-rate-history": Public(Limit(10, by="instId"), market.funding_rate_history),
    "market/history-candles": Public(Limit(20), market.history_candles),
    "market/tickers": Public(Limit(20), market.tickers),
    "market/ticker": Public(Limit(20), market.ticker),
}

PRIVATE = {
    "account/config": Private("account", Limit(5), account.config),
    "users/subaccount/list": Private("account", Limit(2), account.sub_accounts),
    "account/balance": Private("account", Limit(10), account.balance),
    "account/positions": Private("positions", Limit(10), account.positions),
    "account/bills": Private("account", Limit(5, 1000), bills.bills),
    "account/bills-archive": Private("account", Limit(5), bills.bills_archive),
    "asset/currencies": Private("wallet", _SIX_A_SECOND, asset.currencies),
    "asset/asset-valuation": Private("account", Limit(1, 1000), asset.valuation),
    "asset/balances": Private("wallet", _SIX_A_SECOND, asset.balances),
    "asset/deposit-history": Private("wallet", _SIX_A_SECOND, asset.deposits),
    "asset/withdrawal-history": Private("wallet", _SIX_A_SECOND, asset.withdrawals),
    "asset/bills": Private("wallet", _SIX_A_SECOND, asset.bills),
    "asset/bills-history": Private("wallet", Limit(1, 1000), asset.bills_history),
    "asset/transfer-state": Private("wallet", Limit(10, 1000), asset.transfer_state),
    "asset/convert/history": Private("wallet", _SIX_A_SECOND, asset.convert_history),
    "finance/flexible-loan/loan-info": Private("wallet", Limit(5), loans.info),
    "finance/flexible-loan/loan-history": Private("wallet", Limit(5), loans.history),
    "finance/savings/balance": Private("wallet", _SIX_A_SECOND, earn.savings),
    "finance/savings/lending-history": Private("wallet", _SIX_A_SECOND, earn.lending_history),
    "finance/staking-defi/orders-active": Private("wallet", Limit(3, 1000), earn.orders_active),
    "finance/staking-defi/eth/purchase-redeem-history": Private(
        "wallet", _SIX_A_SECOND, staking.history("ETH")
    ),
    "finance/staking-defi/sol/purchase-redeem-history": Private(
        "wallet", _SIX_A_SECOND, staking.history("SOL")
    ),
    "trade/one-click-repay-history": Private("orders", Limit(1), repayments.history),
    "trade/order": Private("orders", Limit(60, by="instId"), trade.order),
    "trade/orders-pending": Private("orders", Limit(60), trade.orders_pending),
    "trade/orders-history": Private("orders", Limit(40), trade.orders_history),
    "trade/orders-history-archive": Private("orders", Limit(20), trade.orders_history_archive),
    "trade/fills": Private("orders", Limit(60), trade.fills),
    "trade/fills-history": Private("orders", Limit(10), trade.fills_history),
}

NOT_IN_DEMO = frozenset(
    {
        "asset/deposit-history",
        "asset/withdrawal-history",
        "finance/savings/balance",
        "finance/savings/lending-history",
        "finance/staking-defi/orders-active",
        "finance/staking-defi/eth/purchase-redeem-history",
        "finance/staking-defi/sol/purchase-redeem-history",
    }
)
"""The page names deposits, withdrawals, purchase and redemption, and not their endpoints."""

_ANONYMOUS = Key(key="", secret="")


def routes(exchange: ExchangeState) -> list[Route]:
    limiter = Limiter(exchange.real_time)
    return [
        *(
            Route(f"/api/v5/{path}", _public(exchange, limiter, path, endpoint))
            for path, endpoint in PUBLIC.items()
        ),
        *(
            Route(f"/api/v5/{path}", _private(exchange, limiter, path, endpoint))
            for path, endpoint in PRIVATE.items()
        ),
    ]


def _public(exchange: ExchangeState, limiter: Limiter, path: str, endpoint: Public) -> Handler:
    async def handle(request: Request) -> Response:
        now = exchange.now()

        def data() -> Data:
            call = Call(exchange, dict(request.query_params), now, _ANONYMOUS)
            _admit(exchange, limiter, (_address(request), path), endpoint.limit, call)
            return endpoint.answer(call)

        return _respond(data, now)

    return handle


def _private(exchange: ExchangeState, limiter: Limiter, path: str, endpoint: Private) -> Handler:
    async def handle(request: Request) -> Response:
        now = exchange.now()
        exchange.note_client(request.headers.get("user-agent", ""))

        def data() -> Data:
            key = authenticate(
                exchange, request.headers, request.method, _target(request), _address(request), now
            )
            call = Call(exchange, dict(request.query_params), now, key)
            _admit(exchange, limiter, (str(key.uid), path), endpoint.limit, call)
            if endpoint.scope not in key.scopes:
                raise Refused(50120)
            if key.demo and path in NOT_IN_DEMO:
                raise Refused(50038)
            return endpoint.answer(call)

        return _respond(data, now)

    return handle


def _admit(
    exchange: ExchangeState, limiter: Limiter, visitor: tuple[str, ...], limit: Limit, call: Call
) -> None:
    if limit.by:
        visitor = (*visitor, call.text(limit.by))
    if exchange.limits and not limiter.admits(visitor, limit):
        raise Refused(50011)


def _respond(data: Callable[[], Data], now: int) -> Response:
    try:
        return answer(0, "", data())
    except Refused as refused:
        return refusal(refused.code, now, refused.what)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _target(request: Request) -> str:
    """Path and query exactly as sent and signed."""
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path
