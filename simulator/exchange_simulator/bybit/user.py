"""The key, its account and the sub-accounts (documentation: "Get API Key Information", "Get Account
Info", "Get Sub UID List (Unlimited)")."""

from datetime import UTC, datetime

from exchange_simulator.bybit.answers import Refused
from exchange_simulator.bybit.call import Call, Result
from exchange_simulator.markets import DAY

_CREATED = "2025-10-16T02:24:40Z"
MAIN_ACCOUNT = "118027304"
_NEVER = "1970-01-01T00:00:00Z"


def query_api(call: Call) -> Result:
    key = call.key
    writes = key.may_trade or key.may_withdraw
    # read-only keys list their permissions under the same names as trading keys
    wallet = ["AccountTransfer"] if "wallet" in key.scopes or writes else []
    if key.sub_account:
        wallet += ["SubMemberTransferList"] if "accounts" in key.scopes else []
    elif key.may_withdraw or ("accounts" in key.scopes and not writes):
        wallet += ["SubMemberTransfer"]
    if key.may_withdraw:
        wallet += ["Withdraw"]
    days = 0 if key.expires_at is None else max((key.expires_at - call.now) // DAY, 0)
    expires = (
        _NEVER
        if key.expires_at is None
        else datetime.fromtimestamp(key.expires_at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    trades = "orders" in key.scopes
    return {
        "id": "13770661",
        "note": "simulator",
        "apiKey": key.key,
        "readOnly": 0 if writes else 1,
        "secret": "",
        "permissions": {
            "ContractTrade": ["Order", "Position"] if trades else [],
            "Spot": ["SpotTrade"] if trades else [],
            "Wallet": wallet,
            "Options": ["OptionsTrade"] if trades else [],
            "Derivatives": ["DerivativesTrade"] if trades else [],
            "CopyTrading": [],
            "BlockTrade": [],
            "Exchange": ["ExchangeHistory"] if "wallet" in key.scopes else [],
            "NFT": [],
            "Affiliate": [],
            "Earn": ["Earn"] if "earn" in key.scopes else [],
            "FiatP2P": [],
            "FiatConvertBroker": [],
            "FiatGlobalPay": [],
            "FiatBitPay": [],
            "BitCard": [],
            "ByXPost": [],
        },
        "ips": list(key.ips),
        "type": 1,
        "deadlineDay": days,
        "expiredAt": expires,
        "createdAt": _CREATED,
        "unified": 0,
        "uta": 1,
        "userID": key.uid,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": not key.sub_account,
        "parentUid": MAIN_ACCOUNT if key.sub_account else "0",
        "kycLevel": "LEVEL_1",
        "kycRegion": "",
    }


def sub_members(call: Call) -> Result:
    """Of the master account, for a key that may transfer (documentation: "Get Sub UID List
    (Unlimited)"). Neither the default page size nor the form of the cursor is documented."""
    key = call.key
    if key.sub_account or not (key.scopes & {"wallet", "accounts"} or key.may_withdraw):
        raise Refused(10005)
    size, start = call.text("pageSize") or "100", call.text("nextCursor") or "0"
    if not (size.isdigit() and start.isdigit() and int(size)):
        raise Refused(10001)
    end = int(start) + min(int(size), 100)
    found = call.exchange.sub_accounts
    return {
        "subMembers": [
            {
                "uid": str(sub.uid),
                "username": sub.name,
                "memberType": 1,
                "status": 4 if sub.frozen else 1,
                "remark": "",
                "accountMode": 5,
            }
            for sub in found[int(start) : end]
        ],
        "nextCursor": str(end) if end < len(found) else "0",
    }


def account_info(call: Call) -> Result:
    return {
        "marginMode": "REGULAR_MARGIN",
        "updatedTime": str(call.exchange.world.genesis),
        "unifiedMarginStatus": 6,
        "dcpStatus": "OFF",
        "timeWindow": 10,
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }
