"""One-click repay (documentation: "One-click repay history")."""

from typing import Any

from exchange_simulator.markets import DAY
from exchange_simulator.money import plain
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.pages import by_time
from exchange_simulator.records import Conversion

SERVED = 7 * DAY


def history(call: Call) -> Data:
    made = call.world.account.conversions
    found = by_time(call, made, lambda row: row.repays, since=call.now - SERVED)
    return [_row(conversion) for conversion in found]


def _row(conversion: Conversion) -> dict[str, Any]:
    return {
        "debtCcy": conversion.to_asset,
        "fillDebtSz": plain(conversion.to_amount),
        "fillRepaySz": plain(conversion.from_amount),
        "repayCcy": conversion.from_asset,
        "status": "filled",
        "uTime": str(conversion.happened_at),
    }
