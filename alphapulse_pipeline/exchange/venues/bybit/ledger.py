"""Bybit's ledger: the transaction log of the unified wallet."""

from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row, number
from alphapulse_pipeline.exchange.feed import Feed, Raw, milliseconds
from alphapulse_pipeline.exchange.venues.bybit.common import (
    IN_ANY_ORDER,
    LIST,
    TWO_YEARS,
    UNIFIED,
    WEEK,
    WINDOW,
    page,
)
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.venue import Amend, Source

# class -> types of entries, all that /docs/v5/enum#typeuta-translog lists (2026-07-22)
_TYPES = {
    "trade": "TRADE LIQUIDATION ADL DELIVERY",
    "transfer": "TRANSFER_IN TRANSFER_OUT FLEXIBLE_STAKING_SUBSCRIPTION"
    " FLEXIBLE_STAKING_REDEMPTION FLEXIBLE_STAKING_REFUND",
    "funding": "SETTLEMENT",
    "interest": "INTEREST INTEREST_REPAYMENT_INS_LOAN AUTO_INTEREST_REPAYMENT_INS_LOAN"
    " INSTITUTION_PAYBACK_INTEREST_OUT INSTITUTION_LIQ_INTEREST_OUT",
    "reward": "AIRDROP BONUS TWAP_BUDGET_AIRDROP",
    "adjustment": "FEE_REFUND BONUS_RECOLLECT AUTO_DEDUCTION TWAP_BUDGET_RECALL"
    " ALPHA_SMALL_TOKEN_REFUND",
    "conversion": "CURRENCY_BUY CURRENCY_SELL CONVERT SPOT_REPAYMENT_SELL SPOT_REPAYMENT_BUY"
    " AUTO_SOLD_COLLATERAL_INS_LOAN AUTO_BUY_LIABILITY_INS_LOAN INSTITUTION_EXCHANGE_SELL"
    " INSTITUTION_EXCHANGE_BUY IDN_CONVERT_IN IDN_CONVERT_OUT",
    "loan": "BORROW REPAY FLOATING_TO_FIXED_BORROW FLOATING_TO_FIXED_REPAY LOANS_BORROW_FUNDS"
    " LOANS_PLEDGE_ASSET BORROWED_AMOUNT_INS_LOAN PRINCIPLE_REPAYMENT_INS_LOAN"
    " AUTO_PRINCIPLE_REPAYMENT_INS_LOAN TRANSFER_IN_INS_LOAN TRANSFER_OUT_INS_LOAN"
    " INSTITUTION_LOAN_IN INSTITUTION_PAYBACK_PRINCIPAL_OUT INSTITUTION_LIQ_PRINCIPAL_OUT"
    " INSTITUTION_LOAN_TRANSFER_IN INSTITUTION_LOAN_TRANSFER_OUT INSTITUTION_LOAN_WITHOUT_WITHDRAW"
    " INSTITUTION_LOAN_RESERVE_IN INSTITUTION_LOAN_RESERVE_OUT",
    "other": "TOKENS_SUBSCRIPTION TOKENS_REDEMPTION"
    " FIXED_STAKING_SUBSCRIPTION"
    " FIXED_STAKING_REFUND PREMARKET_TRANSFER_OUT PREMARKET_DELIVERY_SELL_NEW_COIN"
    " PREMARKET_DELIVERY_BUY_NEW_COIN PREMARKET_DELIVERY_PLEDGE_PAY_SELLER"
    " PREMARKET_DELIVERY_PLEDGE_BACK PREMARKET_ROLLBACK_PLEDGE_BACK"
    " PREMARKET_ROLLBACK_PLEDGE_PENALTY_TO_BUYER CUSTODY_NETWORK_FEE CUSTODY_SETTLE_FEE"
    " CUSTODY_LOCK CUSTODY_UNLOCK CUSTODY_UNLOCK_REFUND BONUS_TRANSFER_IN BONUS_TRANSFER_OUT"
    " PEF_TRANSFER_IN PEF_TRANSFER_OUT PEF_PROFIT_SHARE ONCHAINEARN_SUBSCRIPTION"
    " ONCHAINEARN_REDEMPTION ONCHAINEARN_REFUND STRUCTURE_PRODUCT_SUBSCRIPTION"
    " STRUCTURE_PRODUCT_REFUND CLASSIC_WEALTH_MANAGEMENT_SUBSCRIPTION"
    " PREMIMUM_WEALTH_MANAGEMENT_SUBSCRIPTION PREMIMUM_WEALTH_MANAGEMENT_REFUND"
    " LIQUIDITY_MINING_SUBSCRIPTION LIQUIDITY_MINING_REFUND PWM_SUBSCRIPTION PWM_REFUND"
    " DEFI_INVESTMENT_SUBSCRIPTION DEFI_INVESTMENT_REFUND DEFI_INVESTMENT_REDEMPTION"
    " SPREAD_FEE_OUT PLATFORM_TOKEN_MNT_LIQRECALLEDMMNT PLATFORM_TOKEN_MNT_LIQRETURNEDMNT"
    " BROKER_ABACCOUNT_FEE EARNING_REDEMPTION_SELL EARNING_REDEMPTION_BUY DBS_CASH_OUT DBS_CASH_IN"
    " DBS_CASH_OUT_TR DBS_CASH_IN_TR CUSTODY_CASH_RECOVER_TR",
}
_CLASSES = {kind: name for name, kinds in _TYPES.items() for kind in kinds.split()}
_PART = "part"
"""A field that is added to the parts of a settlement: which of its amounts the part has."""
_FUNDING, _SESSION = "funding", "cashFlow"
_ENTRY_FIELDS = ("id", "type", "currency", "change", "cashBalance", "tradeId", "orderId")
_LOG = page(
    "account/transaction-log",
    "2026-03-16",
    50,
    20,
    cost="1 of 25 per second",
    note="states neither an order nor how late entries appear; settlements carry the full hour and "
    "are booked later, so only the last page of each window of seven days proves anything",
)


