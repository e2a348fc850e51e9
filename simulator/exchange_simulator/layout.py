"""How an exchange divides an account into wallets, and what is traded in which of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from exchange_simulator.markets import Kind, Market
from exchange_simulator.records import Wallet


@dataclass(frozen=True, eq=False)
class Layout:
    exchange: str
    wallet_of: Mapping[Kind, Wallet]
    """The kinds of markets that are traded here, and the wallet that each is booked in."""
    main: Wallet
    """Where deposits arrive and withdrawals leave."""
    wallets: tuple[Wallet, ...]
    margin: Wallet | None = None
    """Some spot orders are placed on margin: `Order.wallet` says which."""
    loans: Wallet | None = None
    """Where money is borrowed."""
    shares: Mapping[tuple[Wallet, str], Decimal] = field(default_factory=dict)
    """What the wallets beside that of spot are given of every deposit, by wallet and asset."""
    steps: Mapping[str, Decimal] = field(default_factory=dict)
    """By market: where amounts go in other steps, since contracts are whole or of another size."""
    spot_fees: Literal["received", "quote"] = "received"
    """What a spot fill's fee is taken from: what is received, or always the quote currency."""

    @property
    def home(self) -> Wallet:
        """Where spot is traded."""
        return self.wallet_of["spot"]

    def trades(self, market: Market) -> bool:
        return market.kind in self.wallet_of


_BYBIT = Layout(
    exchange="bybit",
    wallet_of={
        "spot": "unified",
        "linear": "unified",
        "inverse": "unified",
        "option": "unified",
    },
    main="funding",
    wallets=("unified", "funding"),
    loans="unified",
)
_BINANCE = Layout(
    exchange="binance",
    wallet_of={"spot": "spot", "linear": "usdm", "inverse": "coinm"},
    main="spot",
    wallets=("spot", "margin", "usdm", "coinm", "funding"),
    margin="margin",
    loans="margin",
    shares={
        ("usdm", "USDT"): Decimal("0.35"),
        ("usdm", "USDC"): Decimal("0.35"),
        ("coinm", "BTC"): Decimal("0.3"),
        ("margin", "USDT"): Decimal("0.12"),
        ("margin", "BTC"): Decimal("0.12"),
        ("margin", "ETH"): Decimal("0.15"),
        ("margin", "SOL"): Decimal("0.12"),
        ("funding", "USDT"): Decimal("0.02"),
    },
    # coin-margined contracts are of 100 dollars, and whole
    steps={"BTC/USD:BTC": Decimal(100)},
)
_OKX = Layout(
    exchange="okx",
    wallet_of={"spot": "trading", "linear": "trading", "inverse": "trading"},
    main="funding",
    wallets=("trading", "funding"),
    loans="trading",
    # hundredths (of the inverse one tenths) of its contracts of 0.01 BTC, 0.1 ETH, 1 SOL, 100 XRP,
    # 100 dollars; whole ones of its contract of 0.0001 BTC against USDC
    steps={
        "BTC/USDT:USDT": Decimal("0.0001"),
        "ETH/USDT:USDT": Decimal("0.001"),
        "SOL/USDT:USDT": Decimal("0.01"),
        "XRP/USDT:USDT": Decimal(1),
        "BTC/USDC:USDC": Decimal("0.0001"),
        "BTC/USD:BTC": Decimal(10),
    },
)
_KRAKEN = Layout(
    exchange="kraken",
    wallet_of={"spot": "spot"},
    main="spot",
    wallets=("spot",),
    spot_fees="quote",
)

LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {layout.exchange: layout for layout in (_BYBIT, _BINANCE, _OKX, _KRAKEN)}
)
