"""URLs of outgoing calls, read strictly: what two readers could take in two ways is wrong. Nothing is mended.

`urllib.parse` drops tabs and newlines without a word and takes several forms of userinfo, so it is not asked.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv6Address

LONGEST_URL = 2048
LONGEST_NAME = 253  # RFC 1035 §2.3.4, without the dot at its end
PORTS = {"http": 80, "https": 443}

# (?a): without it, U+017F, a long s, would be an s.
_URL = re.compile(r"(?ai)(https?)://([^/?#]*)([^#]*)")
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]+))(?::([0-9]{1,5}))?")
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_NOWHERE = frozenset('\\"<>^`{|}')  # RFC 3986 has no place for them; readers disagree about the first


class BadUrl(ValueError):
    """What is wrong, as a text that goes behind the name of the thing: `must be an https URL`."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. `host` as it is looked up: a name in lower-case ASCII, or an address without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def url_problem(url: str) -> str | None:
    """What is wrong with the form of a URL that a user enters, to stand behind the field's name; None: nothing.

    Plain http is a good form: whether it is allowed is decided when something is sent.
    """
    if len(url) > LONGEST_URL:
        return f"must have at most {LONGEST_URL} characters"
    try:
        parse(url)
    except BadUrl as error:
        return str(error)
    return None


def parse(url: str) -> Target:
    """Read an absolute http or https URL; raises BadUrl."""
    if any(character.isspace() or not character.isprintable() for character in url):
        raise BadUrl("must hold no spaces and no control or invisible characters")
    if _NOWHERE & set(url):
        raise BadUrl("must hold none of the characters " + " ".join(sorted(_NOWHERE)))
    if "#" in url:
        raise BadUrl("must hold no fragment (#)")
    whole = _URL.fullmatch(url)
    if whole is None:
        raise BadUrl("must be an https URL, like https://host/path")
    scheme, authority, path = whole[1].lower(), whole[2], whole[3]
    if "@" in authority:
        raise BadUrl("must hold no user name or password")
    if not path.isascii():
        raise BadUrl("must have what stands behind the host percent-encoded")
    host, port = split_authority(authority)
    return Target(scheme, host, PORTS[scheme] if port is None else port, path if path.startswith("/") else f"/{path}")


def split_authority(text: str) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`; raises BadUrl."""
    parts = _AUTHORITY.fullmatch(text)
    if parts is None:
        raise BadUrl("must be like https://host/path or https://host:port/path")
    port = None if parts[3] is None else int(parts[3])
    if port is not None and not 1 <= port <= 65535:
        raise BadUrl("must have a port of 1 to 65535")
    return _address(parts[1]) if parts[1] else _name(parts[2]), port


def _address(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError as error:
        raise BadUrl("must have an IPv6 address within the brackets") from error


def _name(text: str) -> str:
    """A domain name, or an IPv4 address in whatever form: the resolver reads it, and its address is what is judged."""
    if len(text) > LONGEST_NAME + 1:
        raise BadUrl(f"must have a host of at most {LONGEST_NAME} characters")
    name = _ascii(text).lower().removesuffix(".")
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise BadUrl("must have a domain name or an IP address as its host")
    return name


def _ascii(text: str) -> str:
    """A name in ASCII (IDNA 2003, RFC 3490), if that says the same: ß or full-width digits would be another name."""
    if text.replace(".", "").isdecimal() and not text.isascii():  # digits of another script, which int() takes
        raise BadUrl("must write its host in the digits 0 to 9")
    try:
        name = text.encode("idna").decode("ascii")
        back = name if text.isascii() else name.encode("ascii").decode("idna")
    except UnicodeError as error:
        raise BadUrl("must have a domain name as its host (one of other scripts as xn--…)") from error
    if not text.isascii() and back != unicodedata.normalize("NFC", text.lower()):
        raise BadUrl(f"must write its host as {name}")
    return name
