"""Corrections of ccxt's own parsers, as classes mixed into an exchange's ccxt class.

What a row is stored as belongs to the venues. Here is only what ccxt loses before a venue sees it.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.exchange.errors import ExchangeFailure, Kind


class Hyperliquid:
    """Ledger updates have no currency and no direction, and their fees are cut to whole dollars.

    The types and fields of an update: `WsUserNonFundingLedgerUpdate` at
    hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions (undated).
    """

    walletAddress: str

    def is_answered_with_text(self, body: Any) -> bool:
        """The account's mode is a bare text: `"unifiedAccount"`."""
        return '"userAbstraction"' in str(body)

    def parse_ledger_entry(self, item: Any, currency: Any = None) -> Any:
        """Raises `ValueError` for a type of update whose amount is not known."""
        entry = super().parse_ledger_entry(item, currency)  # type: ignore[misc]
        delta = item["delta"]
        asset, amount = self._change(delta)
        fee = delta.get("fee")
        if asset != delta.get("feeToken", "USDC") or amount > 0:
            fee = None  # of another currency, or paid by the sender
        return {
            **entry,
            "type": delta["type"],
            "currency": self.safe_currency_code(asset),  # type: ignore[attr-defined]
            "direction": "out" if amount < 0 else "in",
            "amount": str(abs(amount)),
            "fee": {"cost": fee, "currency": asset} if fee else None,
        }

    def _change(self, delta: Mapping[str, Any]) -> tuple[str, Decimal]:
        """The asset, and how much of it the account received."""
        match delta["type"]:
            case "deposit" | "vaultDistribution" | "vaultLeaderCommission":
                return "USDC", Decimal(delta["usdc"])
            case "withdraw" | "vaultCreate" | "vaultDeposit":
                return "USDC", -Decimal(delta["usdc"])
            case "vaultWithdraw":
                return "USDC", Decimal(delta["netWithdrawnUsd"])
            case "accountClassTransfer":
                return "USDC", Decimal(delta["usdc"]) * (1 if delta["toPerp"] else -1)
            case "internalTransfer" | "subAccountTransfer":
                return "USDC", Decimal(delta["usdc"]) * self._sign(delta)
            case "spotTransfer" | "send":
                return delta["token"], Decimal(delta["amount"]) * self._sign(delta)
            case "spotGenesis" | "rewardsClaim":
                return delta.get("token", "USDC"), Decimal(delta["amount"])
            case "liquidation":  # its fills and fees are in the other histories
                return "USDC", Decimal(0)
        raise ValueError(f"ledger updates of type {delta['type']} are not known")

    def _sign(self, delta: Mapping[str, Any]) -> int:
        return -1 if delta["user"].lower() == self.walletAddress.lower() else 1


class Gate:
    """Ledger entries of futures have a time in seconds with decimals, and ccxt calls funding a fee.

    github.com/gateio/gateapi-python/blob/master/docs/FuturesAccountBook.md, 2025-07-31
    """

    def parse_ledger_entry(self, item: Any, currency: Any = None) -> Any:
        time = str(item.get("time_ms") or item["time"])
        exact = int(Decimal(time) * 1000) if "." in time else time
        entry = super().parse_ledger_entry({**item, "time": exact}, currency)  # type: ignore[misc]
        return {**entry, "info": item}

    def parse_ledger_entry_type(self, type: Any) -> Any:
        return "funding" if type == "fund" else super().parse_ledger_entry_type(type)  # type: ignore[misc]


class Bybit:
    """ccxt reads the balances of the trading and of the funding account, and neither the funding
    account's own transactions nor the orders of Earn."""

    async def fetch_balance(self, params: Mapping[str, Any]) -> Any:
        """`info` for the type `earn`: the answers of "Get Staked Position" by category."""
        if params.get("type") != "earn":
            return await super().fetch_balance(params)  # type: ignore[misc]
        ask = self.privateGetV5EarnPosition  # type: ignore[attr-defined]
        categories = ("FlexibleSaving", "OnChain")
        answers = {category: await ask({"category": category}) for category in categories}
        return {"info": answers, "total": {}}

    def parse_ledger_entry(self, item: Any, currency: Any = None) -> Any:
        """Also a row of "Funding Account Transaction History"."""
        known = item
        if "createTime" in item:
            known = {"currency": item["currency"], "transactionTime": f"{item['createTime']}000"}
        return {**super().parse_ledger_entry(known, currency), "info": item}  # type: ignore[misc]

    def parse_transfer(self, transfer: Any, currency: Any = None) -> Any:
        """Also a row of "Get Stake/Redeem Order History"."""
        known = transfer
        if "orderValue" in transfer:
            known = {
                "transferId": transfer["orderId"],
                "coin": transfer["coin"],
                "amount": transfer["orderValue"],
                "timestamp": transfer["createdAt"],
            }
        return {**super().parse_transfer(known, currency), "info": transfer}  # type: ignore[misc]


class KrakenFutures:
    """ccxt knows the names of accounts, and fails for a kind of market.

    docs.kraken.com/api-reference/account-information/get-wallets (undated)
    """

    async def fetch_balance(self, params: Mapping[str, Any]) -> Any:
        """`info`: the accounts of the kind in `params["type"]`: flex, cash or margin."""
        kinds = {
            "flex": "multiCollateralMarginAccount",
            "cash": "cashAccount",
            "margin": "marginAccount",
        }
        answer = await self.privateGetAccounts()  # type: ignore[attr-defined]
        kind = kinds[params["type"]]
        accounts = [account for account in answer["accounts"].values() if account["type"] == kind]
        return {"info": accounts, "total": {}}

    def parse_ledger_entry_type(self, type: Any) -> Any:
        """ccxt calls funding a fee."""
        if type == "funding rate change":
            return "funding"
        return super().parse_ledger_entry_type(type)  # type: ignore[misc]

    def parse_trade(self, trade: Any, market: Any = None) -> Any:
        """ccxt leaves the size of inverse contracts out, and computes the fee from a schedule that
        the exchange no longer applies (docs.kraken.com/api-reference/fee-schedules, 2026-06-22)."""
        parsed = super().parse_trade(trade, market)  # type: ignore[misc]
        return {**parsed, "amount": str(trade["size"]), "fee": None, "fees": []}


