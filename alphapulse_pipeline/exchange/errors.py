"""Classifies every failure of an exchange, and words it for the user."""

import asyncio
import json
import re
from datetime import UTC, datetime

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.kind import FINAL
from alphapulse_pipeline.exchange.kind import Kind as Kind
from alphapulse_pipeline.exchange.refusals import address_in, refusal_of
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline.settings.errors import UserError
from alphapulse_pipeline.settings.redaction import redact


class ExchangeFailure(UserError):
    """A request failed for good, after all retries. `str()` is one line without secrets."""

    def __init__(
        self, kind: Kind, problem: str, fix: str, *, until: datetime | None = None
    ) -> None:
        # redact before cutting: the redaction does not recognize half a secret
        super().__init__(" ".join(redact(problem).split())[:400], fix)
        self.kind = kind
        self.until = until
        """When the exchange will accept requests again, if it said so."""


class Incomplete(ExchangeFailure):
    """The exchange's pages do not prove that no row is missing."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            Kind.INCOMPLETE,
            problem,
            "nothing was skipped: the range stays a gap, and the next run requests it again",
        )


class Unreadable(ExchangeFailure):
    """An answer does not have the documented format."""

    def __init__(self, problem: str) -> None:
        super().__init__(Kind.UNREADABLE, problem, _UNREADABLE_FIX)


_UNREADABLE_FIX = (
    "nothing was stored and the range stays a gap; if the next runs fail the same way, the "
    "exchange has changed its API: update alphapulse-pipeline, or report this message"
)
MISREAD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What parsing an answer with an unexpected format raises."""


def kind_of(error: BaseException) -> Kind:
    """Classify what ccxt raised. Cases that ccxt is known to misclassify come first."""
    if isinstance(error, ExchangeFailure):
        return error.kind
    text = str(error)
    if _TOO_OLD.search(text):
        return Kind.TOO_OLD
    if isinstance(error, ccxt.InvalidNonce):
        return Kind.CLOCK
    if _BANNED.search(text):
        return Kind.BANNED
    # by code, not by class: once a private call has succeeded, ccxt raises DDoSProtection for
    # Binance's -2015
    if refusal := refusal_of(error):
        return refusal.kind
    if _BLOCKED.search(text):
        return Kind.RESTRICTED
    if isinstance(error, ccxt.RestrictedLocation):
        return Kind.RESTRICTED
    if isinstance(error, ccxt.AuthenticationError):
        permission = isinstance(error, ccxt.PermissionDenied)
        return Kind.PERMISSION if permission else Kind.CREDENTIALS
    if isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection) or _is_throttled(text):
        return Kind.THROTTLED
    if isinstance(error, ccxt.BadSymbol) or _UNKNOWN_SYMBOL.search(text):
        return Kind.NO_MARKET
    if isinstance(error, ccxt.OrderNotFound) or _ARCHIVED.search(text):
        return Kind.NOT_FOUND
    if isinstance(error, ccxt.NotSupported):
        return Kind.NOT_OFFERED if _NOT_ON_SERVER.search(text) else Kind.UNSUPPORTED
    if isinstance(error, ccxt.OperationFailed | asyncio.TimeoutError | OSError):
        return Kind.TRANSIENT
    # a truncated body or bad headers: a plain ExchangeError caused by an aiohttp error
    if isinstance(error, ccxt.ExchangeError) and type(error.__cause__).__module__.startswith(
        "aiohttp"
    ):
        return Kind.TRANSIENT
    if _TEMPORARY.search(text):
        return Kind.TRANSIENT
    if isinstance(error, MISREAD) or _FIELD_MISSING.match(text):
        return Kind.UNREADABLE
    # The exchange's JSON is in the text; errors that ccxt raises by itself have none. A malformed
    # request is our bug.
    answered = isinstance(error, ccxt.ExchangeError) and "{" in text
    if isinstance(error, ccxt.ExchangeError) and not answered and _ends_with_json(text):
        return Kind.UNREADABLE  # a list, or a bare value, instead of an object
    return Kind.REFUSED if answered and not isinstance(error, ccxt.BadRequest) else Kind.BUG


