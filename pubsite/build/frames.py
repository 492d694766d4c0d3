"""How the pool and its children talk: frames of JSON and bytes over one socket, each with its two lengths in front."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

LENGTHS = 8
LARGEST = 1 << 30


def encode(message: Any, body: bytes = b"") -> bytes:
    """A frame of a JSON value and bytes beside it. The same value gives the same frame."""
    text = json.dumps(message, sort_keys=True, separators=(",", ":")).encode()
    return len(text).to_bytes(4, "big") + len(body).to_bytes(4, "big") + text + body


def digest(frame: bytes) -> str:
    """The digest of a frame's JSON value, whatever bytes are beside it."""
    size = int.from_bytes(frame[:4], "big")
    return hashlib.sha256(memoryview(frame)[LENGTHS : LENGTHS + size]).hexdigest()


def read(receive: Callable[[int], bytes]) -> tuple[Any, bytes]:
    """The next frame; `receive(n)` gives 1 to n bytes. Raises EOFError when the other end is gone."""
    lengths = _exactly(receive, LENGTHS)
    text, body = int.from_bytes(lengths[:4], "big"), int.from_bytes(lengths[4:], "big")
    if text > LARGEST or body > LARGEST:
        raise EOFError("a frame of impossible size")
    return json.loads(_exactly(receive, text)), _exactly(receive, body)


def _exactly(receive: Callable[[int], bytes], size: int) -> bytes:
    pieces = []
    while size:
        if not (piece := receive(min(size, 1 << 20))):
            raise EOFError
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
