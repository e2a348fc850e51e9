"""The sample rows of the pages on Portfolio Margin, with the times of the other samples."""

from typing import Any

_AT = 1_790_000_000_123
_UM_FILL = {
    "symbol": "BTCUSDT",
    "id": 67880589,
    "orderId": 270093109,
    "side": "SELL",
    "price": "28511.00",
    "qty": "0.010",
    "realizedPnl": "2.58500000",
    "quoteQty": "285.11000",
    "commission": "-0.11404400",
    "commissionAsset": "USDT",
    "time": _AT,
    "buyer": False,
    "maker": False,
    "positionSide": "BOTH",
}
UM_FEE = {
    "symbol": "BTCUSDT",
    "incomeType": "COMMISSION",
    "income": "-0.01000000",
    "asset": "USDT",
    "info": "COMMISSION",
    "time": _AT,
    "tranId": "9689322392",
    "tradeId": "2059192",
}
UM_TRANSFER = {
    "symbol": "",
    "incomeType": "TRANSFER",
    "income": "-0.37500000",
    "asset": "USDT",
    "info": "TRANSFER",
    "time": _AT,
    "tranId": "9689322392",
    "tradeId": "",
}
_CM_FILL = {
    "symbol": "BTCUSD_PERP",
    "id": 6,
    "orderId": 28,
    "pair": "BTCUSD",
    "side": "SELL",
    "price": "8800",
    "qty": "1",
    "realizedPnl": "0",
    "marginAsset": "BTC",
    "baseQty": "0.01136364",
    "commission": "0.00000454",
    "commissionAsset": "BTC",
    "time": _AT,
    "positionSide": "BOTH",
    "buyer": False,
    "maker": False,
}
_CM_FEE = UM_FEE | {"symbol": "BTCUSD_PERP", "asset": "BTC", "info": ""}
_MARGIN_FILL = {
    "commission": "0.00006000",
    "commissionAsset": "BTC",
    "id": 34,
    "isBestMatch": True,
    "isBuyer": False,
    "isMaker": False,
    "orderId": 39324,
    "price": "0.02000000",
    "qty": "3.00000000",
    "symbol": "BTCUSDT",
    "time": _AT,
}
LOAN = {
    "txId": 12807067523,
    "asset": "BNB",
    "principal": "0.84624403",
    "timestamp": _AT,
    "status": "CONFIRMED",
}
REPAYMENT = {
    "amount": "14.00000000",
    "asset": "BNB",
    "interest": "0.01866667",
    "principal": "13.98133333",
    "status": "CONFIRMED",
    "timestamp": _AT,
    "txId": 2970933056,
}
SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("trades", "portfolio usdm"): _UM_FILL,
    ("ledger", "portfolio usdm"): UM_FEE,
    ("funding", "portfolio usdm"): UM_FEE | {"incomeType": "FUNDING_FEE"},
    ("trades", "portfolio margin"): _MARGIN_FILL,
    ("ledger", "portfolio loans"): LOAN,
    ("ledger", "portfolio repayments"): REPAYMENT,
    ("ledger", "portfolio interest"): REPAYMENT,
    ("trades", "portfolio coinm"): _CM_FILL,
    ("ledger", "portfolio coinm"): _CM_FEE,
    ("funding", "portfolio coinm"): _CM_FEE | {"incomeType": "FUNDING_FEE"},
}
BALANCE = {
    "asset": "USDT",
    "totalWalletBalance": "122607.35137903",
    "crossMarginAsset": "92.27530794",
    "crossMarginBorrowed": "10.00000000",
    "crossMarginFree": "100.00000000",
    "crossMarginInterest": "0.72469206",
    "crossMarginLocked": "3.00000000",
    "umWalletBalance": "0.00000000",
    "umUnrealizedPNL": "23.72469206",
    "cmWalletBalance": "23.72469206",
    "cmUnrealizedPNL": "",
    "updateTime": 1617939110373,
    "negativeBalance": "0",
}
