"""The key (documentation: "Get API Key Info")."""

from exchange_simulator.keys import Key
from exchange_simulator.kraken.auth import NONCE_WINDOW
from exchange_simulator.kraken.call import Call, Result


def api_key_info(call: Call) -> Result:
    key, created = call.key, str(call.exchange.world.genesis // 1000)
    return {
        "apiKeyName": "simulator",
        "apiKey": key.key,
        "nonce": call.text("nonce"),
        "nonceWindow": NONCE_WINDOW,
        "permissions": _permissions(key),
        "iban": "AA00 SIMU LATE DKEY",
        "validUntil": "0" if key.expires_at is None else str(key.expires_at // 1000),
        "queryFrom": "0",
        "queryTo": "0",
        "createdTime": created,
        "modifiedTime": created,
        "ipAllowlist": [] if "*" in key.ips else list(key.ips),
        "lastUsed": str(call.now // 1000),
    }


def _permissions(key: Key) -> list[str]:
    granted = {
        "query-funds": "account" in key.scopes,
        "query-ledger": "wallet" in key.scopes,
        "query-open-trades": "orders" in key.scopes,
        "query-closed-trades": "orders" in key.scopes,
        "modify-trades": key.may_trade,
        "close-trades": key.may_trade,
        "withdraw-funds": key.may_withdraw,
    }
    return [name for name, yes in granted.items() if yes]
