"""Several accounts of one owner, and transfers among them."""

from collections.abc import Mapping
from decimal import Decimal

from exchange_simulator.identity import uuid
from exchange_simulator.records import Between, Wallet
from exchange_simulator.world import World


class Owner:
    """`accounts`: by user id; the first is the master account. Nobody trades in them."""

    def __init__(self, accounts: Mapping[int, World]) -> None:
        self.accounts = dict(accounts)
        self.master = next(iter(self.accounts))
        self.count = 0
        """Transfers so far."""

    def transfer(
        self, at: int, asset: str, amount: Decimal, sender: int, receiver: int, wallet: Wallet
    ) -> None:
        """From a wallet of one account to the same wallet of another, in chronological order. The
        master account's lists have transfers between its sub-accounts as well."""
        self.count += 1
        between = Between(uuid(self.master, "between", self.count), sender, receiver)
        for uid in dict.fromkeys((sender, receiver, self.master)):
            world = self.accounts[uid]
            world.advance_to(at)
            world.account.transfer(
                at,
                "transfer",
                asset,
                amount,
                from_wallet=wallet if uid == sender else "",
                to_wallet=wallet if uid == receiver else "",
                between=between,
            )
