"""Binance Pay: what is received from others, and paid to them, as deposits and withdrawals.

A payment may take several assets from several wallets: each is a row. What a card paid has no
wallet here.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.errors import MISREAD
from alphapulse_pipeline.exchange.feed import Raw, at, milliseconds
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance import pages
from alphapulse_pipeline.exchange.venues.binance.common import EARN, FUNDING, SPOT, windowed
from alphapulse_pipeline.exchange.venues.venue import Source

_ELSEWHERE = ""
"""Not a wallet that is read."""
# the fiat wallet is where fiat balances are listed, as in fiat.py; 4 and 6 are cards
_WALLETS = {
    "1": FUNDING,
    "2": SPOT,
    "3": SPOT,
    "4": _ELSEWHERE,
    "5": EARN,
    "6": _ELSEWHERE,
}
# fields that are added to each part of a payment: what moved, in or out, and in which wallet
_ASSET, _MOVED, _WALLET = "partAsset", "partAmount", "partWallet"
_EIGHTEEN_MONTHS = timedelta(days=540)
"""Of thirty days; any eighteen calendar months have at least 546."""


def transfers() -> dict[str, Source]:
    source = windowed(
        "sapiGetPayTransactions",
        FUNDING,
        "parse_transfer",
        milliseconds("transactionTime"),
        _part,
        rows=_parts_of_all,
        required=("transactionId", "transactionTime", "orderType", _ASSET, _MOVED, _WALLET),
        documented=pages.PAY,
        window=timedelta(days=90),
        retention=_EIGHTEEN_MONTHS,
    )
    return {"pay": replace(source, daily=True)}


def _part(raw: Raw, row: Row) -> Row:
    wallet = meaning("type of wallet", raw[_WALLET], _WALLETS, _ELSEWHERE)
    moved = Decimal(raw[_MOVED])
    ends = ("deposit", "to_wallet") if moved > 0 else ("withdrawal", "from_wallet")
    return row | {
        "kind": ends[0],
        "transfer_id": f"pay {raw['transactionId']} {raw[_ASSET]} {raw[_WALLET]}",
        "asset": raw[_ASSET],
        "amount": abs(moved),
        "from_wallet": None,
        "to_wallet": None,
        ends[1]: wallet,
        "status": "ok",
    }


def _parts_of_all(answer: Any) -> Any:
    """The parts of all payments; of one that cannot be divided, the payment itself, which is then a
    row that cannot be read. None if the answer does not say that it succeeded."""
    found = at("data")(answer)
    if at("success")(answer) is not True or not isinstance(found, list):
        return None
    return [part for row in found for part in _parts(row)]


def _parts(row: Any) -> list[Any]:
    try:
        return [
            {**row, _ASSET: asset, _MOVED: format(moved, "f"), _WALLET: wallet}
            for asset, wallet, moved in _moved(row)
        ]
    except MISREAD:
        return [row]


def _moved(row: Raw) -> Iterator[tuple[str, str, Decimal]]:
    """(asset, type of wallet, change). What is received is the amount of the order, in its main
    wallet; what is paid are the funds that were used. Raises `ValueError` if they do not add up."""
    amount, main = _size(row["amount"]), str(row["walletType"])
    if not str(row["amount"]).startswith("-"):
        yield row["currency"], main, amount
        return
    funds = row.get("fundsDetail") or [{"currency": row["currency"], "amount": str(amount)}]
    for fund in funds:
        paid, costs = _size(fund["amount"]), _costs(fund.get("walletAssetCost"))
        if not costs and len(row.get("walletTypes") or []) > 1:
            raise ValueError("which wallets paid how much is not stated")
        costs = costs or [(main, paid)]
        if sum(cost for _, cost in costs) != paid:
            raise ValueError("the wallets did not pay what was paid")
        for wallet, cost in costs:
            if cost:
                yield fund["currency"], wallet, -cost


def _costs(stated: Any) -> list[tuple[str, Decimal]]:
    """(type of wallet, amount). One copy of the page has an object, the other a list of objects."""
    listed = [stated] if isinstance(stated, dict) else stated or []
    return [(wallet, _size(cost)) for each in listed for wallet, cost in each.items()]


def _size(value: Any) -> Decimal:
    """An amount without its sign."""
    found = number(value)
    if found is None:
        raise ValueError("an amount is missing")
    return abs(found)
