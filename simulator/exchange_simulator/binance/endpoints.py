"""All endpoints: path, weight, required permission and handler (documentation: the "Request Weight"
of each page)."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from exchange_simulator.binance import (
    account,
    conditional,
    conversions,
    earn,
    fiat,
    futures_account,
    futures_market,
    futures_orders,
    futures_positions,
    futures_trades,
    income,
    isolated,
    loans,
    margin,
    market,
    option_trading,
    options,
    orders,
    peers,
    portfolio_margin,
    rebates,
    staking,
    sub_accounts,
    trades,
    wallet,
)
from exchange_simulator.binance.account import require_opened
from exchange_simulator.binance.answers import Refused, answer, refused
from exchange_simulator.binance.auth import authenticate
from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.limits import (
    FUTURES,
    OPTIONS,
    PORTFOLIO_MARGIN,
    SPOT,
    Limiter,
    Pool,
    sapi,
)
from exchange_simulator.keys import Key, Scope
from exchange_simulator.markets import Kind
from exchange_simulator.state import ExchangeState

Answer = Callable[[Call], Result]
Handler = Callable[[Request], Awaitable[Response]]


class Endpoint(NamedTuple):
    answer: Answer
    scope: Scope | None = None
    """Required permission; None: public, no key needed."""
    weight: int = 1
    without_symbol: int | None = None
    """Weight of a request without a symbol, if it differs."""
    method: str = "GET"
    per_user: bool = False
    """Whether the weight counts per user instead of per address."""


_SPOT = {
    "/api/v3/ping": Endpoint(market.ping),
    "/api/v3/time": Endpoint(market.time),
    "/api/v3/exchangeInfo": Endpoint(market.exchange_info, weight=20),
    "/api/v3/ticker/24hr": Endpoint(market.ticker_24hr, None, 2, 80),
    "/api/v3/ticker/price": Endpoint(market.ticker_price, None, 2, 4),
    "/api/v3/ticker/bookTicker": Endpoint(market.book_ticker, None, 2, 4),
    "/api/v3/klines": Endpoint(market.klines, weight=2),
    "/api/v3/account": Endpoint(account.account, "account", 20),
    "/api/v3/order": Endpoint(orders.order, "orders", 4),
    "/api/v3/openOrders": Endpoint(orders.open_orders, "orders", 6, 80),
    "/api/v3/allOrders": Endpoint(orders.all_orders, "orders", 20),
    "/api/v3/myTrades": Endpoint(trades.my_trades, "orders", 20),
}
_SAPI = {
    "/sapi/v1/account/info": Endpoint(account.info, "account"),
    "/sapi/v1/account/apiRestrictions": Endpoint(account.api_restrictions, "account"),
    "/sapi/v1/sub-account/list": Endpoint(sub_accounts.listed, "account"),
    "/sapi/v1/sub-account/universalTransfer": Endpoint(
        sub_accounts.universal_transfers, "accounts"
    ),
    "/sapi/v1/sub-account/transfer/subUserHistory": Endpoint(
        sub_accounts.sub_account_transfers, "accounts"
    ),
    "/sapi/v1/capital/config/getall": Endpoint(wallet.coins, "wallet", 10),
    "/sapi/v1/capital/deposit/hisrec": Endpoint(wallet.deposits, "wallet"),
    # ten per minute
    "/sapi/v1/capital/withdraw/history": Endpoint(
        wallet.withdrawals, "wallet", 18_000, per_user=True
    ),
    "/sapi/v1/convert/tradeFlow": Endpoint(conversions.trade_flow, "wallet", 3000, per_user=True),
    "/sapi/v1/asset/dribblet": Endpoint(conversions.dust_log, "wallet"),
    # four per minute
    "/sapi/v1/fiat/orders": Endpoint(fiat.orders, "wallet", 45_000, per_user=True),
    "/sapi/v1/fiat/payments": Endpoint(fiat.payments, "wallet"),
    "/sapi/v1/c2c/orderMatch/listUserOrderHistory": Endpoint(peers.p2p, "wallet"),
    "/sapi/v1/pay/transactions": Endpoint(peers.pay, "wallet", 3000, per_user=True),
    "/sapi/v1/rebate/taxQuery": Endpoint(rebates.rebates, "account", 12_000, per_user=True),
    "/sapi/v1/asset/transfer": Endpoint(wallet.universal_transfers, "wallet"),
    "/sapi/v1/asset/get-funding-asset": Endpoint(wallet.funding_assets, "wallet", method="POST"),
    "/sapi/v3/asset/getUserAsset": Endpoint(wallet.user_assets, "wallet", 5, method="POST"),
    "/sapi/v1/asset/wallet/balance": Endpoint(wallet.wallet_balances, "wallet", 60),
    "/sapi/v1/asset/assetDividend": Endpoint(earn.dividends, "wallet", 10),
    **{
        f"/sapi/v1/simple-earn/{path}": Endpoint(listed, "account", 150)
        for path, listed in earn.LISTS.items()
    },
    **{
        f"/sapi/v1/{path}": Endpoint(listed, "account", 150)
        for path, listed in staking.LISTS.items()
    },
    "/sapi/v2/loan/flexible/ongoing/orders": Endpoint(loans.ongoing_orders, "account", 300),
    "/sapi/v2/loan/flexible/borrow/history": Endpoint(loans.borrow_history, "account", 400),
    "/sapi/v2/loan/flexible/repay/history": Endpoint(loans.repayment_history, "account", 400),
    "/sapi/v1/margin/account": Endpoint(margin.account, "account", 10),
    "/sapi/v1/margin/allPairs": Endpoint(margin.all_pairs, "account"),
    "/sapi/v1/margin/isolated/allPairs": Endpoint(isolated.all_pairs, "account", 10),
    "/sapi/v1/margin/isolated/account": Endpoint(isolated.account, "account", 10),
    "/sapi/v1/margin/transfer": Endpoint(isolated.transfers, "account"),
    "/sapi/v1/margin/borrow-repay": Endpoint(margin.borrow_repay, "account", 10),
    "/sapi/v1/margin/interestHistory": Endpoint(margin.interest_history, "account"),
    "/sapi/v1/margin/capital-flow": Endpoint(margin.capital_flow, "account", 100),
    "/sapi/v1/margin/order": Endpoint(orders.margin_order, "orders", 10),
    "/sapi/v1/margin/openOrders": Endpoint(orders.margin_open_orders, "orders", 10),
    "/sapi/v1/margin/allOrders": Endpoint(orders.margin_all_orders, "orders", 200),
    "/sapi/v1/margin/myTrades": Endpoint(trades.margin_trades, "orders", 10),
}
_FAPI = {
    "/fapi/v1/ping": Endpoint(market.ping),
    "/fapi/v1/time": Endpoint(market.time),
    "/fapi/v1/exchangeInfo": Endpoint(futures_market.exchange_info),
    "/fapi/v1/ticker/24hr": Endpoint(futures_market.ticker_24hr, None, 1, 40),
    "/fapi/v1/ticker/price": Endpoint(futures_market.ticker_price, None, 1, 2),
    "/fapi/v2/ticker/price": Endpoint(futures_market.ticker_price, None, 1, 2),
    "/fapi/v1/ticker/bookTicker": Endpoint(futures_market.book_ticker, None, 2, 5),
    "/fapi/v1/premiumIndex": Endpoint(futures_market.premium_index, None, 1, 10),
    "/fapi/v1/fundingRate": Endpoint(futures_market.funding_rate),
    "/fapi/v1/fundingInfo": Endpoint(futures_market.funding_info),
    "/fapi/v2/account": Endpoint(futures_account.account_v2, "account", 5),
    "/fapi/v3/account": Endpoint(futures_account.account_v3, "account", 5),
    "/fapi/v2/balance": Endpoint(futures_account.balance, "account", 5),
    "/fapi/v3/balance": Endpoint(futures_account.balance, "account", 5),
    "/fapi/v2/positionRisk": Endpoint(futures_positions.position_risk_v2, "positions", 5),
    "/fapi/v3/positionRisk": Endpoint(futures_positions.position_risk_v3, "positions", 5),
    "/fapi/v1/accountConfig": Endpoint(futures_account.account_config, "account", 5),
    "/fapi/v1/symbolConfig": Endpoint(futures_positions.symbol_config, "account", 5),
    "/fapi/v1/leverageBracket": Endpoint(futures_positions.leverage_bracket, "account"),
    "/fapi/v1/positionSide/dual": Endpoint(futures_account.position_mode, "account", 30),
    "/fapi/v1/order": Endpoint(futures_orders.order, "orders"),
    "/fapi/v1/openOrders": Endpoint(futures_orders.open_orders, "orders", 1, 40),
    "/fapi/v1/allOrders": Endpoint(futures_orders.all_orders, "orders", 5),
    "/fapi/v1/algoOrder": Endpoint(conditional.order, "orders"),
    "/fapi/v1/openAlgoOrders": Endpoint(conditional.open_orders, "orders", 1, 40),
    "/fapi/v1/allAlgoOrders": Endpoint(conditional.all_orders, "orders", 5),
    "/fapi/v1/forceOrders": Endpoint(futures_orders.force_orders, "orders", 20, 50),
    "/fapi/v1/userTrades": Endpoint(futures_trades.user_trades, "orders", 5),
    "/fapi/v1/income": Endpoint(income.income, "account", 30),
}
_DAPI = {
    "/dapi/v1/ping": Endpoint(market.ping),
    "/dapi/v1/time": Endpoint(market.time),
    "/dapi/v1/exchangeInfo": Endpoint(futures_market.exchange_info),
    "/dapi/v1/ticker/24hr": Endpoint(futures_market.ticker_24hr, None, 1, 40),
    "/dapi/v1/ticker/price": Endpoint(futures_market.ticker_price, None, 1, 2),
    "/dapi/v1/ticker/bookTicker": Endpoint(futures_market.book_ticker, None, 2, 5),
    "/dapi/v1/premiumIndex": Endpoint(futures_market.premium_index, None, 10),
    "/dapi/v1/fundingRate": Endpoint(futures_market.funding_rate),
    "/dapi/v1/fundingInfo": Endpoint(futures_market.funding_info),
    "/dapi/v1/account": Endpoint(futures_account.coin_account, "account", 5),
    "/dapi/v1/balance": Endpoint(futures_account.balance, "account"),
    "/dapi/v1/positionRisk": Endpoint(futures_positions.position_risk_v2, "positions"),
    "/dapi/v1/leverageBracket": Endpoint(futures_positions.leverage_bracket, "account"),
    "/dapi/v2/leverageBracket": Endpoint(futures_positions.leverage_bracket, "account"),
    "/dapi/v1/positionSide/dual": Endpoint(futures_account.position_mode, "account", 30),
    "/dapi/v1/order": Endpoint(futures_orders.order, "orders"),
    "/dapi/v1/openOrders": Endpoint(futures_orders.open_orders, "orders", 1, 40),
    "/dapi/v1/allOrders": Endpoint(futures_orders.coin_all_orders, "orders", 20, 40),
    "/dapi/v1/algoOrder": Endpoint(conditional.order, "orders"),
    "/dapi/v1/openAlgoOrders": Endpoint(conditional.open_orders, "orders", 1, 40),
    "/dapi/v1/allAlgoOrders": Endpoint(conditional.all_orders, "orders", 5),
    "/dapi/v1/forceOrders": Endpoint(futures_orders.force_orders, "orders", 20, 50),
    "/dapi/v1/userTrades": Endpoint(futures_trades.coin_user_trades, "orders", 20, 40),
    "/dapi/v1/income": Endpoint(income.income, "account", 20),
}
_PAPI = {
    "/papi/v1/balance": Endpoint(portfolio_margin.balance, "account", 20),
    "/papi/v1/um/positionRisk": Endpoint(portfolio_margin.positions, "positions", 5),
    "/papi/v1/um/userTrades": Endpoint(portfolio_margin.fills, "orders", 5),
    "/papi/v1/um/income": Endpoint(portfolio_margin.earnings, "account", 30),
    **{
        f"/papi/v1/{part}/{name}": Endpoint(answer, "orders", *weights)
        for part, weight in (("um", (5,)), ("cm", (20, 40)))
        for name, answer, weights in (
            ("allOrders", portfolio_margin.orders_of_futures, weight),
            ("openOrders", portfolio_margin.open_orders_of_futures, (1, 40)),
            ("order", portfolio_margin.order_of_futures, (1,)),
        )
    },
    "/papi/v1/margin/allOrders": Endpoint(orders.portfolio_all_orders, "orders", 100),
    "/papi/v1/margin/openOrders": Endpoint(orders.portfolio_open_orders, "orders", 5),
    "/papi/v1/margin/order": Endpoint(orders.portfolio_order, "orders", 10),
    "/papi/v1/margin/myTrades": Endpoint(trades.portfolio_trades, "orders", 5),
    "/papi/v1/margin/marginLoan": Endpoint(portfolio_margin.loans, "account", 10),
    "/papi/v1/margin/repayLoan": Endpoint(portfolio_margin.repayments, "account", 10),
    "/papi/v1/margin/marginInterestHistory": Endpoint(portfolio_margin.interest, "account"),
    "/papi/v1/cm/positionRisk": Endpoint(portfolio_margin.positions, "positions"),
    "/papi/v1/cm/userTrades": Endpoint(portfolio_margin.fills, "orders", 20, 40),
    "/papi/v1/cm/income": Endpoint(portfolio_margin.earnings, "account", 30),
}
_EAPI = {
    "/eapi/v1/marginAccount": Endpoint(options.margin_account, "account", 3),
    "/eapi/v1/bill": Endpoint(options.bill, "account"),
    "/eapi/v1/position": Endpoint(options.positions, "positions", 5),
    "/eapi/v1/userTrades": Endpoint(option_trading.fills, "orders", 5),
    "/eapi/v1/exerciseRecord": Endpoint(option_trading.exercises, "orders", 5),
    "/eapi/v1/exchangeInfo": Endpoint(option_trading.exchange_info),
}
ENDPOINTS = _SPOT | _SAPI | _FAPI | _DAPI | _PAPI | _EAPI
_ANONYMOUS = Key(key="", secret="")


def routes(exchange: ExchangeState) -> list[Route]:
    limiter = Limiter(exchange.real_time, exchange.traffic.others)
    return [
        Route(path, _handler(exchange, limiter, path, endpoint), methods=[endpoint.method])
        for path, endpoint in ENDPOINTS.items()
    ]


def _pool(path: str, endpoint: Endpoint) -> Pool:
    if path.startswith("/api/"):
        return SPOT
    if path.startswith("/sapi/"):
        return sapi(path, per_user=endpoint.per_user)
    if path.startswith("/papi/"):
        return PORTFOLIO_MARGIN
    return OPTIONS if path.startswith("/eapi/") else FUTURES


def _kind(path: str) -> Kind:
    if path.startswith(("/fapi/", "/papi/v1/um/")):
        return "linear"
    if path.startswith("/eapi/"):
        return "option"
    return "inverse" if path.startswith(("/dapi/", "/papi/v1/cm/")) else "spot"


def _handler(exchange: ExchangeState, limiter: Limiter, path: str, endpoint: Endpoint) -> Handler:
    pool, kind = _pool(path, endpoint), _kind(path)

    def answers(request: Request, query: str, body: str, headers: dict[str, str]) -> Result:
        # the query string takes precedence over the body
        params = _decoded(body) | _decoded(query)
        ip = request.client.host if request.client else ""
        name = request.headers.get("x-mbx-apikey", "")
        if exchange.limits:
            weight = endpoint.weight
            if endpoint.without_symbol is not None and not params.get("symbol"):
                weight = endpoint.without_symbol
            headers.update(limiter.spend(ip, pool, weight, _user(exchange, name)))
        key = _ANONYMOUS
        if endpoint.scope is not None:
            key = authenticate(exchange, name, query, body, params, ip)
            if endpoint.scope not in key.scopes:
                raise Refused(-2015)
            require_opened(exchange.world.layout, path)
        now = exchange.now()
        exchange.world.advance_to(now)
        call = Call(exchange, params, now, key, kind)
        result = endpoint.answer(call)
        # only spot rejects unknown parameters
        if pool is SPOT and (unread := call.unread()):
            read = len(call.params) - len(unread)
            raise Refused(
                -1104,
                f"Not all sent parameters were read; read '{read}' parameter(s) but was sent "
                f"'{len(call.params)}'.",
            )
        return result

    async def handle(request: Request) -> Response:
        if endpoint.scope is not None:
            exchange.note_client(request.headers.get("user-agent", ""))
        query = request.scope["query_string"].decode("latin-1")
        body = (await request.body()).decode("latin-1")
        headers: dict[str, str] = {}
        try:
            return answer(answers(request, query, body, headers), headers)
        except Refused as error:
            return refused(error, headers)

    return handle


def _user(exchange: ExchangeState, key: str) -> str:
    known = exchange.keys.get(key)
    return str(known.uid) if known else key


def _decoded(text: str) -> dict[str, str]:
    """Raises Refused if a parameter was sent twice."""
    params: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name in params:
            raise Refused(-1101, f"Duplicate values for parameter '{name}' detected.")
        params[name] = value
    return params
