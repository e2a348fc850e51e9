"""Answers that once found a mistake: what was replaced in an unchanged one, and by what."""

import re

from alphapulse_pipeline_tests.fuzz.proxy import Request

_CUT = (rb'(?s)"(?:cost|balance)":"[^"]*",?([^{}]*\}),.*\},"count"', rb'\1},"count"')
"""All rows but the first are gone, and a field of that one."""
_FOUND: dict[str, tuple[tuple[bytes, bytes], ...]] = {
    "bybit transfers privateGetV5AssetDepositQueryRecord": ((rb'"rows":\[', b'"rows":[null,'),),
    "bybit transfers privateGetV5AssetTransferQueryUniversalTransferList": (
        (rb'"list":\[[^\]]*\]', b'"list":[null]'),
        (rb'"fromMemberId":"[^"]*"', b'"fromMemberId":["1"]'),
    ),
    "bybit prices inverse": (
        (rb"(?s).*", b"[]"),
        (rb"(?s).*", b"[" * 5000 + b"]" * 5000),
    ),
    "bybit markets": ((rb'"symbol":"BTC-[^"]*"', b'"symbol":""'),),
    "kraken trades privatePostTradesHistory": (_CUT,),
    "kraken orders privatePostClosedOrders": (_CUT,),
    "kraken ledger privatePostLedgers": ((rb'"count":\d+', b'"count":' + b"9" * 5000), _CUT),
    "kraken transfers privatePostLedgers": ((rb'"refid":"[^"]*"', b'"refid":{"a":{}}'),),
    "okx balances trading": (
        (rb'(?s)"details":\[[^\]]*\]', b'"details":"' + b"x" * 200_000 + b'"'),
    ),
    "okx markets": ((rb'"ctVal":"[^"]*"', b'"ctVal":"' + b"9" * 5000 + b'"'),),
    "kraken markets": (
        (rb'"altname":"XBT"', b'"altname":null'),
        (rb'"decimals":\d+,', b""),
    ),
    "binance markets": (
        (rb'"(baseAsset|quantity)Precision":\d+', rb'"\1Precision":9999999999999999'),
    ),
    "binance trades fapiPrivateGetUserTrades": (
        (rb'"realizedPnl":"[^"]*"', b'"realizedPnl":true'),
    ),
    "binance trades dapiPrivateGetUserTrades": ((rb'"symbol":"[^"]*"', b'"symbol":"1.5"'),),
}
"""Endpoint -> (pattern, replacement) of its first match."""


def found(endpoint: str, asked: list[tuple[Request, bytes]]) -> list[tuple[Request, bytes]]:
    """The requests of an endpoint with the answers that once found a mistake in it."""
    cases = []
    for pattern, replacement in _FOUND.get(endpoint, ()):
        changed = [
            (request, re.sub(pattern, replacement, body, count=1))
            for request, body in asked
            if re.search(pattern, body)
        ]
        assert changed, f"no answer of {endpoint} matches {pattern!r} any more"
        cases += changed
    return cases
