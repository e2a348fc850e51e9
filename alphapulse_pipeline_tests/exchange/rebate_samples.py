"""A rebate as its page shows it (developers.binance.com/docs/rebate, undated; the same in
binance-connector-python of 2026-08-21)."""

from typing import Any

AT = 1_790_000_000_123
SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("ledger", "rebates"): {"asset": "USDT", "type": 1, "amount": "0.0001126", "updateTime": AT}
}


def enveloped(rows: list[Any], total: Any = None) -> dict[str, Any]:
    """A page of rows, and how many there are in all."""
    count = len(rows) if total is None else total
    found = {"page": 1, "totalRecords": count, "totalPageNum": 1, "data": rows}
    return {"status": "OK", "type": "GENERAL", "code": "000000000", "data": found}
