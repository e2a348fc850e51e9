"""Rows of fiat money, P2P and Binance Pay as their pages show them; where it matters, with the
status of what was done (developers.binance.com/docs: fiat, c2c, pay, undated)."""

from typing import Any

AT = 1_790_000_000_123
SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("transfers", "fiat deposits"): {
        "orderNo": "7d76d611-0568-4f43-afb6-24cac7767365",
        "fiatCurrency": "BRL",
        "indicatedAmount": "10.00",
        "amount": "10.00",
        "totalFee": "0.00",
        "method": "BankAccount",
        "status": "Expired",
        "createTime": AT,
        "updateTime": AT + 255_951_000,
    },
    ("transfers", "fiat withdrawals"): {
        "orderNo": "CJW684897551397171200",
        "fiatCurrency": "GBP",
        "indicatedAmount": "29.99",
        "amount": "28.49",
        "totalFee": "1.50",
        "method": "bank transfer",
        "status": "Successful",
        "createTime": AT,
        "updateTime": AT + 119_000,
    },
    ("conversions", "purchases"): {
        "orderNo": "353fca443f06466db0c4dc89f94f027a",
        "sourceAmount": "20.0",
        "fiatCurrency": "EUR",
        "obtainAmount": "4.462",
        "cryptoCurrency": "LUNA",
        "totalFee": "0.2",
        "price": "4.437472",
        "status": "Completed",
        "paymentMethod": "Credit Card",
        "createTime": AT,
        "updateTime": AT,
    },
    ("transfers", "p2p sales"): {
        "orderNumber": "20219644646554779648",
        "advNo": "11218246497340923904",
        "tradeType": "SELL",
        "asset": "BUSD",
        "fiat": "CNY",
        "fiatSymbol": "￥",
        "amount": "5000.00000000",
        "totalPrice": "33400.00000000",
        "unitPrice": "6.68",
        "orderStatus": "COMPLETED",
        "createTime": AT,
        "commission": "0",
        "counterPartNickName": "ab***",
        "payMethodName": "BANK",
        "additionalKycVerify": 0,
        "takerCommissionRate": "0",
        "takerCommission": "0",
        "takerAmount": "343.4",
        "advertisementRole": "TAKER",
    },
    ("transfers", "pay"): {
        "orderType": "C2C",
        "transactionId": "M_P_71505104267788288",
        "transactionTime": AT,
        "amount": "23.72469206",
        "currency": "BNB",
        "walletType": 1,
        "walletTypes": [1],
        "fundsDetail": [
            {"currency": "USDT", "amount": "1.2", "walletAssetCost": {"1": "0.6", "2": "0.6"}}
        ],
        "payerInfo": {"name": "Jack", "type": "USER", "binanceId": "12345678"},
        "receiverInfo": {"name": "Alan", "type": "MERCHANT", "binanceId": "34355667"},
    },
}
