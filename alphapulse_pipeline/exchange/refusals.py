"""How exchanges refuse a key, an account or a product, as data: code, meaning and fix.

Sources: "Error Codes" in the documentation of Bybit V5, Binance (spot, wallet, futures), OKX V5 and
Kraken (spot REST), and ccxt's mapping of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from alphapulse_pipeline.exchange.kind import Kind


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused.

    `fix` has the placeholders `{key}`, `{secret}`, `{password}`, `{testnet}` and `{url}`, the names
    of the account's environment variables, and `{address}`, the address that the request came from.
    """

    meaning: str
    fix: str
    kind: Kind = Kind.CREDENTIALS


UNKNOWN_KEY = Refusal(
    "the exchange does not know the API key",
    "check {key}: mistyped, revoked or expired, or it belongs to the testnet ({testnet})",
)
FROZEN = Refusal(
    "the exchange has frozen the key",
    "ask the exchange's support, or create a new read-only key for {key}",
)
DISABLED = Refusal(
    "the exchange has disabled the account", "sign in at the exchange, or ask its support"
)
EXPIRED = Refusal(
    "the API key has expired", "create a new read-only key and put it into {key} and {secret}"
)
WRONG_SECRET = Refusal(
    "the signature is wrong", "check {secret}: it does not match the key in {key}"
)
WRONG_PASSPHRASE = Refusal(
    "the passphrase is wrong",
    "check {password}: the passphrase chosen when the key in {key} was created",
)
WRONG_ENVIRONMENT = Refusal(
    "the key is for demo trading and the request went to the live exchange, or vice versa",
    "set {testnet}=true for a demo trading key, and remove it for a live key",
)
WRONG_ADDRESS = Refusal(
    "the key may not be used from this address",
    "add {address} to the IP allowlist of the key in {key} at the exchange",
)
NO_RIGHT = Refusal(
    "the key lacks a permission",
    "grant the key in {key} read permission for this data, and nothing else",
    Kind.PERMISSION,
)
NO_RIGHT_OR_ADDRESS = Refusal(
    "the key lacks a permission, or may not be used from this address",
    "grant the key in {key} read permission for this data, and add {address} to its IP allowlist",
    Kind.PERMISSION,
)
UNKNOWN_KEY_RIGHT_OR_ADDRESS = Refusal(
    "the key is unknown, lacks a permission, or may not be used from this address",
    "check {key}, the key's read permission, and that its IP allowlist contains {address}",
    Kind.PERMISSION,
)
NEVER_OPENED = Refusal(
    "the account never opened this product",
    "open it at the exchange if you use it; it is asked about again every day",
    Kind.NOT_ENABLED,
)
WRONG_LOCATION = Refusal(
    "the exchange does not serve this location",
    "run it where the exchange serves you, or use the exchange's site for your region",
    Kind.RESTRICTED,
)
UNIFIED_ACCOUNT = Refusal(
    "the account is a unified account, which is not read",
    "use a key of a classic account in {key}",
)
CLASSIC_ACCOUNT = Refusal(
    "the account is not a unified account",
    "upgrade it to a unified trading account at the exchange",
    Kind.RESTRICTED,
)
COMPLIANCE = Refusal(
    "the exchange restricts the account",
    "sign in at the exchange and see what it asks for, or ask its support",
    Kind.RESTRICTED,
)
UNLISTED_SYMBOL = Refusal(
    "the exchange does not offer this market to the account",
    "nothing needs to be done if you do not trade it",
    Kind.NO_MARKET,
)
NO_DEMO = Refusal(
    "demo trading does not have this",
    "nothing needs to be done: it is asked about again every day",
    Kind.NOT_OFFERED,
)
NOT_IN_COUNTRY = Refusal(
    "the exchange does not offer this in the account's country or region",
    "nothing needs to be done: it is asked about again every day",
    Kind.NOT_OFFERED,
)
NOT_IN_MODE = Refusal(
    "the account's mode does not have this",
    "nothing needs to be done: it is asked about again every day",
    Kind.NOT_OFFERED,
)
NO_ALLOWLIST = Refusal(
    "this is only for keys with an IP allowlist",
    "add {address} to the IP allowlist of the key in {key} at the exchange",
    Kind.PERMISSION,
)
WRONG_NONCE = Refusal(
    "another program used the key at the same time",
    "use the key in {key} in no other program, and set its nonce window to 10000 at the exchange",
    Kind.CLOCK,
)

_BINANCE_2015 = replace(
    UNKNOWN_KEY_RIGHT_OR_ADDRESS,
    fix=UNKNOWN_KEY_RIGHT_OR_ADDRESS.fix
    + "; futures need a key created after the futures account was opened, and may need "
    '"Enable Futures", which allow_trading_keys: true accepts',
)
# "Integration Guidance" (2026-07-24) lists the hosts
_BYBIT_UNKNOWN = replace(
    UNKNOWN_KEY,
    fix=UNKNOWN_KEY.fix
    + ", or to Bybit's site of another region: exchange: bybiteu for bybit.eu, bybitid for "
    "bybit.id; for other sites set {url} to their host, such as https://api.bybit.kz",
)
_OKX_UNKNOWN = replace(
    UNKNOWN_KEY,
    fix=UNKNOWN_KEY.fix
    + ", or to OKX's site of another region: exchange: okxus for app.okx.com (US), myokx for "
    "my.okx.com (EEA), okx for www.okx.com",
)

