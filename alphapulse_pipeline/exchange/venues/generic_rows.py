"""What the rows of ccxt's unified methods lack: a wallet, an asset, an id, a status, a class."""

import re
from collections.abc import Iterable
from typing import Any

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues import ccxt_overrides
from alphapulse_pipeline.exchange.venues.ledger_classes import ledger_class
from alphapulse_pipeline.exchange.venues.venue import Amend

_STATUSES = {
    "fetchOpenOrders": "open",
    "fetchClosedOrders": "closed",
    "fetchCanceledOrders": "canceled",
}
"""The status of a list's orders, if a row has none."""

_PAIR = re.compile("[A-Z0-9]+[_-][A-Z]+$")
_ASSETS = ("currency", "coin", "asset", "ccy", "token", "symbol")
"""Fields with the asset of a row that has no market, if ccxt's parser misses it."""

_CLASSES = {
    "trade": "trade",
    "fee": "other",
    "funding": "funding",
    "deposit": "transfer",
    "withdrawal": "transfer",
    "transaction": "transfer",
    "transfer": "transfer",
    "interest": "interest",
    "rebate": "reward",
    "cashback": "reward",
    "referral": "reward",
    "reward": "reward",
    "airdrop": "reward",
}
"""ccxt's type of a ledger entry -> class. A fee may not belong to a fill, so it always counts."""


def wallet_among(names: Iterable[str], *candidates: str) -> str:
    """The only wallet, or the first of `candidates` that exists; empty if none does."""
    known = dict.fromkeys(names)
    if len(known) == 1:
        return next(iter(known))
    return next((name for name in candidates if name in known), "")


def completed(
    exchange: str, dataset: str, method: str, wallets: Iterable[str], asset: str = ""
) -> Amend:
    """Completes the rows of a unified method.

    `wallets`: the names of the account's wallets. `asset`: of rows that have none, since the
    request was for one.
    """
    wallets = tuple(wallets)
    fields = ccxt_overrides.IDS.get((exchange, dataset), ())
    status = _STATUSES.get(method)
    funding_wallet = wallet_among(
        wallets, ccxt_overrides.DEPOSITED_TO.get(exchange, "spot"), "account"
    )

    def amend(raw: Raw, row: Row) -> Row:
        if fields:
            row = row | {"trade_id": "-".join(str(raw[field]) for field in fields)}
        if dataset == "orders" and not row["status"]:
            row = row | {"status": status}
        if "asset" in row and not row["asset"]:
            found = _settlement(row["market"], raw) if "market" in row else _asset(raw)
            row = row | {"asset": found or asset or None}
        if row.get("wallet") == "" and row.get("market"):
            row = row | {"wallet": wallet_among(wallets, *_wallets_of(row["market"]))}
        if dataset == "transfers":
            side = {"deposit": "to_wallet", "withdrawal": "from_wallet"}.get(row["kind"])
            if side and not row[side]:
                row = row | {side: funding_wallet}
        if dataset == "ledger":
            row = row | {"class": ledger_class(row["kind"], _CLASSES)}
        return row

    return amend


def _settlement(market: str, raw: Any) -> str | None:
    """The settlement currency: of a market that is not listed, the end of its raw id, BTC_USDT."""
    if ":" in market:
        return market.partition(":")[2].partition("-")[0]
    raw_id = raw.get("symbol") if isinstance(raw, dict) else None
    return re.split("[_-]", raw_id)[1] if isinstance(raw_id, str) and _PAIR.match(raw_id) else None


def _asset(raw: Any) -> str | None:
    found = (raw.get(name) for name in _ASSETS) if isinstance(raw, dict) else ()
    return next((name.upper() for name in found if isinstance(name, str) and name), None)


def _wallets_of(market: str) -> tuple[str, ...]:
    """The possible names of a market's wallet, the most specific first."""
    pair, _, rest = market.partition(":")
    settle, _, more = rest.partition("-")
    if not settle:
        return "spot", "exchange", "account"
    if more.endswith(("-C", "-P")):
        return "option", "contract", "account"
    kind = "inverse" if settle == pair.partition("/")[0] else "linear"
    dated = ("future", f"{kind} future") if more else ()
    shared = "flex" if kind == "linear" else "margin"
    return *dated, kind, "contract", "swap", shared, "margin", "account"
