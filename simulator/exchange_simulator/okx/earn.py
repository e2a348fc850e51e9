"""Simple Earn flexible and on-chain earn (documentation: "Get saving balance", "Get lending
history", "Get active orders" of on-chain earn)."""

from decimal import Decimal

from exchange_simulator.markets import DAY
from exchange_simulator.money import ZERO, plain
from exchange_simulator.okx import names
from exchange_simulator.okx.call import Call, Data
from exchange_simulator.okx.pages import by_time
from exchange_simulator.records import LedgerEntry, Wallet
from exchange_simulator.timeline import Timeline
from exchange_simulator.world import Balance

LENDING_KEPT = 28 * DAY
"""A month, which may have no more days."""
_RATE = "0.0400000000000000"


def savings(call: Call) -> Data:
    """`amt` contains the interest."""
    asked = call.text("ccy")
    return [
        {
            "amt": plain(held.total),
            "ccy": held.asset,
            "earnings": plain(_earned(call, held.asset)),
            "loanAmt": plain(held.total),
            "pendingAmt": "0",
            "rate": _RATE,
            "redemptAmt": "",
        }
        for held in _held(call)
        if held.asset not in names.STAKED and asked in ("", held.asset)
    ]


def lending_history(call: Call) -> Data:
    """Interest of the past month, paged by time: several currencies have rows of the same time."""
    asked = call.text("ccy")

    def keep(entry: LedgerEntry) -> bool:
        return entry.kind == "reward" and asked in ("", entry.asset)

    entries = by_time(call, _ledger(call, names.EARN), keep, since=call.now - LENDING_KEPT)
    return [
        {
            "amt": plain(entry.balance_after - entry.amount),
            "ccy": entry.asset,
            "earnings": plain(entry.amount),
            "rate": _RATE,
            "ts": str(entry.happened_at),
        }
        for entry in entries
    ]


def orders_active(call: Call) -> Data:
    """One order for each asset."""
    asked = call.text("ccy")
    if call.text("state") not in ("", "1"):
        return []
    return [
        {
            "apy": "0.04",
            "cancelRedemptionDeadline": "",
            "ccy": held.asset,
            "earningData": [{"ccy": held.asset, "earningType": "0", "earnings": "0"}],
            "estSettlementTime": "",
            "fastRedemptionData": [],
            "investData": [{"amt": plain(held.total), "ccy": held.asset}],
            "ordId": str(754_000_000 + number),
            "productId": "1234",
            "protocol": "Solana",
            "protocolType": "defi",
            "purchasedTime": str(call.world.genesis),
            "state": "1",
            "tag": "",
            "term": "0",
        }
        for number, held in enumerate(_held(call))
        if held.asset in names.STAKED and asked in ("", held.asset)
    ]


def _held(call: Call) -> list[Balance]:
    balances = call.world.balances(call.now)
    return [held for held in balances if held.wallet == names.EARN and held.total]


def _earned(call: Call, asset: str) -> Decimal:
    ledger = _ledger(call, names.EARN)
    past = ledger.rows[: ledger.until(call.now)]
    return sum((e.amount for e in past if e.kind == "reward" and e.asset == asset), ZERO)


def _ledger(call: Call, wallet: Wallet) -> Timeline[LedgerEntry]:
    """Empty for an account that never opened the wallet."""
    return call.world.account.books.ledger.get(wallet) or Timeline()
