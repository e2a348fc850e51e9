"""Bybit's deposits, withdrawals, and transfers between wallets and between accounts.

Transfers between accounts of the same owner ("Get Universal Transfer Records") name both accounts,
and a main account's list also has transfers between two sub-accounts. So there is a stream for what
this account sent and one for what it received, distinguished by the key's own user id.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.documented import Documented
from alphapulse_pipeline.exchange.errors import Unreadable
from alphapulse_pipeline.exchange.feed import (
    Caller,
    Feed,
    Page,
    Paging,
    Raw,
    at,
    milliseconds,
    to_time,
)
from alphapulse_pipeline.exchange.new_values import meaning
from alphapulse_pipeline.exchange.venues.bybit.account import user_id, user_id_in
from alphapulse_pipeline.exchange.venues.bybit.common import (
    BETWEEN_ACCOUNTS,
    FUNDING,
    IN_ANY_ORDER,
    MONTH,
    TWO_YEARS,
    WALLETS,
    WEEK,
    WINDOW,
    page,
)
from alphapulse_pipeline.exchange.venues.venue import Amend, Source

# "Enums Definitions" (2026-07-22), depositStatus. In review after a rollback: 7 and 70013.
_DEPOSIT_STATUSES = {
    "0": "pending",
    "1": "pending",
    "2": "pending",
    "3": "ok",
    "4": "failed",
    "7": "pending",
    "10011": "pending",
    "10012": "ok",
    "70011": "failed",
    "70012": "ok",
    "70013": "pending",
}
_NEVER_CREDITED = "50"
"""A depositType: the user withdraws the funds on the website, they never enter the account."""
_INTERNAL_DEPOSIT_STATUSES = {"1": "pending", "2": "ok", "3": "failed"}
_TRANSFER_STATUSES = {"SUCCESS": "ok", "PENDING": "pending", "FAILED": "failed"}
_WITHDRAWAL_STATUSES = {
    "SecurityCheck": "pending",
    "Pending": "pending",
    "MoreInformationRequired": "pending",
    "Unknown": "pending",
    "success": "ok",
    "BlockchainConfirmed": "ok",
    "CancelByUser": "canceled",
    "Reject": "rejected",
    "Fail": "failed",
}
# Required fields: stored columns are read from them.
_DEPOSIT_FIELDS = ("id", "txID", "coin", "amount", "status", "successAt", "depositFee")
_INTERNAL_DEPOSIT_FIELDS = ("id", "txID", "coin", "amount", "status", "createdTime")
_WITHDRAWAL_FIELDS = ("withdrawId", "coin", "amount", "status", "withdrawFee", "createTime")
_TRANSFER_FIELDS = (
    "transferId",
    "coin",
    "amount",
    "status",
    "fromAccountType",
    "toAccountType",
    "timestamp",
)
_MEMBERS = ("fromMemberId", "toMemberId")

_DEPOSITS = page(
    "asset/deposit/deposit-record",
    "2026-07-10",
    50,
    50,
    cost="1 of 100 per minute",
    note="filters by whole seconds, and does not say by which time: rows are expected within the "
    "window by successAt",
)
_INTERNAL_DEPOSITS = page(
    "asset/deposit/internal-deposit-record",
    "2026-07-03",
    50,
    50,
    cost="1 of 300 per second",
    note="the sample's createdTime is in seconds, the page does not say",
)
_WITHDRAWALS = page(
    "asset/withdraw/withdraw-record",
    "2026-03-16",
    50,
    50,
    cost="1 of 300 per minute",
    permission="a key of the main account",
    note="withdrawType 2 includes transfers to other users",
)
_TRANSFERS = page(
    "asset/transfer/inter-transfer-list", "2026-03-16", 50, 20, cost="1 of 60 per minute"
)
_UNIVERSAL = page(
    "asset/transfer/unitransfer-list",
    "2026-03-16",
    50,
    20,
    cost="1 of 5 per second",
    permission="SubMemberTransfer for a key of the main account, SubMemberTransferList for others",
)


def transfers() -> dict[str, Source]:
    return {
        "deposits": _listed(
            "privateGetV5AssetDepositQueryRecord",
            "deposit",
            "successAt",
            MONTH,
            _deposited,
            _DEPOSIT_FIELDS,
            _DEPOSITS,
        ),
        "deposits from other users": _listed(
            "privateGetV5AssetDepositQueryInternalRecord",
            "deposit",
            "createdTime",
            MONTH,
            _received_from_user,
            _INTERNAL_DEPOSIT_FIELDS,
            _INTERNAL_DEPOSITS,
        ),
        "withdrawals": _listed(
            "privateGetV5AssetWithdrawQueryRecord",
            "withdrawal",
            "createTime",
            MONTH,
            _withdrawn,
            _WITHDRAWAL_FIELDS,
            _WITHDRAWALS,
            withdrawType=2,
        ),
        "transfers": _listed(
            "privateGetV5AssetTransferQueryInterTransferList",
            "transfer",
            "timestamp",
            WEEK,
            _moved,
            _TRANSFER_FIELDS,
            _TRANSFERS,
        ),
        **{
            stream: _listed(
                "privateGetV5AssetTransferQueryUniversalTransferList",
                "transfer",
                "timestamp",
                WEEK,
                amend,
                (*_TRANSFER_FIELDS, *_MEMBERS),
                _UNIVERSAL,
                paging=_OfMember(IN_ANY_ORDER, member),
            )
            for stream, member, amend in zip(
                BETWEEN_ACCOUNTS, _MEMBERS, (_sent, _received), strict=True
            )
        },
    }


@dataclass(frozen=True)
class _OfMember:
    """The pages of a list, without the rows whose `field` is the id of a different account. What
    cannot be read there is kept, and rejected."""

    pages: Paging
    field: str

    async def walk(
        self, call: Caller, feed: Feed, start: int, end: int, after: str | None
    ) -> AsyncGenerator[Page, None]:
        own = await user_id(call)
        async for listed in self.pages.walk(call, feed, start, end, after):
            rows = [row for row in listed.rows if not self.is_of_other(row, own)]
            yield Page(rows, listed.start, listed.end, listed.unverified)

    def is_of_other(self, row: Raw, own: str) -> bool:
        """Whether a row names a different account at this end."""
        return user_id_in(row, self.field) not in (own, None)


def _listed(
    method: str,
    kind: str,
    time: str,
    window: timedelta,
    amend: Amend,
    required: tuple[str, ...],
    documented: Documented,
    paging: Paging = IN_ANY_ORDER,
    **params: Any,
) -> Source:
    """Rows with a blank time are still pending and left out."""
    timed = milliseconds(time)

    def moment(row: Raw) -> int | None:
        found = timed(row)
        # ten digits are seconds
        return found * 1000 if found and found < 10**11 else found

    def completed(answer: Any) -> Any:
        found = at("result", "list" if kind == "transfer" else "rows")(answer)
        if not isinstance(found, list):
            return found
        # a row without the field, or that is no object, is kept, and rejected as unreadable
        return [
            row
            for row in found
            if not isinstance(row, dict) or timed(row) or not _is_blank(row, time)
        ]

    return Source(
        Feed(
            method,
            paging,
            {"limit": documented.limit, **params},
            completed,
            moment,
            WINDOW,
            required=required,
            window=window,
            horizon=TWO_YEARS,
            documented=documented,
        ),
        wallet=FUNDING,
        parse="parse_transfer" if kind == "transfer" else "parse_transaction",
        kind=kind,
        amend=amend,
    )


def _is_blank(row: Any, name: str) -> bool:
    return isinstance(row, Mapping) and row.get(name) in ("", "0", 0)


def _deposited(raw: Raw, row: Row) -> Row:
    never = str(raw.get("depositType")) == _NEVER_CREDITED
    status = "failed" if never else _known(_DEPOSIT_STATUSES, raw)
    return row | {"to_wallet": FUNDING, "status": status}


def _received_from_user(raw: Raw, row: Row) -> Row:
    """The ids of this list and those of deposits from a blockchain are counted separately."""
    return row | {
        "transfer_id": f"internal_{raw['id']}",
        "to_wallet": FUNDING,
        "status": _known(_INTERNAL_DEPOSIT_STATUSES, raw),
    }


def _withdrawn(raw: Raw, row: Row) -> Row:
    changed = milliseconds("updateTime")(raw)
    return row | {
        "from_wallet": FUNDING,
        "status": _known(_WITHDRAWAL_STATUSES, raw),
        "updated_at": to_time(changed) if changed else None,
    }


def _moved(raw: Raw, row: Row) -> Row:
    return row | {
        "from_wallet": _wallet(raw, "fromAccountType"),
        "to_wallet": _wallet(raw, "toAccountType"),
        "status": _known(_TRANSFER_STATUSES, raw),
    }


def _sent(raw: Raw, row: Row) -> Row:
    """Another account is outside of this one, so it has no wallet here."""
    return _moved(raw, row) if _is_within(raw) else _moved(raw, row) | {"to_wallet": ""}


def _received(raw: Raw, row: Row) -> Row:
    return _moved(raw, row) if _is_within(raw) else _moved(raw, row) | {"from_wallet": ""}


def _is_within(raw: Raw) -> bool:
    """Whether both wallets are of one account. Raises `Unreadable` if the row does not say so."""
    ends = [user_id_in(raw, name) for name in _MEMBERS]
    if None in ends:
        raise Unreadable(f"a transfer between accounts without the two ids: {raw['transferId']}")
    return ends[0] == ends[1]


def _wallet(raw: Raw, name: str) -> str:
    account_type = str(raw[name])
    return meaning("account type", account_type, WALLETS, account_type.lower())


def _known(statuses: Mapping[str, str], raw: Raw) -> str:
    """A status, or the exchange's own word for one that is new."""
    status = str(raw["status"])
    return meaning("transfer status", status, statuses, status)
