"""The way to the exchange: name, connection, certificate. Nothing is asked of it yet."""

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from alphapulse_pipeline.health.doctor.result import Finding, broken, ok, skipped, warning

_PATIENCE = 8.0
_ENDS_SOON = timedelta(days=14)

_PROXY = (
    "if {at} is a gateway of yours, give it a certificate of a public authority; else a proxy or "
    "virus scanner in between reads along: have it leave {host} alone"
)
_ANOTHER = "the server at {at} is another one: check the name, and who answers for it (DNS)"
# OpenSSL's verify codes; what is not here nobody vouches for
_MENDS = {
    9: "check this machine's date; else the certificate of {at} is too new",
    10: "have the certificate of {at} renewed, and check this machine's date",
    62: _ANOTHER,
    64: _ANOTHER,
}


class Unreachable(Exception):
    """Why a server is not reached, and the mend."""

    def __init__(self, said: str, mend: str) -> None:
        super().__init__(said)
        self.said, self.mend = said, mend


def dns(origins: Sequence[str], variable: str) -> Finding:
    """Whether the names are known. `variable`: what the user can set the server by, if it is."""

    def one(there: SplitResult) -> str:
        host = there.hostname or ""
        try:
            found = socket.getaddrinfo(host, _port(there), type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            named = f"check the host in {variable}, and " if variable else "check "
            raise Unreachable(
                f"{host} has no address: {reason}",
                f"{named}this machine's network and DNS (try `getent hosts {host}`)",
            ) from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        more = f" and {len(addresses) - 2} more" if len(addresses) > 2 else ""
        return host if [host] == addresses else f"{host} is {', '.join(addresses[:2])}{more}"

    return _each(origins, one)


def tcp(origins: Sequence[str], variable: str) -> Finding:
    """Whether somebody accepts a connection there."""

    def one(there: SplitResult) -> str:
        began = time.monotonic()
        with _connect(there, variable):
            milliseconds = (time.monotonic() - began) * 1000
        return f"{there.hostname}:{_port(there)} connects in {milliseconds:.0f} ms"

    return _each(origins, one)


def tls(origins: Sequence[str], variable: str, authorities: str) -> Finding:
    """Whether the certificate is one to trust, and for how long.

    `authorities`: the file with those that the requests themselves trust.
    """
    if not any(origin.startswith("https:") for origin in origins):
        return skipped("not used: requests go by plain http")
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
            mend = _MENDS.get(error.verify_code, _PROXY).format(at=at, host=host)
            raise Unreachable(f"{host}: {error.verify_message}", mend) from None
        except ssl.SSLError as error:
            raise Unreachable(
                f"{host}:{_port(there)} does not speak TLS: {error.reason}",
                f"write http:// in {variable} if it is meant to be plain"
                if variable
                else "something in between answers instead: check proxies and firewalls",
            ) from None
        except OSError as error:
            raise Unreachable(
                f"{host}:{_port(there)} connects, but ends the talk about TLS: {_words(error)}",
                "check proxies and firewalls in between",
            ) from None
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
        ends.append((until, f"{host}"))
        return f"{host} has a certificate until {until:%Y-%m-%d}"

    finding = _each([origin for origin in origins if origin.startswith("https:")], one)
    soon = [host for until, host in ends if until < datetime.now(UTC) + _ENDS_SOON]
    if soon and finding == ok(finding.said):
        return warning(finding.said, f"have the certificate of {', '.join(soon)} renewed in time")
    return finding


def _connect(there: SplitResult, variable: str) -> socket.socket:
    where = f"{there.hostname}:{_port(there)}"
    try:
        return socket.create_connection((there.hostname or "", _port(there)), _PATIENCE)
    except ConnectionRefusedError:
        raise Unreachable(
            f"nothing listens at {where}",
            f"start what {variable} points at, or correct its port"
            if variable
            else "check the exchange's status page, and firewalls in between",
        ) from None
    except OSError as error:
        raise Unreachable(
            f"{where} does not answer: {_words(error)}",
            f"check firewalls and proxies that lie between, and the exchange's status page"
            f"{f', and {variable}' if variable else ''}",
        ) from None


def _each(origins: Sequence[str], one: Callable[[SplitResult], str]) -> Finding:
    """Asked of every server; broken where one is."""
    said, failed = [], []
    for origin in origins:
        try:
            said.append(one(urlsplit(origin)))
        except Unreachable as reason:
            failed.append(reason)
    if failed:
        return broken("; ".join(reason.said for reason in failed), failed[0].mend)
    return ok("; ".join(said))


def _port(there: SplitResult) -> int:
    return there.port or (443 if there.scheme == "https" else 80)


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
