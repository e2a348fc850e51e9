"""The class of every kind of ledger entry.

Entries of a repeating class are left out of the sums of movements if the row they repeat is stored.
So exactly those kinds have one that a history is known to repeat.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from alphapulse_pipeline.datasets import HISTORIES
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.venues import venue_of
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class

REPEATING = {name for history in HISTORIES.values() for name in history.ledger_classes}
COUNTED = {"interest", "reward", "conversion", "loan", "adjustment", "other"}
OF_HISTORY = {"trades": {"trade", "fee"}, "transfers": {"transfer"}, "funding": {"funding"}}

# (exchange, stream) -> kind -> the history that repeats it; all other kinds are repeated by none
REPEATED: dict[tuple[str, str], dict[str, str]] = {
    ("binance", "usdm"): {
        "REALIZED_PNL": "trades",
        "COMMISSION": "trades",
        "FUNDING_FEE": "funding",
        "TRANSFER": "transfers",
    },
    ("binance", "margin"): {
        "TRANSFER": "transfers",
        "TRADING_COMMISSION": "trades",
        "BUY_INCOME": "trades",
        "BUY_EXPENSE": "trades",
        "SELL_INCOME": "trades",
        "SELL_EXPENSE": "trades",
        "BUY_LIQUIDATION": "trades",
        "SELL_LIQUIDATION": "trades",
    },
    ("bybit", "unified"): {
        "TRADE": "trades",
        "LIQUIDATION": "trades",
        "ADL": "trades",
        "DELIVERY": "trades",
        "TRANSFER_IN": "transfers",
        "TRANSFER_OUT": "transfers",
        "FLEXIBLE_STAKING_SUBSCRIPTION": "transfers",
        "FLEXIBLE_STAKING_REDEMPTION": "transfers",
        "FLEXIBLE_STAKING_REFUND": "transfers",
        "SETTLEMENT": "funding",
    },
    ("okx", "trading"): {
        "1": "transfers",
        "2": "trades",
        "3/112": "trades",
        "3/113": "trades",
        "5/106": "trades",
        "8/173": "funding",
        "9/127": "trades",
        "11/118": "trades",
        "13/131": "trades",
        "14/204": "trades",
        "15/212": "trades",
        "24/270": "trades",
        "28/236": "trades",
        "32/324": "trades",
    },
    ("okx", "funding"): {
        "1": "transfers",
        "2": "transfers",
        "75": "transfers",
        "76": "transfers",
        "80": "transfers",
        "82": "transfers",
        "137": "transfers",
        "138": "transfers",
        "331": "transfers",
        "130": "transfers",
        "131": "transfers",
        # flexible loans: what is borrowed and repaid, and collateral
        **dict.fromkeys(
            ("175", "176", "177", "178", "179", "180", "212", "215", "217", "218"), "transfers"
        ),
    },
    ("kraken", "ledger"): {
        "trade": "trades",
        "margin": "trades",
        "deposit": "transfers",
        "withdrawal": "transfers",
    },
    ("bitget", ""): {"trade": "trades", "transaction": "transfers", "transfer": "transfers"},
}
REPEATED["binance", "coinm"] = REPEATED["binance", "usdm"]

# (exchange, stream) -> kind -> class of entries that no history repeats
UNREPEATED: dict[tuple[str, str], dict[str, str]] = {
    ("binance", "usdm"): {
        "WELCOME_BONUS": "reward",
        "REFERRAL_KICKBACK": "reward",
        "COMMISSION_REBATE": "reward",
        "API_REBATE": "reward",
        "CONTEST_REWARD": "reward",
        "INSURANCE_CLEAR": "adjustment",
        "INTERNAL_TRANSFER": "other",
        "CROSS_COLLATERAL_TRANSFER": "other",
        "AUTO_EXCHANGE": "other",
        "COIN_SWAP_DEPOSIT": "other",
        "COIN_SWAP_WITHDRAW": "other",
        "DELIVERED_SETTELMENT": "other",
        "FEE_RETURN": "other",
        "something new": "other",
    },
    ("binance", "margin"): {
        "BORROW": "loan",
        "REPAY": "loan",
        "REPAY_LIQUIDATION": "loan",
        "OTHER_LIQUIDATION": "other",
        "LIQUIDATION_FEE": "other",
        "SMALL_BALANCE_CONVERT": "other",
        "COMMISSION_RETURN": "other",
        "SMALL_CONVERT": "other",
    },
    ("bybit", "unified"): {
        "INTEREST": "interest",
        "AIRDROP": "reward",
        "BONUS": "reward",
        "FEE_REFUND": "adjustment",
        "CURRENCY_BUY": "conversion",
        "CURRENCY_SELL": "conversion",
        "BORROW": "loan",
        "REPAY": "loan",
        "INTEREST_REPAYMENT_INS_LOAN": "interest",
        "BORROWED_AMOUNT_INS_LOAN": "loan",
        "PRINCIPLE_REPAYMENT_INS_LOAN": "loan",
        "TRANSFER_IN_INS_LOAN": "loan",
        "SPOT_REPAYMENT_SELL": "conversion",
        "something new": "other",
    },
    ("okx", "trading"): {
        "3/117": "adjustment",
        # exercised options are in no list of fills
        "3/170": "other",
        "3/171": "other",
        "3/172": "other",
        "4/114": "conversion",
        "6/160": "other",
        "7/9": "interest",
        "10/108": "adjustment",
        "12/284": "other",
        "15/210": "loan",
        "16/306": "loan",
        "22/308": "loan",
        "26/296": "other",
        "27/318": "conversion",
        "29/224": "conversion",
        "30/320": "conversion",
        "33/293": "interest",
        "34/355": "other",
        "130": "other",
        "250": "other",
        "251": "adjustment",
        "381": "interest",
        "999": "other",
    },
    # the same numbers mean other things here: 13 is a canceled withdrawal, 22 a transfer
    ("okx", "funding"): {
        "8": "other",
        "13": "adjustment",
        "16": "other",
        "73": "other",
        "83": "reward",
        "89": "interest",
        "272": "conversion",
        "999": "other",
    },
    ("kraken", "ledger"): {
        "transfer": "other",
        "rollover": "interest",
        "spend": "conversion",
        "receive": "conversion",
        "settled": "other",
        "adjustment": "adjustment",
        "credit": "loan",
        "staking": "reward",
        "dividend": "reward",
        "reward": "reward",
        "nft_rebate": "reward",
        "conversion": "other",
    },
    ("bitget", ""): {
        "fee": "other",
        "margin": "other",
        "rebate": "reward",
        "cashback": "reward",
        "referral": "reward",
        "airdrop": "reward",
        "interest": "interest",
        "borrow": "loan",
        "loan repayment": "loan",
        "settlement": "other",
        "": "other",
    },
}


def entry(exchange: str, stream: str, kind: str, amount: str = "-1") -> dict[str, Any]:
    """The row of an entry, as its venue completes it."""
    sources = venue_of(exchange).histories["ledger"]
    source = sources[stream] if stream else next(iter(sources.values()))
    raw = dict.fromkeys(source.feed.required, "1")
    kind, _, subtype = kind.partition("/")  # type and subType of OKX
    raw |= {"subType": subtype, "from": "6", "to": "18"}
    raw |= {"type": kind, "incomeType": kind, "change": amount, "balChg": amount, "time": "1"}
    row = {
        "wallet": source.wallet,
        "kind": kind,
        "asset": "BTC",
        "amount": Decimal(amount),
        "happened_at": datetime(2026, 1, 31, tzinfo=UTC),
        "class": "other",
    }
    found = source.amend(raw, row)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("exchange", "stream", "kind", "history"),
    [(*where, kind, found) for where, kinds in REPEATED.items() for kind, found in kinds.items()],
)
def test_an_entry_that_a_history_repeats_has_its_class(
    exchange: str, stream: str, kind: str, history: str
) -> None:
    assert entry(exchange, stream, kind)["class"] in OF_HISTORY[history]


@pytest.mark.parametrize(
    ("exchange", "stream", "kind", "expected"),
    [(*where, kind, found) for where, kinds in UNREPEATED.items() for kind, found in kinds.items()],
)
def test_every_other_entry_counts(exchange: str, stream: str, kind: str, expected: str) -> None:
    assert expected in COUNTED
    assert entry(exchange, stream, kind)["class"] == expected


def test_no_venue_masks_a_kind_that_is_not_in_the_table() -> None:
    """The tables of kinds and the test agree, whatever is added to either."""
    for (exchange, stream), kinds in REPEATED.items():
        streams = {s for e, s in REPEATED if e == exchange}
        others = {kind for other in streams for kind in REPEATED[exchange, other]}
        for kind in (others | UNREPEATED.get((exchange, stream), {}).keys()) - kinds.keys():
            if exchange != "binance":  # one map serves both futures' and margin's kinds
                assert entry(exchange, stream, kind)["class"] in COUNTED, (exchange, stream, kind)


@pytest.mark.parametrize(
    ("stream", "kind"), [("trading", "1"), *(("funding", str(kind)) for kind in range(20, 24))]
)
def test_what_moves_to_or_from_a_sub_account_is_a_transfer(stream: str, kind: str) -> None:
    """Neither income nor expense. No list repeats it, so it counts."""
    assert entry("okx", stream, kind)["class"] == "transfer"


def test_a_refunded_withdrawal_counts() -> None:
    assert entry("kraken", "ledger", "withdrawal", "1")["class"] == "adjustment"
    assert entry("kraken", "ledger", "withdrawal", "-1")["class"] == "transfer"


def test_a_listed_kind_takes_precedence_over_its_name() -> None:
    assert ledger_class("Auto_Repay", {}) == "loan"
    assert ledger_class("loan interest", {"loan interest": "interest"}) == "interest"
    assert ledger_class("nothing known", {}) == "other"


@pytest.mark.parametrize(
    ("kind", "description", "direction", "expected"),
    [
        ("Deposit", "On-chain Deposit", "I", "transfer"),
        ("Withdraw", "Withdraw", "O", "transfer"),
        ("Transfer in", "Transfer in", "I", "transfer"),
        ("Earn", "Easy Earn | Flexible Subscription", "O", "transfer"),
        ("Earn", "Easy Earn | Flexible Interest Distribution", "I", "reward"),
        ("Convert", "Convert", "O", "conversion"),
        ("Crypto Loan", "Borrow", "I", "loan"),
        ("Bybit Card", "Purchase", "O", "other"),
    ],
)
def test_an_entry_of_bybits_funding_account_is_classed_by_its_words(
    kind: str, description: str, direction: str, expected: str
) -> None:
    source = venue_of("bybit").histories["ledger"]["funding"]
    raw = dict.fromkeys(source.feed.required, "1")
    raw |= {"showBusiTypeEn": kind, "descriptionEn": description, "ioDirection": direction}
    found = source.amend(raw, {"asset": "BTC"})
    assert found is not None
    assert (found["class"], found["kind"]) == (expected, kind)
    assert found["amount"] == (1 if direction == "I" else -1)


def test_an_entry_of_the_funding_account_without_a_known_direction_is_not_read() -> None:
    source = venue_of("bybit").histories["ledger"]["funding"]
    raw = dict.fromkeys(source.feed.required, "1")
    with pytest.raises(Unreadable, match="direction 1"):
        source.amend(raw, {"asset": "BTC"})