class Bitstamp:
    """A trade is one ledger entry with two assets, of which ccxt guesses one; of a transfer, it
    finds no asset if the amount is less than one.

    bitstamp.net/api/#tag/Transactions-private/operation/GetUserTransactions (undated)
    """

    def get_currency_id_from_transaction(self, transaction: Mapping[str, Any]) -> str | None:
        if currency := transaction.get("currency"):
            return str(currency).lower()
        amounts = {
            name: value
            for name, value in transaction.items()
            if "_" not in name and name not in _NO_AMOUNTS and _NUMBER.fullmatch(str(value))
        }
        return next((name for name, value in amounts.items() if Decimal(value) != 0), None)

    # ccxt drops rows by their type, but the walkers' proofs need all rows of an answer
    def filter_by(self, rows: Any, key: Any, value: Any = None) -> Any:
        return rows if key == "type" else super().filter_by(rows, key, value)  # type: ignore[misc]

    def filter_by_array(self, rows: Any, key: Any, values: Any = None, indexed: bool = True) -> Any:
        if key == "type":
            return rows
        return super().filter_by_array(rows, key, values, indexed)  # type: ignore[misc]

    def parse_trade(self, trade: Any, market: Any = None) -> Any:
        if str(trade.get("type")) != _BITSTAMP_TRADE:
            return self._without_values(trade)
        return super().parse_trade(trade, market)  # type: ignore[misc]

    def parse_ledger_entry(self, item: Any, currency: Any = None) -> Any:
        if str(item["type"]) == _BITSTAMP_TRADE:
            return self._without_values(item)
        return super().parse_ledger_entry(item, currency)  # type: ignore[misc]

    def _without_values(self, item: Any) -> Any:
        """For the venue, which leaves the row out."""
        time = self.parse8601(item["datetime"])  # type: ignore[attr-defined]
        return {"info": item, "id": str(item["id"]), "timestamp": time}


_BITSTAMP_TRADE = "2"
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_NO_AMOUNTS = ("fee", "price", "datetime", "type", "status", "id")


class Mexc:
    """ccxt gives a funding payment no market if none was requested."""

    async def fetch_funding_history(self, *args: Any, **kwargs: Any) -> Any:
        rows = await super().fetch_funding_history(*args, **kwargs)  # type: ignore[misc]
        symbol = self.safe_symbol  # type: ignore[attr-defined]
        return [{**row, "symbol": symbol(row["info"]["symbol"], None, "_", "swap")} for row in rows]


class Kucoin:
    """A unified account has other endpoints, for which no plan is made: it is refused."""

    async def is_uta_enabled(self, params: Any = None) -> bool:
        """kucoin.com/docs-new/rest/ua/get-account-mode (undated)."""
        if await super().is_uta_enabled():  # type: ignore[misc]
            raise ExchangeFailure(
                Kind.REFUSED,
                "KuCoin's unified accounts are not read: their fills and orders can only be "
                "requested market by market",
                "use a key of a classic account",
            )
        return False


class Okx:
    """ccxt reads the balances of the trading and of the funding account."""

    async def fetch_balance(self, params: Mapping[str, Any]) -> Any:
        """`info` for the type `earn`: the answers `savings` (Get saving balance) and `orders` (Get
        active orders of on-chain earn); for the type `staking`, Purchase&Redeem history of each
        coin.

        Raises `ExchangeFailure` if nothing was ever staked.
        """
        if params.get("type") == "staking":
            return {"info": await self._staked(), "total": {}}
        if params.get("type") != "earn":
            return await super().fetch_balance(params)  # type: ignore[misc]
        savings = await self.privateGetFinanceSavingsBalance()  # type: ignore[attr-defined]
        orders = await self.privateGetFinanceStakingDefiOrdersActive()  # type: ignore[attr-defined]
        return {"info": {"savings": savings, "orders": orders}, "total": {}}

    async def _staked(self) -> dict[str, Any]:
        """The newest requests of each coin; what is pending, if there are more."""
        staked = {
            "ETH": self.privateGetFinanceStakingDefiEthPurchaseRedeemHistory,  # type: ignore[attr-defined]
            "SOL": self.privateGetFinanceStakingDefiSolPurchaseRedeemHistory,  # type: ignore[attr-defined]
        }
        answers = {coin: await ask({"limit": 100}) for coin, ask in staked.items()}
        if all(answer.get("data") == [] for answer in answers.values()):
            raise ExchangeFailure(
                Kind.NOT_ENABLED, "no ETH or SOL was ever staked", "nothing to do"
            )
        for coin, ask in staked.items():
            listed = answers[coin].get("data")
            if isinstance(listed, list) and len(listed) >= 100:
                answers[coin] = await ask({"status": "pending", "limit": 100})
        return answers


FIXES: Mapping[str, type] = {
    "bitstamp": Bitstamp,
    "bybit": Bybit,
    "bybiteu": Bybit,
    "bybitid": Bybit,
    "gate": Gate,
    "gateeu": Gate,
    "hyperliquid": Hyperliquid,
    "krakenfutures": KrakenFutures,
    "kucoin": Kucoin,
    "mexc": Mexc,
    "kucoinfutures": Kucoin,
    "myokx": Okx,
    "okx": Okx,
    "okxus": Okx,
}
