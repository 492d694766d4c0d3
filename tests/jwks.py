"""An identity provider on loopback: real keys, and a JWKS that can be late, huge, broken, or gone."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
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
    drips: bool = False
    fetches: int = 0


@contextmanager
def provider(*keys: dict[str, Any]) -> Iterator[Provider]:
    """A running one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.fetches += 1
            served.before()
            if served.drips:
                return self.drip()
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

        def drip(self) -> None:
            """A header that never ends."""
            try:
                self.connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while True:
                    self.connection.sendall(b"x")
                    time.sleep(0.05)
            except OSError:
                return

        def log_message(self, *args: object) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return  # a client that had enough and went

    server = Quiet(("127.0.0.1", 0), Handler)
    served = Provider(f"http://127.0.0.1:{server.server_port}/jwks.json", list(keys))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
