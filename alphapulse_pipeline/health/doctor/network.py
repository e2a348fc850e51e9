"""The connection to the exchange: DNS, TCP and TLS. No API request is sent."""

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from alphapulse_pipeline.health.doctor.result import Finding, failed, ok, skipped, warning
from alphapulse_pipeline.settings.errors import UserError

_TIMEOUT = 8.0
_EXPIRES_SOON = timedelta(days=14)

_PROXY = (
    "if {at} is your own gateway, give it a certificate from a public CA; otherwise a proxy or "
    "virus scanner is intercepting TLS: exclude {host} from it"
)
_WRONG_SERVER = "a different server answers at {at}: check the host name and its DNS record"
# By OpenSSL's verify code. All others mean an untrusted issuer.
_FIXES = {
    9: "check this machine's date; if it is right, {at} uses a certificate from the future",
    10: "renew the certificate of {at}, and check this machine's date",
    62: _WRONG_SERVER,
    64: _WRONG_SERVER,
}


class Unreachable(UserError):
    """A server cannot be reached."""


def dns(origins: Sequence[str], variable: str) -> Finding:
    """Whether the host names resolve. `variable`: the one that sets the server's URL, or empty."""

    def one(there: SplitResult) -> str:
        host = there.hostname or ""
        try:
            found = socket.getaddrinfo(host, _port(there), type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            host_in = f"check the host in {variable}, and " if variable else "check "
            raise Unreachable(
                f"{host} does not resolve: {reason}",
                f"{host_in}this machine's network and DNS (try `getent hosts {host}`)",
            ) from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        more = f" and {len(addresses) - 2} more" if len(addresses) > 2 else ""
        return host if [host] == addresses else f"{host} is {', '.join(addresses[:2])}{more}"

    return _each(origins, one)


def tcp(origins: Sequence[str], variable: str) -> Finding:
    """Whether the servers accept connections."""

    def one(there: SplitResult) -> str:
        began = time.monotonic()
        with _connect(there, variable):
            milliseconds = (time.monotonic() - began) * 1000
        return f"{there.hostname}:{_port(there)} connects in {milliseconds:.0f} ms"

    return _each(origins, one)


def tls(origins: Sequence[str], variable: str, authorities: str) -> Finding:
    """Whether the certificates are trusted, and for how long.

    `authorities`: the CA file that API requests use.
    """
    if not any(origin.startswith("https:") for origin in origins):
        return skipped("not used: requests use plain http")
    ends: list[tuple[datetime, str]] = []

    def one(there: SplitResult) -> str:
        context = ssl.create_default_context(cafile=authorities)
        host, at = there.hostname or "", variable or there.hostname
        try:
            with (
                _connect(there, variable) as plain,
                context.wrap_socket(plain, server_hostname=host) as secured,
            ):
                certificate = secured.getpeercert() or {}
        except ssl.SSLCertVerificationError as error:
            fix = _FIXES.get(error.verify_code, _PROXY).format(at=at, host=host)
            raise Unreachable(f"{host}: {error.verify_message}", fix) from None
        except ssl.SSLError as error:
            raise Unreachable(
                f"{host}:{_port(there)} does not speak TLS: {error.reason}",
                f"write http:// in {variable} if the server uses plain http"
                if variable
                else "a proxy or firewall answers instead: check both",
            ) from None
        except OSError as error:
            raise Unreachable(
                f"{host}:{_port(there)} connects, but the TLS handshake fails: {_reason(error)}",
                "check proxies and firewalls between here and the exchange",
            ) from None
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
        ends.append((until, f"{host}"))
        return f"{host} has a valid certificate until {until:%Y-%m-%d}"

    finding = _each([origin for origin in origins if origin.startswith("https:")], one)
    soon = [host for until, host in ends if until < datetime.now(UTC) + _EXPIRES_SOON]
    if soon and finding == ok(finding.message):
        return warning(finding.message, f"renew the certificate of {', '.join(soon)} before then")
    return finding


def _connect(there: SplitResult, variable: str) -> socket.socket:
    where = f"{there.hostname}:{_port(there)}"
    try:
        return socket.create_connection((there.hostname or "", _port(there)), _TIMEOUT)
    except ConnectionRefusedError:
        raise Unreachable(
            f"nothing is listening at {where}",
            f"start the server that {variable} points at, or correct its port"
            if variable
            else "check the exchange's status page and your firewall",
        ) from None
    except OSError as error:
        raise Unreachable(
            f"{where} does not answer: {_reason(error)}",
            "check your firewall and proxy, and the exchange's status page"
            f"{f', and {variable}' if variable else ''}",
        ) from None


def _each(origins: Sequence[str], one: Callable[[SplitResult], str]) -> Finding:
    """Check every server: failed if any of them is."""
    reached, errors = [], []
    for origin in origins:
        try:
            reached.append(one(urlsplit(origin)))
        except Unreachable as error:
            errors.append(error)
    if errors:
        return failed("; ".join(error.problem for error in errors), errors[0].fix)
    return ok("; ".join(reached))


def _port(there: SplitResult) -> int:
    return there.port or (443 if there.scheme == "https" else 80)


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
