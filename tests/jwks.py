"""An identity provider on loopback: real keys, and a JWKS that can be late, huge, broken, or gone."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ISSUER = "https://id.example.org"
AUDIENCE = "pubsite"
ALGORITHMS = ("RS256", "ES256", "EdDSA")
MINUTE = timedelta(minutes=1)


def private_key(algorithm: str, number: int = 0, bits: int = 2048) -> Any:
    """The same key each time: making an RSA key takes a while."""
    return _made(algorithm, number, bits)


@cache
def _made(algorithm: str, number: int, bits: int) -> Any:
    if algorithm == "RS256":
        return rsa.generate_private_key(65537, bits)
    return ec.generate_private_key(ec.SECP256R1()) if algorithm == "ES256" else ed25519.Ed25519PrivateKey.generate()


def pem(key: Any) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def jwk(algorithm: str, key: Any, **more: Any) -> dict[str, Any]:
    """A key, private or public, as a JWK."""
    return {**jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True), **more}


def public_jwk(algorithm: str, number: int = 0, **more: Any) -> dict[str, Any]:
    return jwk(algorithm, private_key(algorithm, number).public_key(), kid=f"key-{number}", **more)


def token(algorithm: str = "ES256", number: int = 0, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """A good token of the issuer but for the claims and headers that are given; None leaves one out."""
    now = int(time.time())
    whole = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + 60, **claims}
    given = {name: value for name, value in whole.items() if value is not None}
    head = {"kid": f"key-{number}"} | (headers or {})
    return jwt.encode(
        given,
        private_key(algorithm, number),
        algorithm=algorithm,
        headers={name: value for name, value in head.items() if value is not None},
    )


@dataclass
class Provider:
    """Answers with `keys` and counts; `answer` takes the place of that, as (status, headers, body)."""

    url: str
    keys: list[dict[str, Any]] = field(default_factory=list)
    answer: tuple[int, dict[str, str], bytes] | None = None
    before: Callable[[], None] = lambda: None
    fetches: int = 0


@contextmanager
def provider(*keys: dict[str, Any], certificate: Path | None = None) -> Iterator[Provider]:
    """A running one; with a certificate over https."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.fetches += 1
            served.before()
            body = json.dumps({"keys": served.keys}).encode()
            status, headers, body = served.answer or (200, {"Content-Type": "application/json"}, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return

        def log_message(self, *args: object) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return  # a client that had enough and went

    server = Quiet(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    origin = (
        f"http://127.0.0.1:{server.server_port}" if certificate is None else f"https://localhost:{server.server_port}"
    )
    served = Provider(f"{origin}/jwks.json", list(keys))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def new_certificate(path: Path) -> Path:
    """A file with a certificate of `localhost`, signed by itself, and its key."""
    key, name = private_key("ES256", 9), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - MINUTE, now + 60 * MINUTE
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_text(private_pem(key) + made.public_bytes(Encoding.PEM).decode())
    return path


@contextmanager
def dripping(begins: bytes) -> Iterator[int]:
    """A port where one client gets `begins` and then a byte now and then, for ever; nothing when that is empty."""
    end = threading.Event()

    def answer() -> None:
        with suppress(OSError), listener.accept()[0] as client:
            client.sendall(begins)
            while not end.wait(0.05):
                client.sendall(b"x" if begins else b"")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            end.set()
            thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
