"""Rights of a key, from the exchanges' documented answers with the relevant values changed.

Over real HTTP and through the real ccxt.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse_pipeline.exchange.ccxt_client import ClientConfig
from alphapulse_pipeline.exchange.client import open_client
from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind
from alphapulse_pipeline.exchange.rights import (
    DEMO,
    UNKNOWN,
    Rights,
    UnusableRights,
    objection,
    rights_of,
)
from alphapulse_pipeline.exchange.venues import VENUES, venue_of
from alphapulse_pipeline.settings.accounts import Account, AccountSettings
from alphapulse_pipeline_tests.exchange.servers import Reply, replying

NOW = datetime(2023, 1, 1, tzinfo=UTC)
READER = Rights(read=True, trade=False, withdraw=False, addresses=())


def account(exchange: str, **more: Any) -> Account:
    values = {"exchange": exchange, "history_start": "2026-01-01", **more}
    return Account("main", AccountSettings.model_validate(values))


@contextmanager
def asking(
    exchange: str, server: Literal["live", "demo"] = "live"
) -> Iterator[Callable[[Any], Rights]]:
    """Requests the rights of a key from a server with the given answers: JSON or a reply."""
    replies: list[Reply] = []
    venue, owner = venue_of(exchange), account(exchange)
    with replying(lambda _: replies.pop()) as url:
        config = ClientConfig(
            *(owner.environment, exchange, "0x" + "2" * 40, "c2VjcmV0", "word"),
            api_url=url,
            server=server,
            settings=venue.settings,
        )
        with open_client(config) as client:

            def ask(answer: Any) -> Rights:
                whole = answer if isinstance(answer, Reply) else Reply(json.dumps(answer).encode())
                replies[:] = [whole]
                client.disable_retries()
                return client.run(rights_of, owner, venue.rights, client.request)

            yield ask


def read(exchange: str, answer: Any) -> Rights:
    with asking(exchange) as ask:
        return ask(answer)


def bybit(
    permissions: Mapping[str, list[str]] | None = None, wallet: list[str] | None = None, **more: Any
) -> Any:
    """Get API Key Information."""
    granted = {
        "ContractTrade": ["Order", "Position"],
        "Spot": ["SpotTrade"],
        "Wallet": ["AccountTransfer", "SubMemberTransfer"] if wallet is None else wallet,
        "Options": ["OptionsTrade"],
        **{"Derivatives": ["DerivativesTrade"], "CopyTrading": [], "BlockTrade": []},
        **{"Exchange": ["ExchangeHistory"], "NFT": [], "Affiliate": [], "Earn": []},
        **{"FiatP2P": [], "FiatBitPay": [], "FiatConvertBroker": []},
    }
    about = {
        **{"id": "13770661", "note": "readonly", "apiKey": "XXXXXX", "readOnly": 1, "secret": ""},
        "permissions": granted if permissions is None else permissions,
        **{"ips": ["*"], "type": 1, "deadlineDay": 83, "expiredAt": "2023-05-15T03:21:05Z"},
        **{"createdAt": "2022-10-16T02:24:40Z", "unified": 0, "uta": 0, "userID": 24617703},
        **{"inviterID": 0, "vipLevel": "No VIP", "mktMakerLevel": "0", "affiliateID": 0},
        **{"rsaPublicKey": "", "isMaster": True, "parentUid": "0", "kycLevel": "LEVEL_DEFAULT"},
    }
    return {"retCode": 0, "retMsg": "", "result": {**about, **more}, "time": 1676891757649}


def binance(**changed: Any) -> Any:
    """Get API Key Permission."""
    return {
        **{"ipRestrict": False, "createTime": 1698645219000, "enableReading": True},
        **{"enableWithdrawals": False, "enableInternalTransfer": False, "enableMargin": False},
        **{"enableFutures": False, "permitsUniversalTransfer": False},
        **{"enableVanillaOptions": False, "enableFixApiTrade": False, "enableFixReadOnly": True},
        **{"enableSpotAndMarginTrading": False, "enablePortfolioMarginTrading": False},
        **changed,
    }


def okx(**changed: Any) -> Any:
    """Get account configuration."""
    info = {
        **{"acctLv": "2", "acctStpMode": "cancel_maker", "autoLoan": False, "ip": ""},
        **{"kycLv": "3", "label": "v5 test", "level": "Lv1", "perm": "read_only", "type": "0"},
        **{"mainUid": "44705892343619584", "posMode": "long_short_mode", "roleType": "0"},
    }
    return {"code": "0", "data": [{**info, **changed}], "msg": ""}


def kraken(*permissions: str, **changed: Any) -> Any:
    """Get API Key Info."""
    info = {
        **{"apiKeyName": "spot", "apiKey": "XXXXXX", "nonce": "1772543095000", "nonceWindow": 0},
        "permissions": list(permissions) or ["query-funds", "query-closed-trades"],
        **{"iban": "AA92 N84G YZYO LAHQ", "validUntil": "0", "queryFrom": "0", "queryTo": "0"},
        **{"createdTime": "1772542900", "modifiedTime": "1772543095", "lastUsed": None},
    }
    return {"error": [], "result": {**info, **changed}}


def rights(**changed: Any) -> Rights:
    return Rights(**{**vars(READER), **changed})


BYBIT_END = datetime(2023, 5, 15, 3, 21, 5, tzinfo=UTC)
DOCUMENTED: dict[str, tuple[str, Any, Rights]] = {
    # read-only keys list the same permission names as others
    "bybit reads": ("bybit", bybit(), rights(expires_at=BYBIT_END)),
    "bybit never expires": ("bybit", bybit(expiredAt="1970-01-01T00:00:00Z"), READER),
    "bybit does not say when it expires": ("bybit", bybit(expiredAt=""), READER),
    "bybit is bound": (
        "bybit",
        bybit(expiredAt="", ips=["1.2.3.4", "5.6.7.8"]),
        rights(addresses=("1.2.3.4", "5.6.7.8")),
    ),
    "bybit trades": (
        "bybit",
        bybit(readOnly=0, expiredAt="", wallet=["AccountTransfer"]),
        rights(trade=True),
    ),
    "bybit withdraws": (
        "bybit",
        bybit({"Wallet": ["Withdraw"]}, readOnly=0, expiredAt=""),
        rights(withdraw=True),
    ),
    "bybit sends to another account": (
        "bybit",
        bybit({"Wallet": ["SubMemberTransfer"]}, readOnly=0, expiredAt=""),
        rights(withdraw=True),
    ),
    "bybit pays others": (
        "bybit",
        bybit({"FiatBitPay": ["FaitPayOrder"]}, readOnly=0, expiredAt=""),
        rights(withdraw=True),
    ),
    "bybit lists transfers between accounts": (
        "bybit",
        bybit({"Wallet": ["SubMemberTransferList"]}, readOnly=0, expiredAt=""),
        READER,
    ),
    "bybit may something new": (
        "bybit",
        bybit({"Teleport": ["Beam"]}, readOnly=0, expiredAt=""),
        rights(trade=True),
    ),
    "bybit may nothing": ("bybit", bybit({"Spot": []}, expiredAt=""), rights(read=False)),
    "bybit may something new for payments": (
        "bybit",
        bybit({"FiatGlobalPay": ["Order"]}, readOnly=0, expiredAt=""),
        rights(withdraw=True),
    ),
    "bybit reads, and lists a withdrawal": (
        "bybit",
        bybit({"Wallet": ["Withdraw"], "Teleport": ["Beam"]}, expiredAt=""),
        READER,
    ),
    "binance reads": ("binance", binance(), READER),
    "binance is bound": ("binance", binance(ipRestrict=True), rights(addresses=None)),
    "binance withdraws": ("binance", binance(enableWithdrawals=True), rights(withdraw=True)),
    "binance sends to another account": (
        "binance",
        binance(enableInternalTransfer=True),
        rights(withdraw=True),
    ),
    # between the account's own wallets: no money leaves the account
    "binance moves": ("binance", binance(permitsUniversalTransfer=True), rights(trade=True)),
    "binance may something new": ("binance", binance(enableTeleport=True), rights(trade=True)),
    # of the permission to trade, not of the key
    "binance trading permission expires": (
        "binance",
        binance(enableSpotAndMarginTrading=True, tradingAuthorityExpirationTime=1628985600000),
        rights(trade=True),
    ),
    "binance does not read": ("binance", binance(enableReading=False), rights(read=False)),
    "binance may something new that has another kind of name": (
        "binance",
        binance(canTeleport=True),
        rights(trade=True),
    ),
    "binance may move something new": (
        "binance",
        binance(enableCardPayments=True),
        rights(withdraw=True),
    ),
    "okx reads": ("okx", okx(), READER),
    "okx trades": ("okx", okx(perm="read_only,trade"), rights(trade=True)),
    "okx may all": ("okx", okx(perm="read_only,withdraw,trade"), rights(trade=True, withdraw=True)),
    "okx is bound": ("okx", okx(ip="1.2.3.4, 5.6.7.8"), rights(addresses=("1.2.3.4", "5.6.7.8"))),
    "okx withdraws, with spaces": ("okx", okx(perm="read_only, withdraw"), rights(withdraw=True)),
    "okx withdraws, in capitals": ("okx", okx(perm=" Read_Only ,WITHDRAW"), rights(withdraw=True)),
    "okx may something new": ("okx", okx(perm="read_only,new_right"), rights(trade=True)),
    "okx may move something": ("okx", okx(perm="read_only,transfer"), rights(withdraw=True)),
    "okx, separated differently": (
        "okx",
        okx(perm="read_only;withdraw"),
        rights(read=False, withdraw=True),
    ),
    "kraken reads": ("kraken", kraken(), READER),
    "kraken reads all": (
        "kraken",
        kraken("query-funds", "query-ledger", "export-data", "create-ws-token", "add-funds"),
        READER,
    ),
    "kraken trades": ("kraken", kraken("query-funds", "close-trades"), rights(trade=True)),
    "kraken earns": ("kraken", kraken("query-funds", "earn-funds"), rights(trade=True)),
    "kraken withdraws": ("kraken", kraken("query-funds", "withdraw-funds"), rights(withdraw=True)),
    "kraken adds withdrawal addresses": (
        "kraken",
        kraken("query-funds", "add-withdraw-address"),
        rights(withdraw=True),
    ),
    "kraken does not read": (
        "kraken",
        kraken("modify-trades"),
        rights(read=False, trade=True),
    ),
    "kraken expires and is bound": (
        "kraken",
        kraken(validUntil="1772543095", ipAllowlist=["1.2.3.4"]),
        rights(expires_at=datetime(2026, 3, 3, 13, 4, 55, tzinfo=UTC), addresses=("1.2.3.4",)),
    ),
    "kraken may something new": (
        "kraken",
        kraken("query-funds", "query-and-teleport"),
        rights(trade=True),
    ),
    "kraken may move something new": (
        "kraken",
        kraken("query-funds", "allocate-transfer"),
        rights(withdraw=True),
    ),
    "kraken may nothing": ("kraken", kraken(permissions=[]), rights(read=False)),
    "an exchange without a venue": ("gate", None, UNKNOWN),
    # its accounts are public: the key is the account's address
    "hyperliquid": ("hyperliquid", None, rights(addresses=None)),
}


@pytest.mark.parametrize("case", DOCUMENTED)
def test_rights_are_what_the_exchange_says(case: str) -> None:
    exchange, answer, expected = DOCUMENTED[case]
    assert read(exchange, answer) == expected


def without(answer: Any, name: str) -> Any:
    """The answer without one field of the key's."""
    holder = answer.get("result", answer)
    del holder[name]
    return answer


