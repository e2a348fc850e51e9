"""All endpoints: path, required permission, rate limit and handler (documentation: "Rate Limit
Rules" for the limits)."""

from collections.abc import Awaitable, Callable
from itertools import count
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exchange_simulator.bybit import (
    asset,
    conversions,
    earn,
    funding_history,
    market,
    position,
    pre_upgrade,
    trade,
    user,
    wallet,
)
from exchange_simulator.bybit.answers import Refused, answer
from exchange_simulator.bybit.auth import authenticate
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.limits import Limit, Limiter
from exchange_simulator.bybit.outages import OUTAGES
from exchange_simulator.keys import Key, Scope
from exchange_simulator.markets import MINUTE
from exchange_simulator.pseudorandom import mix
from exchange_simulator.state import ExchangeState

Answer = Callable[[Call], Result]
Handler = Callable[[Request], Awaitable[Response]]


class Private(NamedTuple):
    scope: Scope | None
    """None: any permission."""
    limit: Limit
    answer: Answer


_FAST = Limit(50)
_SLOW = Limit(5)

PUBLIC: dict[str, Answer] = {
    "/v5/market/time": market.time,
    "/v5/market/instruments-info": market.instruments_info,
    "/v5/market/tickers": market.tickers,
    "/v5/market/funding/history": market.funding_history,
    "/v5/market/kline": market.kline,
    "/v5/earn/product": earn.products,
}

PRIVATE = {
    "/v5/user/query-api": Private(None, Limit(10), user.query_api),
    "/v5/user/submembers": Private(None, Limit(10), user.sub_members),
    "/v5/account/info": Private("account", _FAST, user.account_info),
    "/v5/account/wallet-balance": Private("account", _FAST, wallet.wallet_balance),
    "/v5/account/transaction-log": Private("account", Limit(25), wallet.transaction_log),
    "/v5/account/borrow-history": Private("account", _FAST, wallet.borrow_history),
    "/v5/position/list": Private("positions", _FAST, position.position_list),
    "/v5/order/realtime": Private("orders", _FAST, trade.order_realtime),
    "/v5/order/history": Private("orders", _FAST, trade.order_history),
    "/v5/execution/list": Private("orders", _FAST, trade.execution_list),
    "/v5/pre-upgrade/order/history": Private("orders", _FAST, pre_upgrade.order_history),
    "/v5/pre-upgrade/execution/list": Private("orders", _FAST, pre_upgrade.execution_list),
    "/v5/asset/fundinghistory": Private("wallet", Limit(30), funding_history.funding_history),
    "/v5/asset/exchange/query-convert-history": Private("wallet", _FAST, conversions.history),
    "/v5/asset/covert/small-balance-history": Private("wallet", _SLOW, conversions.small_balances),
    "/v5/earn/order": Private("earn", Limit(10), earn.orders),
    "/v5/earn/position": Private("earn", Limit(10), earn.positions),
    "/v5/asset/asset-overview": Private("wallet", _FAST, wallet.asset_overview),
    "/v5/asset/coin/query-info": Private("wallet", _SLOW, asset.coin_info),
    "/v5/asset/transfer/query-account-coins-balance": Private("wallet", _SLOW, asset.coins_balance),
    "/v5/asset/transfer/query-account-coin-balance": Private(
        "wallet", Limit(450), asset.coin_balance
    ),
    "/v5/asset/deposit/query-record": Private("wallet", Limit(100, MINUTE), asset.deposits),
    "/v5/asset/deposit/query-internal-record": Private(
        "wallet", Limit(300), asset.internal_deposits
    ),
    "/v5/asset/withdraw/query-record": Private("wallet", Limit(300, MINUTE), asset.withdrawals),
    "/v5/asset/transfer/query-inter-transfer-list": Private(
        "wallet", Limit(60, MINUTE), asset.internal_transfers
    ),
    "/v5/asset/transfer/query-universal-transfer-list": Private(
        "accounts", _SLOW, asset.universal_transfers
    ),
}

# documentation: "Demo Trading Service"; the error of other endpoints is not documented
_DEMO = {
    "/v5/user/query-api",
    "/v5/account/info",
    "/v5/account/wallet-balance",
    "/v5/account/transaction-log",
    "/v5/account/borrow-history",
    "/v5/position/list",
    "/v5/order/realtime",
    "/v5/order/history",
    "/v5/execution/list",
}
_trace = count()
_ANONYMOUS = Key(key="", secret="")


def routes(exchange: ExchangeState) -> list[Route]:
    limiter = Limiter(exchange.limits, exchange.real_time)
    return [
        *(Route(path, _public(exchange, limiter, answers)) for path, answers in PUBLIC.items()),
        *(
            Route(path, _private(exchange, limiter, path, endpoint))
            for path, endpoint in PRIVATE.items()
        ),
    ]


def _public(exchange: ExchangeState, limiter: Limiter, answers: Answer) -> Handler:
    async def handle(request: Request) -> Response:
        now = exchange.now()
        if not limiter.arrive(_address(request)):
            return OUTAGES.banned(now, 0)
        call = Call(exchange, dict(request.query_params), now, _ANONYMOUS)
        return _respond(answers, call, {})

    return handle


def _private(exchange: ExchangeState, limiter: Limiter, path: str, endpoint: Private) -> Handler:
    async def handle(request: Request) -> Response:
        now = exchange.now()
        exchange.note_client(request.headers.get("user-agent", ""))
        if not limiter.arrive(_address(request)):
            return OUTAGES.banned(now, 0)
        headers: dict[str, str] = {}

        def answers(call: Call) -> Result:
            query = request.scope["query_string"].decode("latin-1")
            key = authenticate(request.headers, query, _address(request), exchange, now)
            allowance = limiter.visit(key.uid, path, endpoint.limit, now)
            headers.update(allowance.headers)
            if not allowance.granted:
                raise Refused(10006)
            if key.demo and path not in _DEMO:
                raise Refused(10032)
            if not key.scopes or (endpoint.scope and endpoint.scope not in key.scopes):
                raise Refused(10005)
            return endpoint.answer(Call(exchange, call.params, now, key))

        return _respond(
            answers, Call(exchange, dict(request.query_params), now, _ANONYMOUS), headers
        )

    return handle


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _respond(answers: Answer, call: Call, headers: dict[str, str]) -> Response:
    try:
        code, message, result = 0, "OK", answers(call)
    except Refused as refused:
        code, message, result = refused.code, refused.message, {}
    headers["Timenow"] = str(call.now)
    headers["Traceid"] = f"{mix(call.now, next(_trace)):032x}"
    return answer(code, message, result, call.now, headers)
