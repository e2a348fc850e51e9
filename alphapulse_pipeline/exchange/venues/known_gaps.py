"""What is known to be missing from exchanges read through ccxt, for the page of exchanges."""

from collections.abc import Mapping

_GATE = (
    "balances: without margin; set options.unifiedAccount for a unified account, since ccxt takes "
    "any error for 'not unified'",
    "trades: without margin",
)
_KUCOIN = (
    "unified accounts are refused",
    "balances: without cross and isolated margin, Earn",
)
_BYBIT_ELSEWHERE = (
    "open orders of inverse contracts settled in coins other than USDT are not listed"
)

KNOWN_GAPS: Mapping[str, tuple[str, ...]] = {
    "bitfinex": ("balances: staking is not read",),
    "bitget": (
        "unified accounts are refused",
        "balances: without margin, copy trading, Earn",
        "trades, orders: without margin",
    ),
    "bitstamp": ("positions and derivatives are not read",),
    "bybiteu": (_BYBIT_ELSEWHERE,),
    "bybitid": (_BYBIT_ELSEWHERE,),
    "coinbase": (
        "trades, orders: without simple buys and sells, staking, Coinbase International",
        "transfers: deposits and withdrawals are not read, so balances do not add up with history",
    ),
    "deribit": (
        "balances: profit since the last settlement is not included before 08:00 UTC",
        "trades, orders, candles: count as complete after a day",
        "orders: a gap beyond 1000 per currency",
        "deposits, withdrawals, settlements are not read, so balances do not add up with history",
    ),
    "derive": ("set options.subaccount_id",),
    "gate": _GATE,
    "gateeu": _GATE,
    "gemini": ("orders and ledger are not read",),
    "htx": (
        "balances: without margin and Earn",
        "ledger: of the spot wallet only",
    ),
    "hyperliquid": (
        "balances, positions: without perpetual exchanges of builders (HIP-3), vaults, staking",
        "in a unified account, fills of perpetuals are in the wallet swap, its balance in spot",
        "orders: ccxt hides how many entries the answer had: a gap from 10 orders on",
        "trades: the latest 10000",
        "ledger: unreadable once there is an update of an unknown type, e.g. staking",
    ),
    "krakenfutures": (
        "trades: without fees, which fills do not report; a gap beyond 100 fills",
        "orders: other lists keep an order for 5 seconds after it ended, or hide how many it has",
    ),
    "kucoin": _KUCOIN,
    "kucoinfutures": _KUCOIN[:1],
    "mexc": (
        "deposits and withdrawals, but no ledger: rewards and Earn are not read",
        "a sync that pauses for longer than the retention loses rows",
    ),
    "phemex": ("balances, positions: contracts settled in USDT only",),
}
"""Exchange -> sentences, each of which begins with the datasets that it is about, if any."""
