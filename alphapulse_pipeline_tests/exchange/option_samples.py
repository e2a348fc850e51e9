"""Answers of Binance's lists of European options, as documented."""

from typing import Any

from alphapulse_pipeline_tests.exchange.earn_samples import AT

SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("ledger", "option"): {
        "id": 1125899906842624000,
        "asset": "USDT",
        "amount": "-0.552",
        "type": "FEE",
        "createDate": AT,
    },
}
# "Option Margin Account Information", undated: the first is of developers.binance.com/docs/derivatives/
# option, the second of options-demo-trading
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
