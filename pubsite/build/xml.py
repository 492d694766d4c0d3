"""Writing XML that every parser accepts: escaped, and without the characters that XML 1.0 does not know."""

from __future__ import annotations

import re
from html import escape

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")


def element(name: str, text: str | None = None, **attributes: str) -> str:
    """One element on a line of its own; without text an empty one."""
    start = name + "".join(f' {key}="{escape(clean(value))}"' for key, value in attributes.items())
    return f"<{start}/>\n" if text is None else f"<{start}>{escape(clean(text), quote=False)}</{name}>\n"


def clean(text: str) -> str:
    return _FORBIDDEN.sub("", text)
