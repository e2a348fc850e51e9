"""OKX's bills: the ledger of both accounts, and funding payments.

Types and subtypes are those of "Get bills details" (www.okx.com/docs-v5, undated; since 2026-07
they are listed by an endpoint, "Get bill types") and "Asset bills details" (2026-07-05). A bill of
the trading account repeats a fill if its subtype is one of those that "Transaction details" lists.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.documented import THREE_MONTHS
from alphapulse_pipeline.exchange.feed import Feed, Raw, between, milliseconds
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.okx.common import (
    BY_BILL,
    DATA,
    FUNDING,
    LIMIT,
    TRADING,
    documented,
    per_user,
)
from alphapulse_pipeline.exchange.venues.okx.transfers import BILL_FIELDS, asset_bills
from alphapulse_pipeline.exchange.venues.venue import Source

_ZERO = Decimal(0)

_ARCHIVE = documented(
    "trading-account-rest-api-get-bills-details-last-3-months",
    "2026-07-04",
    per_user(5),
    order="most recent first",
    note="`balChg` is the change of the balance, `posBalChg` that of an isolated position's "
    "margin; of funding fees, the payment is `pnl`",
)


def _of(word: str, *codes: int | range) -> Iterator[tuple[str, str]]:
    for code in codes:
        for one in code if isinstance(code, range) else (code,):
            yield str(one), word


# type of a bill -> class, per wallet: the same number means different things
_CLASSES: Mapping[str, Mapping[str, str]] = {
    TRADING: dict(
        [
            *_of("transfer", 1),  # with the funding account, or with a sub-account
            # trade, liquidation, auto-deleveraging, delta dynamic hedging, block and spread trades
            *_of("trade", 2, 5, 9, 13, 14, 24),
            # system token conversion, easy convert, moved positions
            *_of("trade", 11, 28, 32),
            *_of("interest", 7, 381),
            *_of("funding", 8),
            *_of("adjustment", 10, 251),  # clawback, profit sharing refund
            # forced repayment, convert, one-click repay, simple trade
            *_of("conversion", 4, 27, 29, 30),
            *_of("loan", 15, 16, 22, 33),  # quick margin, borrowing, repayment, loans
            # delivery and exercise, isolated margin, trading bots, structured products, settlement
            # of futures, profit sharing expenses
            *_of("other", 3, 6, 12, 26, 34, 250),
        ]
    ),
    FUNDING: dict(
        [
            # deposit, withdrawal, with sub-accounts, Earn, to and from trading
            *_of("transfer", 1, 2, range(20, 24), 75, 76, 80, 82, 130, 131),
            *_of("transfer", 137, 138, range(329, 333)),  # staking of ETH and SOL
            # flexible loans and their collateral
            *_of("transfer", range(175, 181), 212, 215, 217, 218),
            # refunds of withdrawals and of their fees, which are in no other history
            *_of("adjustment", 13, 47, 84, range(195, 200), 221, 222),
            *_of("reward", 28, 48, 68, 77, 83, 139, 146, range(150, 153), 162, 172, 173, 185, 189),
            *_of("reward", 204, 209, 227, 229, 233, 242, 251, 265, 271, 299, 300, 328, 333, 350),
            *_of("reward", 354),
            *_of("interest", 89, 232, range(307, 310), 343, 344, 346, 347, 400, 408, 516),
            *_of("loan", 345, 351),
            *_of("conversion", range(116, 119), 135, 200, 220, 272, 273),
            # tokens, earn and staking principal, structured products, custody
            *_of("other", range(72, 75), 78, 124, range(132, 135)),
            *_of("other", 160, 161, 163, 174, 181, 187, 202, 203, 205, 207, 208, 210, 223, 225),
            *_of("other", 226, 228, 240, 241, 243, 249, 250, 252, 263, 266, 270, range(284, 290)),
            *_of("other", range(303, 307), 311, range(313, 316), range(339, 343)),
            *_of("other", 348, 349, 361, 372, 373, 476, 477, 509, 511),
        ]
    ),
}
# subtype of a trading account's bill -> class, where it is not its type's
_SUBTYPES = dict(
    [
        *_of("trade", 112, 113),  # delivery
        *_of("adjustment", 117),  # clawback of deliveries and exercises
        # exercised, counterparty exercised, expired: not among the fills
        *_of("other", range(170, 173)),
        *_of("trade", 212, 213, 376, 377, range(410, 416)),  # listed among the fills
        *_of("interest", 9, 14, range(293, 296), 381),
        *_of("reward", range(372, 376)),
    ]
)


def ledger() -> dict[str, Source]:
    return {
        TRADING: Source(
            Feed(
                "privateGetAccountBillsArchive",
                BY_BILL,
                {"limit": LIMIT},
                DATA,
                milliseconds("ts"),
                between("begin", "end"),
                required=(*BILL_FIELDS, "subType", "ordId", "from", "to", "posBalChg"),
                horizon=THREE_MONTHS,
                documented=_ARCHIVE,
            ),
            wallet=TRADING,
            parse="parse_ledger_entry",
            amend=_entry,
        ),
        FUNDING: asset_bills("", _asset_entry),
    }


def funding() -> dict[str, Source]:
    return {
        "swap": Source(
            Feed(
                "privateGetAccountBillsArchive",
                BY_BILL,
                {"instType": "SWAP", "limit": LIMIT, "type": "8"},
                DATA,
                milliseconds("ts"),
                between("begin", "end"),
                required=(*BILL_FIELDS, "instId", "pnl", "posBalChg"),
                horizon=THREE_MONTHS,
                documented=_ARCHIVE,
            ),
            wallet=TRADING,
            parse="parse_ledger_entry",
            category="swap",
            market="instId",
            amend=_payment,
        )
    }


def _payment(raw: Raw, row: Row) -> Row:
    """`pnl`: what an isolated position pays is taken from its margin, not from the balance."""
    return row | {"asset": raw["ccy"], "amount": number(raw["pnl"]) or _change(raw)}


def _entry(raw: Raw, row: Row) -> Row:
    """The change of the balance and of the isolated margin, which is part of the balance here; fees
    included."""
    return row | {
        "kind": raw["type"],
        "class": _class(raw),
        "amount": _change(raw),
        "reference_id": raw["ordId"],
    }


def _asset_entry(raw: Raw, row: Row) -> Row:
    return row | {
        "kind": raw["type"],
        "class": ledger_class(raw["type"], _CLASSES[FUNDING]),
        "amount": number(raw["balChg"]),
        "reference_id": "",
    }


def _class(raw: Raw) -> str:
    return _SUBTYPES.get(raw["subType"]) or ledger_class(raw["type"], _CLASSES[TRADING])


def _change(raw: Raw) -> Decimal:
    return (number(raw["balChg"]) or _ZERO) + (number(raw["posBalChg"]) or _ZERO)
