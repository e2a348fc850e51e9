"""How an exchange divides an account into wallets, and what is traded in each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from exchange_simulator.markets import Kind, Market
from exchange_simulator.records import Wallet


@dataclass(frozen=True, eq=False)
class Layout:
    exchange: str
    wallet_of: Mapping[Kind, Wallet]
    """The kinds of markets that can be traded, and the wallet in which each is booked."""
    main: Wallet
    """Wallet of deposits and withdrawals."""
    wallets: tuple[Wallet, ...]
    margin: Wallet | None = None
    """Wallet of margin orders on spot markets; see `Order.wallet`."""
    loans: Wallet | None = None
    """Wallet that borrows."""
    shorts: Wallet | None = None
    """Wallet that sells more than it holds: its balance becomes negative, without a loan."""
    isolated: frozenset[str] = frozenset()
    """The markets whose positions have a margin of their own, at most one per currency."""
    isolated_pairs: tuple[str, ...] = ()
    """The spot markets that are traded on isolated margin, in the wallet `isolated`."""
    shares: Mapping[tuple[Wallet, str], Decimal] = field(default_factory=dict)
    """Share of every deposit that is moved on to the other wallets, by wallet and asset."""
    steps: Mapping[str, Decimal] = field(default_factory=dict)
    """By market: amount steps that differ from the default because contracts are whole or of a
    different size."""
    rollover: Decimal | None = None
    """What an open position pays each time, of its value, on exchanges whose contracts are spot
    bought or sold on margin; None: funding, which may also be received."""
    sessions: frozenset[str] = frozenset()
    """Currencies whose contracts are settled in sessions: with every funding payment, the
    unrealized profit is paid out, in one entry of the ledger."""
    spot_fees: Literal["received", "quote"] = "received"
    """Currency of spot fees: the received one, or always the quote currency."""
    week_by_id: bool = False
    """Whether futures answer a request by id with rows of the last seven days only: Binance's pages
    leave it open."""
    forgets_delisted: bool = False
    """Whether histories of a delisted market are refused, as for an invalid symbol."""
    conditional: bool = False
    """Whether conditional orders on futures are listed apart from other orders."""
    portfolio_margin: bool = False
    """Whether margin and futures are traded in one account, the wallet `portfolio margin`, which
    has its own endpoints."""
    parent: Wallet | None = None
    """Wallet that a different account of the owner pays into every day."""
    also_listed: frozenset[Kind] = frozenset()
    """Kinds of markets that the exchange lists and this account cannot trade."""
    elsewhere: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    """What is held in parts of the account that have no wallet here, such as Earn: the exchange's
    name of the part -> asset -> amount. Exchanges total them, and nothing moves in or out."""
    savings: Mapping[str, Decimal] = field(default_factory=dict)
    """What is saved in the wallet earn, of each asset at most: asset -> amount. It is moved there
    from the main wallet and back, and earns rewards."""
    staked: frozenset[str] = frozenset()
    """What of the savings is staked: its rewards are paid to the main wallet."""
    staked_tokens: Mapping[str, str] = field(default_factory=dict)
    """Coins that are staked in the main wallet for a token of their own: coin -> token. What is
    requested and not completed is in the wallet staking."""
    converts: Literal["", "for free", "for a fee"] = ""
    """Whether something is converted in the wallet of spot now and then."""
    swaps: bool = False
    """Whether something is converted in the main wallet as well, and small balances are swapped in
    the wallet of spot."""
    repays: bool = False
    """Whether something is converted to repay what the wallet of spot owes."""
    paid_out: frozenset[str] = frozenset()
    """What else of the savings has its rewards paid to the main wallet."""
    saves: bool = False
    """Whether money is put into products that pay rewards: the wallet `earn`."""
    pays_in_fiat: bool = False
    """Whether fiat money is paid in and out."""
    deals_with_peers: bool = False
    """Whether crypto is bought from other users, sold to them, received from them and paid to
    them."""
    stakes: bool = False
    """Whether ETH and SOL are staked for tokens and redeemed, through the wallet `staking`."""
    writes_options: bool = False
    """Whether options are sold as well: those that were bought, and others that are not held."""
    pledged: Mapping[str, str] = field(default_factory=dict)
    """Coins that are moved into the wallet `loan` as collateral, and what is borrowed there:
    collateral -> coin."""
    borrows: bool = False
    """Whether coins are borrowed against what is saved: the wallet `loan`."""
    refers: bool = False
    """Whether it is paid rebates: of the fees of users that it referred, and of its own."""
    empty: bool = False
    """Whether the account was opened and never used."""

    @property
    def spot_wallet(self) -> Wallet:
        """The wallet in which spot is traded."""
        return self.wallet_of["spot"]

    def trades(self, market: Market) -> bool:
        return market.kind in self.wallet_of

    def lists(self, market: Market) -> bool:
        return self.trades(market) or market.kind in self.also_listed

    def without(self, *wallets: Wallet) -> "Layout":
        """The layout of an account that never opened `wallets`."""
        return replace(
            self,
            wallet_of={k: wallet for k, wallet in self.wallet_of.items() if wallet not in wallets},
            wallets=tuple(wallet for wallet in self.wallets if wallet not in wallets),
            also_listed=frozenset(k for k, wallet in self.wallet_of.items() if wallet in wallets),
            margin=None if self.margin in wallets else self.margin,
            loans=None if self.loans in wallets else self.loans,
            shares={place: part for place, part in self.shares.items() if place[0] not in wallets},
        )


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
BYBIT_IN_SESSIONS = replace(_BYBIT, sessions=frozenset({"USDC"}))
"""As "Get Transaction Log" describes USDC contracts. The default account, whose figures are in the
documentation, is without sessions."""
BYBIT_EARN = replace(
    _BYBIT,
    wallets=("unified", "funding", "earn"),
    savings={"USDT": Decimal(9_000), "USDC": Decimal(3_000), "SOL": Decimal(25)},
    staked=frozenset({"SOL"}),
    paid_out=frozenset({"USDT", "USDC"}),
)
"""An account with flexible savings, and SOL in on-chain earn."""
BYBIT_CONVERSIONS = replace(_BYBIT, swaps=True)
"""An account that converts in both wallets, small balances as well."""
BYBIT_PAID_IN = replace(_BYBIT, parent="funding")
"""An account that a different account of its owner pays into."""
_BINANCE = Layout(
    exchange="binance",
    wallet_of={"spot": "spot", "linear": "usdm", "inverse": "coinm"},
    main="spot",
    wallets=("spot", "margin", "usdm", "coinm", "funding"),
    margin="margin",
    loans="margin",
    conditional=True,
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
    # COIN-M contracts are worth 100 dollars each and indivisible
    steps={"BTC/USD:BTC": Decimal(100)},
)
BINANCE_SAVER = replace(_BINANCE, wallets=(*_BINANCE.wallets, "earn"), saves=True)
"""An account with Simple Earn. The default account, whose figures are in the documentation, is
without."""
_OKX = Layout(
    exchange="okx",
    wallet_of={"spot": "trading", "linear": "trading", "inverse": "trading"},
    main="funding",
    wallets=("trading", "funding"),
    shorts="trading",
    # steps of 0.01 contracts (0.1 on inverse markets). Contract sizes: 0.01 BTC, 0.1 ETH, 1 SOL,
    # 100 XRP, 100 dollars; the USDC contract of 0.0001 BTC is indivisible
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

_SPOT_ONLY = _BINANCE.without("margin", "usdm", "coinm")
_ON_MARGIN = _BINANCE.without("usdm", "coinm")
_WITH_OPTIONS = replace(_SPOT_ONLY, wallets=(*_SPOT_ONLY.wallets, "option"))
BINANCE_ACCOUNTS: Mapping[str, Layout] = MappingProxyType(
    {
        "spot only": _SPOT_ONLY,
        "futures, no margin": _BINANCE.without("margin"),
        "portfolio margin": replace(
            _SPOT_ONLY,
            wallet_of={
                "spot": "spot",
                "linear": "portfolio margin",
                "inverse": "portfolio margin",
            },
            wallets=(*_SPOT_ONLY.wallets, "portfolio margin"),
            portfolio_margin=True,
            also_listed=frozenset(),
            conditional=False,
            margin="portfolio margin",
            loans="portfolio margin",
            shares={
                **_SPOT_ONLY.shares,
                ("portfolio margin", "USDT"): Decimal("0.4"),
                ("portfolio margin", "USDC"): Decimal("0.35"),
                ("portfolio margin", "BTC"): Decimal("0.3"),
                ("portfolio margin", "ETH"): Decimal("0.15"),
            },
        ),
        "sub-account": replace(_BINANCE, parent="usdm"),
        "conversions": replace(_SPOT_ONLY, converts="for free"),
        "fiat": replace(_SPOT_ONLY, pays_in_fiat=True, deals_with_peers=True),
        "isolated margin": replace(
            _ON_MARGIN,
            wallets=(*_ON_MARGIN.wallets, "isolated"),
            isolated_pairs=("BTC/USDT", "SOL/USDT"),
        ),
        "options": _WITH_OPTIONS,
        "options trader": replace(
            _WITH_OPTIONS,
            wallet_of={**_WITH_OPTIONS.wallet_of, "option": "option"},
            shares={**_WITH_OPTIONS.shares, ("option", "USDT"): Decimal("0.25")},
        ),
        "options writer": replace(
            _WITH_OPTIONS,
            wallet_of={**_WITH_OPTIONS.wallet_of, "option": "option"},
            shares={**_WITH_OPTIONS.shares, ("option", "USDT"): Decimal("0.25")},
            writes_options=True,
        ),
        "staking": replace(_SPOT_ONLY, wallets=(*_SPOT_ONLY.wallets, "staking"), stakes=True),
        "loans": replace(
            _SPOT_ONLY, wallets=(*_SPOT_ONLY.wallets, "earn", "loan"), saves=True, borrows=True
        ),
        "rebates": replace(_SPOT_ONLY, refers=True),
        "empty": replace(_SPOT_ONLY, empty=True),
    }
)
"""Binance accounts that differ from the usual one, in which every wallet is open."""
OKX_ACCOUNTS: Mapping[str, Layout] = MappingProxyType(
    {
        "earn": replace(
            _OKX,
            wallets=("trading", "funding", "earn"),
            savings={"USDT": Decimal(9_000), "USDC": Decimal(3_000), "SOL": Decimal(25)},
            staked=frozenset({"SOL"}),
        ),
        "staking": replace(
            _OKX,
            wallets=("trading", "funding", "staking"),
            staked_tokens={"ETH": "BETH", "SOL": "OKSOL"},
        ),
        "loans": replace(
            _OKX,
            wallets=("trading", "funding", "loan"),
            pledged={"ETH": "USDT", "BTC": "USDC"},
        ),
        "conversions": replace(_OKX, converts="for free"),
        "repayments": replace(_OKX, converts="for free", repays=True),
    }
)
"""OKX accounts that differ from the usual one, which has nothing in Earn."""
KRAKEN_ACCOUNTS: Mapping[str, Layout] = MappingProxyType(
    {
        # positions on margin are contracts on the spot pairs
        "margin": replace(
            _KRAKEN, wallet_of={"spot": "spot", "linear": "spot"}, rollover=Decimal("0.0002")
        ),
        "earn": replace(
            _KRAKEN,
            wallets=("spot", "earn"),
            savings={"USDT": Decimal(9_000), "ETH": Decimal(3), "SOL": Decimal(25)},
        ),
        "conversions": replace(_KRAKEN, converts="for a fee"),
        "empty": replace(_KRAKEN, empty=True),
    }
)
"""Kraken accounts that differ from the usual one, which trades spot without margin."""
WHOLE_ACCOUNTS: Mapping[str, Layout] = MappingProxyType(
    {
        "bybit": replace(BYBIT_EARN, swaps=True),
        "binance": replace(
            BINANCE_SAVER,
            wallet_of={**BINANCE_SAVER.wallet_of, "option": "option"},
            wallets=(*BINANCE_SAVER.wallets, "isolated", "staking", "option", "loan"),
            shares={**BINANCE_SAVER.shares, ("option", "USDT"): Decimal("0.15")},
            writes_options=True,
            isolated_pairs=("BTC/USDT", "SOL/USDT"),
            converts="for free",
            pays_in_fiat=True,
            deals_with_peers=True,
            stakes=True,
            borrows=True,
            refers=True,
        ),
        "okx": replace(
            OKX_ACCOUNTS["earn"],
            wallets=("trading", "funding", "earn", "staking", "loan"),
            staked_tokens=OKX_ACCOUNTS["staking"].staked_tokens,
            pledged=OKX_ACCOUNTS["loans"].pledged,
            converts="for free",
            repays=True,
        ),
        "kraken": replace(
            KRAKEN_ACCOUNTS["earn"],
            wallet_of=KRAKEN_ACCOUNTS["margin"].wallet_of,
            rollover=KRAKEN_ACCOUNTS["margin"].rollover,
            converts="for a fee",
        ),
    }
)
"""An account of each exchange that uses everything that is simulated of it."""
