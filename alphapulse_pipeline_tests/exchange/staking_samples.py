"""Rows of ETH and SOL staking as their pages show them (developers.binance.com/docs/staking,
undated; the same in binance-connector-python of 2026-08-21)."""

from typing import Any

AT = 1_790_000_000_123
_STAKED = {
    "time": AT,
    "asset": "ETH",
    "amount": "21312.23223",
    "distributeAsset": "WBETH",
    "distributeAmount": "21286.42584",
    "conversionRatio": "1.00121234",
    "status": "SUCCESS",
}
_REDEEMED = {
    "time": AT,
    "arrivalTime": AT + 432_000_000,
    "asset": "WBETH",
    "amount": "21312.23223",
    "distributeAsset": "ETH",
    "distributeAmount": "21338.0699",
    "conversionRatio": "1.00121234",
    "status": "SUCCESS",
}
_OF_SOL = {"conversionRatio": None, "exchangeRate": "1.00121234"}
_WRAPPED = {
    "time": AT,
    "fromAsset": "BETH",
    "fromAmount": "21312.23223",
    "toAsset": "WBETH",
    "toAmount": "21312.23223",
    "exchangeRate": "1.01243253",
    "status": "SUCCESS",
}
SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("conversions", "eth stakes"): _STAKED,
    ("conversions", "eth redemptions"): _REDEEMED,
    ("conversions", "beth wraps"): _WRAPPED,
    ("conversions", "wbeth unwraps"): _WRAPPED | {"fromAsset": "WBETH", "toAsset": "BETH"},
    ("conversions", "sol stakes"): _STAKED | {"asset": "SOL", "distributeAsset": "BNSOL"} | _OF_SOL,
    ("conversions", "sol redemptions"): _REDEEMED
    | {"asset": "BNSOL", "distributeAsset": "SOL"}
    | _OF_SOL,
}
