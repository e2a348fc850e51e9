"""Rows of Binance's lists of transfers of isolated margin and between accounts, as documented."""

from typing import Any

from alphapulse_pipeline_tests.exchange.earn_samples import AT

SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    # the sample's time is in seconds
    ("transfers", "isolated margin"): {
        "amount": "0.10000000",
        "asset": "BNB",
        "status": "CONFIRMED",
        "timestamp": AT // 1000,
        "txId": 5240372201,
        "type": "ROLL_IN",
        "transFrom": "SPOT",
        "transTo": "ISOLATED_MARGIN",
    },
    ("transfers", "sent to sub-accounts"): {
        "tranId": 92275823339,
        "fromEmail": "abctest@gmail.com",
        "toEmail": "deftest@gmail.com",
        "asset": "BNB",
        "amount": "0.01",
        "createTimeStamp": AT,
        "fromAccountType": "USDT_FUTURE",
        "toAccountType": "SPOT",
        "status": "SUCCESS",
        "clientTranId": "test",
    },
    ("transfers", "received from other accounts"): {
        "counterParty": "subAccount",
        "email": "sub2@test.com",
        "type": 1,
        "asset": "ETH",
        "qty": "2",
        "fromAccountType": "SPOT",
        "toAccountType": "COIN_FUTURE",
        "status": "SUCCESS",
        "tranId": 11798829519,
        "time": AT,
    },
}
