"""Requests as bytes. What says where a message ends is written here alone; what could forge a line is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pubsite.outgoing.urls import Target

OURS = frozenset(
    {"host", "connection", "keep-alive", "upgrade", "expect", "te", "trailer"}
    | {"content-length", "transfer-encoding", "accept-encoding"}
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff]*")


def render(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """The whole request; raises ValueError for a method or a header that cannot be sent as it is, without its value."""
    if not re.fullmatch("[A-Z]+", method) or method == "CONNECT":
        raise ValueError(f"not a method: {method!r}")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or name.lower() in OURS:
            raise ValueError(f"not a header that may be given: {name!r}")
        if not _VALUE.fullmatch(value):
            raise ValueError(f"the value of header {name} has characters that cannot be sent")
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}"]
    lines += ["Connection: close", "Accept-Encoding: identity"]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    if not any(name.lower() == "user-agent" for name in headers):
        lines.append("User-Agent: pubsite")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
