"""Kraken's account: key permissions, balances and their books, names of delisted markets."""

from dataclasses import replace

from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import Caller, to_time
from alphapulse_pipeline.exchange.markets import pair_of, unified
from alphapulse_pipeline.exchange.new_values import report
from alphapulse_pipeline.exchange.rights import Allows, Rights, rights_by, texts
from alphapulse_pipeline.exchange.venues.kraken.common import SPOT, result

EARN = "earn"
"""The wallet of what earns a yield: read-only at Kraken, and moved by allocations."""
HOLD = "hold"
"""The wallet of what was deposited and cannot be used yet."""
# Suffix of an asset -> its wallet. `.B`: yield-bearing, `.F`: Kraken Rewards, `.S`: staked, `.M`:
# opt-in rewards, `.P`: parachain auctions (docs.kraken.com/api-reference/account-data/
# get-extended-balance, support.kraken.com/articles/360039879471).
_BOOKS = {"B": EARN, "F": EARN, "S": EARN, "M": EARN, "P": EARN, "HOLD": HOLD}

# add-funds only reveals deposit addresses; a websocket token has no permissions beyond the key's;
# a withdrawal address prepares a withdrawal.
_PERMISSIONS = {
    "query-funds": Allows.READ,
    "query-open-trades": Allows.READ,
    "query-closed-trades": Allows.READ,
    "query-ledger": Allows.READ,
    "add-funds": Allows.NOTHING,
    "export-data": Allows.NOTHING,
    "create-ws-token": Allows.NOTHING,
    "modify-trades": Allows.TRADE,
    "close-trades": Allows.TRADE,
    "earn-funds": Allows.TRADE,
    "withdraw-funds": Allows.WITHDRAW,
    "add-withdraw-address": Allows.WITHDRAW,
    "update-withdraw-address": Allows.WITHDRAW,
}
_BITCOIN = {"XBT": "BTC", "XDG": "DOGE"}
_QUOTES = (
    *("USDT", "USDC", "USDG", "USDQ", "USDR", "RLUSD", "PYUSD", "EURC", "EURQ", "EURR", "DAI"),
    *("ZUSD", "ZEUR", "ZGBP", "ZCAD", "ZJPY", "ZAUD", "XXBT", "XETH"),
    *("USD", "EUR", "GBP", "CAD", "JPY", "AUD", "CHF", "XBT", "ETH", "DOT"),
)


def book_of(asset: str) -> tuple[str, str]:
    """(wallet, plain asset) of an asset's code: `DOT.S` is staked DOT. A suffix that is not known
    stays part of the code: what it means for the value is not known either."""
    plain, _, suffix = asset.partition(".")
    if suffix in _BOOKS:
        return _BOOKS[suffix], plain
    if suffix:
        report("suffix of an asset", suffix, asset)
    return SPOT, asset


async def rights(call: Caller) -> Rights:
    """Get API Key Info (docs.kraken.com/api-reference/account-data/get-api-key-info, undated, read
    on 2026-11-27): "API Key Permissions Required: None"."""
    info = result(await call("privatePostGetApiKeyInfo", {})) or {}
    granted = texts("permissions", info.get("permissions"))
    expires_at = int(info.get("validUntil") or 0)
    return replace(
        rights_by(granted, _PERMISSIONS),
        expires_at=to_time(expires_at * 1000) if expires_at else None,
        addresses=tuple(info.get("ipAllowlist") or ()),
    )


async def account_type(call: Caller) -> AccountType:
    """There is only one type, with or without margin."""
    return AccountType("spot and margin")


def delisted(raw_id: str, category: str) -> str:
    """Parsed from a raw id or its alternative name: XXBTZUSD, XBTUSD, FTMUSDT."""
    base, quote = pair_of(raw_id, _QUOTES)
    return unified(raw_id, code(base), code(quote), category)


def code(asset: str) -> str:
    """The unified code of an asset: BTC for XXBT and XBT, EUR for ZEUR."""
    # the oldest assets have four letters: X for crypto or Z for fiat, then the code
    short = asset[1:] if len(asset) == 4 and asset[0] in "XZ" else asset
    return _BITCOIN.get(short, short)