def ledger() -> dict[str, Source]:
    return {"unified": entries(_entry)}


def entries(amend: Amend, **params: str) -> Source:
    """The entries of the transaction log, or those that `params` select, e.g. `type="INTEREST"`."""
    return Source(
        Feed(
            "privateGetV5AccountTransactionLog",
            IN_ANY_ORDER,
            {"accountType": "UNIFIED", "limit": _LOG.limit, **params},
            _entries,
            milliseconds("transactionTime"),
            WINDOW,
            required=_ENTRY_FIELDS,
            window=WEEK,
            horizon=TWO_YEARS,
            documented=_LOG,
        ),
        wallet=UNIFIED,
        parse="parse_ledger_entry",
        amend=amend,
    )


def _entries(answer: Any) -> Any:
    """The entries; a settlement of funding and of a session is two.

    USDC contracts settle both at the same time, in a single record (`funding` and `cashFlow`), and
    the history of funding has only the former. The page does not say whether `tradeId` is the id of
    the funding payment, so the parts are separated here, and not by it.
    """
    found = LIST(answer)
    if not isinstance(found, list):
        return found
    return [part for entry in found for part in _parts(entry)]


def _parts(entry: Any) -> list[Any]:
    settled = isinstance(entry, dict) and entry.get("type") == "SETTLEMENT"
    if not settled or not number(entry.get(_SESSION)):
        return [entry]
    return [{**entry, _PART: _FUNDING}, {**entry, _PART: _SESSION}]


def _entry(raw: Raw, row: Row) -> Row:
    """`change` is the change of the balance, fee included: cashFlow + funding - fee."""
    entry = row | {
        "kind": raw["type"],
        "amount": Decimal(raw["change"]),
        "reference_id": raw.get("tradeId") or raw.get("orderId") or "",
        "class": ledger_class(raw["type"], _CLASSES),
    }
    if _PART not in raw:
        return entry
    session = Decimal(raw[_SESSION])
    if raw[_PART] == _SESSION:
        return entry | {"kind": f"{raw['type']} {_SESSION}", "amount": session, "class": "other"}
    before = number(entry["balance_after"])
    return entry | {
        "amount": entry["amount"] - session,
        "balance_after": None if before is None else before - session,
    }
