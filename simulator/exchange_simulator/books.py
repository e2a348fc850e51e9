"""The ledger behind every balance.

A balance is never set: it is the `balance_after` of the last ledger entry of its wallet and asset.
The entries therefore add up to the balance exactly, at any time.
"""

from collections.abc import Iterable
from decimal import Decimal

from exchange_simulator.money import ZERO
from exchange_simulator.records import EntryKind, LedgerEntry, Loan, Source, Wallet
from exchange_simulator.timeline import Timeline


class Books:
    def __init__(self, wallets: Iterable[Wallet]) -> None:
        self.ledger: dict[Wallet, Timeline[LedgerEntry]] = {
            wallet: Timeline() for wallet in wallets
        }
        self.entries: Timeline[LedgerEntry] = Timeline()
        """Those of all wallets."""
        self._accounts: dict[tuple[Wallet, str], Timeline[LedgerEntry]] = {}
        self._debts: dict[tuple[Wallet, str], Timeline[Loan]] = {}

    def book(
        self,
        at: int,
        wallet: Wallet,
        asset: str,
        kind: EntryKind,
        amount: Decimal,
        source: Source,
        margin: Decimal | None = None,
    ) -> None:
        """`margin`: that of the currency's isolated position, if it is another one now."""
        account = self._accounts.get((wallet, asset))
        if account is None:
            account = self._accounts[wallet, asset] = Timeline()
        last = account.rows[-1] if account.rows else None
        before = last.balance_after if last else ZERO
        isolated = last.margin if last else ZERO
        after = isolated if margin is None else margin
        ledger = self.ledger[wallet]
        entry = LedgerEntry(
            len(ledger.rows),
            at,
            wallet,
            asset,
            kind,
            amount,
            before + amount,
            source,
            after,
            after - isolated,
        )
        account.append(at, entry)
        ledger.append(at, entry)
        self.entries.append(at, entry)

    def owe(self, loan: Loan) -> None:
        account = loan.wallet, loan.asset
        self._debts.setdefault(account, Timeline()).append(loan.happened_at, loan)

    def head(self, wallet: Wallet, asset: str) -> Decimal:
        """The balance after everything booked so far."""
        account = self._accounts.get((wallet, asset))
        return account.rows[-1].balance_after if account else ZERO

    def balance(self, wallet: Wallet, asset: str, at: int) -> Decimal:
        account = self._accounts.get((wallet, asset))
        entry = account.latest(at) if account else None
        return entry.balance_after if entry else ZERO

    def isolated(self, wallet: Wallet, asset: str, at: int) -> Decimal:
        """The margin of the currency's isolated position."""
        account = self._accounts.get((wallet, asset))
        entry = account.latest(at) if account else None
        return entry.margin if entry else ZERO

    def debt(self, wallet: Wallet, asset: str, at: int) -> Decimal:
        debts = self._debts.get((wallet, asset))
        loan = debts.latest(at) if debts else None
        return loan.owed if loan else ZERO

    def debts(self, wallet: Wallet) -> list[Loan]:
        """All changes of what is owed, the oldest first."""
        found = [
            d for (owner, _), debts in self._debts.items() if owner == wallet for d in debts.rows
        ]
        return sorted(found, key=lambda loan: loan.happened_at)

    def assets(self, wallet: Wallet, at: int) -> list[str]:
        """Every asset that `wallet` has ever held until `at`, including those that are now zero."""
        return sorted(
            asset
            for (owner, asset), account in self._accounts.items()
            if owner == wallet and account.until(at)
        )
