"""Texts without our secrets, in whatever form somebody echoes them: whole or the half behind `:`, with their spaces or
without, escaped for JSON, HTML, URLs or by `repr`, any number of times, in hex, and in base64 of whatever holds them.

No two neighbouring parts of the patterns can match the same character in two ways: texts come from anybody, and a
secret too is anybody's choice, so a pattern that goes back and forth would hold a worker.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

SHORTEST = 6
SHORTEST_HALF = 8
HIDDEN = "…"
# Base64's characters that others write otherwise.
_OTHERWISE = {"+": "(?:[+-]|%(?:25)*2[Bb])", "/": r"(?:\\*+/|_|%(?:25)*2[Ff])"}
_BACKSLASH = r"(?:\\|%(?:25)*5[Cc])"
_TOKENS = re.compile(r"\s+|\\+|.", re.DOTALL)


def hide(text: str, secrets: Sequence[str]) -> str:
    """The text with each secret replaced."""
    pattern = _pattern(tuple(secrets))
    return text if pattern is None else pattern.sub(HIDDEN, text)


@lru_cache(maxsize=64)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    parts = {part for secret in secrets for part in _parts(secret) if len(part) >= SHORTEST}
    found = [form for part in sorted(parts, key=len, reverse=True) for form in _forms(part)]
    return re.compile("|".join(dict.fromkeys(found))) if found else None


def _parts(secret: str) -> Iterator[str]:
    yield secret
    yield from (half for half in re.split(r"[:\s]", secret, maxsplit=1) if SHORTEST_HALF <= len(half) < len(secret))


def _forms(part: str) -> Iterator[str]:
    """Patterns of a part."""
    yield "".join(map(_token, _TOKENS.findall(part)))
    for text in dict.fromkeys((part, re.sub(r"\s", "", part))):
        raw = text.encode(errors="surrogatepass")
        yield f"(?i:{raw.hex()})"
        for before in range(3):
            coded = base64.b64encode(bytes(before) + raw).decode()
            # Without the characters that hang on what stands before and behind.
            whole = coded[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
            yield "".join(_OTHERWISE.get(character, character) for character in whole) + "[A-Za-z0-9+/_-]?={0,2}"


def _token(token: str) -> str:
    """A pattern of one character, or of a run of spaces or backslashes."""
    if token.isspace():
        return r"(?:[\s+]|%(?:25)*20)*+"
    if token[0] == "\\":
        return f"{_BACKSLASH}++"
    if token.isascii() and token.isalnum():
        return token
    return f"{_BACKSLASH}*+(?:{re.escape(token)}|(?i:{'|'.join(_escaped(token))}))"


def _escaped(character: str) -> Iterator[str]:
    """Patterns of one character as others write it, behind backslashes, and in any case."""
    raw = character.encode(errors="surrogatepass")
    units = character.encode("utf-16-be", errors="surrogatepass").hex()
    yield "".join(f"%(?:25)*{byte:02x}" for byte in raw)
    yield f"{_BACKSLASH}*+".join(f"u{units[at : at + 4]}" for at in range(0, len(units), 4))
    yield f"{_BACKSLASH}*+".join(f"x{byte:02x}" for byte in raw)
    yield f"U{ord(character):08x}" + (f"|x{ord(character):02x}" if 128 <= ord(character) < 256 else "")
    if (escaped := html.escape(character)) != character:
        yield f"&(?:amp;)*{escaped[1:]}"
    yield f"&(?:amp;)*#(?:0*{ord(character)}|x0*{ord(character):x});"
