"""The connection to the exchange: DNS, TCP and TLS, against real servers."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from alphapulse_pipeline.health.doctor import network
from alphapulse_pipeline.health.doctor.network import dns, tcp, tls
from alphapulse_pipeline.health.doctor.result import Status

DAY = timedelta(days=1)
VARIABLE = "MAIN_API_URL"


def certificate(
    folder: Path, *, since: timedelta = -DAY, until: timedelta = 90 * DAY, host: str = "127.0.0.1"
) -> Path:
    """A certificate signed by itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "doctor")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + since)
        .not_valid_after(now + until)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(host))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@contextmanager
def secured(pem: Path) -> Iterator[str]:
    """A server that speaks TLS and says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    with listener.accept()[0] as plain, context.wrap_socket(plain, True):
                        pass
                except OSError:
                    continue

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@contextmanager
def listening() -> Iterator[str]:
    """A server whose connections are accepted by the kernel, and by nobody else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def closed() -> str:
    with listening() as there:
        return there


def test_a_trusted_certificate_is_good_and_its_end_is_shown(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    with secured(pem) as url:
        found = tls([url], VARIABLE, str(pem))
    until = datetime.now(UTC) + 90 * DAY
    assert found.status is Status.OK
    assert found.message == f"127.0.0.1 has a valid certificate until {until:%Y-%m-%d}"


def test_a_certificate_that_ends_soon_is_warned_of(tmp_path: Path) -> None:
    pem = certificate(tmp_path, until=5 * DAY)
    with secured(pem) as url:
        found = tls([url], VARIABLE, str(pem))
    assert found.status is Status.WARNING
    assert found.fix == "renew the certificate of 127.0.0.1 before then"


@pytest.mark.parametrize(
    ("made", "message", "fix"),
    [
        ({"since": -9 * DAY, "until": -DAY}, "certificate has expired", "renew"),
        ({"since": DAY}, "not yet valid", "check this machine's date"),
        (
            {"host": "127.0.0.2"},
            "IP address mismatch",
            "a different server answers at MAIN_API_URL",
        ),
    ],
)
def test_a_certificate_that_is_not_right_says_what_is_wrong_with_it(
    made: dict[str, object], message: str, fix: str, tmp_path: Path
) -> None:
    pem = certificate(tmp_path, **made)  # type: ignore[arg-type]
    with secured(pem) as url:
        found = tls([url], VARIABLE, str(pem))
    assert found.status is Status.FAILED
    assert message in found.message
    assert fix in found.fix


def test_an_untrusted_certificate_is_a_failure(tmp_path: Path) -> None:
    with secured(certificate(tmp_path)) as url:
        found = tls([url], VARIABLE, certifi.where())
    assert found.status is Status.FAILED
    assert "self-signed certificate" in found.message
    assert "if MAIN_API_URL is your own gateway" in found.fix


def test_a_server_without_tls_is_distinguished_from_one_with_a_bad_certificate() -> None:
    def answers(listener: socket.socket) -> None:
        with listener.accept()[0] as plain:
            plain.recv(1000)
            plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answers, args=(listener,), daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        found = tls([url], VARIABLE, str(ssl.get_default_verify_paths().cafile or ""))
    assert found.status is Status.FAILED
    assert "does not speak TLS" in found.message
    assert "write http:// in MAIN_API_URL" in found.fix


def test_a_server_that_is_silent_about_tls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_TIMEOUT", 0.3)
    with listening() as there:
        found = tls([f"https://{there}"], VARIABLE, "")
    assert found.status is Status.FAILED
    assert "the TLS handshake fails" in found.message
    assert "proxies" in found.fix


def test_plain_http_has_no_certificate() -> None:
    assert tls(["http://127.0.0.1:1"], VARIABLE, "").status is Status.SKIPPED


def test_a_name_that_does_not_resolve_is_a_failure() -> None:
    found = dns(["https://does-not-exist.invalid"], "")
    assert found.status is Status.FAILED
    assert "does-not-exist.invalid does not resolve" in found.message
    assert "getent hosts does-not-exist.invalid" in found.fix
    assert "None" not in found.fix


def test_one_unreachable_server_of_several_is_a_failure() -> None:
    with listening() as there:
        found = tcp([f"http://{there}", f"http://{closed()}"], VARIABLE)
        assert tcp([f"http://{there}"], VARIABLE).status is Status.OK
    assert found.status is Status.FAILED
    assert "nothing is listening at 127.0.0.1:" in found.message
    assert "MAIN_API_URL" in found.fix


def test_a_server_that_takes_no_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        found = tcp([f"http://127.0.0.1:{port}"], "")
        for one in waiting:
            one.close()
    assert found.status is Status.FAILED
    assert "timed out" in found.message
    assert "firewall" in found.fix
