"""Rebates (documentation, Rebate: "Get Spot Rebate History Records").

The page does not say in which order rows are listed, nor how long they are kept: here newest first,
and forever.
"""

from exchange_simulator.binance.call import Call, Result
from exchange_simulator.binance.figures import eight
from exchange_simulator.binance.pages import wallet_window
from exchange_simulator.markets import DAY, WEEK

_LONGEST = 30 * DAY
_SIZE = 200


def rebates(call: Call) -> Result:
    neither = not call.text("startTime") and not call.text("endTime")
    window = wallet_window(call, WEEK if neither else _LONGEST)
    rows = [
        {
            "asset": rebate.asset,
            "type": 2 if rebate.product == "kickback" else 1,
            "amount": eight(rebate.amount),
            "updateTime": rebate.happened_at,
        }
        for _, rebate in call.exchange.newest_first(
            call.world.referrer.rebates, window.start, window.end, call.now
        )
    ]
    page = call.integer("page") or 1
    return {
        "status": "OK",
        "type": "GENERAL",
        "code": "000000000",
        "data": {
            "page": page,
            "totalRecords": len(rows),
            "totalPageNum": -(-len(rows) // _SIZE),
            "data": rows[(page - 1) * _SIZE : page * _SIZE],
        },
    }
