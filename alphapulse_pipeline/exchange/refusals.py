"""What exchanges say where they refuse a key, as data: the code, what it means, what mends it.

Sources: "Error Codes" in the documentation of Bybit V5, Binance (spot, wallet, futures), OKX V5 and
Kraken (spot REST), and what ccxt makes of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal:
    """Why a key is refused. In `mend` stand `{key}`, `{secret}`, `{password}` and `{testnet}`, the
    names of the account's variables, and `{address}`, where the request came from."""

    meaning: str
    mend: str
    whole: bool = True
    """Whether it is the account that is refused, not what was asked for just now."""


UNKNOWN_KEY = Refusal(
    "the exchange does not know the API key",
    "check {key}: mistyped, revoked or expired, or a key of the testnet ({testnet})",
)
FROZEN = Refusal(
    "the exchange has frozen the key", "ask the exchange why, or make a new read-only key for {key}"
)
EXPIRED = Refusal(
    "the API key has expired", "make a new read-only key and put it into {key} and {secret}"
)
WRONG_SECRET = Refusal(
    "the signature is wrong", "check {secret}: it does not belong to the key in {key}"
)
WRONG_PASSPHRASE = Refusal(
    "the passphrase is wrong",
    "check {password}: it is the passphrase that was chosen when the key in {key} was made",
)
WRONG_PLACE = Refusal(
    "the key belongs to the other of demo trading and the real exchange",
    "set {testnet}=true for a key of demo trading, and leave it out for a real one",
)
WRONG_ADDRESS = Refusal(
    "the key may not be used from this address",
    "allow {address} at the exchange, where the key in {key} is kept",
)
NO_RIGHT = Refusal(
    "the key lacks a right",
    "give the key of {key} the right to read this, and no other one",
    whole=False,
)
NO_RIGHT_OR_ADDRESS = Refusal(
    "the key lacks a right, or may not be used from this address",
    "give the key of {key} the right to read this, and allow {address}",
    whole=False,
)
ANY_OF_THEM = Refusal(
    "the key is unknown, lacks a right, or may not be used from this address",
    "check {key}, see that the key may read, and allow {address} at the exchange",
    whole=False,
)
WRONG_NONCE = Refusal(
    "another program used the key at the same time",
    "give the key in {key} to no other program, and set its nonce window to 10000 at the exchange",
    whole=False,
)

_SAID: Mapping[str, Refusal] = {
    # Bybit
    "retCode 10003": UNKNOWN_KEY,
    "retCode 10004": WRONG_SECRET,
    "retCode 10005": NO_RIGHT,
    "retCode 10007": UNKNOWN_KEY,
    "retCode 10010": WRONG_ADDRESS,
    "retCode 33004": EXPIRED,
    # Binance, and exchanges made after it
    "code -1002": NO_RIGHT,
    "code -1022": WRONG_SECRET,
    "code -2008": UNKNOWN_KEY,
    "code -2014": UNKNOWN_KEY,
    "code -2015": ANY_OF_THEM,
    # OKX
    "code 50100": FROZEN,
    "code 50101": WRONG_PLACE,
    "code 50103": UNKNOWN_KEY,
    "code 50104": WRONG_PASSPHRASE,
    "code 50105": WRONG_PASSPHRASE,
    "code 50110": WRONG_ADDRESS,
    "code 50111": UNKNOWN_KEY,
    "code 50113": WRONG_SECRET,
    "code 50114": UNKNOWN_KEY,
    "code 50119": UNKNOWN_KEY,
    "code 50120": NO_RIGHT,
    # Kraken, which says the same of a key that has expired as of one that never was
    "EAPI:Invalid key": UNKNOWN_KEY,
    "EAPI:Invalid signature": WRONG_SECRET,
    "EAPI:Invalid nonce": WRONG_NONCE,
    "EGeneral:Permission denied": NO_RIGHT_OR_ADDRESS,
}
_CODE = re.compile(r'"(retCode|code)"\s*:\s*"?(-?\d+)|"(E[A-Z][A-Za-z]+:[A-Za-z ]+)"')
# OKX: "Your IP 10.0.0.1 is not ..."; Binance: "..., request ip: 10.0.0.1"
_ADDRESS = re.compile(r"\bip:?\s+((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]*(?::[0-9a-f]*){2,})", re.I)


def refusal_in(text: str) -> Refusal | None:
    """What an answer that ccxt repeats says of the key; None where it is about something else."""
    for name, code, sentence in _CODE.findall(text):
        if found := _SAID.get(sentence or f"{name} {code}"):
            return found
    return None


def address_in(text: str) -> str:
    """The address that the exchange saw, where it says so."""
    found = _ADDRESS.search(text)
    return found.group(1) if found else "this machine's address"
