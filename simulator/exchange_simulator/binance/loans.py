"""Crypto loans at a flexible rate (documentation, Crypto Loan: "Get Flexible Loan Ongoing Orders",
"Get Flexible Loan Borrow History", "Get Flexible Loan Repayment History").

The pages do not say in which order rows are listed, nor how long they are kept: here newest first,
and for six months.
"""

from collections.abc import Callable
from typing import Any

from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.binance.retention import SIX_MONTHS
from exchange_simulator.borrower import Deal
from exchange_simulator.markets import DAY
from exchange_simulator.money import ZERO

_LONGEST = 180 * DAY
_WITHOUT_TIMES = 90 * DAY


def ongoing_orders(call: Call) -> Result:
    return _page(
        call,
        [
            {
                "loanCoin": order.coin,
                "totalDebt": eight(order.debt),
                "collateralCoin": order.collateral,
                "collateralAmount": eight(order.pledged),
                "currentLTV": "0.57",
            }
            for order in call.world.borrower.orders(call.now)
        ],
    )


def _deals(name: str, fields: Callable[[Deal], dict[str, Any]]) -> Callable[[Call], Result]:
    def answer(call: Call) -> Result:
        neither = not call.text("startTime") and not call.text("endTime")
        window = wallet_window(call, _WITHOUT_TIMES if neither else _LONGEST)
        start = max(window.start, call.now - SIX_MONTHS)
        deals = call.world.borrower.deals
        rows = [
            {"loanCoin": deal.coin, "collateralCoin": deal.collateral, **fields(deal)}
            for _, deal in call.exchange.newest_first(deals, start, window.end, call.now)
            if deal.list == name
        ]
        return _page(call, rows)

    return answer


def _borrowed(deal: Deal) -> dict[str, Any]:
    return {
        "initialLoanAmount": eight(deal.amount),
        "initialCollateralAmount": eight(deal.moved),
        "borrowTime": deal.happened_at,
        "status": "SUCCESS",
    }


def _repaid(deal: Deal) -> dict[str, Any]:
    return {
        "repayAmount": eight(deal.amount),
        "collateralReturn": eight(deal.moved) if deal.moved > ZERO else "0",
        "repayStatus": "REPAID",
        "repayTime": deal.happened_at,
    }


borrow_history = _deals("loan", _borrowed)
repayment_history = _deals("repayment", _repaid)


def _page(call: Call, rows: list[dict[str, Any]]) -> Result:
    for name in ("loanCoin", "collateralCoin"):
        wanted = call.text(name)
        rows = [row for row in rows if wanted in ("", row[name])]
    current, size = call.integer("current") or 1, call.limit(10, 100)
    return {"rows": rows[(current - 1) * size : current * size], "total": len(rows)}
