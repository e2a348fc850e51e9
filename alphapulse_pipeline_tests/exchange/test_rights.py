"""Rights of a key, from the exchanges' documented answers with the relevant values changed."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.rights import UNKNOWN, Rights, rights_of
from alphapulse_pipeline.exchange.venues import VENUES, venue_of

READER = Rights(read=True, trade=False, withdraw=False, addresses=())


def read(exchange: str, answer: Any) -> Rights:
    """The rights that a venue reads from an answer; an exception is raised, as by ccxt."""

    async def call(method: str, params: Mapping[str, Any]) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return asyncio.run(rights_of(venue_of(exchange).rights, call))


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
    "bybit says nothing": ("bybit", {"retCode": 0, "result": {}}, UNKNOWN),
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
    "binance says nothing": ("binance", {}, UNKNOWN),
    "okx reads": ("okx", okx(), READER),
    "okx trades": ("okx", okx(perm="read_only,trade"), rights(trade=True)),
    "okx may all": ("okx", okx(perm="read_only,withdraw,trade"), rights(trade=True, withdraw=True)),
    "okx is bound": ("okx", okx(ip="1.2.3.4, 5.6.7.8"), rights(addresses=("1.2.3.4", "5.6.7.8"))),
    "okx says nothing": ("okx", okx(perm=""), Rights(addresses=())),
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
    "kraken says nothing": ("kraken", {"error": [], "result": {}}, UNKNOWN),
    "an exchange without a venue": ("gate", AssertionError("nothing is asked"), UNKNOWN),
}


@pytest.mark.parametrize("case", DOCUMENTED)
def test_rights_are_what_the_exchange_says(case: str) -> None:
    exchange, answer, expected = DOCUMENTED[case]
    assert read(exchange, answer) == expected


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        ("binance", ccxt.NotSupported("binance has no testnet for sapi endpoints")),
        ("bybit", ccxt.ExchangeError('bybit {"retCode":10032,"retMsg":"Demo trading are not..."}')),
        ("bybit", ccxt.PermissionDenied('bybit {"retCode":10005,"retMsg":"Permission denied"}')),
        ("okx", ccxt.ExchangeError('okx {"code":"50120","data":[],"msg":"no permission"}')),
        ("kraken", ccxt.PermissionDenied('kraken {"error":["EGeneral:Permission denied"]}')),
    ],
)
def test_a_key_that_may_not_request_its_rights_is_unknown(exchange: str, error: Exception) -> None:
    assert read(exchange, error) == UNKNOWN


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        # ccxt raises PermissionDenied or AuthenticationError for these too
        ("bybit", ccxt.PermissionDenied('bybit {"retCode":10010,"retMsg":"Unmatched IP"}')),
        ("okx", ccxt.PermissionDenied('okx {"code":"50110","data":[],"msg":"Your IP"}')),
        ("binance", ccxt.AuthenticationError('binance {"code":-2015,"msg":"Invalid API-key"}')),
        ("kraken", ccxt.AuthenticationError('kraken {"error":["EAPI:Invalid key"]}')),
        ("okx", ccxt.ExchangeNotAvailable("okx 503")),
    ],
)
def test_other_errors_are_raised(exchange: str, error: Exception) -> None:
    with pytest.raises(type(error)):
        read(exchange, error)


def test_every_own_venue_has_rights() -> None:
    assert all(venue.rights for venue in VENUES.values())
