"""OKX's staking of ETH and SOL, for the tokens BETH and OKSOL at 1:1.

What is given leaves the funding account, and what is received arrives there: by the account's
bills, at once or days later. Until then it is in the wallet `staking`, where the one is exchanged
for the other when the request is completed. So nothing is matched by its time, and a request that
no list has remains in the wallet as a difference. Rewards are tokens paid to the funding account.

Pages (www.okx.com/docs-v5/en, read as copies): ETH staking (2026-07-11), SOL staking (2026-07-13),
Asset bills details (2026-07-05). The history of requests says neither how long it reaches back, so
for ever, nor which bills a request has. Its example has whole seconds.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from alphapulse_pipeline.datasets.values import Row, moment, number
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import Feed, Raw, between, milliseconds
from alphapulse_pipeline.exchange.venues.okx.common import (
    DATA,
    LIMIT,
    STAKING,
    documented,
    per_user,
)
from alphapulse_pipeline.exchange.venues.venue import Source, Wallet
from alphapulse_pipeline.exchange.walker import Final, Windows

# ETH: subscription, swapping; SOL: subscribe, mint, redeem, settle
MOVED = frozenset({"137", "138", "329", "330", "331", "332"})
"""Types of the funding account's bills whose other half is in `staking`."""

_FIELDS = ("type", "amt", "status", "requestTime", "completedTime")
_ENDED_WITHOUT = ("failed", "cancelled")
_COIN = "coin"


class _Product(NamedTuple):
    coin: str
    token: str
    method: str
    page: str
    dated: str


_PRODUCTS = (
    _Product(
        "ETH",
        "BETH",
        "privateGetFinanceStakingDefiEthPurchaseRedeemHistory",
        "financial-product-eth-staking-get-purchase-amp-redeem-history",
        "2026-07-11",
    ),
    _Product(
        "SOL",
        "OKSOL",
        "privateGetFinanceStakingDefiSolPurchaseRedeemHistory",
        "financial-product-sol-staking-get-purchase-amp-redeem-history",
        "2026-07-19",
    ),
)
_BY_COIN = {product.coin: product for product in _PRODUCTS}
_PAGES = {
    product.coin: documented(
        product.page,
        product.dated,
        per_user(6, 1),
        note="read as a copy; how long requests are kept is not said, so for ever; what is pending "
        "is read again until it is completed",
    )
    for product in _PRODUCTS
}


def wallet() -> Wallet:
    return Wallet(
        STAKING,
        {"type": STAKING},
        _amounts,
        _rows,
        _FIELDS,
        usually_empty=True,
        documented=_PAGES[_PRODUCTS[0].coin],
    )


def conversions() -> dict[str, Source]:
    return {
        f"{product.coin} staking": Source(
            Feed(
                product.method,
                Final(Windows(), _is_pending),
                {"limit": LIMIT},
                DATA,
                milliseconds("requestTime"),
                between("before", "after"),
                required=_FIELDS,
                documented=_PAGES[product.coin],
            ),
            wallet=STAKING,
            parse="parse_conversion",
            kind="convert",
            once_used=True,
            amend=partial(_exchanged, product),
        )
        for product in _PRODUCTS
    }


def _is_pending(row: Raw) -> bool:
    return row.get("status") == "pending"


def _exchanged(product: _Product, raw: Raw, row: Row) -> Row | None:
    """Raises `Unreadable` for a status or a type that is not documented."""
    given, received = _sides(product, raw)
    if not _succeeded(raw):
        return None
    amount = number(raw["amt"])
    return row | {
        # ETH has an `ordId`, which the page's example lacks
        "conversion_id": f"{product.coin} {raw['type']} {raw['requestTime']} {raw['amt']}",
        "from_asset": given,
        "from_amount": amount,
        "to_asset": received,
        "to_amount": amount,
        "happened_at": _completed(raw),
    }


def _succeeded(raw: Raw) -> bool:
    """Of what is no longer pending. Raises `Unreadable` for a status that is not documented."""
    if raw["status"] not in ("success", *_ENDED_WITHOUT):
        raise Unreadable(f"staking of OKX has the status {raw['status']}")
    return bool(raw["status"] == "success")


def _completed(raw: Raw) -> Any:
    try:
        return moment(int(raw["completedTime"]))
    except (TypeError, ValueError):
        raise Unreadable("completed staking of OKX has no `completedTime`") from None


def _sides(product: _Product, raw: Raw) -> tuple[str, str]:
    """What is given, and what for."""
    match raw["type"]:
        case "purchase":
            return product.coin, product.token
        case "redeem":
            return product.token, product.coin
    raise Unreadable(f"staking of OKX has the type {raw['type']}")


def _rows(answers: Any) -> Any:
    """The requests of both coins, each with its coin; None if one is no list."""
    lists = {coin: DATA(answer) for coin, answer in answers.items()}
    if not all(isinstance(rows, list) for rows in lists.values()):
        return None
    return [
        {**row, _COIN: coin} if isinstance(row, Mapping) else row
        for coin, rows in lists.items()
        for row in rows
    ]


def _amounts(answers: Any) -> Iterable[tuple[Any, ...]]:
    """Raw asset, total, used, no debt: what was given and is not exchanged yet, all of it used.

    Raises `Unreadable` for a status or a type that is not documented.
    """
    held: dict[str, Decimal] = {}
    for row in _rows(answers):
        asset, _ = _sides(_BY_COIN[row[_COIN]], row)
        if _is_pending(row):
            held[asset] = held.get(asset, Decimal(0)) + (number(row["amt"]) or Decimal(0))
        else:
            _succeeded(row)
    return [(asset, amount, amount, None) for asset, amount in held.items()]
