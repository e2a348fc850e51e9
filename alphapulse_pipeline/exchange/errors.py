"""Where an error becomes a sentence: every failure of an exchange is classified here, once."""

import asyncio
import re
from datetime import UTC, datetime
from enum import StrEnum

from ccxt.base import errors as ccxt

from alphapulse_pipeline.exchange.refusals import address_in, refusal_in
from alphapulse_pipeline.settings.environment import AccountEnvironment
from alphapulse_pipeline.settings.redaction import redact


class Kind(StrEnum):
    """What a failure asks for."""

    TRANSIENT = "transient"
    """Try again: network, maintenance, an answer that is no answer."""
    THROTTLED = "throttled"
    """Wait as told, then try again."""
    BANNED = "banned"
    """Stop: asking again makes it last longer."""
    CREDENTIALS = "credentials"
    """Stop: no second attempt mends a key."""
    CLOCK = "clock"
    """Stop: this machine and the exchange disagree about the time."""
    UNSUPPORTED = "unsupported"
    """The exchange has no such thing; recorded, not failed."""
    TOO_OLD = "too old"
    """The exchange no longer serves what was asked for."""
    NO_MARKET = "no market"
    """The exchange has no such market."""
    NOT_FOUND = "not found"
    """The exchange does not know the order that was asked for."""
    INCOMPLETE = "incomplete"
    """The exchange answered, but completeness cannot be proved."""
    UNREADABLE = "unreadable"
    """The exchange answered in another form than is known: something is not there, or not what it
    was."""
    REFUSED = "refused"
    """The exchange refuses what was asked, with an error that is not known here."""
    SUSPECT = "suspect"
    """The exchange answered that nothing is there, where there always was something."""
    BUG = "bug"
    """Neither we nor ccxt understand the answer."""


class ExchangeFailure(Exception):
    """A request failed for good. The text is one redacted line that ends with the mend."""

    def __init__(self, kind: Kind, cause: str, mend: str, *, until: datetime | None = None) -> None:
        self.kind = kind
        self.until = until
        """When the exchange will answer again, where it said so."""
        # redacted whole, then cut: half a secret would be found by nobody
        self.cause = " ".join(redact(cause).split())[:400]
        self.mend = mend
        super().__init__(f"{self.cause}; {mend}")


class Incomplete(ExchangeFailure):
    """The exchange's pages do not prove that nothing is missing."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            Kind.INCOMPLETE, cause, "the range stays a gap and is asked again; nothing was skipped"
        )


class Unreadable(ExchangeFailure):
    """An answer is not of the form that is known."""

    def __init__(self, cause: str) -> None:
        super().__init__(Kind.UNREADABLE, cause, _UNREADABLE)


_UNREADABLE = (
    "nothing of it was stored or taken for complete; if the next runs say the same, the exchange "
    "has changed its API: update alphapulse-pipeline, or report this line"
)
MISREAD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What goes wrong where an answer is taken apart that is not of the form that is known."""


def kind_of(error: BaseException) -> Kind:
    """The class of what ccxt raised. ccxt's own classes are hints: known misfits come first."""
    if isinstance(error, ExchangeFailure):
        return error.kind
    text = str(error)
    if _TOO_OLD.search(text):
        return Kind.TOO_OLD
    if isinstance(error, ccxt.InvalidNonce):
        return Kind.CLOCK
    if _BANNED.search(text):
        return Kind.BANNED
    # whatever ccxt calls it: binance's -2015 is DDoSProtection once a private call has succeeded
    if refusal_in(text) or isinstance(error, ccxt.AuthenticationError):
        return Kind.CREDENTIALS
    if isinstance(error, ccxt.RateLimitExceeded | ccxt.DDoSProtection) or _says_throttled(text):
        return Kind.THROTTLED
    if isinstance(error, ccxt.BadSymbol):
        return Kind.NO_MARKET
    if isinstance(error, ccxt.OrderNotFound):
        return Kind.NOT_FOUND
    if isinstance(error, ccxt.NotSupported):
        return Kind.UNSUPPORTED
    if isinstance(error, ccxt.OperationFailed | asyncio.TimeoutError | OSError):
        return Kind.TRANSIENT
    # a cut-off body or bad headers: a plain ExchangeError whose cause is aiohttp's
    if isinstance(error, ccxt.ExchangeError) and type(error.__cause__).__module__.startswith(
        "aiohttp"
    ):
        return Kind.TRANSIENT
    if _PASSES.search(text):
        return Kind.TRANSIENT
    if isinstance(error, MISREAD):
        return Kind.UNREADABLE
    # the exchange's answer is in it; what ccxt itself objects to has none. A request that is not as
    # it should be is our mistake.
    told = isinstance(error, ccxt.ExchangeError) and "{" in text
    return Kind.REFUSED if told and not isinstance(error, ccxt.BadRequest) else Kind.BUG


def failure(error: BaseException, environment: AccountEnvironment) -> ExchangeFailure:
    """What ccxt raised, as a line for the reader."""
    if isinstance(error, ExchangeFailure):
        return error
    kind = kind_of(error)
    until: datetime | None = getattr(error, "until", None)
    return ExchangeFailure(kind, _cause(error, kind), _mend(error, kind, environment), until=until)


# Bybit's sentence; Binance's futures'
_TOO_OLD = re.compile(r"Can't query earlier than|only .{0,40} of the (?:last|recent) \d+ ", re.I)

