"""Hyperliquid: one list of ledger updates holds all deposits, withdrawals and transfers.

Sources: hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint (`perpetuals`:
clearinghouseState, userNonFundingLedgerUpdates; `spot`: spotClearinghouseState); undated.
"""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from alphapulse_pipeline.datasets.values import Row
from alphapulse_pipeline.exchange.feed import Raw
from alphapulse_pipeline.exchange.venues.venue import Venue, Wallet

_SPOT, _PERPETUALS = "spot", "swap"
_ON_SPOT = ("spotTransfer", "spotGenesis", "rewardsClaim")


def corrected(venue: Venue) -> Venue:
    ledger = venue.histories["ledger"]["all"]
    histories = {
        **venue.histories,
        # ccxt would filter the same list, hiding how many rows it had
        "transfers": {"ledger updates": replace(ledger, amend=_transfer)},
        "ledger": {"all": replace(ledger, amend=_entry)},
    }
    wallets = (Wallet(_SPOT, {"type": "spot"}), Wallet(_PERPETUALS, {"type": "swap"}, assets=_cash))
    return replace(venue, histories=histories, wallets=wallets)


def _cash(answer: Any) -> Iterable[tuple[str, Any, Any, Any]]:
    """The account's value without the unrealized profit of its positions."""
    if "balances" in answer:  # a unified account: perpetuals share the balance of spot
        return
    value = Decimal(answer["marginSummary"]["accountValue"])
    profit = sum(Decimal(held["position"]["unrealizedPnl"]) for held in answer["assetPositions"])
    yield "USDC", value - profit, answer["marginSummary"]["totalMarginUsed"], None


def _transfer(raw: Raw, row: Row) -> Row | None:
    delta = raw["delta"]
    match delta["type"]:
        case "deposit":
            return row | {"kind": "deposit", "to_wallet": _PERPETUALS, "status": "ok"}
        case "withdraw":
            return row | {"kind": "withdrawal", "from_wallet": _PERPETUALS, "status": "ok"}
        case "accountClassTransfer":
            wallets = (_SPOT, _PERPETUALS) if delta["toPerp"] else (_PERPETUALS, _SPOT)
        case "send" if delta["user"] == delta["destination"]:
            wallets = _wallet(delta["sourceDex"]), _wallet(delta["destinationDex"])
        case _:
            return None
    moved = {"from_wallet": wallets[0], "to_wallet": wallets[1], "status": "ok"}
    return row | {"kind": "transfer"} | moved


def _entry(raw: Raw, row: Row) -> Row:
    delta = raw["delta"]
    kind = delta["type"]
    wallet = _SPOT if kind in _ON_SPOT else _PERPETUALS
    if kind == "send":
        wallet = _wallet(delta["sourceDex" if row["amount"] < 0 else "destinationDex"])
    within = kind == "send" and delta["user"] == delta["destination"]
    repeated = within or kind in ("deposit", "withdraw", "accountClassTransfer")
    return row | {
        "wallet": wallet,
        "class": "transfer" if repeated else _CLASSES.get(kind, "other"),
    }


_CLASSES = {"rewardsClaim": "reward", "spotGenesis": "reward"}


def _wallet(dex: str) -> str:
    """The wallet of a `send`: "spot", or the name of a perpetual exchange, empty for the first."""
    return _SPOT if dex == "spot" else _PERPETUALS
