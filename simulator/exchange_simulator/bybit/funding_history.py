"""The funding account's ledger (documentation: "Funding Account Transaction History")."""

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.bybit.names import entry_kind, funding_description
from exchange_simulator.markets import DAY
from exchange_simulator.money import plain
from exchange_simulator.records import LedgerEntry


def funding_history(call: Call) -> Result:
    ledger = call.exchange.world.account.books.ledger["funding"]
    entries, cursor = call.newest_first(ledger, _window(call), call.limit(10, 100), lambda _: True)
    return {"nextPageCursor": cursor, "list": [_row(call, entry) for entry in entries]}


def _window(call: Call) -> tuple[int, int]:
    """Of whole seconds, both ends included; the last seven days by default."""
    start, end = call.integer("createTimeFrom"), call.integer("createTimeTo")
    if start is None and end is None:
        return call.now - 7 * DAY, call.now
    if start is None or end is None:
        raise Refused(10001, "params error: createTimeFrom and createTimeTo must be used together")
    if not 0 <= end - start <= 7 * DAY // 1000:
        raise Refused(10001, "params error: the interval cannot exceed 7 days")
    return start * 1000, end * 1000 + 999


def _row(call: Call, entry: LedgerEntry) -> dict[str, str]:
    kind, description = entry_kind(entry), funding_description(call.exchange.world, entry)
    return {
        "memberId": str(call.key.uid),
        "currency": entry.asset,
        "ioDirection": "I" if entry.amount > 0 else "O",
        "txnAmt": plain(abs(entry.amount)),
        "afterAmt": plain(entry.balance_after),
        "createTime": str(entry.happened_at // 1000),
        "showBusiType": f"fundingAccountRecord{kind.title().replace(' ', '')}",
        "showBusiTypeEn": kind,
        "description": f"fundingAccountRecord{description.title().replace(' ', '')}",
        "descriptionEn": description,
    }