# Bybit's "server timeout" and "server error"; Binance's "overloaded" and "shutting down"
_PASSES = re.compile(r'"retCode":\s*(?:10000|10016)\b|"code":\s*(?:-1008|-1016)\b')

# Binance's status and words; Bybit's status 403, and its 10009; Kraken's words
_BANNED = re.compile(
    r"^418 |banned until|access too frequent|IP (?:had|has) been banned|Temporary lockout"
    r"|error code: 1015",  # Cloudflare's, before OKX: this address is kept out for a while
    re.I,
)


def is_final(error: BaseException) -> bool:
    """Whether the exchange refuses the account as a whole, so that nothing more is to be asked.

    A missing permission, or a code that may mean one (binance's -2015), is the endpoint's matter.
    """
    kind = kind_of(error)
    if kind is not Kind.CREDENTIALS:
        return kind is Kind.BANNED
    refusal = refusal_in(str(error))
    return refusal.whole if refusal else not isinstance(error, ccxt.PermissionDenied)


def told_end(text: str) -> datetime | None:
    """When a ban ends, where its words tell (Binance: "banned until 1605687123456")."""
    told = re.search(r"banned until (\d{13})", text)
    return datetime.fromtimestamp(int(told.group(1)) / 1000, UTC) if told else None


def _says_throttled(text: str) -> bool:
    # 10429: bybit's "system level frequency protection", which ccxt does not know
    return bool(re.search(r'\b429\b.{0,40}(Too Many|rate)|"retCode":\s*10429\b', text, re.I))


def _cause(error: BaseException, kind: Kind) -> str:
    text = _exchange_words(str(error))
    match kind:
        case Kind.CREDENTIALS | Kind.CLOCK if refusal := refusal_in(str(error)):
            return f"{refusal.meaning}: {text}"
        case Kind.CREDENTIALS:
            return f"the exchange refuses the API key: {text}"
        case Kind.CLOCK:
            return f"the exchange refuses the time of the request: {text}"
        case Kind.THROTTLED:
            return f"too many requests: {text}"
        case Kind.BANNED:
            return f"the exchange has banned this machine's address or key for a while: {text}"
        case Kind.TRANSIENT:
            said = f"{text}{_way(error, text)}"
            return f"the exchange cannot be reached or answers with an error: {said}"
        case Kind.REFUSED:
            return f"the exchange refuses what was asked: {text}"
        case Kind.UNREADABLE:
            return f"an answer cannot be read: {type(error).__name__}: {text}"
        case _:
            return text or type(error).__name__


def _exchange_words(text: str) -> str:
    """The exchange's own sentence, where it can be found in what ccxt says."""
    message = re.search(r'"(?:retMsg|msg|message|error)"\s*:\s*\[?"((?:[^"\\]|\\.)+)"', text)
    code = re.search(r'"(?:retCode|code)"\s*:\s*"?(-?\d+)', text)
    if message:
        # Bybit's 10004 repeats the signed text, with the key in it
        said = message.group(1).replace('\\"', '"')
        words = re.sub(r"\s*,?\s*origin_string\[.*", "", said).strip(" .")
        return f"{words} ({code.group(1)})" if code else words
    # what follows is a page of HTML: its status and reason stand before it
    return text.partition("<")[0].strip()


def _way(error: BaseException, told: str) -> str:
    """What went wrong on the way, which ccxt may keep to itself."""
    if isinstance(error, ccxt.RequestTimeout | TimeoutError):
        return ": no answer in time"
    cause = str(error.__cause__ or "").partition("<")[0].strip(" :")
    return f": {cause}" if cause and cause not in told else ""


def _mend(error: BaseException, kind: Kind, environment: AccountEnvironment) -> str:
    key, secret = environment.api_key, environment.api_secret
    match kind:
        case Kind.CREDENTIALS | Kind.CLOCK if refusal := refusal_in(str(error)):
            return refusal.mend.format(
                key=key,
                secret=secret,
                password=environment.api_password,
                testnet=environment.testnet,
                address=address_in(str(error)),
            )
        case Kind.CREDENTIALS if isinstance(error, ccxt.PermissionDenied):
            return f"give the key of {key} the right to read, and allow this machine's address"
        case Kind.CREDENTIALS if "sign" in str(error).lower():
            return f"check {secret}: it does not belong to the key in {key}"
        case Kind.CREDENTIALS:
            return f"check {key} and {secret}: wrong, expired or revoked"
        case Kind.CLOCK:
            return "set this machine's clock (NTP), or raise options.recvWindow in defs.yaml"
        case Kind.THROTTLED:
            return "let fewer programs use this key, or sync less often"
        case Kind.BANNED:
            return (
                "wait until it is over, which is longer the more is asked meanwhile; let fewer "
                "programs use this key and this address"
            )
        case Kind.TRANSIENT:
            return (
                f"check the network, the exchange's status page and {environment.api_url}; "
                "the next run tries again"
            )
        case Kind.REFUSED:
            return (
                "look it up in the exchange's list of error codes; the next run asks again, and if "
                "it says the same, update alphapulse-pipeline, or report this line"
            )
        case Kind.UNREADABLE:
            return _UNREADABLE
        case Kind.UNSUPPORTED:
            return "remove the dataset from defs.yaml"
        case _:
            return "please report it with the exchange and the dataset"
