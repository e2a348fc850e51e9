"""Another program's opinion: rp2, a tax calculator (https://pypi.org/project/rp2).

A process of its own, since rp2 makes a folder for logs where it is imported. Reads
`{"method", "fills": [[seconds, side, amount, price, fee], ...]}` from stdin and writes
`[[bought at, sold at, amount, cost, proceeds], ...]`, times in seconds. The side of a reward is
`interest`: it is income, and a line without a purchase and without a cost.
"""

import json
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from prezzemolo.avl_tree import AVLTree
from rp2.accounting_engine import AccountingEngine
from rp2.configuration import MAX_DATE, MIN_DATE, Configuration
from rp2.in_transaction import InTransaction
from rp2.input_data import InputData
from rp2.out_transaction import OutTransaction
from rp2.plugin.country.us import US
from rp2.rp2_decimal import ZERO, RP2Decimal
from rp2.tax_engine import compute_tax
from rp2.transaction_set import TransactionSet

_SETTINGS = """
[general]
assets = BTC
exchanges = exchange
holders = holder
[in_header]
asset = 0
[out_header]
asset = 0
[intra_header]
asset = 0
"""


def main() -> None:
    asked = json.load(sys.stdin)
    Path("rp2.ini").write_text(_SETTINGS, encoding="utf-8")
    known = Configuration("rp2.ini", US())
    bought, sold, moved = (
        TransactionSet(known, kind, "BTC", MIN_DATE, MAX_DATE) for kind in ("IN", "OUT", "INTRA")
    )
    for row, (second, side, amount, price, fee) in enumerate(asked["fills"], 1):
        where = (known, _time(second), "BTC", "exchange", "holder", side.upper())
        numbers = RP2Decimal(price), RP2Decimal(amount)
        if side != "sell":
            bought.add_entry(InTransaction(*where, *numbers, fiat_fee=RP2Decimal(fee), row=row))
        else:
            sold.add_entry(OutTransaction(*where, *numbers, crypto_fee=ZERO, row=row))
    methods: AVLTree[int, Any] = AVLTree()
    plugin = import_module(f"rp2.plugin.accounting_method.{asked['method']}")
    methods.insert_node(1970, plugin.AccountingMethod())
    data = InputData("BTC", bought, sold, moved)
    found = compute_tax(known, AccountingEngine(methods), data)
    json.dump([_row(line) for line in found.gain_loss_set], sys.stdout)


def _time(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S.%f +0000")


def _row(line: Any) -> list[object]:
    return [
        line.acquired_lot.timestamp.timestamp() if line.acquired_lot else None,
        line.taxable_event.timestamp.timestamp(),
        str(line.crypto_amount),
        str(line.fiat_cost_basis),
        str(line.taxable_event_fiat_amount_with_fee_fraction),
    ]


if __name__ == "__main__":
    main()