def _ends_with_json(text: str) -> bool:
    """Whether the text is ccxt's name of the exchange and its answer: "bybit []"."""
    try:
        json.loads(text.partition(" ")[2])
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def failure(error: BaseException, environment: AccountEnvironment) -> ExchangeFailure:
    """What ccxt raised, classified and worded for the user of the account."""
    if isinstance(error, ExchangeFailure):
        return error
    kind = kind_of(error)
    until: datetime | None = getattr(error, "until", None)
    return ExchangeFailure(kind, _problem(error, kind), _fix(error, kind, environment), until=until)


# Bybit's message; messages of Binance's futures, -4166 among them
_TOO_OLD = re.compile(
    r"Can't query earlier than|only .{0,40} of the (?:last|recent) \d+ |\"code\":\s*-4166\b", re.I
)

# Bybit: a symbol that is not listed has the code of every wrong parameter
_UNKNOWN_SYMBOL = re.compile(r'"retCode":\s*10001\b[^}]*"retMsg":\s*"[^"]*\bsymbols?\b', re.I)

# ccxt's message for Binance's endpoints that only the live server has
_NOT_ON_SERVER = re.compile(r"does not have a testnet/sandbox URL")

# Binance spot and margin: an order without a fill that ended more than 90 days ago
_ARCHIVED = re.compile(r'"code":\s*-2026\b.*archived', re.I)

# Bybit's "server timeout", "server error", "high server load", and errors of its wallets; Binance's
# "overloaded" and "shutting down"; Kraken's category of errors of its service (Unavailable, Busy,
# Timeout, Deadline elapsed), and its internal errors, with or without a code
_TEMPORARY = re.compile(
    r'"retCode":\s*(?:429|10000|10016|131001|131003|131200|131201|131230)\b|"code":\s*(?:-1008|-1016)\b'
    r'|"code":\s*"(?:50046|50062|50064)"'  # OKX: temporarily unavailable
    r'|"EService:|"E(?:General|Database):Internal error'
)

# ccxt's own words for an answer without a field, e.g. "kraken parseCurrency() missing code"
_FIELD_MISSING = re.compile(r"\w+ \w+\(\) missing \w+\Z")

# 10429: Bybit's "system level frequency protection"; Kraken's "EService: Throttled: [UNIX
# timestamp]" for too many concurrent requests; both unknown to ccxt
_THROTTLED = re.compile(
    r'\b429\b.{0,40}(Too Many|rate)|"retCode":\s*10429\b|"code":\s*"50040"'
    r'|"EService: ?Throttled|"EAuth:Too many requests',
    re.I,
)

# What answers in front of Bybit where it does not serve the country ("Error Codes", 2026-07-20: one
# of the causes of status 403); the page of an exceeded limit says "access too frequent"
_BLOCKED = re.compile(r"\b403\b.*(?:CloudFront|block access from your country)", re.I | re.S)

# Binance's status and message; Bybit's page with the status 403; Kraken's message
_BANNED = re.compile(
    r"^418 |banned until|access too frequent|IP (?:had|has) been banned|Temporary lockout"
    r"|error code: 1015",  # Cloudflare, in front of OKX: a temporary ban of this address
    re.I,
)


def is_final(error: BaseException) -> bool:
    """Whether the exchange refuses the whole account, so that further requests are pointless."""
    return kind_of(error) in FINAL


def ban_end(text: str) -> datetime | None:
    """When a ban ends, if the message says so (Binance: "banned until 1605687123456")."""
    until = re.search(r"banned until (\d{13})", text)
    return datetime.fromtimestamp(int(until.group(1)) / 1000, UTC) if until else None


def _is_throttled(text: str) -> bool:
    return bool(_THROTTLED.search(text))


