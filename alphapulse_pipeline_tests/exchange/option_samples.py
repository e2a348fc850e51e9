"""Answers of Binance's lists of European options, as documented."""

from typing import Any

from alphapulse_pipeline_tests.exchange.earn_samples import AT

# "Account Trade List" and "User Exercise Record", 2026-08-21
FILL: dict[str, Any] = {
    "id": 4611875134427365000,
    "tradeId": 239,
    "orderId": 4611875134427365000,
    "symbol": "BTC-200730-9000-C",
    "price": "100",
    "quantity": "1",
    "fee": "-1.04378629",
    "realizedProfit": "0.00000000",
    "side": "BUY",
    "type": "LIMIT",
    "liquidity": "TAKER",
    "time": AT,
    "priceScale": 2,
    "quantityScale": 2,
    "optionSide": "CALL",
    "quoteAsset": "USDT",
}
EXERCISE: dict[str, Any] = {
    "id": "1125899906842624042",
    "currency": "USDT",
    "symbol": "BTC-220721-25000-C",
    "exercisePrice": "25000.00000000",
    "quantity": "1.00000000",
    "amount": "0.00000000",
    "fee": "0.00000000",
    "createDate": AT,
    "priceScale": 2,
    "quantityScale": 2,
    "optionSide": "CALL",
    "positionSide": "LONG",
    "quoteAsset": "USDT",
}
# what ccxt once received (its parser's comment)
SOLD_EARLIER = FILL | {
    "id": 1125899906844226012,
    "symbol": "ETH-230211-1500-C",
    "price": "18.70000000",
    "quantity": "-0.57000000",
    "side": "SELL",
    "liquidity": "MAKER",
}
SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("ledger", "option"): {
        "id": 1125899906842624000,
        "asset": "USDT",
        "amount": "-0.552",
        "type": "FEE",
        "createDate": AT,
    },
    ("trades", "option"): FILL,
    ("trades", "exercises"): EXERCISE,
}
# "Option Margin Account Information", undated: the first of developers.binance.com/docs/
# derivatives/option, the second of derivatives/options-demo-trading
HOLDING = {
    "asset": "USDT",
    "marginBalance": "10099.448",
    "equity": "10094.44662",
    "available": "8725.92524",
    "initialMargin": "1084.52138",
    "maintMargin": "151.00138",
    "unrealizedPNL": "-5.00138",
    "lpProfit": "-5.00138",
}
IDLE = {
    "asset": "USDT",
    "marginBalance": "99998.87365244",
    "equity": "99998.87365244",
    "available": "96883.72734374",
    "initialMargin": "3115.14630870",
    "maintMargin": "0.00000000",
    "unrealizedPNL": "0.00000000",
    "adjustedEquity": "99998.87365244",
}
# "Option Position Information" of both, undated
SOLD = {
    "entryPrice": "1000",
    "symbol": "BTC-200730-9000-C",
    "side": "SHORT",
    "quantity": "-0.1",
    "markValue": "105.00138",
    "unrealizedPNL": "-5.00138",
    "markPrice": "1050.0138",
    "strikePrice": "9000",
    "expiryDate": 1593511200000,
    "priceScale": 2,
    "quantityScale": 2,
    "optionSide": "CALL",
    "quoteAsset": "USDT",
    "time": 1762872654561,
    "bidQuantity": "0.0000",
    "askQuantity": "0.0000",
}
