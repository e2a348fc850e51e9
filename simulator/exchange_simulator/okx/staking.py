"""Staking of ETH and SOL (documentation: "Purchase&Redeem history" of ETH staking and of SOL
staking)."""

from collections.abc import Callable
from typing import Any

from exchange_simulator.money import plain
from exchange_simulator.okx.answers import Refused
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.pages import by_time
from exchange_simulator.token_staker import Request

_TYPES = ("", "purchase", "redeem")
_STATUSES = ("", "pending", "success", "failed", "cancelled")
_EARLIEST = 3_600_000


def history(coin: str) -> Callable[[Call], Data]:
    """Paged by the time of the request."""

    def requests(call: Call) -> Data:
        kind, status = call.text("type"), call.text("status")
        if kind not in _TYPES:
            raise Refused(51000, "type")
        if status not in _STATUSES:
            raise Refused(51000, "status")

        def keep(row: Request) -> bool:
            return (
                row.coin == coin and kind in ("", row.kind) and status in ("", row.status(call.now))
            )

        return [
            _row(row, call.now) for row in by_time(call, call.world.token_staker.requests, keep)
        ]

    return requests


def _row(made: Request, now: int) -> dict[str, Any]:
    pending = made.status(now) == "pending"
    redeems = pending and made.kind == "redeem"
    return {
        "amt": plain(made.amount),
        "completedTime": "" if pending else str(made.done_at),
        "estCompletedTime": str(made.done_at // _EARLIEST * _EARLIEST) if redeems else "",
        "redeemingAmt": plain(made.amount) if redeems else "",
        "requestTime": str(made.happened_at),
        "status": made.status(now),
        "type": made.kind,
    }
