"""Kraken's account: key permissions, balances and their books, names of delisted markets."""

from alphapulse_pipeline.exchange.account_type import AccountType
from alphapulse_pipeline.exchange.feed import Caller, to_time
from alphapulse_pipeline.exchange.markets import pair_of, unified
from alphapulse_pipeline.exchange.rights import Rights
from alphapulse_pipeline.exchange.venues.kraken.common import SPOT, result

EARN = "earn"
"""The wallet of what earns a yield: read-only at Kraken, and moved by allocations."""
HOLD = "hold"
"""The wallet of what was deposited and cannot be used yet."""
# Suffix of an asset -> its wallet. `.B`: yield-bearing, `.F`: Kraken Rewards, `.S`: staked, `.M`:
# opt-in rewards, `.P`: parachain auctions (docs.kraken.com/api-reference/account-data/
# get-extended-balance, support.kraken.com/articles/360039879471).
_BOOKS = {"B": EARN, "F": EARN, "S": EARN, "M": EARN, "P": EARN, "HOLD": HOLD}

# Permissions that move money out of the account, or prepare it.
_WITHDRAW_PERMISSIONS = {"withdraw-funds", "add-withdraw-address", "update-withdraw-address"}
# add-funds only reveals deposit addresses; a websocket token has no permissions beyond the key's.
_HARMLESS_PERMISSIONS = {"add-funds", "export-data", "create-ws-token"}
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
    book = _BOOKS.get(suffix)
    return (book, plain) if book else (SPOT, asset)


async def rights(call: Caller) -> Rights:
    """Any key may request this. Unknown permissions count as permission to trade."""
    info = result(await call("privatePostGetApiKeyInfo", {})) or {}
    if not isinstance(info.get("permissions"), list):
        return Rights()
    granted = set(info["permissions"])
    reading = {name for name in granted if name.startswith("query-")}
    expires_at = int(info.get("validUntil") or 0)
    return Rights(
        read=bool(reading),
        trade=bool(granted - reading - _HARMLESS_PERMISSIONS - _WITHDRAW_PERMISSIONS),
        withdraw=bool(granted & _WITHDRAW_PERMISSIONS),
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