# the field that is wrong, what it is instead
MALFORMED: dict[str, tuple[str, Any, str]] = {
    "bybit without the flag": ("bybit", without(bybit(), "readOnly"), "`readOnly` is missing"),
    "bybit with no flag": ("bybit", bybit(readOnly=None), "`readOnly` is missing or null"),
    "bybit with a text": ("bybit", bybit(readOnly="1"), "`readOnly` is '1' instead of 0 or 1"),
    "bybit with a boolean": ("bybit", bybit(readOnly=True), "`readOnly` is True"),
    "bybit with another number": ("bybit", bybit(readOnly=2), "`readOnly` is 2"),
    "bybit without permissions": (
        "bybit",
        without(bybit(), "permissions"),
        "`permissions` is missing",
    ),
    "bybit with a list": (
        "bybit",
        bybit([]),  # type: ignore[arg-type]
        "`permissions` is [] instead of",
    ),
    "bybit with a group of none": (
        "bybit",
        bybit({"Wallet": None}),  # type: ignore[dict-item]
        "`permissions.Wallet` is missing or null",
    ),
    "bybit with a group that is a text": (
        "bybit",
        bybit({"Wallet": "Withdraw"}),  # type: ignore[dict-item]
        "`permissions.Wallet` is 'Withdraw'",
    ),
    "bybit says nothing": ("bybit", {"retCode": 0, "result": {}}, "`permissions` is missing"),
    "bybit has no end": ("bybit", bybit(expiredAt="soon"), "ValueError"),
    **{
        f"binance without {name}": ("binance", without(binance(), name), f"`{name}` is missing")
        for name in binance()
        if name.startswith(("enable", "permits"))
    },
    "binance with null": ("binance", binance(enableWithdrawals=None), "`enableWithdrawals` is"),
    "binance with a text": (
        "binance",
        binance(enableWithdrawals="false"),
        "`enableWithdrawals` is 'false' instead of true or false",
    ),
    "binance with a number": ("binance", binance(enableFutures=0), "`enableFutures` is 0"),
    "binance with something new": ("binance", binance(enableTeleport=1), "`enableTeleport` is 1"),
    "binance says nothing": ("binance", {}, "is missing or null"),
    "binance sends a list": ("binance", [], "AttributeError"),
    "okx with nothing": ("okx", okx(perm=""), "`perm` is '' instead of permissions"),
    "okx with commas": ("okx", okx(perm=" , "), "`perm` is ' , '"),
    "okx with null": ("okx", okx(perm=None), "`perm` is missing or null"),
    "okx with a list": ("okx", okx(perm=["read_only"]), "`perm` is ['read_only']"),
    "okx without an account": ("okx", {"code": "0", "data": [], "msg": ""}, "ValueError"),
    "okx without data": ("okx", {"code": "0", "msg": ""}, "KeyError"),
    "kraken with a text": (
        "kraken",
        kraken(permissions="query-funds"),
        "`permissions` is 'query-funds' instead of a list of texts",
    ),
    "kraken with an object": ("kraken", kraken(permissions={"query-funds": True}), "`permissions`"),
    "kraken with a number": ("kraken", kraken(permissions=["query-funds", 7]), "`permissions` is"),
    "kraken with null": ("kraken", kraken(permissions=None), "`permissions` is missing or null"),
    "kraken says nothing": ("kraken", {"error": [], "result": {}}, "`permissions` is missing"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_an_answer_without_the_documented_form_is_refused(case: str) -> None:
    exchange, answer, words = MALFORMED[case]
    with pytest.raises(UnusableRights) as raised:
        read(exchange, answer)
    assert raised.value.problem.startswith(
        "the exchange's answer about the permissions of main's key in MAIN_API_KEY cannot be used: "
    )
    assert words in raised.value.problem
    assert "update alphapulse-pipeline" in raised.value.fix
    assert raised.value.kind is Kind.UNREADABLE


def refusing(status: int = 200, **answer: Any) -> Reply:
    headers = {"Content-Type": "application/json"}
    return Reply(json.dumps(answer).encode(), status, headers)


NO_RIGHT = {
    "bybit": refusing(retCode=10005, retMsg="Permission denied, please check ...", result={}),
    "okx": refusing(401, code="50120", data=[], msg="This API key doesn't have permission ..."),
    "kraken": refusing(error=["EGeneral:Permission denied"]),
}


@pytest.mark.parametrize("exchange", NO_RIGHT)
def test_a_key_that_may_not_request_its_rights_is_unknown(exchange: str) -> None:
    found = read(exchange, NO_RIGHT[exchange])
    assert found == UNKNOWN
    refusal = objection(account(exchange), found, NOW)
    assert refusal is not None
    assert refusal.kind is Kind.CREDENTIALS
    assert "does not report what the key in MAIN_API_KEY may do: the key lacks a" in refusal.problem
    assert "grant the key in MAIN_API_KEY read permission" in refusal.fix
    assert "set allow_unknown_rights: true in the defs.yaml of main" in refusal.fix
    assert objection(account(exchange, allow_unknown_rights=True), found, NOW) is None


def test_demo_trading_does_not_say_and_has_no_real_money() -> None:
    for exchange, answer in (
        ("bybit", refusing(retCode=10032, retMsg="Demo trading are not supported.", result={})),
        ("okx", refusing(code="50038", data=[], msg="This feature is unavailable in demo trading")),
    ):
        assert read(exchange, answer) == DEMO
        assert objection(account(exchange), DEMO, NOW) is None
    with asking("binance", "demo") as ask:  # ccxt has no address of this endpoint
        assert ask({}) == DEMO


_PAGE = b'<html>{"retCode":10005,"code":"50120","error":["EGeneral:Permission denied"]}</html>'
_BOTH: dict[str, Any] = {
    "retCode": 10005,
    "code": "50120",
    "error": ["EGeneral:Permission denied"],
    "result": {},
}
MENTIONED: dict[str, tuple[Reply, Kind]] = {
    "a server that fails": (refusing(503, **_BOTH), Kind.TRANSIENT),
    "a page of a server that fails": (Reply(_PAGE, 503), Kind.TRANSIENT),
    "a page": (Reply(_PAGE, 200), Kind.TRANSIENT),
    "a page of a gateway": (Reply(_PAGE, 404), Kind.TRANSIENT),
    "the reason of another error": (
        refusing(
            retCode=10016,
            code="50001",
            error=["EService:Unavailable"],
            result={"retCode": 10005, "code": "50120", "errors": ["EGeneral:Permission denied"]},
        ),
        Kind.TRANSIENT,
    ),
}


@pytest.mark.parametrize("exchange", NO_RIGHT)
@pytest.mark.parametrize("case", MENTIONED)
def test_only_the_code_of_an_answer_is_a_refusal(exchange: str, case: str) -> None:
    answer, kind = MENTIONED[case]
    with pytest.raises(ExchangeFailure) as raised:
        read(exchange, answer)
    assert raised.value.kind is kind, raised.value
    assert "lacks a permission" not in str(raised.value)


@pytest.mark.parametrize(
    ("exchange", "answer", "kind"),
    [
        ("bybit", refusing(retCode=10010, retMsg="Unmatched IP"), Kind.CREDENTIALS),
        ("okx", refusing(401, code="50110", data=[], msg="Your IP"), Kind.CREDENTIALS),
        ("binance", refusing(401, code=-2015, msg="Invalid API-key, IP, or ..."), Kind.PERMISSION),
        ("kraken", refusing(error=["EAPI:Invalid key"]), Kind.CREDENTIALS),
    ],
)
def test_other_errors_are_raised(exchange: str, answer: Reply, kind: Kind) -> None:
    with pytest.raises(ExchangeFailure) as raised:
        read(exchange, answer)
    assert raised.value.kind is kind


def test_every_own_venue_has_rights() -> None:
    assert all(venue.rights for venue in VENUES.values())


HARMLESS = {
    "bybit": {"Wallet.SubMemberTransferList"},
    "binance": {"enableReading", "enableFixReadOnly"},
    "okx": {"read_only"},
    "kraken": {
        *("query-funds", "query-open-trades", "query-closed-trades", "query-ledger"),
        *("add-funds", "export-data", "create-ws-token"),
    },
}
ANSWERS: dict[str, Callable[[list[str]], Any]] = {
    "bybit": lambda names: bybit(
        {group: [n.partition(".")[2] for n in names if n.partition(".")[0] == group]
         for group in {n.partition(".")[0] for n in names}}, readOnly=0, expiredAt="",
    ),
    "binance": lambda names: binance(**dict.fromkeys(names, True)),
    "okx": lambda names: okx(perm=",".join(names)),
    "kraken": lambda names: kraken(permissions=names),
}  # fmt: skip
_WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize("exchange", ANSWERS)
def test_whatever_is_not_known_to_be_harmless_can_trade_or_withdraw(exchange: str) -> None:
    known = HARMLESS[exchange]

    def counts(name: str) -> bool:
        if exchange == "okx":
            return any(
                part.strip() and part.strip().lower() not in known for part in name.split(",")
            )
        return name not in known and name not in binance()

    with asking(exchange) as ask:

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(st.sampled_from(sorted(known)) | _WORDS), _WORDS.filter(counts))
        def holds(names: list[str], unknown: str) -> None:
            found = ask(ANSWERS[exchange]([*names, unknown]))
            assert found.trade or found.withdraw
            assert objection(account(exchange), found, NOW) is not None

        holds()
