"""Rows of Binance's lists of transfers between the accounts of one owner, and how they are read."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from ccxt.base import errors as ccxt

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind, Unreadable
from alphapulse_pipeline.exchange.feed import Page
from alphapulse_pipeline.exchange.venues.binance.between_accounts import (
    OF_MASTER,
    OF_SUB_ACCOUNT,
    transfers,
)

MASTER, FIRST, SECOND = "Boss@example.com", "one@example.com", "two@example.com"
UNIVERSAL = {
    "tranId": 92275823339,
    "fromEmail": MASTER,
    "toEmail": FIRST,
    "asset": "BNB",
    "amount": "0.01",
    "createTimeStamp": 1640317374000,
    "fromAccountType": "USDT_FUTURE",
    "toAccountType": "SPOT",
    "status": "SUCCESS",
    "clientTranId": "test",
}
OWN = {
    "counterParty": "subAccount",
    "email": SECOND,
    "type": 1,
    "asset": "ETH",
    "qty": "2",
    "fromAccountType": "SPOT",
    "toAccountType": "COIN_FUTURE",
    "status": "SUCCESS",
    "tranId": 11798829519,
    "time": 1544433326000,
}
SOURCES = transfers()
START, END = 1640317000000, 1640318000000


def ends(stream: str, raw: Mapping[str, Any]) -> tuple[str, str]:
    found = SOURCES[stream].amend(dict(raw), {"status": raw["status"], "amount": None})
    assert found is not None
    assert found["transfer_id"] == str(raw["tranId"])
    return found["from_wallet"], found["to_wallet"]


def test_each_account_has_only_its_own_end() -> None:
    sent, received = OF_MASTER
    assert ends(sent, UNIVERSAL) == ("usdm", "")
    assert ends(received, UNIVERSAL | {"fromEmail": FIRST, "toEmail": MASTER}) == ("", "spot")
    for stream in OF_SUB_ACCOUNT:
        assert ends(stream, OWN) == ("", "coinm")
        assert ends(stream, OWN | {"type": "2"}) == ("spot", "")


def test_between_wallets_of_the_master_account_there_are_two_ends() -> None:
    for stream in OF_MASTER:
        within = UNIVERSAL | {"toEmail": MASTER.lower()}
        assert ends(stream, within) == ("usdm", "spot")


def test_what_was_neither_sent_nor_received_is_rejected() -> None:
    with pytest.raises(Unreadable, match="neither sent nor received: 3"):
        ends(OF_SUB_ACCOUNT[0], OWN | {"type": 3})


@pytest.mark.parametrize(
    ("status", "known"),
    [("PROCESS", "pending"), ("SUCCESS", "ok"), ("FAILURE", "failed"), ("LOST", "LOST")],
)
def test_amounts_and_statuses(status: str, known: str) -> None:
    row: Row = {"status": status, "amount": None}
    found = SOURCES[OF_SUB_ACCOUNT[0]].amend(OWN | {"status": status}, row)
    assert found is not None
    assert (found["status"], str(found["amount"])) == (known, "2")
    assert f"{found['happened_at']:%Y-%m-%d %H:%M:%S}" == "2018-12-10 09:15:26"


def test_accounts_that_are_not_read_keep_their_name() -> None:
    assert ends(OF_MASTER[0], UNIVERSAL | {"fromAccountType": "MOON"}) == ("moon", "")


def walked(stream: str, answers: Mapping[str, Any], subs: Any = (FIRST, SECOND)) -> list[Page]:
    """`answers`: the answer for each sender; an error is raised."""

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        if method == "sapiGetSubAccountList":
            if isinstance(subs, Exception):
                raise subs
            listed = enumerate(subs if params["page"] == 1 else ())
            return {
                "subAccounts": [
                    {"subUserId": n, "email": name, "isFreeze": False} for n, name in listed
                ]
            }
        answer = answers[params.get("fromEmail", "")]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def walk() -> list[Page]:
        feed = SOURCES[stream].feed
        return [page async for page in feed.paging.walk(call, feed, START, END, None)]

    return asyncio.run(walk())


def listed(*rows: Mapping[str, Any]) -> dict[str, Any]:
    return {"result": list(rows), "totalCount": len(rows)}


def test_the_master_account_receives_what_no_sub_account_does() -> None:
    among = UNIVERSAL | {"fromEmail": FIRST, "toEmail": SECOND.upper()}
    paid = UNIVERSAL | {"fromEmail": FIRST, "toEmail": MASTER}
    unreadable = UNIVERSAL | {"fromEmail": SECOND, "toEmail": None}
    found = walked(OF_MASTER[1], {FIRST: listed(among, paid), SECOND: listed(unreadable)})
    assert found == [Page([paid], START, START), Page([unreadable], START, END)]


def test_without_sub_accounts_nothing_was_received() -> None:
    assert walked(OF_MASTER[1], {}, subs=()) == [Page([], START, END)]


def test_an_answer_without_rows_may_leave_them_out() -> None:
    assert walked(OF_MASTER[0], {"": {"totalCount": 0}}) == [Page([], START, END)]
    with pytest.raises(Unreadable):
        walked(OF_MASTER[0], {"": {"totalCount": 2}})


REFUSED = 'binance {"code":100001002,"msg":"Unsupported operation"}'


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ccxt.ExchangeError(REFUSED), Kind.NOT_OFFERED),
        (ccxt.PermissionDenied('binance {"code":-2015,"msg":"Invalid"}'), Kind.NOT_OFFERED),
        (ccxt.NotSupported("binance does not have a testnet/sandbox URL"), Kind.NOT_OFFERED),
    ],
)
def test_a_refused_list_is_not_offered(error: Exception, kind: Kind) -> None:
    for stream in (*OF_MASTER, *OF_SUB_ACCOUNT):
        answers = {"": error, FIRST: error}
        with pytest.raises(ExchangeFailure) as caught:
            walked(stream, answers)
        assert caught.value.kind is kind


@pytest.mark.parametrize(
    "error", [ccxt.NetworkError("down"), ccxt.AuthenticationError('binance {"code":-2014}')]
)
def test_other_failures_stay_failures(error: Exception) -> None:
    for stream in OF_MASTER:
        with pytest.raises(type(error)):
            walked(stream, {"": error}, subs=error)
