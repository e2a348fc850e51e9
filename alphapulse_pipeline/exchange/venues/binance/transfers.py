"""Binance's deposits, withdrawals and transfers between wallets and between accounts, of crypto and
of fiat money."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.documented import SIX_MONTHS
from alphapulse_pipeline.exchange.feed import Raw, milliseconds, to_time
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.binance import (
    between_accounts,
    earn,
    fiat,
    isolated,
    loans,
    p2p,
    pages,
    pay,
    staking,
)
from alphapulse_pipeline.exchange.venues.binance.common import (
    BY_SECOND,
    COINM,
    FUNDING,
    MARGIN,
    OPTION,
    PORTFOLIO_MARGIN,
    SPOT,
    USDM,
    rows_if_any,
    windowed,
)
from alphapulse_pipeline.exchange.venues.venue import Source

# A code's meaning differs between deposits and withdrawals.
_DEPOSIT_STATUSES = {"0": "pending", "1": "ok", "6": "ok", "7": "failed", "8": "pending"}
_WITHDRAWAL_STATUSES = {
    "0": "pending",
    "1": "canceled",
    "2": "pending",
    "3": "failed",
    "4": "pending",
    "5": "failed",
    "6": "ok",
}
_WALLETS = {"MAIN": SPOT, "UMFUTURE": USDM, "CMFUTURE": COINM, "MARGIN": MARGIN, "FUNDING": FUNDING}
# what few accounts have, and what moves from and to it: "User Universal Transfer" lists no other
# types, except those of isolated margin
_RARE = {
    "OPTION": ("MAIN", "UMFUTURE", "MARGIN", "FUNDING"),
    "PORTFOLIO_MARGIN": ("MAIN",),
}
_ALL = {**_WALLETS, "OPTION": OPTION, "PORTFOLIO_MARGIN": PORTFOLIO_MARGIN}


def transfers() -> dict[str, Source]:
    found = {
        "deposits": windowed(
            "sapiGetCapitalDepositHisrec",
            SPOT,
            "parse_transaction",
            milliseconds("insertTime"),
            _deposit,
            required=("id", "coin", "amount", "status", "insertTime", "walletType"),
            documented=pages.DEPOSITS,
            kind="deposit",
        ),
        "withdrawals": windowed(
            "sapiGetCapitalWithdrawHistory",
            SPOT,
            "parse_transaction",
            _whole_second("applyTime"),
            _withdrawal,
            paging=BY_SECOND,
            required=(
                "id",
                "coin",
                "amount",
                "status",
                "applyTime",
                "walletType",
                "transactionFee",
            ),
            documented=pages.WITHDRAWALS,
            kind="withdrawal",
            # the limit is ten requests per minute: use long windows
            window=timedelta(days=89),
        ),
    }
    for source, from_wallet in _WALLETS.items():
        for target, to_wallet in _WALLETS.items():
            if source != target and {source, target} != {"UMFUTURE", "CMFUTURE"}:
                found[f"{from_wallet} to {to_wallet}"] = _universal(source, target)
    found |= _rare() | isolated.transfers() | earn.transfers() | between_accounts.transfers()
    found |= fiat.transfers() | p2p.transfers() | pay.transfers()
    return found | staking.transfers() | loans.transfers()


def _rare() -> dict[str, Source]:
    """What moves between a wallet that every account has and one that few have. They are lists of
    the former, so that they are read even if the other is not, and once a day by every account: one
    that has left Portfolio Margin has had some."""
    found = {}
    for rare, names in _RARE.items():
        for name in names:
            for source, target in ((name, rare), (rare, name)):
                stream = f"{_ALL[source]} to {_ALL[target]}"
                of_wallet = replace(_universal(source, target), wallet=_WALLETS[name])
                found[stream] = replace(of_wallet, daily=True)
    return found


def _universal(source: str, target: str) -> Source:
    """The universal transfers of one direction."""
    ends = {"from_wallet": _ALL[source], "to_wallet": _ALL[target]}
    return windowed(
        "sapiGetAssetTransfer",
        _ALL[source],
        "parse_transfer",
        milliseconds("timestamp"),
        lambda raw, row: row | ends,
        rows=rows_if_any,
        required=("tranId", "asset", "amount", "status", "timestamp"),
        documented=pages.TRANSFERS,
        limit="size",
        kind="transfer",
        window=timedelta(days=90),
        retention=SIX_MONTHS,
        type=f"{source}_{target}",
    )


def _deposit(raw: Raw, row: Row) -> Row:
    status = meaning("deposit status", str(raw["status"]), _DEPOSIT_STATUSES, row["status"])
    credited = milliseconds("completeTime")(raw)
    return row | {
        "to_wallet": _chain_wallet(raw),
        "status": status,
        "updated_at": to_time(credited) if credited else None,
    }


def _withdrawal(raw: Raw, row: Row) -> Row:
    status = meaning("withdrawal status", str(raw["status"]), _WITHDRAWAL_STATUSES, row["status"])
    completed = _whole_second("completeTime")(raw)
    return row | {
        "from_wallet": _chain_wallet(raw),
        "status": status,
        "updated_at": to_time(completed) if completed else None,
    }


def _chain_wallet(raw: Raw) -> str:
    return FUNDING if raw.get("walletType") == 1 else SPOT


def _whole_second(name: str) -> Callable[[Raw], int | None]:
    """Reads a UTC time like 2026-01-31 12:00:00, as milliseconds; it is truncated to the second."""

    def read(row: Raw) -> int | None:
        if not row.get(name):
            return None
        moment = datetime.fromisoformat(str(row[name])).replace(tzinfo=UTC)
        return int(moment.timestamp()) * 1000

    return read
