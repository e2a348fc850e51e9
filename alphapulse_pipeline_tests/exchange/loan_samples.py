"""Rows of crypto loans as their pages show them (developers.binance.com/docs/crypto_loan, undated;
the same in binance-connector-python of 2026-08-21)."""

from typing import Any

AT = 1_790_000_000_123
LOAN = {
    "loanCoin": "BUSD",
    "initialLoanAmount": "10000",
    "collateralCoin": "BNB",
    "initialCollateralAmount": "49.27565492",
    "borrowTime": AT,
    "status": "SUCCESS",
}
REPAYMENT = {
    "loanCoin": "BUSD",
    "repayAmount": "10000",
    "collateralCoin": "BNB",
    "collateralReturn": "49.27565492",
    "repayStatus": "REPAID",
    "repayTime": AT,
}
ORDER = {
    "loanCoin": "BUSD",
    "totalDebt": "10000",
    "collateralCoin": "BNB",
    "collateralAmount": "49.27565492",
    "currentLTV": "0.57",
}
SAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    (dataset, stream): row
    for dataset in ("transfers", "ledger")
    for stream, row in (("loans", LOAN), ("loan repayments", REPAYMENT))
}
