"""Flexible loans (documentation: "Loan info", "Loan history").

The pages do not say what an account without a loan is answered: here nothing.
"""

from exchange_simulator.money import ZERO, plain
from exchange_simulator.okx import names
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.pages import by_id
from exchange_simulator.records import LedgerEntry
from exchange_simulator.timeline import Timeline

_TYPES = {"212": "collateral_locked", "215": "collateral_released"} | {
    "217": "borrowed",
    "218": "repaid",
}


def info(call: Call) -> Data:
    held = [h for h in call.world.balances(call.now) if h.wallet == names.LOAN]
    owed = [{"ccy": h.asset, "amt": plain(h.debt)} for h in held if h.debt]
    collateral = [{"ccy": h.asset, "amt": plain(h.total)} for h in held if h.total]
    if not owed and not collateral:
        return []
    prices = call.world.prices
    debt = sum((h.debt * prices.index(h.asset, call.now) for h in held), ZERO)
    worth = sum((h.total * prices.index(h.asset, call.now) for h in held), ZERO)
    return [
        {
            "loanNotionalUsd": plain(debt),
            "loanData": owed,
            "collateralNotionalUsd": plain(worth),
            "collateralData": collateral,
            "riskWarningData": {"instId": "", "liqPx": ""},
            "curLTV": "0.4",
            "marginCallLTV": "0.8374",
            "liqLTV": "0.9374",
        }
    ]


def history(call: Call) -> Data:
    kind = call.text("type")
    ledger = call.world.account.books.ledger.get(names.FUNDING) or Timeline()

    def keep(entry: LedgerEntry) -> bool:
        return names.is_of_loan(entry) and kind in ("", _TYPES[names.entry_kind(entry)])

    return [
        {
            "refId": names.entry_id(call.world, entry),
            "type": _TYPES[names.entry_kind(entry)],
            "ccy": entry.asset,
            "amt": plain(abs(entry.amount)),
            "ts": str(entry.happened_at),
        }
        for entry in by_id(call, ledger, names.bill_number, keep)
    ]