_REFUSALS: Mapping[str, Refusal] = {
    # Bybit
    "retCode 10003": _BYBIT_UNKNOWN,
    "retCode 10004": WRONG_SECRET,
    "retCode 10005": NO_RIGHT,
    "retCode 10007": UNKNOWN_KEY,
    "retCode 10009": WRONG_LOCATION,
    "retCode 10010": WRONG_ADDRESS,
    "retCode 10024": COMPLIANCE,
    "retCode 10027": COMPLIANCE,
    "retCode 10028": CLASSIC_ACCOUNT,
    "retCode 10029": UNLISTED_SYMBOL,
    "retCode 10032": NO_DEMO,
    "retCode 33004": EXPIRED,
    # Binance, and exchanges with the same API
    "code -1002": NO_RIGHT,
    "code -1022": WRONG_SECRET,
    "code -2008": UNKNOWN_KEY,
    "code -2014": UNKNOWN_KEY,
    "code -2015": _BINANCE_2015,
    "code -1109": NEVER_OPENED,
    "code -3003": NEVER_OPENED,
    # OKX ("Error Code", REST API, 2026-07-20)
    "code 50007": DISABLED,
    "code 50008": DISABLED,
    "code 50029": COMPLIANCE,
    "code 50030": NO_RIGHT,
    "code 50035": NO_ALLOWLIST,
    "code 50038": NO_DEMO,
    "code 50041": NO_RIGHT,
    "code 50051": NOT_IN_COUNTRY,
    "code 50059": COMPLIANCE,
    "code 50060": COMPLIANCE,
    "code 50100": FROZEN,
    "code 50101": WRONG_ENVIRONMENT,
    "code 50103": UNKNOWN_KEY,
    "code 50104": WRONG_PASSPHRASE,
    "code 50105": WRONG_PASSPHRASE,
    "code 50110": WRONG_ADDRESS,
    "code 50111": _OKX_UNKNOWN,
    "code 50113": WRONG_SECRET,
    "code 50114": UNKNOWN_KEY,
    "code 50119": _OKX_UNKNOWN,
    "code 50120": NO_RIGHT,
    "code 50121": WRONG_LOCATION,
    "code 51010": NOT_IN_MODE,
    # Bitget
    "code 40085": UNIFIED_ACCOUNT,
    # Kraken, which does not distinguish an expired key from an unknown one
    "EAPI:Invalid key": UNKNOWN_KEY,
    "EAPI:Invalid signature": WRONG_SECRET,
    "EAPI:Invalid nonce": WRONG_NONCE,
    "EGeneral:Permission denied": NO_RIGHT_OR_ADDRESS,
    "EQuery:Unknown asset pair": UNLISTED_SYMBOL,
    "EAccount:Invalid permissions": NO_RIGHT,
    "EAuth:Account temporary disabled": DISABLED,
    "EAuth:Account unconfirmed": DISABLED,
}
_CODE = re.compile(r'"(retCode|code)"\s*:\s*"?(-?\d+)|"(E[A-Z][A-Za-z]+:[A-Za-z ]+)"')
# OKX: "Your IP 10.0.0.1 is not ..."; Binance: "..., request ip: 10.0.0.1"
_ADDRESS = re.compile(r"\bip:?\s+((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]*(?::[0-9a-f]*){2,})", re.I)


def refusal_of(error: BaseException) -> Refusal | None:
    """Why the exchange refuses the key; None if the error is about something else.

    The error of an answer has its `status` and its JSON, `answer`: their code decides, not what
    else is in the text. A server that fails, or a page in front of it, refuses no key.
    """
    if not hasattr(error, "status"):
        return _refusal_in(str(error))
    answer = getattr(error, "answer", None)
    if error.status >= 500 or not isinstance(answer, Mapping):
        return None
    errors = answer.get("error")
    codes = [f"{name} {answer[name]}" for name in ("retCode", "code") if name in answer]
    codes += [str(sentence) for sentence in errors] if isinstance(errors, list) else []
    return next((_REFUSALS[code] for code in codes if code in _REFUSALS), None)


def _refusal_in(text: str) -> Refusal | None:
    for name, code, sentence in _CODE.findall(text):
        if found := _REFUSALS.get(sentence or f"{name} {code}"):
            return found
    return None


def address_in(text: str) -> str:
    """The address that the exchange saw, if the error text contains it."""
    found = _ADDRESS.search(text)
    return found.group(1) if found else "this machine's address"
