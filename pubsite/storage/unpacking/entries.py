"""What an archive is made of, and how one is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pubsite.errors import FieldError, Invalid

Allow = Callable[[str, int], None]

_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A file with its bytes, or a directory (None). `name` as it was sent, without the slash behind a directory's."""

    name: str
    body: bytes | None


def refuse(name: str, reason: str) -> Invalid:
    """The error of an archive, or of the entry of that name in it."""
    what = f"{shown(name)}: {reason}" if name else f"the archive {reason}"
    return Invalid(f"The archive is refused: {what}", [FieldError("body", "file", what)], code="bad_archive")


def decoded(raw: bytes) -> str:
    """An entry's name; raises Invalid for what is not UTF-8: guessing would publish names that nobody gave."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise refuse(raw.decode(errors="backslashreplace"), "its name is not UTF-8") from error


def shown(name: str) -> str:
    """A name for an error's text: cut, and with nothing in it that a terminal would act on."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name[:_LONGEST_SHOWN])
    return text if len(name) <= _LONGEST_SHOWN else text + "…"
