"""All endpoints: path, required permission, cost and handler."""

import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exchange_simulator.keys import Key, Scope
from exchange_simulator.kraken import (
    balances,
    funding,
    ledger,
    market,
    orders,
    trades,
    user,
)
from exchange_simulator.kraken.answers import (
    INVALID_ARGUMENTS,
    PERMISSION_DENIED,
    RATE_LIMIT,
    UNKNOWN_METHOD,
    Refused,
    answer,
    nothing,
    refused,
)
from exchange_simulator.kraken.auth import Nonces, authenticate
from exchange_simulator.kraken.call import Call, Result
from exchange_simulator.kraken.directory import Directories
from exchange_simulator.kraken.limits import HISTORY, Limiter
from exchange_simulator.state import ExchangeState

Answer = Callable[[Call], Result]
Handler = Callable[[Request], Awaitable[Response]]


class Private(NamedTuple):
    scope: Scope | None
    """None: every key has access."""
    answer: Answer
    cost: int = 1
    withdraws: bool = False
    """Whether the key needs the withdrawal permission."""


PUBLIC: dict[str, Answer] = {
    "Time": market.server_time,
    "SystemStatus": market.system_status,
    "Assets": market.assets,
    "AssetPairs": market.asset_pairs,
    "Ticker": market.ticker,
    "OHLC": market.ohlc,
}

# Kraken's permissions and the corresponding scopes of keys
QUERY_FUNDS: Scope = "account"
QUERY_LEDGER: Scope = "wallet"
QUERY_TRADES: Scope = "orders"

PRIVATE = {
    "GetApiKeyInfo": Private(None, user.api_key_info),
    "Balance": Private(QUERY_FUNDS, balances.balance),
    "BalanceEx": Private(QUERY_FUNDS, balances.balance_ex),
    "TradeBalance": Private(QUERY_TRADES, balances.trade_balance),
    "OpenPositions": Private(QUERY_TRADES, balances.open_positions),
    "OpenOrders": Private(QUERY_TRADES, orders.open_orders),
    "ClosedOrders": Private(QUERY_TRADES, orders.closed_orders),
    "QueryOrders": Private(QUERY_TRADES, orders.query_orders),
    "TradesHistory": Private(QUERY_TRADES, trades.trades_history, HISTORY),
    "QueryTrades": Private(QUERY_TRADES, trades.query_trades),
    "Ledgers": Private(QUERY_LEDGER, ledger.ledgers, HISTORY),
    "QueryLedgers": Private(QUERY_LEDGER, ledger.query_ledgers),
    "DepositMethods": Private(QUERY_FUNDS, funding.deposit_methods),
    "DepositStatus": Private(QUERY_FUNDS, funding.deposit_status),
    "WithdrawMethods": Private(QUERY_FUNDS, funding.withdraw_methods, withdraws=True),
    "WithdrawStatus": Private(QUERY_LEDGER, funding.withdraw_status),
}

_BALANCES = ("Balance", "BalanceEx")
_ANONYMOUS = Key(key="", secret="")


def routes(exchange: ExchangeState) -> list[Route]:
    directories = Directories(exchange.world)
    limiter = Limiter(exchange.traffic.kraken_tier, exchange.real_time)
    private = _private(exchange, directories, Nonces(), limiter)
    return [
        *(
            Route(
                f"/0/public/{name}",
                _public(exchange, directories, answers),
                methods=["GET", "POST"],
            )
            for name, answers in PUBLIC.items()
        ),
        Route("/0/private/{name}", private, methods=["POST"]),
        Route("/0/{rest:path}", _unknown, methods=["GET", "POST"]),
    ]


def _public(exchange: ExchangeState, directories: Directories, answers: Answer) -> Handler:
    async def handle(request: Request) -> Response:
        body = await request.body()

        def answered() -> Result:
            params = dict(request.query_params) | _parsed(request, body)
            return answers(Call(exchange, directories, params, exchange.now(), _ANONYMOUS))

        return _respond(answered)

    return handle


def _private(
    exchange: ExchangeState, directories: Directories, nonces: Nonces, limiter: Limiter
) -> Handler:
    async def handle(request: Request) -> Response:
        exchange.note_client(request.headers.get("user-agent", ""))
        now = exchange.now()
        body = await request.body()

        def answers() -> Result:
            params = _parsed(request, body)
            ip = request.client.host if request.client else ""
            nonce = params.get("nonce", "")
            path = request.url.path
            key = authenticate(request.headers, path, body, nonce, ip, exchange.keys, nonces, now)
            endpoint = PRIVATE.get(request.path_params["name"])
            if endpoint is None:
                raise Refused(UNKNOWN_METHOD)
            if exchange.limits and not limiter.visit(key.key, endpoint.cost):
                raise Refused(RATE_LIMIT)
            if endpoint.scope is not None and endpoint.scope not in key.scopes:
                raise Refused(PERMISSION_DENIED)
            if endpoint.withdraws and not key.may_withdraw:
                raise Refused(PERMISSION_DENIED)
            return endpoint.answer(Call(exchange, directories, params, now, key))

        if request.path_params["name"] in _BALANCES and _is_empty(exchange, now):
            return _respond(answers, nothing)
        return _respond(answers)

    return handle


async def _unknown(request: Request) -> Response:
    return refused(UNKNOWN_METHOD)


def _is_empty(exchange: ExchangeState, now: int) -> bool:
    """Whether nothing was ever booked."""
    exchange.world.advance_to(now)
    return not any(ledger.until(now) for ledger in exchange.world.account.books.ledger.values())


def _respond(
    answers: Callable[[], Result], respond: Callable[[Result], Response] = answer
) -> Response:
    try:
        return respond(answers())
    except Refused as error:
        return refused(error.error)


def _parsed(request: Request, body: bytes) -> dict[str, str]:
    """Parameters of the body, a form or JSON."""
    if "json" not in request.headers.get("content-type", ""):
        return dict(parse_qsl(body.decode("latin-1")))
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise Refused(INVALID_ARGUMENTS)
    return {name: str(value) for name, value in fields.items() if value is not None}