def _problem(error: BaseException, kind: Kind) -> str:
    text = exchange_message(str(error))
    match kind:
        case _ if refusal := refusal_of(error):
            return f"{refusal.meaning}: {text}"
        case Kind.CREDENTIALS | Kind.PERMISSION:
            return f"the exchange rejects the API key: {text}"
        case Kind.RESTRICTED:
            return f"the exchange does not serve this location: {text}"
        case Kind.CLOCK:
            return f"the exchange rejects the request's timestamp: {text}"
        case Kind.THROTTLED:
            return f"too many requests: {text}"
        case Kind.BANNED:
            return f"the exchange has temporarily banned this machine's address or key: {text}"
        case Kind.TRANSIENT:
            detail = f"{text}{_network_detail(error, text)}"
            return f"the exchange cannot be reached or is failing: {detail}"
        case Kind.REFUSED:
            return f"the exchange rejects the request: {text}"
        case Kind.UNREADABLE:
            return f"the exchange's answer could not be parsed: {type(error).__name__}: {text}"
        case _:
            return text or type(error).__name__


def exchange_message(text: str) -> str:
    """The exchange's own message in quotes, if the text of ccxt's error contains one."""
    message = re.search(r'"(?:retMsg|msg|message|error)"\s*:\s*\[?"((?:[^"\\]|\\.)+)"', text)
    code = re.search(r'"(?:retCode|code)"\s*:\s*"?(-?\d+)', text)
    if message:
        # Bybit's 10004 repeats the signed text, which contains the key
        words = message.group(1).replace('\\"', '"')
        words = re.sub(r"\s*,?\s*origin_string\[.*", "", words).strip(" .")
        return f'"{words}" ({code.group(1)})' if code else f'"{words}"'
    # an HTML page: the status and reason precede it
    return text.partition("<")[0].strip()


def _network_detail(error: BaseException, text: str) -> str:
    """The network error behind ccxt's, unless `text` already contains it."""
    if isinstance(error, ccxt.RequestTimeout | TimeoutError):
        return ": the request timed out"
    cause = str(error.__cause__ or "").partition("<")[0].strip(" :")
    return f": {cause}" if cause and cause not in text else ""


def _fix(error: BaseException, kind: Kind, environment: AccountEnvironment) -> str:
    key, secret = environment.api_key, environment.api_secret
    match kind:
        case _ if refusal := refusal_of(error):
            return refusal.fix.format(
                key=key,
                secret=secret,
                password=environment.api_password,
                testnet=environment.testnet,
                url=environment.api_url,
                address=address_in(str(error)),
            )
        case Kind.RESTRICTED:
            return (
                "run it where the exchange serves you, or use the exchange's site for your region: "
                f"see `exchange` in defs.yaml and {environment.api_url}"
            )
        case Kind.PERMISSION:
            return (
                f"grant the key in {key} read permission, and add this machine's address to its "
                "IP allowlist"
            )
        case Kind.CREDENTIALS if "sign" in str(error).lower():
            return f"check {secret}: it does not match the key in {key}"
        case Kind.CREDENTIALS:
            return f"check {key} and {secret}: wrong, expired or revoked"
        case Kind.CLOCK:
            return "set this machine's clock (NTP), or raise options.recvWindow in defs.yaml"
        case Kind.THROTTLED:
            return "use this key in fewer programs, or sync less often"
        case Kind.BANNED:
            return (
                "wait until the ban ends (further requests prolong it), and use this key and this "
                "address in fewer programs"
            )
        case Kind.TRANSIENT:
            return (
                f"check the network, the exchange's status page and {environment.api_url}; "
                "the next run retries"
            )
        case Kind.REFUSED:
            return (
                "look up the code in the exchange's API documentation; the next run retries, and "
                "if it fails the same way, update alphapulse-pipeline, or report this message"
            )
        case Kind.UNREADABLE:
            return _UNREADABLE_FIX
        case Kind.UNSUPPORTED:
            return "remove the dataset from defs.yaml"
        case _:
            return "please report this message with the exchange and the dataset"
